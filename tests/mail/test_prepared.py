"""Mails filled into a skeleton, and said in one breath where a relay allows."""

import re
import socket
import threading
from dataclasses import replace
from email.message import EmailMessage
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaign.errors import PermanentMailError, RecipientMailError, TemporaryMailError, UncertainMailError
from campaign.mail.message import PURPOSES, render
from campaign.mail.prepared import Wire, wire, written
from campaign.mail.smtp import SmtpTransport
from campaign.reference.language import LANGUAGES
from campaign.settings import Settings
from tests.support.relay import breaking_relay

SETTINGS = Settings(base_url="https://letters.example.org", mail_from="Letters <post@letters.example.org>")
TOKEN, OTHER = "7K3M9QX2WAB4CDEFGH5J", "0123456789ABCDEFGHJK"
OFFER = "250-relay.example\r\n250 PIPELINING"


def mail(recipient: str = "mara@example.net", purpose: str = "confirm", language: str = "en") -> dict:
    return {
        "purpose": purpose,
        "language": language,
        "settings": SETTINGS,
        "recipient": recipient,
        "params": {"token": TOKEN, "links": [["de", TOKEN], ["kz", OTHER]]},
        "message_id": uuid4(),
    }


def comparable(ready: Wire) -> Wire:
    """Return *ready* without what differs between two mails that say the same."""
    content = re.sub(rb"\r\nDate: [^\r]+", b"\r\nDate:", ready.content)
    boundary = re.search(rb'boundary="([^"]+)"', content)
    assert boundary
    return replace(ready, content=content.replace(boundary[1], b"boundary"), is_plain=False)


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_filled_skeleton_is_the_mail_that_would_be_written(purpose, language):
    given = mail(purpose=purpose, language=language)

    filled = written(**given)

    assert filled.is_plain
    assert comparable(filled) == comparable(wire(render(**given)))


@given(st.text(max_size=80) | st.from_regex(r"\A[a-z.+=?_-]{1,9}@[a-z.-]{1,9}\.[a-z]{2}\Z") | st.emails())
@example("=?utf-8?q?a?=@b.example")
@example("a" * 100 + "@" + "b" * 60 + ".example")
@example("мара@пример.example")
@example("mara@example.net\r\nBcc: eve@example.com")
@example(".mara@example.net")
@example("mara@example..net")
@example("mara@-example.net")
@example("\u0131mara@example.net")  # letters that turn into plain ones when case does not count
@example("mara@example\u0131.net")
@example("\u017fara@example.net")
@example("\u212aara@example.net")
def test_whatever_the_address_the_mail_is_the_same_or_refused(recipient):
    given = mail(recipient)
    try:
        slowly = wire(render(**given))
    except PermanentMailError:
        with pytest.raises(PermanentMailError):
            written(**given)
        return

    assert comparable(written(**given)) == comparable(slowly)


def test_a_token_of_another_shape_is_escaped_as_ever():
    given = mail() | {"params": {"token": "<b>" + TOKEN[3:]}}

    assert b"<b>" not in written(**given).content.partition(b"text/html")[2]


def test_a_mail_read_from_the_wire_is_the_mail():
    message = written(**mail()).message()

    assert isinstance(message, EmailMessage)
    assert f"https://letters.example.org/en/signature/{TOKEN}" in message.get_body(("plain",)).get_content()


def send(url: str, ready: Wire | None = None, **how: object) -> str:
    with SmtpTransport(Settings(smtp_url=url), timeout_seconds=0.5) as transport:
        return transport.send(ready or written(**mail()), **how)


class Breaths(threading.Thread):
    """A relay that offers to hear several words at once, and notes what came together."""

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
        """Return what came at last; nothing if the line was left."""
        self.join(10)
        return self.heard[-1]


@pytest.fixture
def relay_of():
    """Run a relay that gives the replies it is told."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run(*replies: str) -> tuple[str, Breaths]:
            relay = Breaths(server, replies)
            relay.start()
            return f"smtp://127.0.0.1:{server.getsockname()[1]}", relay

        yield run


def test_a_relay_that_offers_it_hears_all_before_the_message_in_one_breath(relay_of):
    url, relay = relay_of("250 Ok\r\n250 Ok\r\n354 go on", "250 2.0.0 Ok: queued")
    heard_at_the_hook: list[int] = []
    hooks: list[str] = []

    def note() -> None:
        hooks.append("before_data")
        heard_at_the_hook.append(len(relay.heard))

    reply = send(url, meanwhile=lambda: hooks.append("meanwhile"), before_data=note)

    assert reply == "250 2.0.0 Ok: queued"
    assert hooks == ["meanwhile", "before_data"]

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
def test_what_is_refused_in_one_breath_is_refused_as_ever_and_spoils_no_line(relay_of, replies, error, code):
    url, relay = relay_of(replies, "250 reset")

    with pytest.raises(error) as caught:
        send(url, before_data=lambda: pytest.fail("called"))

    assert type(caught.value) is error
    assert caught.value.code == code
    assert relay.heard[2] == b"RSET\r\n"


def test_no_message_is_sent_to_nobody(relay_of):
    url, relay = relay_of("250 Ok\r\n550 5.1.1 no such user\r\n354 go on all the same")

    with pytest.raises(PermanentMailError):
        send(url)

    assert relay.heard_last() == b""


def test_when_the_hook_fails_after_one_breath_nothing_is_handed_over(relay_of):
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
def test_a_line_that_breaks_is_known_for_what_it_was(word, action):
    with breaking_relay(word, action) as server:
        server.offers = "PIPELINING"
        with pytest.raises(UncertainMailError if word == "END" else TemporaryMailError):
            send(server.url)
