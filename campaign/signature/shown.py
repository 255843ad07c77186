"""What a private page showed of a signature: its buttons act on that, or ask again."""

from datetime import date
from typing import NamedTuple, Protocol, Self
from uuid import UUID

PENDING, CONFIRMED, WITHDRAWN = "pending", "confirmed", "withdrawn"


class Showable(Protocol):
    """A signature's columns, as a row or an object."""

    @property
    def state_code(self) -> str:
        """The letter."""

    @property
    def id(self) -> UUID:
        """The signature's own part of its key."""

    @property
    def disclosure(self) -> str:
        """Who may see the name."""

    @property
    def confirmed_on(self) -> date | None:
        """When it was confirmed."""

    @property
    def withdrawn_on(self) -> date | None:
        """When it was withdrawn."""


class Shown(NamedTuple):
    """What a page showed; as text, the value of the form's field ``shown``."""

    state_code: str
    id: str
    status: str
    counting: str
    """Id of the mailbox's signature that counted then, on the page of a pending one; else empty."""
    disclosure: str

    @classmethod
    def of(cls, signature: Showable, *, counting: Showable | None = None) -> Self:
        """Return what a page shows of *signature* now."""
        status = WITHDRAWN if signature.withdrawn_on else CONFIRMED if signature.confirmed_on else PENDING
        other = counting.id.hex if counting else ""
        return cls(signature.state_code, signature.id.hex, status, other, signature.disclosure)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what the field says; ``None`` if no page of ours sent it."""
        parts = text.split(".")
        return cls(*parts) if len(parts) == len(cls._fields) else None

    def __str__(self) -> str:
        """Return the field's value."""
        return ".".join(self)

    def is_about(self, signature: Showable) -> bool:
        """Whether the page showed *signature*, whatever became of it since."""
        return (self.state_code, self.id) == (signature.state_code, signature.id.hex)
