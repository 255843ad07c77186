"""The journal: acts that must outlast a restored backup, in a file of each machine outside the database.

A transaction with such acts first gets its number in the database, under a lock; then its line is written to
the file and synced to disk; then it commits. So no committed act is missing in the file. A line whose commit
failed has the number of the next transaction; replaying it is harmless, since every act can be replayed
twice. As the number is part of the database, a backup says by itself which lines came after it. Numbers are
counted for each location of the database: those of a rehearsal with a copy are not taken for the site's.

A line has ids, codes and dates, and neither names nor times of day. These acts are replayed:

* ``withdraw``, ``replace``: the signature is withdrawn (a replaced one too, since its successor may be lost);
* ``disclose``: a name that somebody moved down is not moved up again;
* ``decline names``, ``decline words``: what organisers took off the site and the lists stays off;
* ``invalidate``, ``undo decision``: what was off the count stays off, and what was put back stays on it;
* ``protect``: delegations that get no names, and residences where signing is dangerous;
* ``change address``: the delegation's earlier address is deleted, since a letter to it may go astray;
* ``deliver``, ``delivery outcome``: an unknown delivery is added, as *uncertain* until its outcome follows;
* ``notify delegation``: the numbers that a delegation was asked to strike;
* ``remove organiser``, ``lower role``: unless nobody else could open the names;
* ``end invitation``: an invitation or promotion was revoked, which a restoration does to all of them;
* ``change key``: the campaign's key seals nothing until an organiser logs in, which changes it again;
* ``erase digests``: what recognised mailboxes, after the close;
* ``erase personal data``, ``destroy keys``: at the end of a campaign, and in an emergency. Only
  ``campaign restore`` repeats them, at a word of its own. The line of an emergency comes after its commit.

The acts in :data:`REPORTED` come back with the backup, since only a person can repeat them; owners see which.
``restore`` and ``review restoration`` say whether an owner has looked. A running site reads these two again,
and the acts about organisers and keys: so nobody undoes them by writing to the database.
Signing, confirming, approving, releasing and moving up are not in the journal: what is lost of them
endangers nobody, and they cost nothing more.
"""

import logging
import os
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import URL, event, exc, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.journal_file import ACCEPT_PROMOTION as ACCEPT_PROMOTION
from campaign.database.journal_file import CHANGE_KEY as CHANGE_KEY
from campaign.database.journal_file import END_INVITATION as END_INVITATION
from campaign.database.journal_file import JOIN as JOIN
from campaign.database.journal_file import LOWER_ROLE as LOWER_ROLE
from campaign.database.journal_file import REMOVE_ORGANISER as REMOVE_ORGANISER
from campaign.database.journal_file import RESTORE as RESTORE
from campaign.database.journal_file import REVIEW as REVIEW
from campaign.database.journal_file import Journal
from campaign.database.journal_line import Act, Part
from campaign.database.table import Base, upsert
from campaign.errors import JournalError

WITHDRAW, REPLACE, DISCLOSE = "withdraw", "replace", "disclose"
DECLINE_NAMES, DECLINE_WORDS = "decline names", "decline words"
INVALIDATE, UNDO = "invalidate", "undo decision"
PROTECT, CHANGE_ADDRESS = "protect", "change address"
DELIVER, OUTCOME, NOTIFY = "deliver", "delivery outcome", "notify delegation"
ERASE_DIGESTS = "erase digests"
ERASE, DESTROY = ERASURES = "erase personal data", "destroy keys"

CHANGE_PASSPHRASE, RECOVER, MAKE_RECOVERY_CODE = "change passphrase", "recover account", "make recovery code"
SWITCH_ON_CODES = "switch on codes"
REPORTED = (CHANGE_PASSPHRASE, RECOVER, MAKE_RECOVERY_CODE, SWITCH_ON_CODES, JOIN, ACCEPT_PROMOTION)
"""Acts that a restored backup has lost and that people must repeat; a journal holds none of the secrets."""

_JOURNAL, _ACTS = "journal", "journal_acts"

log = logging.getLogger(__name__)


class JournalPosition(Base):
    """How far a part of a journal is part of this database."""

    __tablename__ = "journal"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """The part's, from its file."""
    location: Mapped[str] = mapped_column(primary_key=True)
    """Of this database, or of the one that it was copied from or restored as."""
    number: Mapped[int]
    """The last transaction of that part whose changes are in this database."""


def location_of(url: URL) -> str:
    """Return where the database at *url* is: a copy of it is elsewhere."""
    if url.get_backend_name() == "sqlite":
        return os.path.realpath(str(url.database))
    host = url.host or url.query.get("host") or os.environ.get("PGHOST", "localhost")
    return f"{host}:{url.port or os.environ.get('PGPORT', 5432)}/{url.database}"


