"""A relay that halts at one word of the dialogue, and a process that sends a delivery to it."""

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
from campaign.delivery.send import Order, Sender, send
from campaign.organiser.login import unlock
from campaign.reference.participating_state import STATES
from campaign.settings import Settings
from tests.support.factories import PASSPHRASE

WORDS = ("BANNER", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT", "END")
"""What a relay hears, in order: the connection, the commands, a message's first line and its end."""

READING = ("SELECT", "BEGIN", "PRAGMA")
"""How statements begin that leave the database as it is."""

CAUTIONS = ("instrument_expired", "instrument_note", "sent_before", "address_old")


@dataclass
class HoldingRelay:
    """Answers as any relay does, but halts once, before it answers :attr:`word`."""

    server: socket.socket
    word: str
    messages: list[bytes] = field(default_factory=list)
    """What it took: from the end of a message on it has it, answered or not."""
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

    def _answer(self, line: Any, word: str, reply: str) -> None:
        if word == self.word and not self.reached.is_set():
            self.reached.set()
            self.released.wait()
        if reply:
            line.write(f"{reply}\r\n".encode())


@contextmanager
def holding_relay(word: str) -> Iterator[HoldingRelay]:
    """Run a relay that halts at *word*; it goes on when let, and with the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        relay = HoldingRelay(server, word)
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
    """A process of its own that sends one delivery, to be killed."""

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


def sending(settings: Settings, *, name: str, now: datetime, dies_at: int = 0) -> Sending:
    """Send a delivery to Germany's delegation from another process, while the block lasts.

    It kills itself before the step *dies_at* of those that change the database, counted from 1.
    """
    begun = _OTHERS.Event()
    return Sending(_OTHERS.Process(target=_send, args=[settings, name, now, begun, dies_at]), begun)


def order(delivery_id: UUID, *, confirmed: tuple[str, ...] = CAUTIONS) -> Order:
    return Order(delivery_id=delivery_id, state=STATES["de"], confirmed=confirmed)


def _send(settings: Settings, name: str, now: datetime, begun: Event, dies_at: int) -> None:
    database = Database(settings.database_url)
    with database.session() as db:
        unlocked = unlock(db, name, PASSPHRASE)
    sender = Sender(
        database=database, settings=settings, appeal=load(), organiser=unlocked, clock=lambda: now
    )
    begun.set()
    steps = itertools.count(1)

    def step(*of: Any) -> None:
        is_reading = len(of) > 1 and of[2].startswith(READING)  # what is given for a commit has no words
        if not is_reading and next(steps) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.engine, "before_cursor_execute", step)
    event.listen(database.engine, "commit", step)
    send(sender, order(uuid4()))


# A process that has loaded everything once, and is forked for each sending.
_OTHERS = multiprocessing.get_context("forkserver")
_OTHERS.set_forkserver_preload([__name__])
