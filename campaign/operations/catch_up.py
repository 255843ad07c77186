"""When the site starts: compare the database with this machine's journal, and replay what it lacks."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database import journal
from campaign.database.journal import Journal, JournalPosition, Line
from campaign.errors import JournalError
from campaign.operations import replay
from campaign.signature.model import Signature

_CHECKED_AT_ONCE = 500


def catch_up(db: Session, appeal: Appeal, present: Journal, *, now: datetime) -> None:
    """Replay what the database lacks of this machine's journal, when the site starts.

    Lines mean that somebody put a backup in the database's place, so publication and delivery stop until an
    owner has looked. A single line may also be that of an interrupted commit, but nothing tells them apart.
    A withdrawal that the rows do not know although the position says so, as when SQLite's log of another
    time lay beside a backup, means that nothing is certain: then all is replayed.

    Raises:
        JournalError: The journal tells of an erasure, which only ``campaign restore`` replays.
    """
    position, last = journal.locked_position(db, present.id), present.last_number()
    missing = _forget_missing(db, present)
    lines = present.lines()
    is_overlaid = lacks_withdrawal(db, (line for line in lines if line.number <= position))
    if last <= position and not missing and not is_overlaid:
        return
    if is_overlaid:
        journal.set_position(db, present.id, 0)
    _refuse_erasure(present, lines if is_overlaid else (line for line in lines if line.number > position))
    replayed = replay.replay_journals(db, appeal, [present], now=now)
    journal.set_position(db, present.id, max(position, last))
    replay.mark_restored(db, replayed.result(missing_journals=missing))


def lacks_withdrawal(db: Session, lines: Iterable[Line]) -> bool:
    """Whether a signature that was withdrawn in one of *lines* is in the database as if it were not.

    Of two lines with one number, the transaction of the first failed.
    """
    committed = {line.number: line for line in lines}.values()
    final = [
        (act["state"], UUID(act["id"]))
        for line in committed
        for act in line.acts
        if act["act"] in (journal.WITHDRAW, journal.REPLACE)
    ]
    key = tuple_(Signature.state_code, Signature.id)
    return any(
        db.scalar(select(Signature.id).where(key.in_(some), Signature.withdrawn_on.is_(None)).limit(1))
        for some in (final[at : at + _CHECKED_AT_ONCE] for at in range(0, len(final), _CHECKED_AT_ONCE))
    )


def _refuse_erasure(present: Journal, lines: Iterable[Line]) -> None:
    """Raise an error if *lines* erase: another site, such as a rehearsal, may have written them here."""
    acts = {act["act"] for line in lines for act in line.acts}
    if acts & {journal.ERASE, journal.DESTROY}:
        raise JournalError(
            f"{present.path} says that this campaign was erased, but the database does not know it: if that"
            " is so, `campaign backup FILE` and `campaign restore --replace FILE` erase it again; if a"
            " rehearsal wrote these lines, remove them from the file, and give the rehearsal its own journal"
        )


def _forget_missing(db: Session, present: Journal) -> int:
    """Return how many other journals an SQLite database knows, which one machine uses; once."""
    if db.get_bind().dialect.name != "sqlite":
        return 0
    missing = replay.count_missing(db, [present])
    db.execute(delete(JournalPosition).where(JournalPosition.id != present.id))
    return missing
