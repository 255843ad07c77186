"""What happens after the close: announce each erasure, find what speaks against it, and begin it."""

import logging
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, String, and_, column, exists, func, or_, select, values
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.database.session import take_setup_lock
from campaign.delivery.model import DELIVERED, Delivery, DeliveryRow
from campaign.operations import clock_watch
from campaign.operations.clock_watch import ClockRecord
from campaign.organiser import audit_log
from campaign.reference.participating_state import STATES
from campaign.settings import Settings
from campaign.signature.announcement import (
    CLOCK,
    DAYS,
    DIGESTS,
    KINDS,
    NAMES,
    UNDELIVERED,
    YOUNG,
    ErasureAnnouncement,
    announcements,
    digests_due_on,
    note_digests_erased,
    note_names_erased,
    reopen,
)
from campaign.signature.erase import has_digests, has_personal_data, names_due_on
from campaign.signature.model import COUNTED, DECLINED, PUBLIC, Signature
from campaign.signature.select import counts, is_confirmed

ACTS = {DIGESTS: "erase digests", NAMES: "erase names"}
"""What the audit log calls each erasure."""

log = logging.getLogger(__name__)


def announce(db: Session, settings: Settings, clock: ClockRecord, *, now: datetime) -> None:
    """Announce what will be erased, note each day on which it was shown, and withdraw what is untrue."""
    take_setup_lock(db)  # or two workers would announce it twice
    known, today = announcements(db), now.date()
    for kind in KINDS:
        due_on, row = _due_on(kind, settings), known.get(kind)
        if row is not None and not _holds(row, settings, due_on, today):
            log.warning("the erasure of %s is no longer announced", kind)
            db.delete(row)
            db.flush()
            row = None
        if due_on is None or settings.closes_on is None or today < _shown_from(kind, settings, due_on):
            continue
        is_news = row is None or row.seen_on != today
        if row is None:
            row = _announce(db, kind, settings.closes_on, due_on, today)
        elif is_news:
            row.seen_on, row.days = today, row.days + 1
        if row is not None and not row.is_begun:
            row.doubts = " ".join(_doubts(db, row, clock))
            # A doubt that was allowed and is over asks again when it returns.
            row.allowed = " ".join(each for each in row.allowed.split() if each in row.doubts.split())
            if is_news:
                log.warning("%s", sentence(row, today))


def begin_due(db: Session, *, now: datetime) -> list[str]:
    """Return the kinds whose erasure begins or goes on; the audit log gets how much there is.

    The caller commits before it erases, so that an interrupted erasure goes on.
    """
    take_setup_lock(db)  # or two workers would record it twice
    due = [row for row in announcements(db).values() if row.is_due(now.date())]
    for row in due:
        if not row.is_begun:
            row.is_begun = True
            if row.kind == NAMES:
                journal.record(db, journal.ERASE, closes_on=row.closes_on, on=now.date())
                note_names_erased(db, now.date())
            else:
                journal.record(db, journal.ERASE_DIGESTS, closes_on=row.closes_on)
            note_digests_erased(db, row.closes_on)
            audit_log.record(db, audit_log.WORKER, ACTS[row.kind], _amount(db, row.kind), now=now)
    return [row.kind for row in due]


def allow(db: Session, kind: str, doubts: str, *, by: str, now: datetime) -> bool:
    """Let an announced erasure begin in spite of *doubts*; return whether it waits for nothing else."""
    row = announcements(db).get(kind)
    if row is None or not row.is_waiting:
        return row is not None
    row.allowed = " ".join(each for each in row.doubts.split() if each in doubts.split())
    if CLOCK in row.allowed.split():
        clock_watch.trust(db)
    audit_log.record(db, by, f"allow to {ACTS[kind]}", f"{row.closes_on} {row.allowed}", now=now)
    return not row.is_waiting


def reopen_signing(db: Session, closes_on: date | None, *, by: str, now: datetime) -> None:
    """Open signing again although digests were erased, so that mailboxes can count twice."""
    reopen(db)
    audit_log.record(db, by, "reopen signing", closes_on.isoformat() if closes_on else "", now=now)


