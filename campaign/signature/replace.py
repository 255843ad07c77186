"""Replace the signatures that count by later submissions of the same mailbox."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.errors import ChangedError, ClosedError
from campaign.sealing.server_key import ServerKeys
from campaign.signature import count, submission
from campaign.signature.count import CountKey
from campaign.signature.deadline import is_late
from campaign.signature.link import find_shown, siblings
from campaign.signature.model import Signature
from campaign.signature.shown import Shown
from campaign.signature.sibling import delete_siblings, lead_to, superseded
from campaign.signature.signature_mac import deciding, is_as_decided
from campaign.signature.withdraw import erase_withdrawn


def replace(
    db: Session,
    token: str,
    *,
    pages: Sequence[Shown],
    keys: ServerKeys,
    now: datetime,
    confirmation_days: int,
    closes_on: date | None = None,
) -> list[Signature]:
    """Withdraw the signatures that count, and confirm the later submissions that the page showed beside them.

    The earlier ones leave the count, and delegations that have them on a list are notified, as after any
    withdrawal. What an organiser decided about one holds for the later one, too: a held or invalidated
    signature cannot count by being replaced.

    Args:
        db: The session.
        token: Of a link that opens the later submissions.
        pages: What the page showed of each letter.
        keys: The server's.
        now: The time.
        confirmation_days: Days in which a signature can be confirmed.
        closes_on: The last day for signing.

    Raises:
        UnknownTokenError: No signature has this token.
        ClosedError: One was submitted after the close.
        ChangedError: The page showed something else.
    """
    shown, changes = {(page.state_code, page.id): page for page in pages}, dict[CountKey, list[int]]()
    replaced = []
    for found in find_shown(db, token, pages, now=now, confirmation_days=confirmation_days):
        if is_late(found, closes_on):
            raise ClosedError("it was signed after the close")
        page = shown[found.state_code, found.id.hex]
        replaced.append(_replace_one(db, token, found, page, keys, now.date(), changes))
    # All changes of the counts in one call: each call locks rows of its own.
    count.add_all(db, {key: (confirmed, withdrawn) for key, (confirmed, withdrawn) in changes.items()})
    return replaced


def _replace_one(
    db: Session,
    token: str,
    found: Signature,
    page: Shown,
    keys: ServerKeys,
    today: date,
    changes: dict[CountKey, list[int]],
) -> Signature:
    """Let *found* count in place of the one that counts now; add to the *changes* of the counts."""
    rows = siblings(db, found, is_locked=True)
    later = next((row for row in rows if row.id == found.id), None)
    if later is not None and later.is_confirmed:  # the button was pressed twice
        return later
    earlier = next((row for row in rows if row.is_confirmed), None)
    if later is None or earlier is None or Shown.of(later, counting=earlier) != page:
        raise ChangedError("the page showed something else")
    are_as_decided = is_as_decided(keys.row, later) and is_as_decided(keys.row, earlier)
    if not are_as_decided or submission.unwrap(later, token, keys) is None:
        raise ChangedError("this link cannot show what was submitted")
    others = superseded(rows, later, keys)
    _exchange(db, earlier, later, today, changes)
    delete_siblings(db, later.state_code, others, counting=later.id)
    lead_to(db, later.state_code, [earlier.id], counting=later.id)
    return later


def _exchange(
    db: Session, earlier: Signature, later: Signature, today: date, changes: dict[CountKey, list[int]]
) -> None:
    with deciding(db, later):
        later.held_for = later.held_for or earlier.held_for
        later.invalidation_id = later.invalidation_id or earlier.invalidation_id
    for row, at in ((earlier, 1), (later, 0)):
        if not row.is_set_aside:
            changes.setdefault((row.state_code, row.residence, today), [0, 0])[at] += 1
    erase_withdrawn(earlier, today)
    journal.record(db, journal.REPLACE, state=earlier.state_code, id=earlier.id, on=today)
    db.flush()  # one signature per mailbox: the earlier one leaves its place first
    with deciding(db, later):
        later.confirmed_on = today
    later.submission = later.submitted_at = None
    db.flush()
