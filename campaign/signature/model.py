"""The tables of signatures and of their tokens."""

from collections.abc import Mapping
from datetime import date
from operator import attrgetter, itemgetter
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

from campaign.database.batch import BATCH_COLUMN
from campaign.database.table import Base

PUBLIC, DELEGATION, COUNTED = "public", "delegation", "counted"
DISCLOSURES = (PUBLIC, DELEGATION, COUNTED)
"""Who may see the name: everybody, the delegation that gets the letter, nobody."""

APPROVED, DECLINED = "approved", "declined"

SignatureKey = tuple[str, UUID]
"""A signature's key: state code and id."""


class Mailbox(NamedTuple):
    """A mailbox within a letter: at most one confirmed signature counts for it."""

    state_code: str
    digest: bytes


ROBOT, NETWORK, DOMAIN = "robot", "network", "domain"
HOLD_REASONS = (ROBOT, NETWORK, DOMAIN)
"""Why a signature is held: the hidden form field was filled in; a busy network sent it without a
proof; its mail domain is above a threshold."""

_CONFIRMED = "confirmed_on IS NOT NULL AND withdrawn_on IS NULL"
_PENDING = "confirmed_on IS NULL"
AWAITS_NAME_APPROVAL = "(disclosure = 'public' AND name_review IS NULL)"
AWAITS_WORDS_APPROVAL = "(has_words AND words_review IS NULL)"
TO_STRIKE = "to_strike"

