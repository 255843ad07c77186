"""The rows of signatures and of the tokens that their owners hold."""

from datetime import date
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from campaign.database.table import Base

PUBLIC, DELEGATION, COUNTED = "public", "delegation", "counted"
DISCLOSURES = (PUBLIC, DELEGATION, COUNTED)
"""Who may see the name: everyone, the delegation written to, nobody."""

APPROVED, DECLINED = "approved", "declined"

Key = tuple[str, UUID]
"""A signature's key: state code and id."""


class Mailbox(NamedTuple):
    """What has one place in the count: a mailbox within a letter."""

    state_code: str
    digest: bytes


ROBOT, NETWORK, DOMAIN = "robot", "network", "domain"
HOLDS = (ROBOT, NETWORK, DOMAIN)
"""Why a signature is held: a field that people do not see was filled in; many signed from one
network without a proof; many signed with addresses of one domain."""

_CONFIRMED = "confirmed_on IS NOT NULL AND withdrawn_on IS NULL"
_PENDING = "confirmed_on IS NULL"
_TO_NAME = "(disclosure = 'public' AND name_review IS NULL)"
_TO_READ = "(has_words AND words_review IS NULL)"
_TO_STRIKE = "to_strike"

_OF_HELD = ("state_code", "id", "held_for", "confirmed_on", "withdrawn_on", "invalidation_id")
_OF_WAITING = (*_OF_HELD, "disclosure", "name_review", "has_words", "words_review")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class Signature(Base):
    """One submission of the form: pending, then confirmed, and perhaps withdrawn.

    It counts once it is confirmed, unless it is withdrawn, held until an organiser has looked
    at it, or invalidated by one. Held or not, nothing looks different from outside.

    No column holds a time of day, an address of a client, or anything personal in clear
    but a public name that an organiser approved.
    """

    __tablename__ = "signature"
    __table_args__ = (
        # Keyed by state first, so that partitions and shards can follow the state.
        Index("uq_signature_standing", "state_code", "digest", unique=True, **_where(_CONFIRMED)),
        Index("ix_signature_mailbox", "state_code", "digest"),
        Index("ix_signature_list", "state_code", "confirmed_on", "id", **_where(_CONFIRMED)),
        Index("ix_signature_pending", "signed_on", **_where(_PENDING)),
        Index("ix_signature_key", "key_id", **_where("sealed IS NOT NULL")),
        # These hold whatever is asked of what waits, so that counting it reads no signature.
        Index(
            "ix_signature_awaiting", *_OF_WAITING, **_where(f"{_CONFIRMED} AND ({_TO_NAME} OR {_TO_READ})")
        ),
        # Not by state: the newest names of all letters stand on one page.
        Index(
            "ix_signature_published",
            "confirmed_on",
            "id",
            **_where(f"{_CONFIRMED} AND public_name IS NOT NULL"),
        ),
        Index("ix_signature_aside", *_OF_HELD, **_where("held_for IS NOT NULL AND withdrawn_on IS NULL")),
        Index("ix_signature_withdrawn", "state_code", "id", **_where("withdrawn_on IS NOT NULL")),
        Index("ix_signature_to_strike", "state_code", "id", "to_strike", **_where(_TO_STRIKE)),
        Index("ix_signature_invalidation", "invalidation_id", **_where("invalidation_id IS NOT NULL")),
        # Without SQLite's row numbers, which would keep the order in which people signed.
        {"sqlite_with_rowid": False},
    )

    state_code: Mapped[str] = mapped_column(String(2), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    """Random, so that it says nothing about when the signature was made."""
    edition: Mapped[int]
    """The edition of the letter that was signed."""
    language: Mapped[str] = mapped_column(String(2))
    residence: Mapped[str] = mapped_column(String(2))
    """ISO 3166 alpha-2, or ``ZZ``: rather not said."""
    disclosure: Mapped[str] = mapped_column(String(10))
    signed_on: Mapped[date]
    confirmed_on: Mapped[date | None]
    withdrawn_on: Mapped[date | None]
    digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Recognises the mailbox within this letter; gone after a withdrawal and after the close."""
    key_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaign_key.id"))
    """The pair that the box is sealed to."""
    sealed: Mapped[bytes | None]
    """Name, address, town and words in one box; none when only counted, withdrawn or erased."""
    has_words: Mapped[bool] = mapped_column(default=False)
    public_name: Mapped[str | None]
    """In clear, only while the signatory wants it public and an organiser approved it."""
    name_review: Mapped[str | None] = mapped_column(String(8))
    words_review: Mapped[str | None] = mapped_column(String(8))
    held_for: Mapped[str | None] = mapped_column(String(12))
    """One of :data:`HOLDS` until an organiser lets it count."""
    invalidation_id: Mapped[UUID | None]
    """The organisers' decision that took it off the count."""
    to_strike: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it fell away, withdrawn or invalidated, and a delegation may have to be told its number."""

    @property
    def is_confirmed(self) -> bool:
        """Whether it has its mailbox's place, so that another of the same mailbox cannot be confirmed."""
        return self.confirmed_on is not None and self.withdrawn_on is None

    @property
    def is_set_aside(self) -> bool:
        """Whether it is held or invalidated; then no count knows of it."""
        return self.held_for is not None or self.invalidation_id is not None

    def forget(self) -> None:
        """Drop everything that identifies or could identify the signatory."""
        self.sealed = None
        self.key_id = None
        self.digest = None
        self.public_name = None
        self.has_words = False
        self.name_review = None
        self.words_review = None


class SignatureToken(Base):
    """What opens a signature's private page: each mail carries a token of its own, only its hash is here."""

    __tablename__ = "signature_token"
    __table_args__ = (
        ForeignKeyConstraint(
            ["state_code", "signature_id"], ["signature.state_code", "signature.id"], ondelete="CASCADE"
        ),
        Index("ix_signature_token_signature", "state_code", "signature_id"),
        {"sqlite_with_rowid": False},
    )

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    state_code: Mapped[str] = mapped_column(String(2))
    signature_id: Mapped[UUID]
