"""Handing messages to a relay by SMTP, so that one always knows what became of them.

The dialogue is spelt out instead of left to :meth:`smtplib.SMTP.sendmail`, because that
raises the same error for a line that broke before a message ended, when it can safely be
sent again, and after, when it may have been accepted.
"""

import smtplib
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from email.message import EmailMessage
from typing import Self

from campaign.errors import PermanentMailError, TemporaryMailError, UncertainMailError
from campaign.mail.prepared import Wire, wire
from campaign.mail.smtp_connection import Relay
from campaign.mail.smtp_reply import (
    GO_ON,
    LEAVING,
    StaleLineError,
    masked,
    recipient_refusal,
    refusal,
    sender_refusal,
)
from campaign.settings import Settings

TIMEOUT_SECONDS = 30

PATIENCE = 10
"""Times as long for the reply to a whole message."""

END = b".\r\n"


class SmtpTransport:
    """Carries many messages over one connection, and makes a new one when that was dropped."""

    def __init__(
        self,
        settings: Settings,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._relay = Relay(settings, timeout_seconds=timeout_seconds, tls=tls)
        self._timeout = timeout_seconds
        self._line: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> None:
        """Open the line and log in, unless that was done.

        Raises:
            TemporaryMailError: The relay cannot be reached, or refuses us. That is no word
                about any message, so even a 5xx is worth another try.
        """
        self._opened()

    def send(
        self,
        message: EmailMessage | Wire,
        *,
        purpose: str = "letter",
        meanwhile: Callable[[], None] = lambda: None,
        before_data: Callable[[], None] | None = None,
    ) -> str:
        """Hand *message* to the relay; see :meth:`campaign.mail.transport.Transport.send`."""
        del purpose
        ready = message if isinstance(message, Wire) else wire(message)
        was_open = self._line is not None
        try:
            return self._transact(self._opened(), ready, meanwhile, before_data)
        except StaleLineError:
            if not was_open:
                raise
        # Relays leave a line that was idle or has carried its share; nothing of this message was said on it.
        return self._transact(self._opened(), ready, meanwhile, before_data)

    def close(self) -> None:
        """Say goodbye; a relay that does not answer is left all the same."""
        if self._line is not None:
            with suppress(OSError):
                self._line.quit()
        self._drop()

    def _opened(self) -> smtplib.SMTP:
        if self._line is None:
            self._line = self._relay.dial()
        return self._line

    def _transact(
        self,
        line: smtplib.SMTP,
        ready: Wire,
        meanwhile: Callable[[], None],
        before_data: Callable[[], None] | None,
    ) -> str:
        """Go through one message's dialogue; the line stays open unless it broke."""
        if ready.is_international and not line.has_extn("smtputf8"):
            raise PermanentMailError("the relay takes no such address (no SMTPUTF8)", code=550)
        line.command_encoding = "utf-8" if ready.is_international else "ascii"
        if ready.is_plain and line.has_extn("pipelining"):
            self._begin_at_once(line, ready, meanwhile)
            try:
                if before_data is not None:
                    before_data()
            except BaseException:
                # What follows on this line would be taken for the message.
                self._drop()
                raise
            # In one piece: where it cannot be sent to its last byte, nothing is accepted either.
            self._say_message(line, ready.content + END)
            return self._verdict(line)
        self._begin(line, ready)
        try:
            note = self._name(line, ready.recipients)
            if before_data is not None:
                before_data()
            self._open_message(line)
            self._say_message(line, ready.content)
        except BaseException:
            self._reset()
            raise
        self._end_message(line)
        return self._verdict(line) + note

    def _begin(self, line: smtplib.SMTP, ready: Wire) -> None:
        try:
            code, text = line.docmd(_mail_from(line, ready))
        except OSError as error:
            self._drop()
            raise StaleLineError(f"the line broke: {type(error).__name__}") from None
        if code // 100 == 2:
            return
        if code == LEAVING:
            self._drop()
            raise refusal(code, text, StaleLineError)
        self._reset()
        raise sender_refusal(code, text)

    def _begin_at_once(self, line: smtplib.SMTP, ready: Wire, meanwhile: Callable[[], None]) -> None:
        """Say all that comes before the message in one breath (RFC 2920), then hear what it is answered."""
        words = (_mail_from(line, ready), f"RCPT TO:<{ready.recipients[0]}>", "DATA")
        try:
            line.send("".join(f"{word}\r\n" for word in words))
            meanwhile()
            sender, recipient, message = (line.getreply() for _ in words)
        except OSError as error:
            self._drop()
            raise StaleLineError(f"the line broke: {type(error).__name__}") from None
        if sender[0] // 100 == 2 and recipient[0] // 100 == 2 and message[0] == GO_ON:
            return
        if sender[0] == LEAVING or message[0] == GO_ON:
            # It would take whatever comes next for a message to nobody.
            self._drop()
        else:
            self._reset()
        if sender[0] // 100 != 2:
            raise refusal(*sender, StaleLineError) if sender[0] == LEAVING else sender_refusal(*sender)
        raise refusal(*message) if recipient[0] // 100 == 2 else recipient_refusal(*recipient)

    def _name(self, line: smtplib.SMTP, recipients: Iterable[str]) -> str:
        """Name the recipients; return a note on those refused, unless all were."""
        replies = [self._ask(line, f"RCPT TO:<{recipient}>") for recipient in recipients]
        refusals = [reply for reply in replies if reply[0] // 100 != 2]
        if len(refusals) < len(replies):
            return f"; {len(refusals)} of {len(replies)} recipients refused" if refusals else ""
        # Whoever is refused for now only may be accepted later: so may the message.
        raise recipient_refusal(*min(refusals, key=lambda reply: reply[0] // 100 == 5))

    def _open_message(self, line: smtplib.SMTP) -> None:
        code, text = self._ask(line, "DATA")
        if code != GO_ON:
            raise refusal(code, text)

    def _say_message(self, line: smtplib.SMTP, content: bytes) -> None:
        """Send all but the end of the message: if the line breaks here, nothing was accepted."""
        try:
            line.send(content)
        except OSError as error:
            self._drop()
            raise TemporaryMailError(f"the line broke: {type(error).__name__}") from None

    def _end_message(self, line: smtplib.SMTP) -> None:
        """Send the end of the message: from here on only a reply says what became of it."""
        try:
            line.send(END)
        except OSError as error:
            self._drop()
            raise UncertainMailError(f"the line broke at the end: {type(error).__name__}") from None

    def _verdict(self, line: smtplib.SMTP) -> str:
        """Wait for the reply to a whole message."""
        try:
            # A relay may ponder a whole message for long (RFC 5321 grants it ten minutes).
            line.sock.settimeout(self._timeout * PATIENCE)  # type: ignore[union-attr]
            code, text = line.getreply()
            line.sock.settimeout(self._timeout)  # type: ignore[union-attr]
        except OSError as error:
            self._drop()
            raise UncertainMailError(f"no reply to the whole message: {type(error).__name__}") from None
        if code // 100 == 2:
            return masked(code, text)
        if code // 100 in {4, 5}:
            self._reset()
            raise refusal(code, text)
        self._drop()
        raise UncertainMailError("no readable reply to the whole message")

    def _ask(self, line: smtplib.SMTP, command: str) -> tuple[int, bytes]:
        try:
            return line.docmd(command)
        except OSError as error:
            self._drop()
            raise TemporaryMailError(f"the line broke: {type(error).__name__}") from None

    def _reset(self) -> None:
        """Make the line ready for the next message, or leave it."""
        try:
            if self._line is not None and self._line.docmd("RSET")[0] // 100 != 2:
                self._drop()
        except OSError:
            self._drop()

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()


def _mail_from(line: smtplib.SMTP, ready: Wire) -> str:
    options = " SMTPUTF8 BODY=8BITMIME" if ready.is_international else ""
    size = f" SIZE={len(ready.content)}" if line.has_extn("size") else ""
    return f"MAIL FROM:<{ready.sender}>{options}{size}"
