"""Confirming: one transaction that lets signatures count, and drops their unconfirmed siblings."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from campaign.errors import CampaignError, ClosedError, UnknownTokenError
from campaign.sealing.code import code_hash
from campaign.signature import count
from campaign.signature.model import Key, Mailbox, Signature, SignatureToken
from campaign.signature.select import of_mailbox
from campaign.signature.withdraw import is_overdue

# Confirming comes in floods as signing does, so its statements are made once, and its rows without objects.
_signatures, _tokens = Signature.__table__.c, SignatureToken.__table__.c
_FOUND = (
    select(
        _tokens.hash,
        _signatures.state_code,
        _signatures.id,
        _signatures.digest,
        _signatures.residence,
        _signatures.signed_on,
        _signatures.confirmed_on,
        _signatures.withdrawn_on,
    )
    .join_from(
        SignatureToken.__table__,
        Signature.__table__,
        and_(_tokens.state_code == _signatures.state_code, _tokens.signature_id == _signatures.id),
    )
    .where(_tokens.hash.in_(bindparam("hashes", expanding=True)))
)
# What decides is read with the lock: an organiser may have held, released or invalidated meanwhile.
_LOCKED = (
    select(_signatures.id, _signatures.confirmed_on, _signatures.held_for, _signatures.invalidation_id)
    .where(_signatures.withdrawn_on.is_(None))
    # In one order, so that siblings confirmed at the same moment wait instead of deadlocking.
    .order_by(_signatures.digest, _signatures.id)
    .with_for_update()
)
_FAMILY = _LOCKED.where(of_mailbox(bindparam("state_code"), bindparam("digest")))
_ALONE = _LOCKED.where(_signatures.state_code == bindparam("state_code"), _signatures.id == bindparam("id"))
_CONFIRM = (
    update(Signature.__table__)  # type: ignore[arg-type]
    .where(_signatures.state_code == bindparam("of_state"), _signatures.id == bindparam("of_id"))
    .values(confirmed_on=bindparam("on"))
)

Found = Any
"""A signature as :data:`_FOUND` reads it."""

Family = dict[UUID, Any]
"""The submissions of one mailbox that were not withdrawn, in order, as :data:`_LOCKED` reads them."""


def confirm(
    db: Session,
    token: str,
    *,
    now: datetime,
    confirmation_days: int,
    closes_on: date | None = None,
) -> Signature:
    """Let the signature count, once per mailbox and letter, and drop its unconfirmed siblings.

    Confirming twice returns the confirmed signature. When another submission of the same
    mailbox counts already, that one is returned and this one dropped.

    Raises:
        UnknownTokenError: None has this token, or it was not confirmed in time.
        ClosedError: The campaign is over and this one was not confirmed.
    """
    (outcome,) = confirm_all(db, [token], now=now, confirmation_days=confirmation_days, closes_on=closes_on)
    if isinstance(outcome, CampaignError):
        raise outcome
    return db.get_one(Signature, outcome, populate_existing=True)


def confirm_all(
    db: Session,
    tokens: Sequence[str],
    *,
    now: datetime,
    confirmation_days: int,
    closes_on: date | None = None,
) -> list[Key | CampaignError]:
    """Do what :func:`confirm` does for many tokens; return for each the signature's key, or its error."""
    db.flush()  # the statements below see what is in the database alone
    hashes = [code_hash(token) for token in tokens]
    is_closed = closes_on is not None and now.date() > closes_on
    while True:
        found = _found(db, hashes, now.date(), confirmation_days)
        pending = [] if is_closed else [row for row in found.values() if _is_pending(row)]
        families = _locked(db, pending)
        if any(row.id not in families[_mailbox(row)] for row in pending):
            continue  # a sibling was confirmed meanwhile; its link leads to that one now
        try:
            with db.begin_nested():
                holders = _settle(db, pending, families, on=now.date())
        except IntegrityError:
            continue  # so was one that came after the others were locked
        return [_outcome(found.get(each), holders, is_closed=is_closed) for each in hashes]


def _found(db: Session, hashes: Sequence[bytes], today: date, confirmation_days: int) -> dict[bytes, Found]:
    rows = db.connection().execute(_FOUND, {"hashes": hashes})
    return {row.hash: row for row in rows if not is_overdue(row, today, confirmation_days)}


def _is_pending(row: Found) -> bool:
    return row.confirmed_on is None and row.withdrawn_on is None


def _mailbox(row: Found) -> Mailbox:
    # After the close no digest is left, and each is alone.
    return Mailbox(row.state_code, row.digest or row.id.bytes)


def _locked(db: Session, pending: Iterable[Found]) -> dict[Mailbox, Family]:
    families: dict[Mailbox, Family] = {}
    for mailbox, row in sorted(((_mailbox(row), row) for row in pending), key=itemgetter(0)):
        if mailbox not in families:
            members = db.connection().execute(*_members(mailbox, row))
            families[mailbox] = {member.id: member for member in members}
    return families


def _members(mailbox: Mailbox, row: Found) -> tuple[Select[Any], dict[str, Any]]:
    if row.digest is None:
        return _ALONE, {"state_code": row.state_code, "id": row.id}
    return _FAMILY, mailbox._asdict()


def _settle(
    db: Session, pending: Iterable[Found], families: Mapping[Mailbox, Family], *, on: date
) -> dict[Mailbox, UUID]:
    """Confirm one of each family, unless one was; return which one holds the place."""
    holders: dict[Mailbox, UUID] = {}
    new: list[Found] = []
    for row in pending:
        mailbox = _mailbox(row)
        if mailbox not in holders:
            earlier = next((each.id for each in families[mailbox].values() if each.confirmed_on), None)
            holders[mailbox] = earlier or row.id
            if earlier is None:
                new.append(row)
    if new:
        rows = [{"of_state": row.state_code, "of_id": row.id, "on": on} for row in new]
        db.connection().execute(_CONFIRM, rows)
        counted = (row for row in new if _counts(families[_mailbox(row)][row.id]))
        count.add_all(db, Counter((row.state_code, row.residence) for row in counted), on=on)
    for mailbox, holder in holders.items():
        members = families[mailbox].values()
        siblings = [each.id for each in members if each.id != holder and not each.confirmed_on]
        if siblings:
            _drop(db, mailbox.state_code, siblings, holder)
    return holders


def _counts(member: Any) -> bool:
    return member.held_for is None and member.invalidation_id is None


def _drop(db: Session, state_code: str, siblings: Sequence[UUID], confirmed: UUID) -> None:
    """Delete pending siblings; links mailed for them lead to the *confirmed* one from now on."""
    db.execute(
        update(SignatureToken)
        .where(SignatureToken.state_code == state_code, SignatureToken.signature_id.in_(siblings))
        .values(signature_id=confirmed)
    )
    db.execute(delete(Signature).where(Signature.state_code == state_code, Signature.id.in_(siblings)))


def _outcome(row: Found | None, holders: Mapping[Mailbox, UUID], *, is_closed: bool) -> Key | CampaignError:
    if row is None:
        return UnknownTokenError("no signature has this link, or it was not confirmed in time")
    if not _is_pending(row):
        return row.state_code, row.id
    if is_closed:
        return ClosedError("the campaign has closed")
    return row.state_code, holders[_mailbox(row)]
