"""Hands messages to a relay, or writes them into a folder on a machine without one."""

import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol, Self

import click

from campaign.errors import TemporaryMailError
from campaign.mail.smtp import TIMEOUT_SECONDS, SmtpTransport
from campaign.settings import Settings

_PRIVATE_LINK = re.compile(r"^https?://\S+$", re.MULTILINE)


class Transport(Protocol):
    """Hands messages over; a context manager that closes its connection."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    @property
    def takes_ascii_only(self) -> bool:
        """Whether no address beyond ASCII can be written to; asked while connected."""

    def connect(self) -> None:
        """Connect, unless connected.

        Raises:
            TemporaryMailError: No message at all can be handed over now.
        """

    def send(
        self,
        message: EmailMessage,
        *,
        purpose: str = "letter",
        before_data: Callable[[], None] | None = None,
    ) -> str:
        """Hand *message* over; return the final reply with every address masked.

        Args:
            message: Its From, To and Cc are also the envelope.
            purpose: One word for the name of a file; not part of the message.
            before_data: Called after its recipients were accepted and before its content is
                sent; when it raises, no content is sent.

        Raises:
            TemporaryMailError: It was not accepted now, but may be later.
            PermanentMailError: It will never be accepted.
            UncertainMailError: The connection broke after its end was sent, so it may have been accepted.
        """


def open_transport(settings: Settings, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Transport:
    """Return the transport that *settings* name; it connects when first needed."""
    if settings.smtp_url:
        return SmtpTransport(settings, timeout_seconds=timeout_seconds)
    return FolderTransport(settings.instance / "mail")


class FolderTransport:
    """Writes each message to a file and prints its link: for trials on one machine."""

    takes_ascii_only = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: no connection is open."""

    def connect(self) -> None:
        """Create the folder, readable by this user alone."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise TemporaryMailError(f"cannot write mails: {error.strerror}") from None

    def send(
        self,
        message: EmailMessage,
        *,
        purpose: str = "letter",
        before_data: Callable[[], None] | None = None,
    ) -> str:
        """Write *message* to ``<n>-<purpose>.eml``; see :meth:`Transport.send`."""
        self.connect()
        if before_data is not None:
            before_data()
        try:
            path = self._write(bytes(message), purpose)
        except OSError as error:
            raise TemporaryMailError(f"cannot write mails: {error.strerror}") from None
        body = message.get_body(("plain",))
        links = _PRIVATE_LINK.findall(body.get_content()) if body else []
        # Never the address: console output often ends in a log.
        for shown in links or [str(path)]:
            click.echo(f"Mail for {purpose}: {shown}")
        return f"250 written as {path.name}"

    def _write(self, content: bytes, purpose: str) -> Path:
        unfinished = self._folder / f".{secrets.token_hex(8)}"
        try:
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            return self._number(unfinished, purpose)
        finally:
            with suppress(FileNotFoundError):
                unfinished.unlink()

    def _number(self, unfinished: Path, purpose: str) -> Path:
        """Name the file by the next number; of two writers at once, the other takes the number after it."""
        taken = (path.name.partition("-")[0] for path in self._folder.glob("*.eml"))
        number = max((int(each) for each in taken if each.isdecimal()), default=0) + 1
        while True:
            path = self._folder / f"{number:04}-{purpose}.eml"
            if not any(self._folder.glob(f"{number:04}-*.eml")):
                with suppress(FileExistsError):
                    path.hardlink_to(unfinished)
                    return path
            number += 1
