"""Findings about erasures: what waits for a steady clock or an owner, and what follows from the close."""

from collections.abc import Iterator
from datetime import date, datetime

from campaign.database.session import Database
from campaign.operations import clock_watch
from campaign.operations.closing import sentence, undelivered
from campaign.operations.doctor.finding import Finding
from campaign.sealing import campaign_key
from campaign.settings import Settings
from campaign.signature.announcement import announcements, closing_day, erased_close
from campaign.signature.erase import names_due_on


def held_closed(settings: Settings, erased: date | None) -> str:
    """Return why signing stays closed in spite of the settings; empty if it does not.

    Args:
        settings: The site's.
        erased: The closing day for which digests were erased.
    """
    closed_on = closing_day(settings.closes_on, erased)
    if closed_on == settings.closes_on:
        return ""
    return (
        f"CAMPAIGN_CLOSES_ON is {settings.closes_on or 'not set'}, but what recognised mailboxes was erased"
        f" after {closed_on}: mailboxes would count twice. Signing stays closed until an owner reopens it on"
        " the page Closing."
    )


def closing_findings(settings: Settings, database: Database, now: datetime) -> Iterator[Finding]:
    """Yield what keeps erasures waiting, that the campaign has closed, and what follows from it."""
    with database.reading() as db:
        if campaign_key.destroyed_at(db) is not None:
            return
        erased, rows, letters = erased_close(db), announcements(db), undelivered(db)
        clock = clock_watch.read(db)
    if clock is not None and not clock.is_steady(now):
        yield Finding(
            "The clock of a worker jumped, or all workers were off: nothing is erased before it has run"
            " steadily for a day.",
            is_serious=True,
        )
    closed_on = closing_day(settings.closes_on, erased)
    if closed_on is None or now.date() <= closed_on:
        return
    yield Finding(f"The campaign closed on {closed_on}: no letter can be signed.")
    reason = held_closed(settings, erased)
    if reason:
        yield Finding(reason, is_serious=True)
    elif settings.closes_on and not any(row.is_begun for row in rows.values() if row.kind == "names"):
        months, days = settings.erase_months_after_close, settings.confirmation_days
        day = names_due_on(settings.closes_on, months, days)
        yield Finding(f"Names are due to be erased on {day}, after seven days of announcement.")
    for row in rows.values():
        yield Finding(sentence(row, now.date()), is_serious=not row.is_begun)
    if letters:
        states = ", ".join(code.upper() for code in letters)
        yield Finding(f"Names were never delivered to: {states}.")