def record(db: Session, act: str, **about: Any) -> None:
    """Write *act* to the journal when the transaction of *db* commits; a rollback forgets it.

    Args:
        db: A session of a site's database; others, such as a copy's, have no journal.
        act: One of the acts above.
        about: Ids, codes and dates.
    """
    if db.info.get(_JOURNAL) is not None:
        db.info.setdefault(_ACTS, []).append({"act": act, **about})


def remembered(db: Session) -> list[Act]:
    """Return what this machine's journal says of keys, organisers and restorations, since the last one.

    A restoration comes first, as an act of its own: it repeated or reported what was before it. Without a
    journal, or with a damaged one, which the doctor reports, there is nothing.
    """
    acts = _all_remembered(db)
    latest = max((at for at, act in enumerate(acts) if act["act"] == RESTORE), default=0)
    return acts[latest:]


def replaced_keys(db: Session, *, with_restored: bool = True) -> set[str]:
    """Return the ids of the campaign's keys that were replaced on this machine, also before a restoration.

    Args:
        db: Without a journal there are none.
        with_restored: Also those that a restored backup brought back.
    """
    replaced = set()
    for act in _all_remembered(db):
        if act["act"] == CHANGE_KEY:
            replaced.add(act["key"])
        elif act["act"] == RESTORE and not with_restored:
            replaced.discard(act.get("key"))
    return replaced


def ended_links(db: Session) -> set[str]:
    """Return the ids of links and promotions that were used or revoked since the last restoration.

    A restored backup's invitations and promotions are deleted; its setup link opens names again.
    """
    return {act["link"] for act in remembered(db) if "link" in act}


def _all_remembered(db: Session) -> list[Act]:
    journal: Journal | None = db.info.get(_JOURNAL)
    try:
        return journal.remembered() if journal is not None else []
    except JournalError:
        return []


def use(db: Session, journal: Journal | None) -> None:
    """Let :func:`record` write to *journal*, or to none while acts are replayed."""
    db.info[_JOURNAL] = journal


def next_number(db: Session, part: Part) -> int:
    """Reserve the number of this transaction; others of the same part wait until it ends."""
    first = upsert(db, JournalPosition).values(id=part.id, location=part.location, number=1)
    found = first.on_conflict_do_update(
        index_elements=["id", "location"], set_={"number": JournalPosition.number + 1}
    ).returning(JournalPosition.number)
    number: int = db.connection().execute(found).scalar_one()
    return number


def locked_position(db: Session, part: Part) -> int:
    """Return how far *part* is part of this database, once no transaction of it is under way."""
    first = upsert(db, JournalPosition).values(id=part.id, location=part.location, number=0)
    same = first.on_conflict_do_update(
        index_elements=["id", "location"], set_={"number": JournalPosition.number}
    )
    position: int = db.connection().execute(same.returning(JournalPosition.number)).scalar_one()
    return position


def set_position(db: Session, part: Part, number: int) -> None:
    """Record that *part* up to *number* is part of this database."""
    values: Mapping[str, Any] = {"id": part.id, "location": part.location, "number": number}
    moved = upsert(db, JournalPosition).values(**values)
    db.execute(moved.on_conflict_do_update(index_elements=["id", "location"], set_={"number": number}))


def positions(db: Session) -> dict[Part, int]:
    """Return how far each known part is part of this database."""
    rows = db.execute(select(JournalPosition.id, JournalPosition.location, JournalPosition.number))
    return {Part(row.id, row.location): row.number for row in rows}


def earlier_places(db: Session, location: str) -> list[str]:
    """Return where the campaign was before *location*: the databases there may still have everything."""
    return sorted({part.location for part in positions(db)} - {location})


def day(text: str | date) -> date:
    """Return a date as a line has it."""
    return text if isinstance(text, date) else date.fromisoformat(text)


@event.listens_for(Session, "before_commit")
def _write(db: Session) -> None:
    if _ACTS not in db.info or db.in_nested_transaction():
        return
    db.flush()
    acts, journal = db.info.pop(_ACTS), db.info[_JOURNAL]
    try:
        _append(db, journal, acts)
    except JournalError as error:
        raise exc.OperationalError("append to the journal", {}, error) from error


def _append(db: Session, journal: Journal, acts: list[Act]) -> None:
    part = journal.part()
    # The last lock of the transaction: those that wait for it hold none that it needs.
    number = next_number(db, part)
    if not journal.is_next(part, number):
        set_position(db, part, number - 1)
        part = journal.begin(part, {})
        log.error("lines of the journal are missing, or written elsewhere too: it goes on under another id")
        number = next_number(db, part)
    journal.append(part, number, acts)


@event.listens_for(Session, "after_soft_rollback")
def _forget(db: Session, _transaction: object) -> None:
    if not db.in_nested_transaction():
        db.info.pop(_ACTS, None)
