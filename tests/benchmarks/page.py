"""How soon the page at `/` shows its numbers, in Chromium, on the 2.2 million rollup rows that `read_api` makes.

    python -m tests.benchmarks.page [--rounds N] [--events N]

For one project and for all fifty, over every range: the time from the navigation until the first paint, and until the
numbers stand on the page, both as the browser says. Each round is a new context, with nothing in its cache. The API
runs in this process, and the browser on the same machine.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, sync_playwright

from tests.benchmarks.read_api import PROJECTS, fill
from tokentide import clock
from tokentide.api.late_store import LateStore
from tokentide.serving.app import create_app
from tokentide.settings import Settings
from tokentide.store import open_store
from tokentide.store.access import create_key

RANGES = ("24h", "7d", "30d", "90d")
ASKED_MS = 1000.0
PATIENCE_MS = 60_000
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
SHOWN = """new Promise((resolve) => {
    const look = () => document.documentElement?.dataset.state === 'ready'
        ? requestAnimationFrame(() => resolve(performance.now()))
        : requestAnimationFrame(look);
    look();
})"""


@contextmanager
def served(settings: Settings, dsn: str) -> Iterator[tuple[str, str]]:
    """The API's address, and a key to every project."""
    with (
        closing(open_store(dsn, settings.database)) as writable,
        closing(LateStore(partial(open_store, dsn, settings.database))) as store,
        socket.create_server(("127.0.0.1", 0)) as listening,
    ):
        projects = [f"project-{number}" for number in range(PROJECTS)]
        create_key(writable, role="read", org="bench", projects=projects, now_ms=clock.now_ms())
        key = create_key(writable, role="read", org="bench", projects=(), tier="enterprise", now_ms=clock.now_ms()).key
        server = uvicorn.Server(uvicorn.Config(create_app(settings, store), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server ended before it answered"
            time.sleep(0.05)  # and look again
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", key
        finally:
            server.should_exit = True
            thread.join()


def visited(browser: Browser, url: str, key: str, address: str) -> tuple[float, float]:
    """Milliseconds until something is painted, and until the numbers are."""
    context = browser.new_context(viewport={"width": 1360, "height": 900})
    try:
        context.request.post(f"{url}/page/session", data={"key": key})
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url + address, wait_until="commit")
        shown = page.evaluate(SHOWN)
        return page.evaluate(PAINTED), shown
    finally:
        context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--events", type=int, default=2_000_000)
    asked = parser.parse_args()
    chromium = shutil.which("chromium") or parser.error("there is no Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="tokentide-bench-") as place:
        dsn = f"chdb://{Path(place)}/data"
        settings = Settings.model_validate({"clickhouse": dsn})
        fill(dsn, settings, asked.events, clock.now_ms())
        with served(settings, dsn) as (url, key), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium)
            print(f"\n{'ms: first paint / numbers, median (best)':44}" + "".join(f"{name:>22}" for name in RANGES))
            for title, narrowed in (("one project", "project=project-7&"), ("all fifty projects", "")):
                cells = []
                for name in RANGES:
                    visited(browser, url, key, f"/?{narrowed}range={name}")  # warms the store up
                    times = [visited(browser, url, key, f"/?{narrowed}range={name}") for _ in range(asked.rounds)]
                    paint, shown = (statistics.median(column) for column in zip(*times, strict=True))
                    best = min(time for _, time in times)
                    cells.append(f"{paint:.0f} / {shown:.0f} ({best:.0f}){' ' if shown < ASKED_MS else '*'}")
                print(f"{title:44}" + "".join(f"{cell:>22}" for cell in cells))
            print(f"* misses {ASKED_MS:.0f} ms")
            browser.close()


if __name__ == "__main__":
    main()
