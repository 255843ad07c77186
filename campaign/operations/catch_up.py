"""When the site starts: compare the database with this machine's journal, and replay what it lacks."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database import journal
from campaign.database.journal_file import Journal
from campaign.database.journal_line import Line, Part
from campaign.errors import JournalError
from campaign.operations import replay
from campaign.operations.emergency import destroy_keys
from campaign.operations.put_back import checked, note
from campaign.operations.unreplayed import Unreplayed, pass_notes, unreplayed
from campaign.sealing import campaign_key


def catch_up(db: Session, appeal: Appeal, present: Journal, *, now: datetime) -> None:
    """Replay what the database lacks of this machine's journal, when the site starts.

    Lines mean that somebody put a backup in the database's place, so publication and delivery stop until an
    owner has looked. A single line may also be that of an interrupted commit, but nothing tells them apart.
    They stop too if lines are missing, as in an older copy of the file, or if the file is another one.
    A withdrawal that the rows do not know although the position says so, as when SQLite's log of another
    time lay beside a backup, means that nothing is certain: then all is replayed. Acts of a database
    that this one never was are those of a rehearsal; its name tells nothing, since names are used again.

    Raises:
        JournalError: The journal tells of an erasure, which only ``campaign restore`` replays, or of another
            database at this place.
    """
    part, before = present.part(), journal.positions(db)
    journal.locked_position(db, part)
    if campaign_key.destroyed_at(db) is not None:
        destroy_keys.note_in_journal(db, present, now)
        return  # nothing is left that could come back
    found = unreplayed(db, [present], before=before)
    _refuse_other_database(present, found)
    pass_notes(db, found, present.location)
    found = checked(db, found)
    lost = lost_parts(db, present, found)
    if lost:
        present.begin(part, lost)
    if not found.lines and not lost:
        return
    _refuse_erasure(present, found)
    replayed = replay.replay_lines(db, appeal, found, now=now)
    replay.mark_restored(db, replayed.result(found))
    note(db, 0)


def lost_parts(db: Session, present: Journal, found: Unreplayed) -> dict[Part, int]:
    """Return the parts that end before the database's position, with that position, until it is noted.

    A journal that is not here at all is lost only with SQLite, which one machine uses.
    """
    ends = {part: lines[-1].number for part, lines in found.parts.items()}
    is_sqlite, noted, ids = db.get_bind().dialect.name == "sqlite", present.lacking(), present.ids()
    return {
        part: position
        for part, position in found.known.items()
        if position > ends.get(part, 0) and part not in noted and (is_sqlite or part.id in ids)
    }


def _refuse_other_database(present: Journal, found: Unreplayed) -> None:
    """Raise an error if another database wrote at this place: only a person knows whether it was the site."""
    if number := found.foreign[present.location]:
        raise JournalError(
            f"{present.path} has {number} acts of a database at {present.location} that this one never was:"
            " if that was a rehearsal, give this one another name; if it was the site, `campaign backup FILE`"
            " and `campaign restore FILE --others replay` repeat them"
        )


def _refuse_erasure(present: Journal, found: Unreplayed) -> None:
    """Raise an error if lines erase: another site, such as a rehearsal, may have written them here."""
    news = [line for line in found.lines if line.number > found.known.get(line.part, 0)]
    if _erases(news, journal.ERASE) or _erases(found.lines, journal.DESTROY):
        raise JournalError(
            f"{present.path} says that this campaign was erased, but the database does not know it:"
            " `campaign backup FILE` and `campaign restore FILE` ask whether that is so"
        )


def _erases(lines: Iterable[Line], erasure: str) -> bool:
    return any(act["act"] == erasure for line in lines for act in line.acts)
