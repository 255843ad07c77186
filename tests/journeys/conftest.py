"""One Chromium for all journeys; a site and a mail relay for each module."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.journeys import browser
from tests.journeys.server import Site, serving
from tests.support.program import require
from tests.support.relay import Relay, free_port, relay


@pytest.fixture(scope="package")
def tls_port() -> int:
    return free_port()


@pytest.fixture(scope="package")
def chromium(tls_port: int) -> Iterator[Browser]:
    require(browser.CHROMIUM)
    expect.set_options(timeout=browser.TIMEOUT_MILLISECONDS)
    with sync_playwright() as playwright:
        started = browser.launch(playwright, tls_port)
        yield started
        started.close()


@pytest.fixture(scope="module")
def mails() -> Iterator[Relay]:
    with relay() as running:
        yield running


@pytest.fixture(scope="module")
def site(chromium: Browser, mails: Relay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run a site; it needs the browser, so that a skipped journey starts no site."""
    with serving(tmp_path_factory.mktemp("site"), mails) as running:
        yield running
