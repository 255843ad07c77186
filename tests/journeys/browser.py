"""A real Chromium that reaches only this machine, and records its requests and errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request

_SHELL, _FULL = "/usr/bin/chromium-headless-shell", "/usr/bin/chromium"

CHROMIUM = _SHELL if Path(_SHELL).exists() else _FULL
"""Debian's headless shell renders the same, and takes half the processor time of the browser with windows."""

PUBLIC_HOST = "letters.example.org"
"""The host of the documented example; this browser resolves it to a port of this machine."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Chromium reports every 4xx answer on the console, also those that a journey expects.
_EXPECTED = "Failed to load resource: the server responded with a status of 4"

TIMEOUT_MILLISECONDS = 120_000
"""Of every action, navigation and expectation; long enough for a machine that does other work too."""


def launch(playwright: Playwright, tls_port: int) -> Browser:
    """Start a browser in which :data:`PUBLIC_HOST` is *tls_port* of this machine, and no other host is."""
    hosts = f"MAP {PUBLIC_HOST} 127.0.0.1:{tls_port},MAP * ~NOTFOUND,EXCLUDE 127.0.0.1"
    return playwright.chromium.launch(
        executable_path=CHROMIUM, args=[*FLAGS, f"--host-resolver-rules={hosts}"]
    )


@dataclass
class Record:
    """Requests to other hosts, and errors on the console."""

    own_host: str
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def follow(self, context: BrowserContext) -> None:
        """Record what every page of *context* does."""
        context.on("request", self._note_request)
        context.on("console", self._note_console)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != self.own_host:
            self.foreign.append(request.url)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_EXPECTED):
            self.errors.append(message.text)


@contextmanager
def visiting(browser: Browser, url: str, **how: Any) -> Iterator[Page]:
    """Open a page in a new profile; it must request nothing but *url*, and log no error."""
    context = browser.new_context(**{"base_url": url, "locale": "en-GB"} | how)
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    record = Record(urlsplit(url).netloc)
    record.follow(context)
    try:
        yield context.new_page()
        assert record.foreign == []
        assert record.errors == []
    finally:
        context.close()
