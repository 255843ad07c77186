"""The journal: acts that must outlast a restored backup, in a file of each machine outside the database.

A transaction with such acts first gets its number in the database, under a lock; then its line is written to
the file and synced to disk; then it commits. So no committed act is missing in the file. A line whose commit
failed has the number of the next transaction; replaying it is harmless, since every act can be replayed
twice. As the number is part of the database, a backup says by itself which lines came after it.

A line has ids, codes and dates, and neither names nor times of day. These acts are replayed:

* ``withdraw``, ``replace``: the signature is withdrawn (a replaced one too, since its successor may be lost);
* ``disclose``: a name that somebody moved down is not moved up again;
* ``decline names``, ``decline words``: what organisers took off the site and the lists stays off;
* ``invalidate``: stays off the count; to undo it again takes an organiser;
* ``protect``: delegations that get no names, and residences where signing is dangerous;
* ``change address``: the delegation's earlier address is deleted, since a letter to it may go astray;
* ``deliver``, ``delivery outcome``: an unknown delivery is added, as *uncertain* until its outcome follows;
* ``remove organiser``, ``lower role``: unless nobody else could open the names;
* ``end invitation``: an invitation or promotion was revoked, which a restoration does to all of them;
* ``change key``: the campaign's key is changed again as soon as an organiser logs in;
* ``erase personal data``, ``destroy keys``: at the end of a campaign, and in an emergency.

The acts in :data:`REPORTED` come back with the backup, since only a person can repeat them; owners see which.
Signing, confirming, approving, releasing and moving up are not in the journal: what is lost of them
endangers nobody, and they cost nothing more.
"""

import errno
import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from io import FileIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import event, exc
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base, upsert
from campaign.errors import JournalError

WITHDRAW, REPLACE, DISCLOSE = "withdraw", "replace", "disclose"
DECLINE_NAMES, DECLINE_WORDS, INVALIDATE = "decline names", "decline words", "invalidate"
PROTECT, CHANGE_ADDRESS = "protect", "change address"
DELIVER, OUTCOME = "deliver", "delivery outcome"
REMOVE_ORGANISER, LOWER_ROLE, END_INVITATION = "remove organiser", "lower role", "end invitation"
ERASE, DESTROY = "erase personal data", "destroy keys"

CHANGE_PASSPHRASE, RECOVER, MAKE_RECOVERY_CODE = "change passphrase", "recover account", "make recovery code"
SWITCH_ON_CODES, CHANGE_KEY = "switch on codes", "change key"
JOIN, ACCEPT_PROMOTION = "join", "accept promotion"
REPORTED = (CHANGE_PASSPHRASE, RECOVER, MAKE_RECOVERY_CODE, SWITCH_ON_CODES, JOIN, ACCEPT_PROMOTION)
"""Acts that a restored backup has lost and that people must repeat; a journal holds none of the secrets."""

Act = dict[str, Any]
"""Its ``act``, one of the above, with ids and codes as JSON has them."""

_JOURNAL, _ACTS = "journal", "journal_acts"
_NUMBER = re.compile(rb'^\{"number": (\d+),')


class JournalPosition(Base):
    """How far a machine's journal is part of this database."""

    __tablename__ = "journal"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """The id in the file's first line."""
    number: Mapped[int]
    """The last transaction of that journal whose changes are in this database."""


@dataclass(frozen=True)
class Line:
    """The acts of one transaction."""

    number: int
    acts: tuple[Act, ...]