def undelivered(db: Session) -> list[str]:
    """Return the states whose letter has sealed names that its delegation never got.

    Names that were promised to organisers only, or declined, stop nothing once the letter was delivered.
    """
    delivered = select(Delivery.state_code).where(Delivery.status.in_(DELIVERED))
    # One statement for all States: the worker asks it every hour after the close.
    state = values(column("code", String), name="state").data([(code,) for code in STATES]).cte()
    name = select(Signature.state_code).where(
        Signature.state_code == state.c.code,
        counts(),
        Signature.sealed.is_not(None),
        Signature.disclosure != COUNTED,
        or_(state.c.code.not_in(delivered), _awaits_delivery()),
    )
    # With EXISTS, PostgreSQL would read the whole table in place of one row for each State.
    has_name = name.limit(1).scalar_subquery().is_not(None)
    found = set(db.scalars(select(state.c.code).where(has_name)))
    return [code for code in STATES if code in found]


def sentence(row: ErasureAnnouncement, today: date) -> str:
    """Return the announcement for log and command line."""
    what = "What recognises a mailbox" if row.kind == DIGESTS else "Everything personal, names included,"
    closed = f"CAMPAIGN_CLOSES_ON is {row.closes_on}"
    if row.is_begun:
        return f"{what} was erased, since {closed}."
    if row.is_waiting:
        return (
            f"{what} is to be erased, since {closed}, but this waits for an owner: {_reasons(row)}."
            " The page Closing asks for it; another closing day withdraws it."
        )
    return (
        f"{what} is erased from {row.begins_on(today)} on, since {closed}; another closing day prevents it."
    )


def _reasons(row: ErasureAnnouncement) -> str:
    texts = {
        YOUNG: "there are signatures younger than the close",
        UNDELIVERED: "names were never delivered to their delegation",
        CLOCK: "the machine's clock leapt, or the machine was off",
    }
    return "; ".join(texts[each] for each in row.doubts.split())


def _due_on(kind: str, settings: Settings) -> date | None:
    if settings.closes_on is None:
        return None
    if kind == DIGESTS:
        return digests_due_on(settings.closes_on, settings.confirmation_days)
    return names_due_on(settings.closes_on, settings.erase_months_after_close, settings.confirmation_days)


def _shown_from(kind: str, settings: Settings, due_on: date) -> date:
    if kind == DIGESTS and settings.closes_on is not None:
        return settings.closes_on + timedelta(days=1)
    return due_on - timedelta(days=DAYS)


def _holds(row: ErasureAnnouncement, settings: Settings, due_on: date | None, today: date) -> bool:
    is_of_today = row.announced_on <= row.seen_on <= today
    has_begun = row.is_begun and row.due_on <= today
    return row.closes_on == settings.closes_on and row.due_on == due_on and (is_of_today or has_begun)


def _announce(
    db: Session, kind: str, closes_on: date, due_on: date, today: date
) -> ErasureAnnouncement | None:
    if not (has_digests(db) or (kind == NAMES and has_personal_data(db))):
        return None
    row = ErasureAnnouncement(
        kind=kind, closes_on=closes_on, due_on=due_on, announced_on=today, seen_on=today, days=1
    )
    db.add(row)
    return row


def _doubts(db: Session, row: ErasureAnnouncement, clock: ClockRecord) -> Iterator[str]:
    if _is_any_younger(db, row.closes_on):
        yield YOUNG
    if row.kind == NAMES and undelivered(db):
        yield UNDELIVERED
    if clock.leapt_at:
        yield CLOCK


def _is_any_younger(db: Session, closes_on: date) -> bool:
    younger = Signature.signed_on > closes_on
    # Phrased for the indexes of confirmed and of pending signatures.
    confirmed = Signature.state_code.in_(STATES), is_confirmed(), Signature.confirmed_on > closes_on, younger
    return _exists(db, *confirmed) or _exists(db, Signature.confirmed_on.is_(None), younger)


def _awaits_delivery() -> ColumnElement[bool]:
    is_on_list = (
        exists()
        .where(DeliveryRow.state_code == Signature.state_code, DeliveryRow.signature_id == Signature.id)
        .where(DeliveryRow.delivery_id == Delivery.id, Delivery.status.in_(DELIVERED))
        .correlate(Signature)
    )
    is_possible = or_(
        Signature.disclosure != PUBLIC, Signature.name_review.is_(None), Signature.name_review != DECLINED
    )
    return and_(Signature.organisers_only.is_(False), is_possible, ~is_on_list)


def _amount(db: Session, kind: str) -> str:
    digests = Signature.state_code.in_(STATES), Signature.digest >= b"", is_confirmed()
    where = digests if kind == DIGESTS else (Signature.sealed.is_not(None),)
    number = db.scalar(select(func.count()).select_from(Signature).where(*where)) or 0
    return f"of {number:,} signatures"


def _exists(db: Session, *where: ColumnElement[bool]) -> bool:
    return bool(db.scalar(select(exists().where(*where))))
