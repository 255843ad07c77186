"""Connects to the relay: host, port, TLS and login."""

import smtplib
import socket
import ssl
from urllib.parse import unquote, urlsplit

from campaign.errors import TemporaryMailError
from campaign.mail.smtp_reply import refusal
from campaign.setting_reader import is_loopback_host
from campaign.settings import Settings

SUBMISSION_PORT, LOOPBACK_PORT, IMPLICIT_TLS_PORT = 587, 25, 465
"""Defaults when the URL names no port: for another machine, for this one, and for ``smtps``."""


class Relay:
    """The relay that ``CAMPAIGN_SMTP_URL`` names. TLS is required unless the relay is on this machine."""

    def __init__(self, settings: Settings, *, timeout_seconds: float, tls: ssl.SSLContext | None) -> None:
        url = urlsplit(settings.smtp_url)
        self._host = url.hostname or ""
        is_loopback = is_loopback_host(self._host)
        self._has_implicit_tls = url.scheme == "smtps"
        self._has_starttls = not self._has_implicit_tls and not is_loopback
        default_port = LOOPBACK_PORT if is_loopback else SUBMISSION_PORT
        self._port = url.port or (IMPLICIT_TLS_PORT if self._has_implicit_tls else default_port)
        self._user, self._password = unquote(url.username or ""), unquote(url.password or "")
        # Never the machine's own name: the relay need not know it, and looking it up asks the DNS.
        self._own_name = "localhost" if settings.is_loopback else urlsplit(settings.base_url).hostname
        self._timeout = timeout_seconds
        self._tls = tls

    def connect(self) -> smtplib.SMTP:
        """Open an encrypted connection and log in.

        Raises:
            TemporaryMailError: It cannot be reached, its certificate is wrong, or it refuses the login.
        """
        try:
            return self._connect()
        except smtplib.SMTPResponseException as error:
            raise refusal((error.smtp_code, error.smtp_error), TemporaryMailError) from None
        except (OSError, ValueError) as error:
            raise TemporaryMailError(f"no connection to the relay: {type(error).__name__}") from None

    def _connect(self) -> smtplib.SMTP:
        connection = self._opened()
        try:
            # Nagle's algorithm would delay the end of a long message until the rest is acknowledged.
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # type: ignore[union-attr]
            if self._has_starttls:
                connection.starttls(context=self._tls_context())
            connection.ehlo_or_helo_if_needed()
            if self._user:
                connection.login(self._user, self._password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _opened(self) -> smtplib.SMTP:
        address = (self._host, self._port, self._own_name)
        if self._has_implicit_tls:
            return smtplib.SMTP_SSL(*address, timeout=self._timeout, context=self._tls_context())
        return smtplib.SMTP(*address, timeout=self._timeout)

    def _tls_context(self) -> ssl.SSLContext:
        """Return a context that checks the relay's certificate and host name."""
        return self._tls or ssl.create_default_context()