_HELD_COLUMNS = ("state_code", "id", "held_for", "confirmed_on", "withdrawn_on", "invalidation_id")
_AWAITING_COLUMNS = (*_HELD_COLUMNS, "disclosure", "name_review", "has_words", "words_review")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class Signature(Base):
    """One submission of the form: pending, then confirmed, perhaps withdrawn.

    A confirmed signature counts, unless it is withdrawn, held for an organiser's review, or
    invalidated. Signatories and visitors cannot see whether a signature is held.

    No column contains a time of day, a client's address, or personal data in clear, except a
    public name that an organiser approved.
    """

    __tablename__ = "signature"
    __table_args__ = (
        # The state comes first, so that partitions and shards can follow it.
        Index("uq_signature_standing", "state_code", "digest", unique=True, **_where(_CONFIRMED)),
        Index("ix_signature_mailbox", "state_code", "digest"),
        Index("ix_signature_pending", "signed_on", **_where(_PENDING)),
        Index("ix_signature_key", "key_id", **_where("sealed IS NOT NULL")),
        # Covers every column that counting the waiting approvals reads.
        Index(
            "ix_signature_awaiting",
            *_AWAITING_COLUMNS,
            **_where(f"{_CONFIRMED} AND ({AWAITS_NAME_APPROVAL} OR {AWAITS_WORDS_APPROVAL})"),
        ),
        # Not by state: one page shows public names of all letters.
        Index("ix_signature_published", "id", **_where(f"{_CONFIRMED} AND public_name IS NOT NULL")),
        Index(
            "ix_signature_aside", *_HELD_COLUMNS, **_where("held_for IS NOT NULL AND withdrawn_on IS NULL")
        ),
        Index("ix_signature_withdrawn", "state_code", "id", **_where("withdrawn_on IS NOT NULL")),
        Index("ix_signature_to_strike", "state_code", "id", "to_strike", **_where(TO_STRIKE)),
        Index("ix_signature_invalidation", "invalidation_id", **_where("invalidation_id IS NOT NULL")),
        # SQLite's row numbers would record the order in which people signed.
        {"sqlite_with_rowid": False},
    )

    state_code: Mapped[str] = mapped_column(String(2), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    """Random: neither it nor the order of lists, which is its own, reveals when the signature was made."""
    edition: Mapped[int]
    """The signed edition of the letter."""
    language: Mapped[str] = mapped_column(String(2))
    residence: Mapped[str] = mapped_column(String(2))
    """ISO 3166 alpha-2, or ``ZZ``: rather not say."""
    disclosure: Mapped[str] = mapped_column(String(10))
    signed_on: Mapped[date]
    confirmed_on: Mapped[date | None]
    withdrawn_on: Mapped[date | None]
    digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Identifies the mailbox within this letter; erased by a withdrawal and after the close."""
    digest_mac: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Of digest and key: a digest that was moved to another row leads nobody to it."""
    key_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaign_key.id"))
    """The key pair that the box is sealed to."""
    sealed: Mapped[bytes | None]
    """Box of name, address, town and words; none if only counted, withdrawn or erased."""
    organisers_only: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Signed while the delegation got no names: the form promised that only organisers would see the name."""
    has_words: Mapped[bool] = mapped_column(default=False)
    public_name: Mapped[str | None]
    """In clear; only while the signatory wants it public and an organiser has approved it."""
    name_review: Mapped[str | None] = mapped_column(String(8))
    words_review: Mapped[str | None] = mapped_column(String(8))
    submission: Mapped[bytes | None]
    """Encrypted copy of what was typed, for the private page; only while pending."""
    submitted_at: Mapped[bytes | None]
    """Encrypted time of the submission; only while pending."""
    held_for: Mapped[str | None] = mapped_column(String(12))
    """One of :data:`HOLD_REASONS` until an organiser releases the signature."""
    invalidation_id: Mapped[UUID | None]
    """The organiser's decision that took the signature off the count."""
    decision_mac: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Of what decides whether the name and the words leave the site; empty once there is nothing left."""
    to_strike: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Withdrawn or invalidated, and not yet reported to a delegation that has it on a list."""

    @property
    def context(self) -> str:
        """What the box is bound to."""
        return context_of(self)

    @property
    def is_confirmed(self) -> bool:
        """Whether it was confirmed and not withdrawn; one per mailbox and letter."""
        return self.confirmed_on is not None and self.withdrawn_on is None

    @property
    def is_set_aside(self) -> bool:
        """Whether it is held or invalidated, and so not counted."""
        return self.held_for is not None or self.invalidation_id is not None

    def erase_personal_data(self) -> None:
        """Erase everything that identifies or could identify the signatory."""
        self.sealed = None
        self.submission = None
        self.submitted_at = None
        self.key_id = None
        self.digest = self.digest_mac = None
        self.public_name = None
        self.decision_mac = None
        self.has_words = False
        self.name_review = None
        self.words_review = None


BOUND = ("state_code", "id", "residence", "signed_on", "edition", "language", "organisers_only")
"""The columns that a signature's box is bound to."""

_bound = attrgetter(*BOUND)
_bound_columns = itemgetter(*BOUND)


def context_of(row: Any) -> str:
    """Return what the box of a signature, a row or an object, is bound to."""
    return box_context(*_bound(row))


def context_of_columns(columns: Mapping[str, Any]) -> str:
    """Return the same for the columns of a row to insert."""
    return box_context(*_bound_columns(columns))


def box_context(
    state_code: str,
    id_: UUID,
    residence: str,
    signed_on: date,
    edition: int,
    language: str,
    organisers_only: bool,
) -> str:
    """Return what a signature's box is bound to.

    These columns never change, and decide who may see the name and which text is above it.

    A row in which one of them was edited does not open, nor does a box that was copied to another row.
    """
    promise = "organisers" if organisers_only else "delegation"
    return f"{state_code} {id_.hex} {residence} {signed_on} {edition} {language} {promise}"


class SignatureToken(Base):
    """The hash of a token that opens a signature's private page; each mail has its own token.

    A token may open several: the one in the last mail of a day also opens what is submitted later that day.
    """

    __tablename__ = "signature_token"
    __table_args__ = (
        ForeignKeyConstraint(
            ["state_code", "signature_id"], ["signature.state_code", "signature.id"], ondelete="CASCADE"
        ),
        Index("ix_signature_token_signature", "state_code", "signature_id"),
        {"sqlite_with_rowid": False, "info": {BATCH_COLUMN: "hash"}},
    )

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    state_code: Mapped[str] = mapped_column(String(2))
    signature_id: Mapped[UUID] = mapped_column(primary_key=True)
    is_substitute: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether this signature counts in place of the one that the mail was about."""
    mac: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Of :attr:`hash` and signature: a token that somebody inserted or re-pointed opens nothing."""
