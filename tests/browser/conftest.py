"""A real Chromium, a page in it that nothing may go wrong on, and the API that it is served by."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.served import Served, served

PATIENCE_MS = 30_000
EXPECTED = "Failed to load resource"  # a refusal that the page then words, as some tests want

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def site(chdb_store_root: str) -> Iterator[Served]:
    """The API, with events."""
    with served(chdb_store_root) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.fail("the tests of the page need Chromium, and there is none: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found)
        yield browser
        browser.close()


Visitor = Callable[..., Page]


@pytest.fixture
def visit(site: Served, chromium: Browser) -> Iterator[Visitor]:
    """Opens pages in contexts of their own, signed in or not; at the end, nothing went wrong on any of them."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(EXPECTED):
            wrong.append(f"console: {message.text}")

    def opened(address: str | None = "/", *, key: str | None = None, signed_in: bool = True, **options) -> Page:
        context = chromium.new_context(base_url=site.url, **({"viewport": {"width": 1280, "height": 900}} | options))
        contexts.append(context)
        if signed_in:
            answer = context.request.post("/page/session", data={"key": key or site.key()[1]})
            assert answer.status == 204, answer.text()
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", note)
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective}`))"
        )
        if address is not None:
            page.goto(address)
        return page

    hosts: set[str] = set()
    yield opened
    for context in contexts:
        context.close()
    assert wrong == []
    assert hosts - {""} <= {urlsplit(site.url).netloc}  # what a script makes itself, such as a file, has no host
