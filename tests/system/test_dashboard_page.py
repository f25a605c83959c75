"""The page of ntp-dashboard in a real browser, against a real daemon with real clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ntp_ctl.apiclient import Client
from support.browser import Page, browsing
from support.dashboards import TOKEN, Dashboard, Load, free_port, honest_servers, start_dashboard, start_scene, write_scene


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browsing() as page:
        yield page


@pytest.fixture(scope="module")
def servers() -> Iterator[list[str]]:
    with honest_servers(2) as servers:
        yield servers


def sign_in(page: Page, dashboard: Dashboard) -> None:
    """As a person does: the page asks, he types."""
    page.open(dashboard.url + "/")
    page.wait("document.querySelector('#token-dialog').open")
    assert page.run("document.activeElement.id") == "token", "the field has the focus"
    page.type(TOKEN)
    page.press("Enter")
    page.wait("document.body.dataset.state === 'live'")


def test_what_is_seen_is_what_is_so(page: Page, servers: list[str], tmp_path: Path) -> None:
    port = free_port()
    write_scene(tmp_path, servers, port=port)
    client_text = "document.querySelector('#clients tbody').innerText"
    with start_scene(tmp_path), start_dashboard(tmp_path) as dashboard, Load(port):
        client = Client(dashboard.url, TOKEN, timeout=10)
        page.look()
        sign_in(page, dashboard)

        # the numbers of the page are those of the API: both are looked at until they are of the same moment
        page.wait("document.querySelector('#pill-text').innerText === 'Synchronised'", 60)
        page.wait(
            """(async () => {
            const headers = {Authorization: `Bearer ${sessionStorage.getItem('ntp-dashboard-token')}`};
            const ask = async (path) => (await fetch(path, {headers})).json();
            const [status, stats] = [await ask('/v1/status'), await ask('/v1/stats')];
            const { duration, ppm, count } = await import('/static/format.js');
            const shown = (id) => document.getElementById(id).innerText;
            return shown('offset') === duration(status.offsetMillis, {sign: true}) && shown('frequency') === ppm(status.frequency)
                && shown('stratum') === String(status.stratum) && shown('reference') === status.upstream
                && shown('requests-total') === `${count(stats.requestsTotal)} in all`;
            })()""",
            60,
        )
        assert page.run("document.querySelectorAll('#sources tbody tr').length") == 2
        names = [str(source["name"]) for source in client.sources()["sources"]]  # type: ignore[attr-defined]
        assert all(name in page.text("#sources") for name in names)
        assert "selected" in page.text("#sources")
        page.wait(f"{client_text}.includes('127.0.0.40')")
        assert page.text("#service-text") == "Running"

        # the clock ticks, and is the daemon's
        ticked = page.text("#clock")
        page.wait(f"document.querySelector('#clock').innerText !== {ticked!r}")
        ahead_s = page.run("(new Date(document.querySelector('#clock').dateTime) - Date.now()) / 1000")
        assert abs(float(str(ahead_s))) < 5.0, "the virtual clock follows honest servers"

        # the charts move
        page.wait("Number(document.querySelector('#offset-chart').dataset.points) >= 2", 60)
        last = page.run("document.querySelector('#requests-chart').dataset.last")
        page.wait(f"document.querySelector('#requests-chart').dataset.last > {last!r}")
        assert page.run("document.querySelectorAll('.uplot canvas').length") == 3
        assert "answered" in page.text("#requests-readout")
        page.run("document.querySelector('#offset-chart').focus()")
        page.press("ArrowLeft")
        page.press("ArrowLeft")
        page.wait("document.querySelector('#offset-readout').ariaLive === 'polite'")
        page.run("document.querySelector('[name=window][value=\"3600\"]').click()")
        page.wait("document.querySelector('#offset-chart').dataset.last !== ''")

        # single requests, and the configuration
        page.run("document.querySelector('#watch').click()")
        page.wait("document.querySelectorAll('#watched tbody tr').length > 5")
        page.run("document.querySelector('#watch').click()")
        page.run("document.querySelector('#configuration summary').click()")
        page.wait("document.querySelector('#configuration-body').innerText.includes('rate-limit')")
        assert TOKEN not in str(page.run("document.documentElement.outerHTML"))
        assert page.complaints() == [message for message in page.complaints() if "401" in message], "but for the missing token nothing was wrong"


def test_the_server_is_controlled_behind_the_token(page: Page, servers: list[str], tmp_path: Path) -> None:
    write_scene(tmp_path, servers, port=free_port())
    with start_scene(tmp_path), start_dashboard(tmp_path) as dashboard:
        sign_in(page, dashboard)
        page.run("window.confirm = () => true")
        page.wait("document.querySelector('#service-text').innerText === 'Running'")
        page.run("document.querySelector('[data-action=stop]').click()")
        page.wait("document.querySelector('#service-text').innerText === 'Stopped'")
        assert page.run("document.querySelector('#service').dataset.tone") == "bad"
        assert page.text("#control-answer") == "server stopped"
        page.run("sessionStorage.setItem('ntp-dashboard-token', 'a-wrong-token')")
        page.run("document.querySelector('[data-action=start]').click()")
        page.wait("document.querySelector('#token-dialog').open")
        assert page.text("#token-error") == "That token was not accepted."
        page.type(TOKEN)
        page.press("Enter")
        page.wait("document.querySelector('#service-text').innerText === 'Running'")
        page.wait("document.querySelector('#events').innerText.includes('Server running')")


def test_the_daemon_dies_and_comes_back_and_so_does_the_dashboard(page: Page, servers: list[str], tmp_path: Path) -> None:
    write_scene(tmp_path, servers, port=free_port())
    with start_dashboard(tmp_path) as dashboard:
        with start_scene(tmp_path) as daemon:
            sign_in(page, dashboard)
            daemon.process.kill()
            page.wait("document.body.dataset.state === 'away'")
            assert "daemon is not running" in page.text("#banner")
            assert page.text("#pill-text") == "No answer"
        with start_scene(tmp_path):
            page.wait("document.body.dataset.state === 'live'")
            assert page.run("document.querySelector('#banner').hidden") is True
            page.wait("document.querySelector('#events').innerText.includes('The daemon answers again')")
            port = dashboard.port
            dashboard.program.stop()
            page.wait("document.querySelector('#banner').innerText.includes('dashboard does not answer')")
            with start_dashboard(tmp_path, port=port):
                page.wait("document.body.dataset.state === 'live'", 40)


def test_pages_that_were_left_hold_no_connections(page: Page, servers: list[str], tmp_path: Path) -> None:
    write_scene(tmp_path, servers, port=free_port())
    with start_scene(tmp_path), start_dashboard(tmp_path, token="") as dashboard:
        known = len(page.complaints())
        for _ in range(8):  # a browser keeps pages for the way back, and has six connections for each host
            page.open(dashboard.url + "/")
            page.wait("document.body.dataset.state === 'live'")
            page.run("document.querySelector('#stratum').innerText = ''")
            page.call("Page.navigate", url="about:blank")
            page.wait("location.href === 'about:blank'")
        page.run("history.back()")
        page.wait("location.pathname === '/' && document.querySelector('#stratum')?.innerText === '2'")
        assert page.complaints()[known:] == []


def test_it_fits_a_phone_and_its_text_can_be_read(page: Page, servers: list[str], tmp_path: Path) -> None:
    write_scene(tmp_path, servers, port=free_port())
    with start_scene(tmp_path), start_dashboard(tmp_path, token="") as dashboard:
        for dark in (False, True):
            page.look(width=390, height=844, phone=True, dark=dark)
            page.open(dashboard.url + "/")
            page.wait("document.body.dataset.state === 'live'")
            assert page.run("document.documentElement.scrollWidth") == 390, "nothing sticks out"
            faint = page.run(_CONTRAST)
            assert faint == [], "text with a contrast below 4.5 : 1 (WCAG 2.2, 1.4.3)"
        unnamed = page.run(
            "[...document.querySelectorAll('button, input, [role=img], [role=region], section, dialog')]"
            ".filter((part) => !(part.innerText?.trim() || part.ariaLabel || part.getAttribute('aria-labelledby') || part.labels?.length))"
            ".map((part) => part.outerHTML)"
        )
        assert unnamed == [], "everything that can be used has a name"
        page.look()


_CONTRAST = """(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (part) => {
    for (; part; part = part.parentElement) {
      const color = parse(getComputedStyle(part).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const part of document.querySelectorAll('body *')) {
    const own = [...part.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !part.checkVisibility() || part.closest('dialog:not([open]), noscript') || part.disabled) continue;
    const [one, two] = [light(parse(getComputedStyle(part).color)), light(ground(part))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (two + 0.05);
    if (ratio < 4.5) faint.push(`${part.tagName}#${part.id}.${part.className} ${part.innerText}: ${ratio.toFixed(2)}`);
  }
  return faint;
})()"""
