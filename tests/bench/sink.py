"""A mail relay that accepts everything at the least cost, so that senders are measured.

Run ``python -m tests.bench.sink`` in a process of its own: it prints its port, and then, for each
connection that is closed, how many messages came, how many bytes they had, and the seconds between
the end of the first and of the last.
"""

import socket
import sys
import time
from collections.abc import Callable

GREETING = b"220 sink.example ESMTP\r\n"
OFFERS = b"250-sink.example\r\n250-SIZE 33554432\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n"
END = b"\r\n.\r\n"


def serve(
    connection: socket.socket, keep: Callable[[bytes], None] = lambda _message: None
) -> tuple[int, int, float]:
    """Follow one dialogue to its end; *keep* is given each message."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(GREETING)
    waiting, in_message = b"", False
    ends: list[float] = []
    size = 0
    while received := connection.recv(65536):
        waiting += received
        replies = b""
        while True:
            message, end, rest = waiting.partition(END if in_message else b"\r\n")
            if not end:
                break
            waiting = rest
            if in_message:
                in_message = False
                size += len(message) + len(b"\r\n")
                keep(message)
                ends.append(time.perf_counter())
                replies += b"250 2.0.0 Ok: queued\r\n"
            elif (word := message[:4].upper()) == b"DATA":
                in_message = True
                replies += b"354 Go on\r\n"
            else:
                replies += OFFERS if word == b"EHLO" else b"221 Bye\r\n" if word == b"QUIT" else b"250 Ok\r\n"
        if replies:
            connection.sendall(replies)
    return len(ends), size, ends[-1] - ends[0] if ends else 0.0


def main() -> None:
    """Serve one connection after another."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            with connection:
                try:
                    print(*serve(connection), flush=True)
                except ConnectionError:
                    sys.exit("a sender broke off")


if __name__ == "__main__":
    main()
