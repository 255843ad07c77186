"""Wrong six-digit codes after a right passphrase: each further one is taken after a longer wait.

Only somebody who has the passphrase can cause such a wait, and a recovery code passes it. Browsers that
logged in before, other browsers and the command line wait apart from each other.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base
from campaign.errors import WrongCodeError
from campaign.organiser import audit_log
from campaign.organiser.account import Organiser

BROWSER, KNOWN_BROWSER, CONSOLE = "browser", "known", "console"
"""Where a code is typed; see :mod:`campaign.guard.known_browser`."""

FREE_CODES = 2
"""Wrong codes before the first wait."""

SHORTEST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=4)
"""Six guesses a day. Of a million codes three are good at any time, so even odds take a century."""

ACT = "enter wrong code"
"""The ``act`` of the audit log's entry, which :mod:`campaign.organiser.news` shows at the next login."""


class WrongCodes(Base):
    """Wrong codes for one account from one kind of place."""

    __tablename__ = "wrong_codes"

    organiser_id: Mapped[UUID] = mapped_column(
        ForeignKey("organiser.id", ondelete="CASCADE"), primary_key=True
    )
    place: Mapped[str] = mapped_column(String(10), primary_key=True)
    """:data:`BROWSER`, :data:`KNOWN_BROWSER` or :data:`CONSOLE`."""
    number: Mapped[int]
    """In a row; a right code halves it, so that an owner's logins do not set a guesser free."""
    next_at: Mapped[datetime]
    """When the next code is taken."""


def count_try(db: Session, account: Organiser, place: str, *, now: datetime) -> None:
    """Count a code as wrong before it is compared, so that simultaneous guesses wait for each other.

    Raises:
        WrongCodeError: The wait after earlier ones is not over; the code must not be compared.
    """
    # The account's row first, as everywhere: removing an account deletes these rows.
    db.execute(select(Organiser.id).where(Organiser.id == account.id).with_for_update(key_share=True))
    row = db.get(WrongCodes, (account.id, place), populate_existing=True)
    if row is None:
        row = WrongCodes(organiser_id=account.id, place=place, number=0, next_at=now)
        db.add(row)
    # More than the longest wait is left only where the clock was set back.
    if timedelta() < row.next_at - now <= LONGEST_WAIT:
        raise WrongCodeError("after several wrong codes the next one has to wait")
    row.number += 1
    row.next_at = now + _wait(row.number)
    db.flush()


def accept(db: Session, account: Organiser, place: str, *, now: datetime) -> None:
    """Take back what :func:`count_try` counted, since the code was right."""
    row = db.get_one(WrongCodes, (account.id, place))
    row.number, row.next_at = (row.number - 1) // 2, now


def record(db: Session, account: Organiser, *, now: datetime) -> None:
    """Record a wrong code in the audit log, for the account's owner: somebody has the passphrase."""
    audit_log.record(db, account.name, ACT, now=now)


def _wait(number: int) -> timedelta:
    if number <= FREE_CODES:
        return timedelta()
    doublings = min(number - FREE_CODES - 1, 10)
    return min(LONGEST_WAIT, SHORTEST_WAIT * (1 << doublings))
