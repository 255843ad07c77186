"""A relay that halts at one step of the SMTP dialogue, and a process that sends a delivery to it."""

import itertools
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Event
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import event

from campaign.appeal.reading import load
from campaign.database.session import Database
from campaign.delivery.order import Order, Sender
from campaign.delivery.send import send
from campaign.organiser import audit_chain
from campaign.organiser.login import unlock
from campaign.reference.participating_state import STATES
from campaign.sealing import row_mac
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from tests.support.factories import PASSPHRASE

STEPS = ("BANNER", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT", "END")
"""Steps of the dialogue in order: connection, commands, first line and end of the message."""

READING = ("SELECT", "BEGIN", "PRAGMA")
"""First words of statements that change nothing."""

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

    process: ForkServerProcess
    begun: Event

    def __enter__(self) -> "Sending":
        self.process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.process.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def wait_for(self, moment: threading.Event | Event) -> None:
        """Wait until *moment*; fail if the process ends before it."""
        while not moment.wait(0.1):
            assert self.process.is_alive(), "the child process failed"


def sending(settings: Settings, *, name: str, now: datetime, dies_at: int = 0) -> Sending:
    """Send a delivery to Germany's delegation from a child process while the block lasts.

    Args:
        settings: The site's settings.
        name: The organiser who sends.
        now: The time of sending.
        dies_at: Number, from 1, of the database change before which the process kills itself; 0 for none.
    """
    begun = _FORK_SERVER.Event()
    return Sending(_FORK_SERVER.Process(target=_send, args=[settings, name, now, begun, dies_at]), begun)


def order(delivery_id: UUID, *, confirmed: tuple[str, ...] = CAUTIONS) -> Order:
    return Order(delivery_id=delivery_id, state=STATES["de"], confirmed=confirmed)


def _send(settings: Settings, name: str, now: datetime, begun: Event, dies_at: int) -> None:
    database = Database(settings.database_url)
    keys = ServerKeys.from_secret(settings.secret_key)
    row_mac.use_key(database, keys.row)
    audit_chain.use_key(database, keys.audit)
    with database.session() as db:
        unlocked = unlock(db, name, PASSPHRASE)
    sender = Sender(
        database=database, settings=settings, appeal=load(), organiser=unlocked, clock=lambda: now
    )
    begun.set()
    steps = itertools.count(1)

    def step(*of: Any) -> None:
        is_reading = len(of) > 1 and of[2].startswith(READING)  # a commit has no statement
        if not is_reading and next(steps) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.engine, "before_cursor_execute", step)
    event.listen(database.engine, "commit", step)
    send(sender, order(uuid4()))


# Imports everything and composes the letters once, and is forked for each delivery.
_FORK_SERVER = multiprocessing.get_context("forkserver")
_FORK_SERVER.set_forkserver_preload([__name__, "tests.support.composed_letters"])
