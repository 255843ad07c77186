"""The documented nginx writes nothing of a request or an answer to disk."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.journeys.browser import PUBLIC_HOST
from tests.journeys.tls_end import tls_end
from tests.support.program import NGINX, require
from tests.support.relay import free_port
from tests.support.worker import eventually

CANARY = "CANARY-5F0E"

LONG_ANSWER = 30_000_000
"""Bytes; far more than sockets and nginx's memory buffer."""


class LongAnswer(socketserver.StreamRequestHandler):
    """Answers any request with a long list of names."""

    def handle(self) -> None:
        self.rfile.readline()
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % LONG_ANSWER)
        self.server.began.set()  # type: ignore[attr-defined]
        with suppress(OSError):  # the reader leaves before the end
            self.wfile.write((CANARY.encode() * (LONG_ANSWER // len(CANARY) + 1))[:LONG_ANSWER])


@contextmanager
def origin(port: int) -> Iterator[threading.Event]:
    """Run a site with long answers; yield the event of its first one."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", port), LongAnswer) as server:
        server.daemon_threads, server.began = True, threading.Event()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.began  # type: ignore[attr-defined]
        server.shutdown()


def connect(port: int) -> ssl.SSLSocket:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", port), timeout=120)
    return trusting.wrap_socket(plain, server_hostname=PUBLIC_HOST)


def files_of_nginx(folder: Path) -> list[str]:
    """Return the buffer files that nginx has open, deleted ones included."""
    nginx = Path("/proc") / (folder / "pid").read_text().strip() / "fd"
    opened = [str(each.readlink()) for each in nginx.iterdir()]
    return [name for name in opened if name.startswith((f"{folder}/proxy/", f"{folder}/client_body/"))]


def is_on_disk(folder: Path) -> bool:
    return any(CANARY.encode() in file.read_bytes() for file in folder.rglob("*") if file.is_file())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    require(NGINX)
    return tmp_path


def test_an_answer_that_is_read_slowly_is_in_no_file(folder: Path) -> None:
    port, site_port = free_port(), free_port()
    with origin(site_port) as began, tls_end(folder, port=port, site_port=site_port), connect(port) as reader:
        reader.sendall(f"GET /organise/lists/de.csv HTTP/1.1\r\nHost: {PUBLIC_HOST}\r\n\r\n".encode())
        assert began.wait(120)
        for _ in range(200):
            assert reader.recv(10_000)
            assert files_of_nginx(folder) == []
    assert not is_on_disk(folder)


def test_a_long_form_and_a_private_link_are_in_no_file_while_the_site_is_down(folder: Path) -> None:
    port, site_port = free_port(), free_port()
    with tls_end(folder, port=port, site_port=site_port), connect(port) as sender:
        body = CANARY.encode() * 100_000
        head = f"POST /en/signature/{CANARY} HTTP/1.1\r\nHost: {PUBLIC_HOST}\r\nContent-Length: {len(body)}"
        sender.sendall(f"{head}\r\n\r\n".encode() + body[:-1])
        assert eventually(lambda: (folder / "pid").exists())

        assert files_of_nginx(folder) == []
        sender.sendall(body[-1:])
        assert b" 502 " in sender.recv(1000).splitlines()[0]
    assert not is_on_disk(folder)
