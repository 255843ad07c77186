"""Mail relays on loopback: a real one, and one that fails at a chosen command."""

import asyncio
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.policy import EmailPolicy
from functools import lru_cache
from typing import Any

# ruff: noqa: ARG002, N802 - aiosmtpd defines these names and arguments
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


@lru_cache(1_000)
def _parsed(name: str, value: str) -> Any:
    return policy.SMTPUTF8.header_fetch_parse(name, value)


class _CachingPolicy(EmailPolicy):
    """Parses equal headers once; the library parses a header again at each look, a dozen times a message."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        return _parsed(name, value)


POLICY = _CachingPolicy() + policy.SMTPUTF8


@dataclass
class Relay:
    """A real SMTP server; its fields say what it refuses."""

    port: int
    refuse: dict[str, str] = field(default_factory=dict)
    """Replies to RCPT TO, by address."""
    throttle: str = ""
    """Reply to RCPT TO for every address."""
    refuse_sender: str = ""
    answers: list[str] = field(default_factory=list)
    """Replies to whole messages, one after another; when none is left, messages are accepted."""
    per_connection: int = 0
    """Messages in one connection; after that it replies 421 and closes."""
    pipelines: bool = False
    """Whether it offers PIPELINING."""
    at_message: Callable[[], None] = lambda: None
    """Called when a message has come, before the reply."""
    closes: bool = False
    """Whether it closes without a reply instead."""
    seconds_per_message: float = 0
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    mail_options: list[str] = field(default_factory=list)
    """Of the latest MAIL FROM."""
    names: list[str] = field(default_factory=list)
    """Name in the EHLO of each connection."""
    logins: list[tuple[str, str]] = field(default_factory=list)
    was_encrypted: bool = False
    latest: SMTP | None = None
    """The server side of the latest connection."""

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        return len(self.names)

    def close_connection(self) -> None:
        """Close the latest connection, as relays do with idle ones."""
        assert self.latest is not None
        assert self.latest.transport is not None
        self.latest.loop.call_soon_threadsafe(self.latest.transport.close)

    async def handle_EHLO(
        self, server: SMTP, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name, session.taken = hostname, 0
        self.latest = server
        self.was_encrypted = session.ssl is not None
        self.names.append(hostname)
        return ["250-PIPELINING", *responses] if self.pipelines else responses

    async def handle_MAIL(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.per_connection and session.taken >= self.per_connection:
            assert server.transport is not None
            server.loop.call_later(0.05, server.transport.close)
            if self.closes:
                server.transport.close()
            return "421 4.7.0 Enough for one connection"
        if self.refuse_sender:
            return self.refuse_sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        self.mail_options = options
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if answer := self.throttle or self.refuse.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        self.at_message()
        if self.seconds_per_message:
            await asyncio.sleep(self.seconds_per_message)
        if self.answers:
            return self.answers.pop(0)
        session.taken += 1
        self.received.append(message_from_bytes(envelope.content, policy=POLICY))
        self.recipients.extend(envelope.rcpt_tos)
        return f"250 2.0.0 Ok: queued for <{envelope.rcpt_tos[0]}> as A{len(self.received)}"

    def authenticate(
        self, server: SMTP, session: Any, envelope: Any, mechanism: str, given: Any
    ) -> AuthResult:
        self.logins.append((given.login.decode(), given.password.decode()))
        return AuthResult(success=given.password != b"wrong", handled=False)


@contextmanager
def relay(
    *,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    is_tls_from_start: bool = False,
    asks_login: bool = False,
    **how: Any,
) -> Iterator[Relay]:
    """Run a real relay while the block lasts; *how* is passed to aiosmtpd's server."""
    handler = Relay(port or free_port())
    how = {"enable_SMTPUTF8": True, "server_hostname": "relay.example", **how}
    if asks_login:
        how |= {"authenticator": handler.authenticate, "auth_require_tls": False}
    how["ssl_context" if is_tls_from_start else "tls_context"] = tls
    controller = Controller(handler, "127.0.0.1", handler.port, **how)
    controller.start()
    handler.names.clear()
    try:
        yield handler
    finally:
        controller.stop()


@dataclass
class BreakingRelay:
    """A relay that follows the dialogue up to one command, and then fails.

    ``word`` is a command, ``BANNER``, ``CONTENT`` for the first line of a message, or ``END`` for
    its end. ``action`` is ``cut``, ``stall``, ``die`` (cut, and never listen again), or a reply.
    """

    server: socket.socket
    word: str
    action: str
    heard: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    offers: str = ""
    """SMTP extension that it announces."""

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server.getsockname()[1]}"

    def stop(self) -> None:
        self.over.set()
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)

    def talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb", buffering=0) as line, suppress(OSError):
            if not self._reply(line, "BANNER", "220 relay.example"):
                return
            in_message = False
            while heard := line.readline():
                if in_message:
                    word = "END" if heard == b".\r\n" else "CONTENT"
                    normal = "250 Ok" if word == "END" else ""
                    in_message = word != "END"
                else:
                    word = heard.split()[0].decode().upper()
                    greeting = (
                        f"250-relay.example\r\n250 {self.offers}" if self.offers else "250 relay.example"
                    )
                    normal = {"DATA": "354 go on", "EHLO": greeting}.get(word, "250 Ok")
                    in_message = word == "DATA" and self.word != "DATA"
                self.heard.append(word)
                if not self._reply(line, word, normal):
                    return

    def _reply(self, line: Any, word: str, normal: str) -> bool:
        reply = normal
        if word == self.word:
            if self.action == "cut":
                return False
            if self.action == "die":
                self.stop()
                return False
            if self.action == "stall":
                self.over.wait()
                return False
            reply = self.action
        if reply:
            line.write(f"{reply}\r\n".encode())
        return True


@contextmanager
def breaking_relay(word: str, action: str) -> Iterator[BreakingRelay]:
    """Run a relay that does *action* when *word* comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        breaking = BreakingRelay(server, word, action)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=breaking.talk, args=[connection], daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield breaking
        breaking.stop()
        thread.join(1)


def free_port() -> int:
    """Return a free port outside the range from which systems assign ports."""
    while True:
        port = 15_000 + secrets.randbelow(17_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
