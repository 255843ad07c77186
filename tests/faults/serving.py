"""Sites that ``campaign serve`` runs in processes that tests may kill, and their HTTP clients."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage, Message
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.support import fork_server
from tests.support.driver import python_path
from tests.support.fork_server import Process
from tests.support.private_page import press
from tests.support.relay import Relay, free_port
from tests.support.worker import eventually

ROOT = Path(__file__).parents[2]

EVERY_ACT = {"count_minutes": "0", "count_step": "1"}
"""Settings with which the public count moves at once."""

STARTING_SECONDS = 120

UNREACHED = (OSError, HTTPException)
"""Errors of a request whose server is down or dies."""

FORM = {
    "name": "Mara Example",
    "email": "mara@example.org",
    "residence": "FR",
    "town": "",
    "words": "",
    "disclosure": "delegation",
    "consent": "y",
    "website": "",
}

_LINK = re.compile(r"/signature/([0-9A-Z]{20})\b")
_CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Server:
    """A site whose processes write into one folder only."""

    workers = 1
    """Web processes."""
    through: tuple[str, ...] = ()
    """Command that runs the real ``campaign``; without one the tests' fork server starts it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.instance = folder / "instance"
        self.sqlite = self.instance / "campaign.sqlite"
        self.console = folder / "console"
        self.environment = environment(folder, **settings)
        self._process: subprocess.Popen[bytes] | Process | None = None

    @property
    def process(self) -> subprocess.Popen[bytes] | Process:
        """The main process; its id is that of the process group."""
        assert self._process is not None
        return self._process

    def launch(self) -> None:
        """Start web server and mail worker, in a process group of their own."""
        arguments = ["serve", "--port", str(self.port), "--workers", str(self.workers)]
        with self.console.open("ab") as file:
            how: dict[str, Any] = {"cwd": self.folder, "env": self.environment}
            how |= {"stdout": file, "stderr": file, "start_new_session": True}
            if self.through:
                command = [*self.through, *COMMAND, *arguments]
                self._process = subprocess.Popen(command, **how)
            else:
                self._process = fork_server.start("campaign", *arguments, **how)

    def start(self) -> None:
        """Launch the site, and wait until it listens."""
        self.launch()
        assert eventually(lambda: self.has_ended or self._listens(), STARTING_SECONDS), self._said()
        assert not self.has_ended, self._said()

    @property
    def has_ended(self) -> bool:
        """Whether the main process has ended."""
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """Kill every process of the group."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert eventually(lambda: not self._listens())

    def halt(self) -> None:
        """Suspend every process of the group; only :meth:`kill` may follow."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    @property
    def leader(self) -> int:
        """Id of the main process."""
        assert self._process is not None
        return self._process.pid

    def status(self) -> int | None:
        """Return the main process's exit status, or None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def processes(self) -> list[int]:
        """Return the ids of every process of the group."""
        group = self.process.pid
        numbers = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [number for number in numbers if _group(number) == group]

    def child(self, command: str) -> int:
        """Return the id of the main process's child that runs *command*, or 0 if there is none."""
        assert self._process is not None
        words = b"\0%b\0" % command.encode()
        children = [number for number in self.processes() if _parent(number) == self._process.pid]
        return next((number for number in children if words in _command(number)), 0)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command of ``campaign`` against the same instance."""
        return run(self.folder, *arguments, environment=self.environment)

    def browser(self) -> "Browser":
        """Return a new browser."""
        return Browser(self.port)

    def setup_links(self) -> list[str]:
        """Return the codes of the printed setup links in order."""
        return re.findall(r"/organise/setup/([0-9A-Z]{20})", self.console.read_text())

    def _said(self) -> str:
        return self.console.read_text()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


COMMAND = [sys.executable, "-m", "campaign"]


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Return an environment in which a process writes into *folder* only."""
    kept = {name: content for name, content in os.environ.items() if not name.startswith("CAMPAIGN_")}
    for name in ("tmp", "home"):
        (folder / name).mkdir(exist_ok=True)
    given = {"instance": str(folder / "instance"), "unlimited_networks": "127.0.0.0/8"} | EVERY_ACT | settings
    return kept | {
        "PYTHONPATH": python_path(settings.get("database_url", "")),
        "HOME": str(folder / "home"),
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP", "SQLITE_TMPDIR"), str(folder / "tmp")),
        **{f"CAMPAIGN_{name.upper()}": content for name, content in given.items()},
    }


def run(folder: Path, *arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one command."""
    return fork_server.run("campaign", *arguments, cwd=folder, env=environment)


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Server]:
    """Run a site while the block lasts."""
    server = Server(folder, **settings)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def is_done(self) -> bool:
        """Whether a post was acknowledged, which is always by a redirect."""
        return self.status == 303


class Browser:
    """An HTTP client that follows no redirect and keeps cookies."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._cookies: dict[str, str] = {}

    @property
    def cookie(self) -> str:
        """All cookies, as the header has them."""
        return "; ".join(f"{name}={content}" for name, content in self._cookies.items())

    def get(self, path: str) -> Answer:
        return self._ask("GET", path)

    def post(self, path: str, *, on: str = "", **form: str) -> Answer:
        """Send *form* with the CSRF token of the organisers' page *on*, if given."""
        if on:
            found = _CSRF.search(self.get(on).text)
            assert found, f"no form on {on}"
            form = {"csrf_token": found.group(1), **form}
        return self._ask("POST", path, urlencode(form))

    def sign(self, state: str = "de", **changes: str) -> Answer:
        return self.post(f"/en/letters/{state}", **FORM | changes)

    def act(self, token: str, action: str, **more: str) -> Answer:
        link = f"/en/signature/{token}"
        return self.post(link, **press(self.get(link).text, action) | more)

    def total(self) -> int:
        return int(json.loads(self.get("/counts.json").body)["total"])

    def _ask(self, method: str, path: str, body: str | None = None) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Connection": "close", "Cookie": self.cookie} if self.cookie else {"Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        for given in answer.headers.get_all("Set-Cookie", []):
            name, _, content = given.partition(";")[0].partition("=")
            self._cookies[name] = content
        return answer


def token_in(mail: EmailMessage) -> str:
    """Return the token of the private link in *mail*."""
    body = mail.get_body(("plain",))
    found = _LINK.search(body.get_content()) if body else None
    assert found, "a mail without a private link"
    return found.group(1)


def mail_to(relay: Relay, address: str, *, at: int = 0) -> str:
    """Wait for mail number *at*, from 0, to *address*, and return its token."""

    def received() -> list[EmailMessage]:
        # The case of a domain is not preserved.
        wanted = address.casefold()
        return [mail for mail in list(relay.received) if wanted in str(mail["To"]).casefold()]

    assert eventually(lambda: len(received()) > at), f"no mail number {at}"
    return token_in(received()[at])


def _group(number: int) -> int:
    try:
        return os.getpgid(number)
    except ProcessLookupError:
        return 0


def _parent(number: int) -> int:
    try:
        # The name in brackets may hold spaces; state and parent are the two words after it.
        return int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _command(number: int) -> bytes:
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return b""
