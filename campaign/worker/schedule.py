"""What the worker runs when (UTC): one table."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from huey import crontab

from campaign.worker.job import (
    Run,
    compare_counts,
    empty_log,
    erase_due,
    note_mails,
    publish_count,
    sort_pages,
    sweep_outbox,
)


class Entry(NamedTuple):
    """A periodic job."""

    name: str
    """As logs name it."""
    when: Callable[[datetime], bool]
    run: Callable[[Run], None]
    why: str


EVERY_MINUTE, EVERY_HOUR, EVERY_NIGHT = crontab(), crontab(minute="7"), crontab(minute="30", hour="2")

SCHEDULE = (
    Entry("sweep", EVERY_MINUTE, sweep_outbox, "sends mails whose task was lost; gives up old ones"),
    Entry("note_mails", EVERY_MINUTE, note_mails, "stores mail figures once a quarter-hour, even if late"),
    Entry("publish_count", EVERY_MINUTE, publish_count, "moves public figures at a turn"),
    Entry("empty_log", EVERY_MINUTE, empty_log, "empties SQLite's log, which has the order of people's acts"),
    Entry("sort_pages", EVERY_HOUR, sort_pages, "removes the order of people's acts from SQLite's pages"),
    Entry("erase_due", EVERY_HOUR, erase_due, "erases what is due; finishes what was interrupted"),
    Entry("recount", EVERY_NIGHT, compare_counts, "finds counts that differ from the rows"),
)
