"""A relay that halts at one step of the SMTP dialogue, and a process that sends a delivery to it.

Run ``python -m tests.faults.interrupted_delivery HOW``; HOW is the JSON object of :func:`sending`.
"""

import itertools
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import UUID, uuid4

from sqlalchemy import event

from campaign.appeal.reading import load
from campaign.database.session import Database
from campaign.delivery.order import Order, Sender
from campaign.delivery.send import send
from campaign.organiser import audit_chain
from campaign.organiser.login import unlock
from campaign.reference.participating_state import STATES, ParticipatingState
from campaign.sealing import row_mac
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from tests.support import fork_server
from tests.support.driver import python_path
from tests.support.fork_server import Process

DE = STATES["de"]

STEPS = ("BANNER", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT", "END")
"""Steps of the dialogue in order: connection, commands, first line and end of the message."""

READING = ("SELECT", "BEGIN", "PRAGMA")
"""First words of statements that change nothing."""

BEGUN = "begun\n"
"""What the process prints when the organiser is logged in."""

CAUTIONS = ("instrument_expired", "instrument_note", "sent_before", "address_old")


@dataclass
class HaltingRelay:
    """A relay that halts once, before it replies at the step :attr:`step`."""

    server: socket.socket
    step: str
    messages: list[bytes] = field(default_factory=list)
    """Messages received to their end, whether or not the relay replied."""
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server.getsockname()[1]}"

    def listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.server.accept()
                threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb", buffering=0) as line, suppress(OSError):
            self._answer(line, "BANNER", "220 relay.example")
            while heard := line.readline():
                word = heard.split()[0].decode().upper()
                self._answer(line, word, {"DATA": "354 go on", "QUIT": "221 bye"}.get(word, "250 ok"))
                if word == "DATA":
                    self._take(line)

    def _take(self, line: Any) -> None:
        lines = [line.readline()]
        if lines == [b""]:
            return
        self._answer(line, "CONTENT", "")
        while lines[-1] not in {b".\r\n", b""}:
            lines.append(line.readline())
        if lines[-1]:
            self.messages.append(b"".join(lines))
            self._answer(line, "END", "250 taken")

    def _answer(self, line: Any, step: str, reply: str) -> None:
        if step == self.step and not self.reached.is_set():
            self.reached.set()
            self.released.wait()
        if reply:
            line.write(f"{reply}\r\n".encode())


@contextmanager
def halting_relay(step: str) -> Iterator[HaltingRelay]:
    """Run a relay that halts at *step* until it is released or the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        relay = HaltingRelay(server, step)
        thread = threading.Thread(target=relay.listen, daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            relay.released.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join(1)


@dataclass
class Sending:
    """A child process that sends one delivery, for tests to kill."""

    process: Process
    output: IO[str]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def wait_for(self, moment: threading.Event) -> None:
        """Wait until *moment*; fail if the process ends before it."""
        while not moment.wait(0.02):
            assert self.process.poll() is None, self.output.read()

    def wait_until_begun(self) -> None:
        """Wait until the organiser is logged in; fail if the process ends before that."""
        heard = self.output.readline()
        assert heard == BEGUN, heard + self.output.read()


@contextmanager
def sending(
    settings: Settings,
    *,
    name: str,
    passphrase: str,
    now: datetime,
    state: ParticipatingState = DE,
    dies_at: int = 0,
) -> Iterator[Sending]:
    """Send a delivery to a state's delegation from a child process while the block lasts.

    Args:
        settings: The site's settings.
        name: The organiser who sends.
        passphrase: The organiser's passphrase.
        now: The time of sending.
        state: Whose delegation gets it.
        dies_at: Number, from 1, of the database change before which the process kills itself; 0 for none.
    """
    how = {
        "settings": {
            "instance": str(settings.instance),
            "database_url": settings.database_url,
            "secret_key": settings.secret_key,
            "smtp_url": settings.smtp_url,
        },
        "name": name,
        "passphrase": passphrase,
        "now": now.isoformat(),
        "state": state.code,
        "dies_at": dies_at,
    }
    environment = os.environ | {"PYTHONPATH": python_path(settings.database_url)}
    ours, its = os.pipe()
    with os.fdopen(ours) as output:
        with os.fdopen(its, "w") as end:
            process = fork_server.start(
                "tests.faults.interrupted_delivery",
                json.dumps(how),
                env=environment,
                stdout=end,
                stderr=end,
            )
        other = Sending(process, output)
        try:
            yield other
        finally:
            other.kill()


def order(
    delivery_id: UUID, *, state: ParticipatingState = DE, confirmed: tuple[str, ...] = CAUTIONS
) -> Order:
    return Order(delivery_id=delivery_id, state=state, confirmed=confirmed)


def main() -> None:
    how = json.loads(sys.argv[1])
    given, now, dies_at = how["settings"], datetime.fromisoformat(how["now"]), how["dies_at"]
    settings = Settings(**given | {"instance": Path(given["instance"])})
    database = Database(settings.database_url)
    keys = ServerKeys.from_secret(settings.secret_key)
    row_mac.use_key(database, keys.row)
    audit_chain.use_key(database, keys.audit)
    with database.session() as db:
        unlocked = unlock(db, how["name"], how["passphrase"])
    sender = Sender(
        database=database, settings=settings, appeal=load(), organiser=unlocked, clock=lambda: now
    )
    print(BEGUN, end="", flush=True)
    steps = itertools.count(1)

    def step(*of: Any) -> None:
        is_reading = len(of) > 1 and of[2].startswith(READING)  # a commit has no statement
        if not is_reading and next(steps) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.engine, "before_cursor_execute", step)
    event.listen(database.engine, "commit", step)
    send(sender, order(uuid4(), state=STATES[how["state"]]))


if __name__ == "__main__":
    main()
