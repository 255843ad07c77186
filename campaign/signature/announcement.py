"""Announcements of what is erased after the close: organisers see them for days before it begins."""

from datetime import date, timedelta

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.fact import Fact, read_fact, save_fact
from campaign.database.table import Base

DIGESTS, NAMES = "digests", "names"
KINDS = DIGESTS, NAMES
"""What is erased: after the close what recognises a mailbox, months later everything personal."""

YOUNG, UNDELIVERED, CLOCK = "young", "undelivered", "clock"
"""Doubts: there are signatures younger than the close; names were never delivered; the
clock leapt."""

DAYS = 7
"""Days for which an announcement is shown before its erasure begins."""

DIGESTS_ERASED = "digests_erased"
"""The fact that digests were erased; its content is the closing day for which that was done."""

NAMES_ERASED = "names_erased"
"""The fact that everything personal was erased, private links too; its content is the day."""


class ErasureAnnouncement(Base):
    """An erasure that is announced; another closing day, or another clock, withdraws it."""

    __tablename__ = "erasure_announcement"

    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    closes_on: Mapped[date]
    due_on: Mapped[date]
    """The first day on which it is due by the settings."""
    announced_on: Mapped[date]
    seen_on: Mapped[date]
    """The last day on which a worker ran."""
    days: Mapped[int] = mapped_column(default=1)
    """Days on which a worker ran since, the first one included."""
    doubts: Mapped[str] = mapped_column(default="")
    """Why it waits for an owner, separated by spaces."""
    allowed: Mapped[str] = mapped_column(default="")
    """The doubts in spite of which an owner allowed it; a new doubt waits again."""
    is_begun: Mapped[bool] = mapped_column(default=False)

    @property
    def is_waiting(self) -> bool:
        """Whether it begins only after an owner has allowed it."""
        return bool(set(self.doubts.split()) - set(self.allowed.split())) and not self.is_begun

    def is_due(self, today: date) -> bool:
        """Whether the erasure may begin, or go on; before its day none does, whatever the row says."""
        begins_on = self.due_on if self.is_begun else self.begins_on(today)
        return not self.is_waiting and begins_on <= today

    def begins_on(self, today: date) -> date:
        """Return the first day on which it can begin, if a worker runs each day."""
        return max(self.due_on, today + timedelta(days=DAYS + 1 - self.days))


def announcements(db: Session) -> dict[str, ErasureAnnouncement]:
    """Return the announcements by kind."""
    return {each.kind: each for each in db.scalars(select(ErasureAnnouncement))}


def withdraw_all(db: Session) -> None:
    """Withdraw the announcements whose erasure has not begun."""
    waiting = delete(ErasureAnnouncement).where(ErasureAnnouncement.is_begun.is_(False))
    db.execute(waiting, execution_options={"synchronize_session": False})


def digests_due_on(closes_on: date, confirmation_days: int) -> date:
    """Return the first day on which digests are erased: until then pending signatures need them."""
    return closes_on + timedelta(days=max(confirmation_days, DAYS) + 1)


def erased_close(db: Session) -> date | None:
    """Return the closing day for which digests were erased, if they were."""
    content = read_fact(db, DIGESTS_ERASED)
    return date.fromisoformat(content) if content else None


def closing_day(configured: date | None, erased: date | None) -> date | None:
    """Return the closing day in force.

    Once digests are erased nobody can tell which mailboxes signed, so a later closing day is not
    in force before an owner says so.
    """
    return min((each for each in (configured, erased) if each is not None), default=None)


def note_digests_erased(db: Session, closes_on: date) -> None:
    """Store that digests are erased from now on."""
    save_fact(db, DIGESTS_ERASED, closes_on.isoformat())


def note_names_erased(db: Session, today: date) -> None:
    """Store that everything personal is erased from now on."""
    save_fact(db, NAMES_ERASED, today.isoformat())


def names_erased_on(db: Session) -> date | None:
    """Return the day on which everything personal was erased, private links too."""
    content = read_fact(db, NAMES_ERASED)
    return date.fromisoformat(content) if content else None


def reopen(db: Session) -> None:
    """Let the configured closing day be in force again, although mailboxes may sign twice."""
    db.execute(delete(Fact).where(Fact.name == DIGESTS_ERASED))
