"""The rows that confirming reads, locks and writes, with statements of their own."""

from collections.abc import Iterable, Sequence
from datetime import date
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, bindparam, select, update
from sqlalchemy.orm import Session

from campaign.signature.deadline import is_expired
from campaign.signature.model import Mailbox, Signature, SignatureToken
from campaign.signature.select import of_mailbox
from campaign.signature.signature_mac import DECISIONS
from campaign.signature.token_mac import is_genuine_token

# Many may confirm at once, so statements are built once, and rows are no ORM objects.
_signatures, _tokens = Signature.__table__.c, SignatureToken.__table__.c
_SELECT_BY_TOKEN = (
    select(
        _tokens.hash,
        _tokens.is_substitute,
        _tokens.mac,
        _signatures.state_code,
        _signatures.id,
        _signatures.digest,
        _signatures.digest_mac,
        _signatures.residence,
        _signatures.edition,
        _signatures.language,
        _signatures.organisers_only,
        _signatures.disclosure,
        _signatures.signed_on,
        _signatures.confirmed_on,
        _signatures.withdrawn_on,
        _signatures.submission,
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
    select(
        _signatures.state_code,
        _signatures.id,
        _signatures.digest,
        _signatures.digest_mac,
        _signatures.decision_mac,
        _signatures.residence,
        _signatures.signed_on,
        _signatures.edition,
        _signatures.language,
        _signatures.organisers_only,
        _signatures.submitted_at,
        *(_signatures[name] for name in DECISIONS),
    )
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
    .values(
        confirmed_on=bindparam("on"),
        held_for=bindparam("now_held_for"),
        decision_mac=bindparam("mac"),
        submission=None,
        submitted_at=None,
    )
)

TokenRow = Any
"""A signature and the hash of its token, as :data:`_SELECT_BY_TOKEN` returns them."""

Siblings = dict[UUID, Any]
"""The submissions of one mailbox that were not withdrawn, in order, as :data:`_LOCK` returns them."""


def select_by_token(
    db: Session, hashes: Sequence[bytes], today: date, confirmation_days: int
) -> dict[bytes, list[TokenRow]]:
    """Return the signatures that tokens open, by the hash of the token; without expired ones."""
    found: dict[bytes, list[TokenRow]] = {}
    for row in db.connection().execute(_SELECT_BY_TOKEN, {"hashes": hashes}):
        is_genuine = is_genuine_token(db, row.mac, row.hash, row.state_code, row.id)
        if is_genuine and not is_expired(row, today, confirmation_days):
            found.setdefault(row.hash, []).append(row)
    return found


def mailbox_of(row: TokenRow) -> Mailbox:
    """Return the key of the siblings of *row*."""
    # Digests are erased some time after the close; a signature without one has no siblings.
    return Mailbox(row.state_code, row.digest or row.id.bytes)


def lock_siblings(db: Session, pending: Iterable[TokenRow]) -> dict[Mailbox, Siblings]:
    """Lock the siblings of *pending* rows, and return them by mailbox."""
    connection, siblings = db.connection(), dict[Mailbox, Siblings]()
    for mailbox, row in sorted(((mailbox_of(row), row) for row in pending), key=itemgetter(0)):
        if mailbox not in siblings:
            rows = connection.execute(*_lock(mailbox, row))
            siblings[mailbox] = {each.id: each for each in rows}
    return siblings


def _lock(mailbox: Mailbox, row: TokenRow) -> tuple[Select[Any], dict[str, Any]]:
    if row.digest is None:
        return _LOCK_ONE, {"state_code": row.state_code, "id": row.id}
    return _LOCK_SIBLINGS, mailbox._asdict()


def set_confirmed(db: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Write what became of locked rows, with the parameters of :data:`_SET_CONFIRMED`."""
    db.connection().execute(_SET_CONFIRMED, rows)
