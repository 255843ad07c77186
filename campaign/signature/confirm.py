"""Confirm: let pending signatures count, one per mailbox and letter, and delete their siblings."""

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
from campaign.signature.link import is_expired
from campaign.signature.model import Mailbox, Signature, SignatureKey, SignatureToken
from campaign.signature.select import of_mailbox

# Many may confirm at once, so statements are built once, and rows are no ORM objects.
_signatures, _tokens = Signature.__table__.c, SignatureToken.__table__.c
_SELECT_BY_TOKEN = (
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
# Read again with the lock: an organiser may have held, released or invalidated the signature meanwhile.
_LOCK = (
    select(_signatures.id, _signatures.confirmed_on, _signatures.held_for, _signatures.invalidation_id)
    .where(_signatures.withdrawn_on.is_(None))
    # Sorted, so that siblings confirmed at the same moment wait for each other instead of deadlocking.
    .order_by(_signatures.digest, _signatures.id)
    .with_for_update()
)
_LOCK_SIBLINGS = _LOCK.where(of_mailbox(bindparam("state_code"), bindparam("digest")))
_LOCK_ONE = _LOCK.where(_signatures.state_code == bindparam("state_code"), _signatures.id == bindparam("id"))
_SET_CONFIRMED = (
    update(Signature.__table__)  # type: ignore[arg-type]
    .where(_signatures.state_code == bindparam("of_state"), _signatures.id == bindparam("of_id"))
    .values(confirmed_on=bindparam("on"))
)

TokenRow = Any
"""A signature and the hash of its token, as :data:`_SELECT_BY_TOKEN` returns them."""

Siblings = dict[UUID, Any]
"""The submissions of one mailbox that were not withdrawn, in order, as :data:`_LOCK` returns them."""


def confirm(
    db: Session,
    tokens: Sequence[str],
    *,
    now: datetime,
    confirmation_days: int,
    closes_on: date | None = None,
) -> list[SignatureKey | CampaignError]:
    """Let signatures count, once per mailbox and letter, and delete their pending siblings.

    Return for each token the key of the signature that counts, which may be an earlier one of
    the same mailbox, or the error: :class:`UnknownTokenError` if no signature has the token or
    it expired, :class:`ClosedError` if it is pending and was signed after the close. Who signed in
    time may confirm in time, also after the close.
    """
    db.flush()  # the statements below bypass the ORM
    hashes = [code_hash(token) for token in tokens]
    while True:
        found = _select_by_token(db, hashes, now.date(), confirmation_days)
        pending = [row for row in found.values() if _is_pending(row) and not _is_late(row, closes_on)]
        siblings = _lock_siblings(db, pending)
        if any(row.id not in siblings[_mailbox(row)] for row in pending):
            continue  # a sibling was confirmed meanwhile, and the token now leads to it
        try:
            with db.begin_nested():
                confirmed = _confirm_one_per_mailbox(db, pending, siblings, on=now.date())
        except IntegrityError:
            continue  # a sibling that was inserted after the lock was confirmed
        return [_outcome(found.get(each), confirmed, closes_on) for each in hashes]


def _select_by_token(
    db: Session, hashes: Sequence[bytes], today: date, confirmation_days: int
) -> dict[bytes, TokenRow]:
    rows = db.connection().execute(_SELECT_BY_TOKEN, {"hashes": hashes})
    return {row.hash: row for row in rows if not is_expired(row, today, confirmation_days)}


def _is_pending(row: TokenRow) -> bool:
    return row.confirmed_on is None and row.withdrawn_on is None


def _is_late(row: TokenRow, closes_on: date | None) -> bool:
    return closes_on is not None and row.signed_on > closes_on


def _mailbox(row: TokenRow) -> Mailbox:
    # Digests are erased some time after the close; a signature without one has no siblings.
    return Mailbox(row.state_code, row.digest or row.id.bytes)


def _lock_siblings(db: Session, pending: Iterable[TokenRow]) -> dict[Mailbox, Siblings]:
    siblings: dict[Mailbox, Siblings] = {}
    for mailbox, row in sorted(((_mailbox(row), row) for row in pending), key=itemgetter(0)):
        if mailbox not in siblings:
            rows = db.connection().execute(*_lock(mailbox, row))
            siblings[mailbox] = {each.id: each for each in rows}
    return siblings


def _lock(mailbox: Mailbox, row: TokenRow) -> tuple[Select[Any], dict[str, Any]]:
    if row.digest is None:
        return _LOCK_ONE, {"state_code": row.state_code, "id": row.id}
    return _LOCK_SIBLINGS, mailbox._asdict()


def _confirm_one_per_mailbox(
    db: Session, pending: Iterable[TokenRow], siblings: Mapping[Mailbox, Siblings], *, on: date
) -> dict[Mailbox, UUID]:
    """Confirm one submission per mailbox, unless one is confirmed already; return the confirmed ones."""
    confirmed: dict[Mailbox, UUID] = {}
    new: list[TokenRow] = []
    for row in pending:
        mailbox = _mailbox(row)
        if mailbox not in confirmed:
            earlier = next((each.id for each in siblings[mailbox].values() if each.confirmed_on), None)
            confirmed[mailbox] = earlier or row.id
            if earlier is None:
                new.append(row)
    if new:
        rows = [{"of_state": row.state_code, "of_id": row.id, "on": on} for row in new]
        db.connection().execute(_SET_CONFIRMED, rows)
        counting = Counter(
            (row.state_code, row.residence, on) for row in new if _counts(siblings[_mailbox(row)][row.id])
        )
        count.add_all(db, {key: (number, 0) for key, number in counting.items()})
    for mailbox, signature_id in confirmed.items():
        others = [each for each in siblings[mailbox].values() if each.id != signature_id]
        _delete_pending(
            db, mailbox.state_code, [each.id for each in others if not each.confirmed_on], signature_id
        )
    return confirmed


def _counts(row: Any) -> bool:
    return row.held_for is None and row.invalidation_id is None


def _delete_pending(db: Session, state_code: str, siblings: Sequence[UUID], confirmed: UUID) -> None:
    """Delete pending siblings; their tokens now lead to the *confirmed* signature."""
    if not siblings:
        return
    db.execute(
        update(SignatureToken)
        .where(SignatureToken.state_code == state_code, SignatureToken.signature_id.in_(siblings))
        .values(signature_id=confirmed)
    )
    db.execute(delete(Signature).where(Signature.state_code == state_code, Signature.id.in_(siblings)))


def _outcome(
    row: TokenRow | None, confirmed: Mapping[Mailbox, UUID], closes_on: date | None
) -> SignatureKey | CampaignError:
    if row is None:
        return UnknownTokenError("no signature has this link, or it was not confirmed in time")
    if not _is_pending(row):
        return row.state_code, row.id
    if _is_late(row, closes_on):
        return ClosedError("it was signed after the close")
    return row.state_code, confirmed[_mailbox(row)]
