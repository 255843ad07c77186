"""The relay: where it is, how the line to it is encrypted, and as whom we log in."""

import smtplib
import socket
import ssl
from urllib.parse import unquote, urlsplit

from campaign.errors import TemporaryMailError
from campaign.mail.smtp_reply import refusal
from campaign.settings import Settings, is_loopback_host

SUBMISSION_PORT, RELAY_PORT, TLS_PORT = 587, 25, 465
"""Used when the URL gives none: elsewhere, on this machine, and for ``smtps``."""


class Relay:
    """The relay that the settings name."""

    def __init__(self, settings: Settings, *, timeout_seconds: float, tls: ssl.SSLContext | None) -> None:
        url = urlsplit(settings.smtp_url)
        self._is_tls_from_start = url.scheme == "smtps"
        self._host = url.hostname or ""
        self._is_near = is_loopback_host(self._host)
        self._port = url.port or (
            TLS_PORT if self._is_tls_from_start else RELAY_PORT if self._is_near else SUBMISSION_PORT
        )
        self._user, self._password = unquote(url.username or ""), unquote(url.password or "")
        # Never the machine's own name: it is nobody's business, and finding it asks the DNS.
        self._own_name = "localhost" if settings.is_loopback else urlsplit(settings.base_url).hostname
        self._timeout = timeout_seconds
        self._tls = tls

    def dial(self) -> smtplib.SMTP:
        """Open a line and log in.

        Raises:
            TemporaryMailError: It cannot be reached, or refuses us.
        """
        try:
            return self._dial()
        except smtplib.SMTPResponseException as error:
            raise refusal(error.smtp_code, error.smtp_error, TemporaryMailError) from None
        except (OSError, ValueError) as error:
            raise TemporaryMailError(f"no line to the relay: {type(error).__name__}") from None

    def _dial(self) -> smtplib.SMTP:
        is_tls = self._is_tls_from_start or not self._is_near
        tls = (self._tls or ssl.create_default_context()) if is_tls else None
        relay = (self._host, self._port, self._own_name)
        line: smtplib.SMTP
        if self._is_tls_from_start:
            line = smtplib.SMTP_SSL(*relay, timeout=self._timeout, context=tls)
        else:
            line = smtplib.SMTP(*relay, timeout=self._timeout)
        try:
            # The end of a message goes out apart from it, and must not wait for an acknowledgement.
            line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # type: ignore[union-attr]
            if is_tls and not self._is_tls_from_start:
                line.starttls(context=tls)
            line.ehlo_or_helo_if_needed()
            if self._user:
                line.login(self._user, self._password)
        except BaseException:
            line.close()
            raise
        return line
