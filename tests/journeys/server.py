"""The site as ``campaign serve`` runs it."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.journeys import mailbox
from tests.support.driver import python_path
from tests.support.fork_server import Process, start
from tests.support.private_page import press
from tests.support.relay import Relay, free_port
from tests.support.worker import eventually

EVERY_ACT = {"count_minutes": "0", "count_step": "1"}
"""Settings with which the public count moves at once."""

TIMEOUT_SECONDS = 120
"""Of a start, a stop and a request; long enough for a machine that does other work too."""

FORM = {
    "name": "Mara Example",
    "residence": "FR",
    "town": "",
    "words": "",
    "disclosure": "delegation",
    "consent": "y",
    "website": "",
}


class Site:
    """A site in a folder of its own; it sends its mails to a relay, if it has one."""

    def __init__(self, folder: Path, relay: Relay | None = None, **settings: str) -> None:
        self.port = free_port()
        self.url = settings.get("base_url", f"http://127.0.0.1:{self.port}")
        self.instance = folder / "instance"
        self.relay = relay
        self._console = folder / "console"
        given = {"instance": str(self.instance), "unlimited_networks": "127.0.0.0/8", **EVERY_ACT, **settings}
        if relay is not None:
            given["smtp_url"] = relay.url
        inherited = {name: text for name, text in os.environ.items() if not name.startswith("CAMPAIGN_")}
        given_names = {f"CAMPAIGN_{name.upper()}": text for name, text in given.items()}
        self._environment = inherited | {"PYTHONPATH": python_path()} | given_names
        self._process: Process | None = None

    def start(self) -> None:
        """Start web server and mail worker in a process group of their own, and wait until they answer."""
        arguments = ["serve", "--port", str(self.port), "--workers", "1"]
        with self._console.open("ab") as file:
            process = start(
                "campaign",
                *arguments,
                env=self._environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self._process = process
        assert eventually(lambda: process.poll() is not None or self._answers(), TIMEOUT_SECONDS)
        assert process.poll() is None, self.console

    def stop(self) -> None:
        """Ask it to stop, as Ctrl-C does; then kill what is left of its process group."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(TIMEOUT_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def console(self) -> str:
        """Its output so far."""
        return self._console.read_text()

    @property
    def setup_link(self) -> str:
        """The one-time link that the first start printed."""
        found = re.search(r"\S+/organise/setup/[0-9A-Z]{20}\b", self.console)
        assert found, self.console
        return found[0]

    def mail(self, address: str, at: int = 0) -> mailbox.Mail:
        """Wait for mail number *at* to *address*, from 0."""
        assert self.relay is not None
        return mailbox.wait_for(self.relay, address, at)

    def add_signature(self, state: str = "de", *, email: str, is_confirmed: bool = True, **more: str) -> str:
        """Sign as another supporter, and return the private link."""
        assert self.try_to_sign(state, email=email, **more) == 303
        link = self.mail(email).link
        if is_confirmed:
            self.act(link, "confirm")
        return link

    def try_to_sign(self, state: str = "de", *, email: str, **more: str) -> int:
        """Send the form as another supporter, and return the status."""
        return self._post(f"/en/letters/{state}", FORM | {"email": email} | more)

    def act(self, link: str, action: str) -> None:
        """Do what a button of the private page behind *link* does."""
        with urlopen(link, timeout=TIMEOUT_SECONDS) as page:  # noqa: S310 - a link to our own site
            sent = press(page.read().decode(), action)
        assert self._post(link.removeprefix(self.url), sent) == 303

    def _post(self, path: str, form: dict[str, str]) -> int:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, urlencode(form), kind)

    def _answers(self) -> bool:
        try:
            return self._ask("GET", "/healthz") == 200
        except (OSError, HTTPException):
            return False

    def _ask(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body or None, headers or {})
            return connection.getresponse().status
        finally:
            connection.close()


@contextmanager
def serving(folder: Path, relay: Relay | None = None, **settings: str) -> Iterator[Site]:
    """Run a site while the block lasts."""
    site = Site(folder, relay, **settings)
    try:
        site.start()
        yield site
    finally:
        site.stop()
