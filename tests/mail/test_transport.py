import logging
import socket
import ssl
import stat
import subprocess
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from campaign.errors import PermanentMailError, RecipientMailError, TemporaryMailError, UncertainMailError
from campaign.mail.message import new_message
from campaign.mail.smtp import SmtpTransport
from campaign.mail.smtp_message import encode
from campaign.mail.transport import FolderTransport, open_transport
from campaign.settings import Settings
from tests.conftest import NOW
from tests.support.relay import breaking_relay, free_port, relay

SETTINGS = Settings(mail_from="Letters <post@letters.example.org>")
LINK = "http://127.0.0.1:8000/en/signature/7K3M9QX2WAB4CDEFGH5J"


def write(recipient: str = "mara@example.net", text: str = "Hello\n") -> EmailMessage:
    message = new_message(SETTINGS, recipient, now=NOW)
    message["Subject"] = "Good day"
    message.set_content(text)
    return message


def transport_to(url: str, *, seconds: float = 1, tls: ssl.SSLContext | None = None) -> SmtpTransport:
    return SmtpTransport(replace(SETTINGS, smtp_url=url), timeout_seconds=seconds, tls=tls)


def send(
    url: str,
    message: EmailMessage | None = None,
    *,
    seconds: float = 1,
    tls: ssl.SSLContext | None = None,
    **how: object,
) -> str:
    with transport_to(url, seconds=seconds, tls=tls) as transport:
        return transport.send(message or write(), **how)


@pytest.mark.parametrize("text", [".\nFirst\n.\n..two dots\n.hidden\nFrom here\n", "é" * 3000 + "\n.\n"])
def test_a_message_arrives_as_it_was_written(text):
    with relay() as server:
        send(server.url, write(text=text))

    [message] = server.received
    assert server.recipients == ["mara@example.net"]
    assert message.get_content().replace("\r\n", "\n") == text
    assert message["From"].addresses[0].addr_spec == "post@letters.example.org"


def test_a_long_subject_keeps_its_spaces_in_every_folding():
    for length in range(40, 90):
        subject = ("Права женщин в Казахстане и просьба о расследовании: " * 3)[:length].strip()
        message = new_message(SETTINGS, "mara@example.net", now=NOW)
        message["Subject"] = subject
        message.set_content("Hello\n")

        for sent in (bytes(message), message.as_string().encode(), encode(message).content):
            assert max(map(len, sent.splitlines())) <= 78
            assert message_from_bytes(sent, policy=policy.default)["Subject"] == subject


@pytest.mark.parametrize(("text", "is_announced"), [("Hello\n", False), ("“Hello”\n", True)])
def test_text_beyond_ascii_is_announced(text, is_announced):
    with relay() as server:
        send(server.url, write(text=text))

    assert ("BODY=8BITMIME" in server.mail_options) is is_announced


def test_the_reply_is_returned_with_addresses_masked():
    with relay() as server:
        assert send(server.url) == "250 2.0.0 Ok: queued for … as A1"


def test_many_messages_share_one_connection():
    with relay() as server, transport_to(server.url) as transport:
        for _ in range(30):
            transport.send(write())

    assert len(server.received) == 30
    assert server.connections == 1


def test_a_relay_that_limits_a_connection_gets_another_one():
    with relay() as server, transport_to(server.url) as transport:
        server.per_connection = 4
        for _ in range(10):
            transport.send(write())

    assert len(server.received) == 10
    assert server.connections == 3


def test_a_connection_that_was_closed_while_idle_is_opened_again():
    with relay() as server, transport_to(server.url) as transport:
        transport.send(write())
        server.close_connection()
        transport.send(write())

    assert len(server.received) == 2
    assert server.connections == 2


def test_a_relay_that_was_restarted_is_found_again():
    with relay() as server, transport_to(server.url) as transport:
        transport.send(write())
        port = server.port
    with relay(port=port) as again:
        transport.send(write())
        transport.close()

    assert len(again.received) == 1


def test_the_relay_does_not_learn_the_machines_name():
    with relay() as server:
        send(server.url)
        with SmtpTransport(replace(SETTINGS, smtp_url=server.url, base_url="https://a.example")) as transport:
            transport.connect()

    assert server.names == ["localhost", "a.example"]


def test_a_closed_port_is_temporary():
    with pytest.raises(TemporaryMailError, match="no connection"):
        send(f"smtp://127.0.0.1:{free_port()}")


