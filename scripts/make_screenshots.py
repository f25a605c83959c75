"""The pictures of the dashboard in docs/screenshots, from a real run: a daemon with a virtual clock, three servers and one that lies, and clients.

    ./dev python scripts/make_screenshots.py [--minutes 15]

It needs Chromium. The longer it runs, the fuller are the charts.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "test_servers" / "src"), *map(str, sorted(ROOT.glob("packages/*/src")))]

from support.browser import Page, browsing  # noqa: E402
from support.dashboards import TOKEN, Load, free_port, honest_servers, lying_servers, start_dashboard, start_scene, write_scene  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots"


def picture(page: Page, name: str, *, height: int | None = None) -> None:
    """One picture, of the whole page or of so much of it."""
    time.sleep(0.6)
    page.shot(FOLDER / f"{name}.png", height=height)
    sys.stdout.write(f"{name}.png {(FOLDER / f'{name}.png').stat().st_size // 1024} KiB\n")


def look_at(page: Page, url: str, seconds: float) -> None:
    """Open the page with the token, and let it run."""
    page.look()
    page.open(url)
    page.wait("document.body.dataset.state === 'live' || document.querySelector('#token-dialog').open")
    page.run(f"sessionStorage.setItem('ntp-dashboard-token', {TOKEN!r})")
    page.open(url)
    page.wait("document.body.dataset.state === 'live'")
    time.sleep(seconds)


class Traffic(threading.Thread):
    """Clients that come and go, so that the bars are not all alike."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port

    def run(self) -> None:
        """For ever."""
        rng = random.Random(5)  # noqa: S311 -- nothing secret
        while True:
            with Load(self._port, interval_s=rng.choice((0.02, 0.05, 0.05, 0.1, 0.2))):
                time.sleep(rng.uniform(10, 50))


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    minutes = parser.parse_args().minutes
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, honest_servers(3) as honest, lying_servers(0.0375) as liars, browsing() as page:
        folder, port = Path(name), free_port()
        write_scene(folder, [*honest, *liars], port=port, workers=1, poll=2)
        with start_dashboard(folder) as dashboard:
            with start_scene(folder):
                Traffic(port).start()
                look_at(page, dashboard.url, 60 * minutes)
                page.wait("document.querySelector('#pill').dataset.tone === 'good'", 120)
                picture(page, "light")
                page.look(dark=True)
                picture(page, "dark")
                page.look(width=390, height=844, phone=True)
                picture(page, "phone", height=1500)
                page.look()
            page.wait("document.body.dataset.state === 'away'")
            picture(page, "daemon-away", height=900)
        write_scene(folder, [honest[0], *liars], port=port, workers=1, poll=2)
        with start_scene(folder), start_dashboard(folder) as dashboard:
            look_at(page, dashboard.url, 60)
            picture(page, "unsynchronised", height=1240)


if __name__ == "__main__":
    main()
