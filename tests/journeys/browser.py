"""A real Chromium that reaches this machine alone, and notes what it loads and complains about."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request

CHROMIUM = "/usr/bin/chromium"

PUBLIC_HOST = "letters.example.org"
"""The host of the README's example; for this browser it stands on a port of this machine."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Chromium reports every answer that is not a success, our kind 404 and 422 among them.
_EXPECTED = "Failed to load resource: the server responded with a status of 4"

PATIENCE_MILLISECONDS = 120_000
"""Much longer than anything takes, since only what fails waits for so long."""


def launch(playwright: Playwright, tls_port: int) -> Browser:
    """Start a browser in which :data:`PUBLIC_HOST` is *tls_port* of this machine, and no other host is."""
    hosts = f"MAP {PUBLIC_HOST} 127.0.0.1:{tls_port},MAP * ~NOTFOUND,EXCLUDE 127.0.0.1"
    return playwright.chromium.launch(
        executable_path=CHROMIUM, args=[*FLAGS, f"--host-resolver-rules={hosts}"]
    )


@dataclass
class Watch:
    """What a browser asked for elsewhere, and what it complained about."""

    own_host: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        """Listen to every page of *context*."""
        context.on("request", self._note_request)
        context.on("console", self._note_console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != self.own_host:
            self.foreign.append(request.url)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_EXPECTED):
            self.complaints.append(message.text)


@contextmanager
def visiting(browser: Browser, url: str, **how: Any) -> Iterator[Page]:
    """Open a page of a new profile; it must have asked *url* alone, and found nothing to complain of."""
    context = browser.new_context(base_url=url, locale="en-GB", **how)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    watch = Watch(urlsplit(url).netloc)
    watch.over(context)
    try:
        yield context.new_page()
        assert watch.foreign == []
        assert watch.complaints == []
    finally:
        context.close()