@pytest.mark.parametrize("word", ["BANNER", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("action", ["cut", "stall", "421 4.3.2 going down", "451 4.3.0 no", "gibberish"])
def test_trouble_before_the_end_of_a_message_is_temporary(word, action):
    with breaking_relay(word, action) as server, pytest.raises(TemporaryMailError):
        send(server.url, seconds=0.3)


@pytest.mark.parametrize("action", ["cut", "stall"])
def test_a_connection_that_breaks_within_a_message_is_temporary(action):
    large = write(text="more of this than fits into the buffers between two machines\n" * 200_000)
    with breaking_relay("CONTENT", action) as server, pytest.raises(TemporaryMailError):
        send(server.url, large, seconds=0.3)

    assert "END" not in server.heard


@pytest.mark.parametrize("action", ["cut", "stall", "gibberish", "354 what"])
def test_silence_after_the_end_of_a_message_is_uncertain(action):
    with breaking_relay("END", action) as server, pytest.raises(UncertainMailError):
        send(server.url, seconds=0.3)


@pytest.mark.parametrize(
    ("word", "reply", "error"),
    [
        ("RCPT", "550 5.1.1 no such user", PermanentMailError),
        ("RCPT", "450 4.2.0 greylisted", RecipientMailError),
        ("RCPT", "421 4.7.0 leaving", TemporaryMailError),
        ("DATA", "554 5.5.1 no", PermanentMailError),
        ("DATA", "452 4.3.1 full", TemporaryMailError),
        ("END", "554 5.7.1 spam", PermanentMailError),
        ("END", "451 4.7.1 later", TemporaryMailError),
        ("MAIL", "552 5.3.4 too large", PermanentMailError),
    ],
)
def test_a_refusal_says_whether_to_retry_and_its_status(word, reply, error):
    with breaking_relay(word, reply) as server, pytest.raises(error) as caught:
        send(server.url)

    assert type(caught.value) is error
    assert caught.value.code == int(reply[:3])


@pytest.mark.parametrize(
    ("word", "reply"), [("BANNER", "554 not you"), ("MAIL", "530 log in first"), ("MAIL", "550 who are you")]
)
def test_a_relay_that_refuses_our_account_does_not_refuse_the_message(word, reply):
    with breaking_relay(word, reply) as server, pytest.raises(TemporaryMailError) as caught:
        send(server.url)

    assert caught.value.code == int(reply[:3])


def test_no_error_repeats_an_address():
    with relay() as server:
        server.refuse["mara@example.net"] = "550 5.1.1 <mara@example.net>: user mara@example.net unknown"
        with pytest.raises(PermanentMailError) as caught:
            send(server.url)

    assert str(caught.value) == "550 5.1.1 … user … unknown"


def test_after_a_refused_message_the_connection_carries_the_next():
    with relay() as server, transport_to(server.url) as transport:
        server.refuse["nobody@example.net"] = "550 no such user"
        with pytest.raises(PermanentMailError):
            transport.send(write("nobody@example.net"))
        transport.send(write())
        server.answers.append("554 spam")
        with pytest.raises(PermanentMailError):
            transport.send(write())
        transport.send(write())

    assert server.recipients == ["mara@example.net"] * 2
    assert server.connections == 1


def test_one_of_two_recipients_refused_is_noted():
    message = write()
    message["Cc"] = "nobody@example.net"
    with relay() as server:
        server.refuse["nobody@example.net"] = "550 no such user"
        assert send(server.url, message).endswith("; 1 of 2 recipients refused")
        server.refuse["mara@example.net"] = "450 later"
        with pytest.raises(TemporaryMailError):
            send(server.url, message)


def test_the_hook_runs_after_the_recipient_was_accepted_and_before_the_message():
    with breaking_relay("NONE", "") as server:
        seen: list[str] = []
        send(server.url, before_data=lambda: seen.extend(server.heard))

    assert seen[-1] == "RCPT"
    assert "DATA" in server.heard


def test_the_hook_does_not_run_for_a_refused_recipient():
    with breaking_relay("RCPT", "550 no") as server, pytest.raises(PermanentMailError):
        send(server.url, before_data=lambda: pytest.fail("called"))


def test_when_the_hook_fails_nothing_is_handed_over():
    def fail() -> None:
        raise OSError("disk full")

    with relay() as server, transport_to(server.url) as transport:
        with pytest.raises(OSError, match="disk full"):
            transport.send(write(), before_data=fail)
        transport.send(write("next@example.net"))

    assert server.recipients == ["next@example.net"]
    assert server.connections == 1


def test_a_mailbox_beyond_ascii_needs_a_relay_that_knows_it():
    with relay() as server:
        send(server.url, write("мара@пример.example"))
    with relay(enable_SMTPUTF8=False) as old, pytest.raises(PermanentMailError, match="SMTPUTF8"):
        send(old.url, write("мара@пример.example"))

    assert server.recipients == ["мара@xn--e1afmkfd.example"]
    assert old.received == []


def test_a_domain_beyond_ascii_reaches_any_relay():
    with relay(enable_SMTPUTF8=False) as server:
        send(server.url, write("mara@bücher.example"))

    assert server.recipients == ["mara@xn--bcher-kva.example"]


def test_a_quoted_mailbox_reaches_the_relay_quoted():
    with relay() as server:
        send(server.url, write('"mara example"@example.net'))

    assert server.recipients == ['"mara example"@example.net']


def test_a_message_without_recipient_is_refused_before_it_is_sent():
    message = EmailMessage()
    message["From"] = "post@letters.example.org"
    with relay() as server, pytest.raises(PermanentMailError):
        send(server.url, message)


def test_user_and_password_are_decoded():
    with relay(asks_login=True) as server:
        send(f"smtp://us%40er:p%2Fa%3Ass@127.0.0.1:{server.port}")

    assert server.logins == [("us@er", "p/a:ss")]


def test_a_wrong_password_is_temporary():
    with relay(asks_login=True) as server, pytest.raises(TemporaryMailError) as caught:
        send(f"smtp://user:wrong@127.0.0.1:{server.port}")

    assert caught.value.code == 535
    assert server.received == []


def test_a_connection_to_another_machine_is_encrypted_and_its_certificate_checked(certificate, elsewhere):
    with relay(tls=certificate.server) as server:
        send(f"smtp://relay.example:{server.port}", tls=certificate.client)

    assert len(server.received) == 1
    assert server.was_encrypted


def test_a_certificate_for_another_name_is_not_accepted(certificate, elsewhere):
    url = "smtp://other.example:{}"
    with relay(tls=certificate.server) as server, pytest.raises(TemporaryMailError, match="Cert"):
        send(url.format(server.port), tls=certificate.client)

    assert server.received == []


def test_an_unknown_issuers_certificate_is_not_accepted(certificate, elsewhere):
    with relay(tls=certificate.server) as server, pytest.raises(TemporaryMailError, match="Cert"):
        send(f"smtp://relay.example:{server.port}")

    assert server.received == []


def test_nothing_is_sent_in_clear_to_another_machine(elsewhere):
    with relay(asks_login=True) as server, pytest.raises(TemporaryMailError):
        send(f"smtp://user:password@relay.example:{server.port}")

    assert server.logins == []
    assert server.received == []


def test_smtps_is_encrypted_from_the_first_byte(certificate, elsewhere):
    with relay(tls=certificate.server, is_tls_from_start=True) as server:
        send(f"smtps://relay.example:{server.port}", tls=certificate.client)

    assert len(server.received) == 1


def test_a_relay_that_stays_silent_is_temporary():
    with breaking_relay("BANNER", "stall") as server, pytest.raises(TemporaryMailError):
        send(server.url, seconds=0.3)


def test_without_a_relay_each_message_becomes_a_file_that_only_its_user_can_read(tmp_path):
    settings = replace(SETTINGS, instance=tmp_path)
    with open_transport(settings) as transport:
        transport.send(write(text=f"Hello\n\n{LINK}\n"), purpose="confirm")
        transport.send(write(), purpose="links")

    first, second = sorted((tmp_path / "mail").iterdir())
    assert (first.name, second.name) == ("0001-confirm.eml", "0002-links.eml")
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert stat.S_IMODE(first.parent.stat().st_mode) == 0o700
    message = message_from_bytes(first.read_bytes(), policy=policy.default)
    assert message["To"] == "mara@example.net"


def test_the_link_is_printed_but_neither_address_nor_name(tmp_path, capsys, caplog):
    caplog.set_level(logging.DEBUG)
    with FolderTransport(tmp_path) as transport:
        transport.send(
            write(text=f"Hello\n\n{LINK}\n\nCode at http://127.0.0.1:8000/en/x\n"), purpose="confirm"
        )

    assert capsys.readouterr().out == f"Mail for confirm: {LINK}\n"
    assert "mara" not in caplog.text


def test_numbers_go_on_after_those_that_are_there(tmp_path):
    (tmp_path / "0041-confirm.eml").touch()
    (tmp_path / "note-0099.eml").touch()
    FolderTransport(tmp_path).send(write(), purpose="links")

    assert (tmp_path / "0042-links.eml").exists()


def test_an_unwritable_folder_is_temporary(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(TemporaryMailError):
        FolderTransport(path / "mail").send(write())


def test_when_the_hook_fails_no_file_is_written(tmp_path):
    def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        FolderTransport(tmp_path).send(write(), before_data=fail)

    assert list(tmp_path.iterdir()) == []


class Certificate:
    """A certificate for relay.example, with the TLS context of each side."""

    def __init__(self, folder: Path) -> None:
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        subprocess.run(
            [
                *(
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-nodes",
                ),
                *("-keyout", str(key), "-out", str(certificate), "-days", "2"),
                *("-subj", "/CN=relay.example", "-addext", "subjectAltName=DNS:relay.example"),
            ],
            check=True,
            capture_output=True,
        )
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.server.load_cert_chain(certificate, key)
        self.client = ssl.create_default_context(cafile=certificate)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def elsewhere(monkeypatch):
    """Resolve names that end in .example to this machine, as if it were another one."""
    find = socket.getaddrinfo

    def getaddrinfo(host, *rest, **more):
        return find("127.0.0.1" if str(host).endswith(".example") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
