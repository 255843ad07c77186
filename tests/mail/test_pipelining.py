"""Commands that are pipelined where a relay offers it."""

import socket
import threading
from email.message import EmailMessage

import pytest

from campaign.errors import PermanentMailError, RecipientMailError, TemporaryMailError, UncertainMailError
from campaign.mail.message import new_message
from campaign.mail.smtp import SmtpTransport
from campaign.settings import Settings
from tests.conftest import NOW
from tests.support.relay import breaking_relay

SETTINGS = Settings(base_url="https://letters.example.org", mail_from="Letters <post@letters.example.org>")
OFFER = "250-relay.example\r\n250 PIPELINING"


def mail(recipient: str = "mara@example.net") -> EmailMessage:
    message = new_message(SETTINGS, recipient, now=NOW)
    message.set_content("Hello\n")
    return message


def send(url: str, message: EmailMessage | None = None, **how: object) -> str:
    with SmtpTransport(Settings(smtp_url=url), timeout_seconds=0.5) as transport:
        return transport.send(message or mail(), **how)


class PipeliningRelay(threading.Thread):
    """A relay that offers pipelining, and records which commands came together."""

    def __init__(self, server: socket.socket, replies: tuple[str, ...]) -> None:
        super().__init__()
        self.server, self.replies = server, replies
        self.heard: list[bytes] = []

    def run(self) -> None:
        connection, _ = self.server.accept()
        with connection:
            connection.sendall(b"220 relay.example\r\n")
            for reply in (OFFER, *self.replies):
                self.heard.append(connection.recv(100_000))
                connection.sendall(reply.encode() + b"\r\n")
            self.heard.append(connection.recv(100_000))

    def heard_last(self) -> bytes:
        """Return what came last; nothing if the connection was closed."""
        self.join(10)
        return self.heard[-1]


@pytest.fixture
def relay_of():
    """Run a relay that gives the replies of the test."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run(*replies: str) -> tuple[str, PipeliningRelay]:
            relay = PipeliningRelay(server, replies)
            relay.start()
            return f"smtp://127.0.0.1:{server.getsockname()[1]}", relay

        yield run


def test_all_commands_before_the_message_are_pipelined_where_a_relay_offers_it(relay_of):
    url, relay = relay_of("250 Ok\r\n250 Ok\r\n354 go on", "250 2.0.0 Ok: queued")
    heard_at_the_hook: list[int] = []

    reply = send(url, before_data=lambda: heard_at_the_hook.append(len(relay.heard)))

    assert reply == "250 2.0.0 Ok: queued"
    words = b"MAIL FROM:<post@letters.example.org>\r\nRCPT TO:<mara@example.net>\r\nDATA\r\n"
    assert relay.heard[1] == words
    assert heard_at_the_hook == [2]
    assert relay.heard[2].endswith(b"\r\n.\r\n")


@pytest.mark.parametrize(
    ("replies", "error", "code"),
    [
        ("250 Ok\r\n550 5.1.1 no such user\r\n554 5.5.1 nobody", PermanentMailError, 550),
        ("250 Ok\r\n450 4.2.0 greylisted\r\n554 5.5.1 nobody", RecipientMailError, 450),
        ("550 who are you\r\n503 no\r\n503 no", TemporaryMailError, 550),
        ("552 too large\r\n503 no\r\n503 no", PermanentMailError, 552),
        ("250 Ok\r\n250 Ok\r\n452 4.3.1 full", TemporaryMailError, 452),
        ("250 Ok\r\n250 Ok\r\n554 5.5.1 no", PermanentMailError, 554),
    ],
)
def test_a_refusal_of_pipelined_commands_is_the_same_error_and_keeps_the_connection(
    relay_of, replies, error, code
):
    url, relay = relay_of(replies, "250 reset")

    with pytest.raises(error) as caught:
        send(url, before_data=lambda: pytest.fail("called"))

    assert type(caught.value) is error
    assert caught.value.code == code
    assert relay.heard[2] == b"RSET\r\n"


def test_no_message_is_sent_when_the_recipient_was_refused(relay_of):
    url, relay = relay_of("250 Ok\r\n550 5.1.1 no such user\r\n354 go on all the same")

    with pytest.raises(PermanentMailError):
        send(url)

    assert relay.heard_last() == b""


def test_when_the_hook_fails_after_pipelined_commands_nothing_is_handed_over(relay_of):
    def fail() -> None:
        raise OSError("disk full")

    url, relay = relay_of("250 Ok\r\n250 Ok\r\n354 go on")

    with pytest.raises(OSError, match="disk full"):
        send(url, before_data=fail)

    assert relay.heard_last() == b""


@pytest.mark.parametrize(
    ("word", "action"),
    [("MAIL", "cut"), ("MAIL", "stall"), ("DATA", "cut"), ("DATA", "stall"), ("END", "cut")],
)
def test_a_broken_connection_is_uncertain_only_after_the_end_of_the_message(word, action):
    with breaking_relay(word, action) as server:
        server.offers = "PIPELINING"
        with pytest.raises(UncertainMailError if word == "END" else TemporaryMailError):
            send(server.url)
