"""Confirm: let pending signatures count, one per mailbox and letter, and delete their earlier siblings."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from campaign.errors import CampaignError, ChangedError, ClosedError, UnknownTokenError
from campaign.sealing import row_mac
from campaign.sealing.code import code_hash
from campaign.sealing.server_key import ServerKeys
from campaign.signature import count, submission
from campaign.signature.confirm_row import (
    Siblings,
    TokenRow,
    lock_siblings,
    mailbox_of,
    select_by_token,
    set_confirmed,
)
from campaign.signature.deadline import is_late
from campaign.signature.domain_day import ConfirmedLink, count_confirmed
from campaign.signature.model import DOMAIN, Mailbox, SignatureKey
from campaign.signature.shown import Shown
from campaign.signature.sibling import delete_siblings, superseded
from campaign.signature.signature_mac import decision_mac, has_own_digest, is_as_decided
from campaign.signature.submission import Submission


class Confirmation(NamedTuple):
    """A press of the button *Confirm*: all of its letters are confirmed, or none."""

    token: str
    pages: tuple[Shown, ...] = ()
    """What the page showed of each letter to confirm; empty for the only signature that the link opens."""


class _Choice(NamedTuple):
    """The signatures that a confirmation is about, or why nothing can be done."""

    pending: tuple[tuple[TokenRow, Submission], ...] = ()
    confirmed: tuple[SignatureKey, ...] = ()
    """Confirmed already: the button was pressed twice."""
    is_first: bool = True
    """Whether the link confirmed nothing before."""
    error: CampaignError | None = None


def confirm(
    db: Session,
    confirmations: Sequence[Confirmation],
    *,
    keys: ServerKeys,
    now: datetime,
    confirmation_days: int,
    closes_on: date | None = None,
) -> list[tuple[SignatureKey, ...] | CampaignError]:
    """Let signatures count, once per mailbox and letter, and delete what was submitted before them.

    Return for each the keys of its signatures, or the error: :class:`UnknownTokenError` if no signature
    has the token or it expired; :class:`ClosedError` if it is pending and was signed after the close;
    :class:`ChangedError` if another signature of the mailbox counts, if the page showed something else,
    or if this link cannot show what was submitted. Who signed in time may confirm in time, also after
    the close.
    """
    db.flush()  # the statements below bypass the ORM
    hashes = sorted({code_hash(each.token) for each in confirmations})
    while True:
        found = select_by_token(db, hashes, now.date(), confirmation_days)
        chosen = [
            _choose(each, found.get(code_hash(each.token), []), keys, closes_on) for each in confirmations
        ]
        pending = [row for choice in chosen for row, _typed in choice.pending]
        siblings = lock_siblings(db, pending)
        if any(row.id not in siblings[mailbox_of(row)] for row in pending):
            continue  # a sibling was confirmed meanwhile, or it was withdrawn
        try:
            with db.begin_nested():
                confirmed = _confirm_one_per_mailbox(db, chosen, siblings, keys, on=now.date())
        except IntegrityError:
            continue  # a sibling that was inserted after the lock was confirmed
        return [_outcome(choice, confirmed) for choice in chosen]


def _choose(
    confirmation: Confirmation, rows: Sequence[TokenRow], keys: ServerKeys, closes_on: date | None
) -> _Choice:
    """Choose the signatures that the page showed, or the only one that the link leads to."""
    if not rows:
        return _Choice(error=UnknownTokenError("no signature has this link, or it was not confirmed in time"))
    pending, confirmed = [], []
    try:
        for page in confirmation.pages or (None,):
            row = _find(rows, page)
            if row.confirmed_on is None:
                pending.append((row, _typed(row, page, confirmation.token, keys, closes_on)))
            else:
                confirmed.append((row.state_code, row.id))
    except CampaignError as error:
        return _Choice(error=error)
    is_first = all(row.confirmed_on is None for row in rows)
    return _Choice(tuple(pending), tuple(confirmed), is_first=is_first)


def _find(rows: Sequence[TokenRow], page: Shown | None) -> TokenRow:
    found = [row for row in rows if page is None or page.is_about(row)]
    if len(found) != 1 or found[0].withdrawn_on is not None or (page is None and found[0].is_substitute):
        raise ChangedError("the page showed something else")
    return found[0]


def _typed(
    row: TokenRow, page: Shown | None, token: str, keys: ServerKeys, closes_on: date | None
) -> Submission:
    """Return what was typed, if the page showed it and it may be confirmed."""
    if is_late(row, closes_on):
        raise ClosedError("it was signed after the close")
    typed = submission.unwrap(row, token, keys)
    is_moved = row.digest is not None and not has_own_digest(keys.row, row)
    if is_moved or typed is None or page not in {None, Shown.of(row)}:
        raise ChangedError("the page showed something else")
    return typed


def _confirm_one_per_mailbox(
    db: Session,
    chosen: Sequence[_Choice],
    siblings: Mapping[Mailbox, Siblings],
    keys: ServerKeys,
    *,
    on: date,
) -> set[SignatureKey]:
    """Confirm one submission per mailbox, unless one is confirmed already; return the confirmed ones.

    Those beyond a threshold of their mail domain are confirmed and held.
    """
    new = _one_per_mailbox(db, chosen, siblings)
    locked = {(row.state_code, row.id): siblings[mailbox][row.id] for mailbox, row in new.items()}
    if new:
        held = count_confirmed(db, _links(chosen, locked.keys()), on=on)
        rows = [_confirmed(db, row, on, is_beyond=key in held) for key, row in locked.items()]
        set_confirmed(db, rows)
        counting = Counter(
            (row.state_code, row.residence, on)
            for mailbox, row in new.items()
            if (row.state_code, row.id) not in held and _counts(siblings[mailbox][row.id])
        )
        count.add_all(db, {key: (number, 0) for key, number in counting.items()})
    for mailbox, row in new.items():
        genuine = (each for each in siblings[mailbox].values() if has_own_digest(db.info[row_mac.KEY], each))
        earlier = superseded(genuine, siblings[mailbox][row.id], keys)
        delete_siblings(db, mailbox.state_code, earlier, counting=row.id)
    return set(locked)


def _one_per_mailbox(
    db: Session, chosen: Sequence[_Choice], siblings: Mapping[Mailbox, Siblings]
) -> dict[Mailbox, TokenRow]:
    """Return what may be confirmed: all that a button is about, or none of it."""
    new: dict[Mailbox, TokenRow] = {}
    for choice in chosen:
        rows = [row for row, _typed in choice.pending]
        wanted = {mailbox_of(row): row for row in rows}
        is_first = all(new.get(mailbox, row).id == row.id for mailbox, row in wanted.items())
        is_free = all(_may_confirm(db, row, siblings[mailbox]) for mailbox, row in wanted.items())
        if len(wanted) == len(rows) and is_first and is_free:
            new |= wanted
    return new


def _may_confirm(db: Session, row: TokenRow, siblings: Siblings) -> bool:
    is_free = not any(each.confirmed_on for each in siblings.values())
    return is_free and is_as_decided(db.info[row_mac.KEY], siblings[row.id])


def _confirmed(db: Session, row: Any, on: date, *, is_beyond: bool) -> dict[str, Any]:
    """Return the changes of a locked row: confirmed, and held if it is beyond a threshold."""
    held_for = row.held_for or (DOMAIN if is_beyond else None)
    decided = row._asdict() | {"confirmed_on": on, "held_for": held_for}
    mac = decision_mac(db.info[row_mac.KEY], decided)
    return {"of_state": row.state_code, "of_id": row.id, "on": on, "now_held_for": held_for, "mac": mac}


def _counts(row: Any) -> bool:
    return row.held_for is None and row.invalidation_id is None


def _links(chosen: Sequence[_Choice], confirmed: Set[SignatureKey]) -> list[ConfirmedLink]:
    """Return what each link confirms under a mail domain that has one and a limit."""
    links: dict[tuple[bytes, str], set[SignatureKey]] = {}
    first = {row.hash for choice in chosen if choice.is_first for row, _typed in choice.pending}
    for row, typed in chain.from_iterable(choice.pending for choice in chosen):
        if typed.domain and not typed.is_unlimited and (row.state_code, row.id) in confirmed:
            links.setdefault((row.hash, typed.domain), set()).add((row.state_code, row.id))
    return [
        ConfirmedLink(bytes.fromhex(domain), frozenset(keys), hash_ in first)
        for (hash_, domain), keys in links.items()
    ]


def _outcome(choice: _Choice, confirmed: set[SignatureKey]) -> tuple[SignatureKey, ...] | CampaignError:
    if choice.error is not None:
        return choice.error
    keys = tuple((row.state_code, row.id) for row, _typed in choice.pending)
    if not confirmed.issuperset(keys):
        return ChangedError("another signature of the mailbox counts")
    return choice.confirmed + keys
