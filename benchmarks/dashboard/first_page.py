"""How long a person waits for the dashboard: from the start of the navigation until the page shows the daemon's state, in a real Chromium.

    ./dev python benchmarks/dashboard/first_page.py [--runs 20]

The daemon has a virtual clock that follows three servers, and answers clients; the token is known already. Everything runs on this machine, on
loopback. A browser is found as for the tests: CHROMIUM, or one that is installed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "test_servers" / "src"), *map(str, sorted(ROOT.glob("packages/*/src")))]

from support.browser import Page, browsing  # noqa: E402 — the path has to be set first
from support.dashboards import TOKEN, Dashboard, Load, free_port, honest_servers, start_dashboard, start_scene, write_scene  # noqa: E402 — the path has to be set first

_WATCH = """
{
  const text = (id) => document.getElementById(id)?.textContent ?? "";
  const watcher = new MutationObserver(() => {
    if (text("pill-text") !== "Synchronised" || !/[0-9]/.test(text("offset"))) return;
    watcher.disconnect();
    requestAnimationFrame(() => { window.usefulAfterMs = performance.now(); });
  });
  watcher.observe(document, { childList: true, characterData: true, subtree: true });
}
"""
"""Runs before anything of the page. The clock of a page begins with its navigation; what has changed is seen with the next frame."""


def sign_in(page: Page, dashboard: Dashboard) -> None:
    """Leave the token where the page looks for it, and wait until the daemon is synchronised."""
    page.look()
    page.open(dashboard.url + "/")
    page.run(f"sessionStorage.setItem('ntp-dashboard-token', {TOKEN!r})")
    page.open(dashboard.url + "/")
    page.wait("document.querySelector('#pill-text').innerText === 'Synchronised'", 60)


def useful_after_ms(page: Page, dashboard: Dashboard, *, is_first: bool) -> float:
    """One navigation; `is_first`: with nothing in the browser's cache."""
    page.call("Page.navigate", url="about:blank")
    if is_first:
        page.call("Network.clearBrowserCache")
    page.open(dashboard.url + "/")
    page.wait("window.usefulAfterMs")
    return float(str(page.run("window.usefulAfterMs")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name, honest_servers(3) as servers, browsing() as page:
        folder, port = Path(name), free_port()
        write_scene(folder, servers, port=port)
        with start_scene(folder), start_dashboard(folder) as dashboard, Load(port):
            sign_in(page, dashboard)
            page.call("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
            for what, is_first in (("first visit", True), ("later visit", False)):
                taken = [useful_after_ms(page, dashboard, is_first=is_first) for _ in range(runs)]
                sys.stdout.write(f"{what}: median {statistics.median(taken):.0f} ms, longest {max(taken):.0f} ms of {runs}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
