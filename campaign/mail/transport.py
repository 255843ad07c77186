"""Where messages go: to a relay, or into a folder on a machine without one."""

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
from campaign.mail.prepared import Wire
from campaign.mail.smtp import TIMEOUT_SECONDS, SmtpTransport
from campaign.settings import Settings

_PRIVATE_LINK = re.compile(r"^https?://\S+$", re.MULTILINE)


class Transport(Protocol):
    """Hands messages over while its block lasts."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def connect(self) -> None:
        """Make ready to send; does nothing when ready.

        Raises:
            TemporaryMailError: No message can be handed over now, whichever it is.
        """

    def send(
        self,
        message: EmailMessage | Wire,
        *,
        purpose: str = "letter",
        meanwhile: Callable[[], None] = lambda: None,
        before_data: Callable[[], None] | None = None,
    ) -> str:
        """Hand *message* over, and return the final reply with every address in it masked.

        Args:
            message: Its From, To and Cc are also the envelope.
            purpose: What it is for, in one word that is no part of it.
            meanwhile: Called while the relay is waited for, if it is, before the message itself is
                handed over; it must not raise.
            before_data: Called once its recipients were accepted, and before the message
                itself is handed over; when it raises, nothing is.

        Raises:
            TemporaryMailError: It was not accepted now, and may be later.
            PermanentMailError: It will never be accepted as it is.
            UncertainMailError: The line broke after its end was sent, so it may have been accepted.
        """


def open_transport(settings: Settings, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Transport:
    """Return the transport that *settings* ask for; it connects when first needed."""
    if settings.smtp_url:
        return SmtpTransport(settings, timeout_seconds=timeout_seconds)
    return FolderTransport(settings.instance / "mail")


class FolderTransport:
    """Writes each message to a file and prints its link: for trying things out on one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open between two messages."""

    def connect(self) -> None:
        """Make the folder, closed to other users of the machine."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise TemporaryMailError(f"cannot write mails: {error.strerror}") from None

    def send(
        self,
        message: EmailMessage | Wire,
        *,
        purpose: str = "letter",
        meanwhile: Callable[[], None] = lambda: None,
        before_data: Callable[[], None] | None = None,
    ) -> str:
        """Write *message* to ``<n>-<purpose>.eml``; see :meth:`Transport.send`."""
        del meanwhile
        message = message.message() if isinstance(message, Wire) else message
        self.connect()
        if before_data is not None:
            before_data()
        try:
            path = self._write(bytes(message), purpose)
        except OSError as error:
            raise TemporaryMailError(f"cannot write mails: {error.strerror}") from None
        body = message.get_body(("plain",))
        links = _PRIVATE_LINK.findall(body.get_content()) if body else []
        # Never the address: what stands on a console often ends in a log.
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
        """Give the file the next number; of two writers one gets it, and the other the one after."""
        taken = (path.name.partition("-")[0] for path in self._folder.glob("*.eml"))
        number = max((int(each) for each in taken if each.isdecimal()), default=0) + 1
        while True:
            path = self._folder / f"{number:04}-{purpose}.eml"
            if not any(self._folder.glob(f"{number:04}-*.eml")):
                with suppress(FileExistsError):
                    path.hardlink_to(unfinished)
                    return path
            number += 1
