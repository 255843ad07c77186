"""A client that keeps a few connections busy with a bounded number of requests, over loopback alone.

It does as little as it can for each request, so that the server and not the client is measured:
raw HTTP/1.1 on connections kept alive, one request on each at a time, and no parsing beyond the
status and the length.
"""

import re
import select
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

CONNECTIONS = 16

PATIENCE_SECONDS = 60
"""The run is abandoned after this long without an answer."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Answered:
    """The result of a run."""

    requests: int
    seconds: float
    middle: float
    """Seconds: half of the answers came within this."""
    slowest_hundredth: float
    """Seconds: 99 of 100 answers came within this."""
    busy_seconds: float = 0.0
    """Processor time that the server took."""

    @property
    def per_second(self) -> float:
        """Answers in a second."""
        return self.requests / self.seconds

    @property
    def per_busy_second(self) -> float:
        """Answers in a second of the server's processor time: what else the machine does is not counted."""
        return self.requests / self.busy_seconds


class Connection:
    """One connection, and the answer that it waits for."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.received = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def is_answered(self) -> bool:
        """Read the received bytes, and return whether the answer is complete."""
        content = self.socket.recv(262_144)
        if not content:
            raise SystemExit("the server closed a connection")
        self.received += content
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return False
        length = _LENGTH.search(head)
        if length is None:
            raise SystemExit(f"an answer without a length: {head[:80]!r}")
        return len(body) >= int(length[1])


def drive(port: int, requests: Iterable[bytes], *, status: int, connections: int = CONNECTIONS) -> Answered:
    """Send all *requests* and wait for their answers.

    Args:
        port: The server's, on loopback.
        requests: Whole requests, made beforehand so that making them costs the run nothing.
        status: The status that each answer must have; another one ends the run.
        connections: How many requests are under way at the same time.
    """
    waiting = iter(requests)
    expected = f"HTTP/1.1 {status} ".encode()
    opened = {each.socket.fileno(): each for each in (Connection(port) for _ in range(connections))}
    poll = select.epoll()
    taken: list[float] = []
    began = time.perf_counter()
    for number, connection in opened.items():
        poll.register(number, select.EPOLLIN)
        connection.send(next(waiting))
    idle = 0
    while idle < connections:
        ready = poll.poll(PATIENCE_SECONDS)
        if not ready:
            raise SystemExit("the server stopped answering")
        for number, _event in ready:
            connection = opened[number]
            if not connection.is_answered():
                continue
            taken.append(time.perf_counter() - connection.sent_at)
            if not connection.received.startswith(expected):
                raise SystemExit(f"answered {connection.received[:40]!r}, not {status}")
            request = next(waiting, None)
            if request is None:
                idle += 1
            else:
                connection.send(request)
    seconds = time.perf_counter() - began
    poll.close()
    for connection in opened.values():
        connection.socket.close()
    taken.sort()
    return Answered(len(taken), seconds, taken[len(taken) // 2], taken[len(taken) * 99 // 100])


def get(port: int, path: str, headers: Mapping[str, str]) -> bytes:
    """Return a request for *path*."""
    return _request("GET", port, path, headers)


def post(
    port: int,
    path: str,
    form: Mapping[str, str | Sequence[str]],
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Return a request that sends *form*; a field with a sequence is repeated."""
    headers = {"Origin": f"http://127.0.0.1:{port}"} | dict(headers or {})
    return _request("POST", port, path, headers, urlencode(form, doseq=True).encode())


def _request(method: str, port: int, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    opened = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    opened += [f"{name}: {text}" for name, text in headers.items()]
    if body:
        opened += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join([*opened, "", ""]).encode() + body
