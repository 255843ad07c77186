"""Hands messages to a relay by SMTP, so that the outcome of each is known.

The dialogue is written out instead of left to :meth:`smtplib.SMTP.sendmail`, which raises the same error for
a connection that broke before the end of a message (it can safely be sent again) and for one that broke
after it (the relay may have accepted it).
"""

import smtplib
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from email.message import EmailMessage
from typing import Self

from campaign.errors import PermanentMailError, TemporaryMailError, UncertainMailError
from campaign.mail.smtp_connection import Relay
from campaign.mail.smtp_message import SmtpMessage, encode
from campaign.mail.smtp_reply import (
    SERVICE_CLOSING,
    START_MAIL_INPUT,
    Reply,
    StaleConnectionError,
    is_accepted,
    masked,
    recipient_refusal,
    refusal,
    sender_refusal,
)
from campaign.settings import Settings

TIMEOUT_SECONDS = 30

FINAL_REPLY_TIMEOUTS = 10
"""Times the timeout for the reply to a whole message: a relay may take ten minutes (RFC 5321, 4.5.3.2)."""

END = b".\r\n"

BeforeData = Callable[[], None] | None


class SmtpTransport:
    """Sends many messages over one connection, and reconnects when it was closed."""

    def __init__(
        self,
        settings: Settings,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._relay = Relay(settings, timeout_seconds=timeout_seconds, tls=tls)
        self._timeout = timeout_seconds
        self._connection: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def takes_ascii_only(self) -> bool:
        """Whether the connected relay lacks SMTPUTF8."""
        return self._connection is not None and not self._connection.has_extn("smtputf8")

    def connect(self) -> None:
        """Connect and log in, unless connected.

        Raises:
            TemporaryMailError: The relay cannot be reached, or refuses us. No message was
                refused, so even a 5xx is worth another attempt.
        """
        self._connected()

    def send(self, message: EmailMessage, *, purpose: str = "letter", before_data: BeforeData = None) -> str:
        """Hand *message* to the relay; see :meth:`campaign.mail.transport.Transport.send`."""
        del purpose
        encoded = encode(message)
        was_open = self._connection is not None
        try:
            return self._transact(self._connected(), encoded, before_data)
        except StaleConnectionError:
            if not was_open:
                raise
        # Relays close connections that were idle or carried enough messages; this message was not begun.
        return self._transact(self._connected(), encoded, before_data)

    def close(self) -> None:
        """Quit and disconnect, also from a relay that does not answer."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.quit()
        self._disconnect()

    def _connected(self) -> smtplib.SMTP:
        if self._connection is None:
            self._connection = self._relay.connect()
        return self._connection

    def _transact(self, smtp: smtplib.SMTP, message: SmtpMessage, before_data: BeforeData) -> str:
        """Run the dialogue for one message; the connection stays open unless it broke."""
        if message.is_international and not smtp.has_extn("smtputf8"):
            raise PermanentMailError("the relay takes no such address (no SMTPUTF8)", code=550)
        smtp.command_encoding = "utf-8" if message.is_international else "ascii"
        if len(message.recipients) == 1 and smtp.has_extn("pipelining"):
            note = self._pipeline_envelope(smtp, message, before_data)
        else:
            note = self._send_envelope(smtp, message, before_data)
        self._send_content(smtp, message.content)
        return self._final_reply(smtp) + note

    def _pipeline_envelope(self, smtp: smtplib.SMTP, message: SmtpMessage, before_data: BeforeData) -> str:
        """Pipeline MAIL, RCPT and DATA (RFC 2920), then read the three replies."""
        commands = (_mail_from(smtp, message), _rcpt_to(message.recipients[0]), "DATA")
        try:
            smtp.send("".join(f"{command}\r\n" for command in commands))
            sender, recipient, data = (smtp.getreply() for _ in commands)
        except OSError as error:
            self._disconnect()
            raise StaleConnectionError(f"the connection broke: {type(error).__name__}") from None
        if not (is_accepted(sender) and is_accepted(recipient) and data[0] == START_MAIL_INPUT):
            self._leave_pipeline(sender, data)
            if not is_accepted(sender):
                raise sender_refusal(sender)
            raise refusal(data) if is_accepted(recipient) else recipient_refusal(recipient)
        try:
            if before_data is not None:
                before_data()
        except BaseException:
            # The relay would take whatever is sent next for the message.
            self._disconnect()
            raise
        return ""

    def _leave_pipeline(self, sender: Reply, data: Reply) -> None:
        # After 354 the relay would take whatever is sent next for a message, though to nobody.
        if sender[0] == SERVICE_CLOSING or data[0] == START_MAIL_INPUT:
            self._disconnect()
        else:
            self._reset()

    def _send_envelope(self, smtp: smtplib.SMTP, message: SmtpMessage, before_data: BeforeData) -> str:
        """Send MAIL, RCPT and DATA one by one; return a note on refused recipients."""
        self._send_sender(smtp, message)
        try:
            note = self._send_recipients(smtp, message.recipients)
            if before_data is not None:
                before_data()
            self._send_data(smtp)
        except BaseException:
            self._reset()
            raise
        return note

    def _send_sender(self, smtp: smtplib.SMTP, message: SmtpMessage) -> None:
        reply = self._command(smtp, _mail_from(smtp, message), broken=StaleConnectionError)
        if is_accepted(reply):
            return
        if reply[0] == SERVICE_CLOSING:
            self._disconnect()
        else:
            self._reset()
        raise sender_refusal(reply)

    def _send_recipients(self, smtp: smtplib.SMTP, recipients: Iterable[str]) -> str:
        """Send every recipient; return a note on those refused, and raise if all were."""
        replies = [self._command(smtp, _rcpt_to(recipient)) for recipient in recipients]
        refused = [reply for reply in replies if not is_accepted(reply)]
        if len(refused) < len(replies):
            return f"; {len(refused)} of {len(replies)} recipients refused" if refused else ""
        # If one of them is only deferred, the message may be accepted later.
        raise recipient_refusal(min(refused, key=lambda reply: reply[0] // 100 == 5))

    def _send_data(self, smtp: smtplib.SMTP) -> None:
        reply = self._command(smtp, "DATA")
        if reply[0] != START_MAIL_INPUT:
            raise refusal(reply)

    def _send_content(self, smtp: smtplib.SMTP, content: bytes) -> None:
        """Send the message and its end in one call: if that fails, the end was not sent."""
        try:
            smtp.send(content + END)
        except OSError as error:
            self._disconnect()
            raise TemporaryMailError(f"the connection broke: {type(error).__name__}") from None

    def _final_reply(self, smtp: smtplib.SMTP) -> str:
        """Wait for the reply to a whole message."""
        try:
            smtp.sock.settimeout(self._timeout * FINAL_REPLY_TIMEOUTS)  # type: ignore[union-attr]
            reply = smtp.getreply()
            smtp.sock.settimeout(self._timeout)  # type: ignore[union-attr]
        except OSError as error:
            self._disconnect()
            raise UncertainMailError(f"no reply to the whole message: {type(error).__name__}") from None
        if is_accepted(reply):
            return masked(*reply)
        if reply[0] // 100 in {4, 5}:
            self._reset()
            raise refusal(reply)
        self._disconnect()
        raise UncertainMailError("no readable reply to the whole message")

    def _command(
        self, smtp: smtplib.SMTP, command: str, *, broken: type[TemporaryMailError] = TemporaryMailError
    ) -> Reply:
        """Send *command* and return its reply; raise *broken* if the connection broke."""
        try:
            return smtp.docmd(command)
        except OSError as error:
            self._disconnect()
            raise broken(f"the connection broke: {type(error).__name__}") from None

    def _reset(self) -> None:
        """Make the connection ready for the next message, or close it."""
        try:
            if self._connection is not None and not is_accepted(self._connection.docmd("RSET")):
                self._disconnect()
        except OSError:
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _mail_from(smtp: smtplib.SMTP, message: SmtpMessage) -> str:
    options = " SMTPUTF8" if message.is_international else ""
    if not message.content.isascii() and smtp.has_extn("8bitmime"):
        options += " BODY=8BITMIME"
    size = f" SIZE={len(message.content)}" if smtp.has_extn("size") else ""
    return f"MAIL FROM:<{message.sender}>{options}{size}"


def _rcpt_to(recipient: str) -> str:
    return f"RCPT TO:<{recipient}>"