class Journal:
    """A journal's file; it may be a symbolic link to another disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def id(self) -> UUID:
        """The id of this file, which is created if it does not exist."""
        with self._opened() as file:
            file.seek(0)
            line = file.readline()
        try:
            return UUID(json.loads(line)["journal"])
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise JournalError(
                f"the first line of {self.path} is damaged: put it back from a copy of this file, or move the"
                " file away, so that another begins and an owner looks before names are published"
            ) from error

    def append(self, number: int, acts: list[Act]) -> None:
        """Write a line and wait until it is on disk."""
        line = json.dumps({"number": number, "acts": acts}, default=str).encode() + b"\n"
        with self._opened() as file:
            # A write that was interrupted leaves a line without an end.
            file.seek(-1, os.SEEK_END)
            _write_whole(file, line if file.read(1) == b"\n" else b"\n" + line)

    def last_number(self) -> int:
        """Return the number of the last line, or 0."""
        numbers = (int(found[1]) for line in self._raw_lines() if (found := _NUMBER.match(line)))
        return max(numbers, default=0)

    def lines(self, *, after: int = 0) -> list[Line]:
        """Return the lines with a higher number than *after*; interrupted ones are skipped."""
        later = []
        for line in self._raw_lines():
            found = _NUMBER.match(line)
            if found and int(found[1]) > after and line.endswith(b"\n"):
                with suppress(ValueError, LookupError, TypeError):
                    later.append(Line(int(found[1]), tuple(json.loads(line)["acts"])))
        return later

    def _raw_lines(self) -> Iterator[bytes]:
        with self._opened() as file:
            file.seek(0)
            yield from file

    @contextmanager
    def _opened(self) -> Iterator[FileIO]:
        """Yield the file, locked against this machine's other processes, with its first line.

        Raises:
            JournalError: It cannot be opened, read or written.
        """
        try:
            with self._locked() as file:
                yield file
        except OSError as error:
            raise JournalError(f"{self.path} cannot be used: {error.strerror}") from error

    @contextmanager
    def _locked(self) -> Iterator[FileIO]:
        real = os.path.realpath(self.path)
        number = os.open(real, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(number, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_size == 0:
                # After a loss while the site runs the file continues under its id.
                known = self.__dict__.get("id") or uuid4()
                _write_whole(file, json.dumps({"journal": str(known)}).encode() + b"\n")
                sync_folder(Path(real).parent)
            yield file


def record(db: Session, act: str, **about: Any) -> None:
    """Write *act* to the journal when the transaction of *db* commits; a rollback forgets it.

    Args:
        db: A session of a site's database; others, such as a copy's, have no journal.
        act: One of the acts above.
        about: Ids, codes and dates.
    """
    if db.info.get(_JOURNAL) is not None:
        db.info.setdefault(_ACTS, []).append({"act": act, **about})


def use(db: Session, journal: Journal | None) -> None:
    """Let :func:`record` write to *journal*, or to none while acts are replayed."""
    db.info[_JOURNAL] = journal


def next_number(db: Session, journal: Journal) -> int:
    """Reserve the number of this transaction; others of the same journal wait until it ends."""
    first = upsert(db, JournalPosition).values(id=journal.id, number=1)
    found = first.on_conflict_do_update(
        index_elements=["id"], set_={"number": JournalPosition.number + 1}
    ).returning(JournalPosition.number)
    number: int = db.connection().execute(found).scalar_one()
    return number


def locked_position(db: Session, journal_id: UUID) -> int:
    """Return how far a journal is part of this database, once no transaction of it is under way."""
    first = upsert(db, JournalPosition).values(id=journal_id, number=0)
    same = first.on_conflict_do_update(index_elements=["id"], set_={"number": JournalPosition.number})
    position: int = db.connection().execute(same.returning(JournalPosition.number)).scalar_one()
    return position


def set_position(db: Session, journal_id: UUID, number: int) -> None:
    """Record that the journal up to *number* is part of this database."""
    values: Mapping[str, Any] = {"id": journal_id, "number": number}
    moved = upsert(db, JournalPosition).values(**values)
    db.execute(moved.on_conflict_do_update(index_elements=["id"], set_={"number": number}))


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
        # The last lock of the transaction: those that wait for it hold none that it needs.
        journal.append(next_number(db, journal), acts)
    except JournalError as error:
        if any(each["act"] != DESTROY for each in acts):
            raise exc.OperationalError("append to the journal", {}, error) from error
        # An emergency waits for no full disk, and for no repair of the file.


@event.listens_for(Session, "after_soft_rollback")
def _forget(db: Session, _transaction: object) -> None:
    if not db.in_nested_transaction():
        db.info.pop(_ACTS, None)


def _write_whole(file: FileIO, line: bytes) -> None:
    """Append *line* and sync it; a disk that has room for a part of it is as full as one without any."""
    before = os.fstat(file.fileno()).st_size
    if file.write(line) != len(line):
        os.ftruncate(file.fileno(), before)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in *folder* are on disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
