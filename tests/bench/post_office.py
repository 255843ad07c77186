"""A mail relay for many senders at once, which stores each mail's recipient and link."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue

from tests.bench import sink

_TO = re.compile(rb"^To: (\S+)", re.MULTILINE)
_LINK = re.compile(rb"/signature/([0-9A-Z]{20})\b")


@dataclass
class PostOffice:
    """The mails that came."""

    port: int
    recipients: list[str] = field(default_factory=list)
    """One entry per mail: a mailbox that got two mails is in it twice."""
    tokens: SimpleQueue[str] = field(default_factory=SimpleQueue)
    """Of the private links, in the order in which they came."""
    last_at: float = 0.0
    """When the last mail came."""

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def keep(self, message: bytes) -> None:
        to, link = _TO.search(message), _LINK.search(message)
        if to is None or link is None:
            raise SystemExit("a mail without a recipient or a link")
        self.recipients.append(to[1].decode())
        self.tokens.put(link[1].decode())
        self.last_at = time.perf_counter()

    def wait_for(self, number: int, seconds: float) -> None:
        """Wait until *number* mails came in all."""
        end = time.monotonic() + seconds
        while len(self.recipients) < number:
            if time.monotonic() > end:
                raise SystemExit(f"{len(self.recipients):,} of {number:,} mails came")
            time.sleep(0.01)

    def taken(self, number: int) -> list[str]:
        """Return *number* tokens at most, of those that came and were not taken yet."""
        return [self.tokens.get() for _ in range(min(number, self.tokens.qsize()))]


@contextmanager
def post_office() -> Iterator[PostOffice]:
    """Take mails on loopback while the block lasts."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        office = PostOffice(server.getsockname()[1])

        def serve(connection: socket.socket) -> None:
            with connection, suppress(ConnectionError):
                sink.serve(connection, office.keep)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=serve, args=[connection], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield office
        server.shutdown(socket.SHUT_RDWR)
