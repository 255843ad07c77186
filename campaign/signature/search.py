"""Which signatures an organiser means: by letter, residence, day, mail domain, or why they are held."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from itertools import islice

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import Session

from campaign.errors import WrongKeyError
from campaign.sealing import box
from campaign.sealing.box import Details
from campaign.signature.model import Key, Signature

ANY = "any"

PENDING, CONFIRMED = "pending", "confirmed"

BATCH = 1000
"""Rows read, and perhaps opened, at once."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Means the signatures to which every part applies that is given; withdrawn ones never."""

    state_code: str = ""
    residence: str = ""
    signed_from: date | None = None
    signed_to: date | None = None
    held_for: str = ""
    """One of ``HOLDS``, or :data:`ANY`: held ones alone."""
    stage: str = ""
    """:data:`PENDING` or :data:`CONFIRMED` alone; empty for both."""
    domain: str = field(default="", repr=False)
    """Of the mailbox, subdomains included. It lies in the sealed box, so each box is opened."""

    @property
    def is_empty(self) -> bool:
        """Whether it would mean every signature there is."""
        return self == Rule(stage=self.stage)


@dataclass(frozen=True)
class Found:
    """A signature that a rule means, with what its box held, as far as it was opened."""

    row: Signature
    details: Details | None = field(repr=False)
    """``None`` where nothing was kept, or another key closed it."""

    @property
    def key(self) -> Key:
        """Its key."""
        return self.row.state_code, self.row.id


@dataclass(frozen=True, kw_only=True)
class Outline:
    """How many signatures a rule means, and what the first of them are."""

    number: int
    counting: int
    """Of these, those that count now."""
    pending: int
    held: int
    first: tuple[Found, ...]
    is_complete: bool = True
    """Whether every box was opened; if not, there may be more."""


def outline(db: Session, rule: Rule, private_key: bytes, *, first: int, most_read: int) -> Outline:
    """Return how many signatures *rule* means, with its *first* few, opened."""
    if rule.domain:
        return _outline_opened(db, rule, private_key, first, most_read)
    confirmed, held = Signature.confirmed_on.is_not(None), Signature.held_for.is_not(None)
    number, pending, held_number, counting = db.execute(
        select(
            func.count(),
            func.count().filter(~confirmed),
            func.count().filter(held),
            func.count().filter(confirmed, ~held),
        ).where(*_conditions(rule))
    ).one()
    shown = islice(find(db, rule, private_key), first)
    return Outline(
        number=number,
        counting=counting,
        pending=pending,
        held=held_number,
        first=tuple(Found(each.row, opened(each.row, private_key)) for each in shown),
    )


def find(db: Session, rule: Rule, private_key: bytes, *, most_read: int | None = None) -> Iterator[Found]:
    """Yield what *rule* means, by state and id; at most *most_read* rows are looked at for it.

    Boxes are opened where the rule asks for a domain; others are opened by whoever shows them.
    """
    for row in _rows(db, select(Signature).where(*_conditions(rule)), most_read):
        if not rule.domain:
            yield Found(row, None)
            continue
        details = opened(row, private_key)
        if details is not None and _has_domain(details.email, rule.domain):
            yield Found(row, details)


def opened(row: Signature, private_key: bytes) -> Details | None:
    """Return what *row*'s box holds, or ``None`` where there is none that this key opens."""
    if row.sealed is not None:
        with suppress(WrongKeyError):
            return box.unseal(row.sealed, private_key)
    return None


def _conditions(rule: Rule) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [
        Signature.withdrawn_on.is_(None),
        Signature.invalidation_id.is_(None),
    ]
    if rule.state_code:
        wanted.append(Signature.state_code == rule.state_code)
    if rule.residence:
        wanted.append(Signature.residence == rule.residence)
    if rule.signed_from:
        wanted.append(Signature.signed_on >= rule.signed_from)
    if rule.signed_to:
        wanted.append(Signature.signed_on <= rule.signed_to)
    if rule.held_for:
        wanted.append(
            Signature.held_for.is_not(None) if rule.held_for == ANY else Signature.held_for == rule.held_for
        )
    if rule.stage:
        wanted.append(
            Signature.confirmed_on.is_(None) if rule.stage == PENDING else Signature.confirmed_on.is_not(None)
        )
    return wanted


def _outline_opened(db: Session, rule: Rule, private_key: bytes, first: int, most_read: int) -> Outline:
    number = counting = pending = held = 0
    shown: list[Found] = []
    for each in find(db, rule, private_key, most_read=most_read):
        number += 1
        pending += each.row.confirmed_on is None
        held += each.row.held_for is not None
        counting += each.row.confirmed_on is not None and each.row.held_for is None
        if len(shown) < first:
            shown.append(each)
    looked_at = select(Signature.id).where(*_conditions(rule)).limit(most_read + 1).subquery()
    there_are = db.scalar(select(func.count()).select_from(looked_at)) or 0
    return Outline(
        number=number,
        counting=counting,
        pending=pending,
        held=held,
        first=tuple(shown),
        is_complete=there_are <= most_read,
    )


def _rows(db: Session, query: Select[Signature], most: int | None) -> Iterator[Signature]:
    after: Key | None = None
    read = 0
    while most is None or read < most:
        batch = query.order_by(Signature.state_code, Signature.id).limit(BATCH)
        if after is not None:
            batch = batch.where(tuple_(Signature.state_code, Signature.id) > after)
        rows = db.scalars(batch).all()
        yield from rows
        if len(rows) < BATCH:
            return
        read += len(rows)
        after = rows[-1].state_code, rows[-1].id
        db.expunge_all()


def _has_domain(address: str, domain: str) -> bool:
    of_mailbox = address.rpartition("@")[2].casefold()
    return of_mailbox == domain or of_mailbox.endswith(f".{domain}")
