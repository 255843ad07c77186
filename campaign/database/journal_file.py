"""The file of a machine's journal: lines that are synced to disk, each with a number.

The numbers of a part are those of one database under one of the file's ids. A copy of the site that shares
the file, such as a rehearsal, has another location, and so a part of its own. A file whose lines do not
reach the database's number is an older copy, or belongs to another machine too: it begins another id.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from campaign.database.journal_line import Act, Header, Line, Part, header_line, parse
from campaign.errors import JournalError

REMEMBERED = {
    (REMOVE_ORGANISER := "remove organiser"),
    (LOWER_ROLE := "lower role"),
    (ACCEPT_PROMOTION := "accept promotion"),
    (CHANGE_KEY := "change key"),
    (JOIN := "join"),
    (END_INVITATION := "end invitation"),
    (RESTORE := "restore"),
    (REVIEW := "review restoration"),
}
"""Acts that a running site reads again: what the database says of them may have been edited."""


@dataclass
class _Known:
    """What a process knows of the file, up to the end of the last whole line that it read."""

    inode: int = 0
    size: int = 0
    id: UUID | None = None
    ids: set[UUID] = field(default_factory=set)
    ends: dict[Part, int] = field(default_factory=dict)
    lacking: dict[Part, int] = field(default_factory=dict)
    remembered: list[tuple[str, Act]] = field(default_factory=list)

    def add(self, line: "Line | Header | None") -> None:
        if isinstance(line, Header):
            self.id = line.id
            self.ids.add(line.id)
            self.lacking |= line.lacking
        elif line is not None:
            self.ends[line.part] = max(line.number, self.ends.get(line.part, 0))
            acts = (act for act in line.acts if act.get("act") in REMEMBERED)
            self.remembered += [(line.part.location, act) for act in acts]


class Journal:
    """A journal's file; it may be a symbolic link to another disk."""

    def __init__(self, path: Path, location: str = "") -> None:
        """Prepare to use the file at *path*, which need not exist.

        Args:
            path: Of the file.
            location: Of the database whose acts are written.
        """
        self.path, self.location = path, location
        self._known = _Known()

    def part(self) -> Part:
        """Return the part that this database writes to; the file is created if it does not exist."""
        with self._opened(creates=True) as file:
            self._scan(file)
            return self._present_part()

    def is_next(self, part: Part, number: int) -> bool:
        """Whether a line with *number* continues *part*; the line of a failed commit has the same one."""
        with self._opened(creates=True) as file:
            self._scan(file)
            return part == self._present_part() and number - self._known.ends.get(part, 0) in {0, 1}

    def begin(self, instead_of: Part, lacking: Mapping[Part, int]) -> Part:
        """Begin another id, unless another process just did, and return its part.

        Args:
            instead_of: The part until now.
            lacking: The last numbers of parts of which this file lacks lines.
        """
        with self._opened(creates=True) as file:
            self._scan(file)
            if self._present_part() == instead_of:
                _write_whole(file, header_line(uuid4(), lacking))
                self._scan(file)
            return self._present_part()

    def append(self, part: Part, number: int, acts: list[Act]) -> None:
        """Write a line and wait until it is on disk."""
        content = {"number": number, "at": part.location, "acts": acts}
        with self._opened(creates=True) as file:
            _write_whole(file, json.dumps(content, default=str).encode() + b"\n")

    def lines(self) -> list[Line]:
        """Return all lines in their order; interrupted ones are skipped."""
        found, lines = _Known(), []
        with self._opened() as file:
            for line in _whole_lines(file, found) if file else ():
                found.add(line)
                if isinstance(line, Line):
                    lines.append(line)
        return lines

    def remembered(self) -> list[Act]:
        """Return this database's acts about keys, organisers and restorations, in their order.

        Those of a failed commit are among them: by writing to the database, others could be made to seem so.
        """
        return [act for location, act in self._read().remembered if location == self.location]

    def ids(self) -> set[UUID]:
        """Return the ids under which the file has lines, or could have."""
        return set(self._read().ids)

    def ends(self) -> dict[Part, int]:
        """Return the last number of each part."""
        return dict(self._read().ends)

    def lacking(self) -> dict[Part, int]:
        """Return the numbers up to which lines are known to lack."""
        return dict(self._read().lacking)

    def _read(self) -> _Known:
        if self._is_known():  # each page of an organiser asks
            return self._known
        with self._opened() as file:
            if file is None:
                return _Known()
            self._scan(file)
            return self._known

    def _is_known(self) -> bool:
        """Whether nobody wrote to the file, or replaced it, since it was read."""
        try:
            is_now = self.path.stat()
        except OSError:
            return False
        return (is_now.st_ino, is_now.st_size) == (self._known.inode, self._known.size)

    def _present_part(self) -> Part:
        assert self._known.id is not None
        return Part(self._known.id, self.location)

    def _scan(self, file: FileIO) -> None:
        """Read what other processes wrote since; all of it if the file was replaced."""
        is_now = os.fstat(file.fileno())
        if is_now.st_ino != self._known.inode or is_now.st_size < self._known.size:
            self._known = _Known(inode=is_now.st_ino)
        for line in _whole_lines(file, self._known):
            self._known.add(line)
        if self._known.id is None and is_now.st_size:
            raise JournalError(
                f"the first line of {self.path} is damaged: put it back from a copy of this file, or move the"
                " file away, so that another begins and an owner looks before names are published"
            )

    @contextmanager
    def _opened(self, *, creates: bool = False) -> Iterator[Any]:
        """Yield the file, locked against other processes, or ``None`` if it is not there.

        Raises:
            JournalError: It cannot be opened, read or written.
        """
        try:
            number = self._open(creates=creates)
            if number is None:
                yield None
                return
            with os.fdopen(number, "r+b" if creates else "rb", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if creates and os.fstat(number).st_size == 0:
                    _write_whole(file, header_line(uuid4(), {}))
                    sync_folder(Path(os.path.realpath(self.path)).parent)
                yield file
        except OSError as error:
            raise JournalError(f"{self.path} cannot be used: {error.strerror}") from error

    def _open(self, *, creates: bool) -> int | None:
        # A link that leads nowhere leads to a disk that is not mounted.
        is_link = self.path.is_symlink()
        flags = os.O_RDWR | os.O_APPEND if creates else os.O_RDONLY
        if creates and not is_link:
            flags |= os.O_CREAT
        try:
            return os.open(self.path, flags, 0o600)
        except FileNotFoundError:
            if creates or is_link:
                raise JournalError(
                    f"{self.path} leads to no file: mount its disk; if the file is lost, create an empty one"
                ) from None
            return None


def sync_folder(folder: Path) -> None:
    """Wait until the names in *folder* are on disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _whole_lines(file: FileIO, known: _Known) -> Iterator[Line | Header | None]:
    """Yield the lines after those *known*, and count their bytes; an unfinished last one is left."""
    file.seek(known.size)
    for raw in file:
        if not raw.endswith(b"\n"):
            return
        known.size += len(raw)
        try:
            yield parse(raw, known.id)
        except (ValueError, LookupError, TypeError, AttributeError):
            yield None


def _write_whole(file: FileIO, line: bytes) -> None:
    """Append *line* and sync it; a disk that has room for a part of it is as full as one without any."""
    before = os.fstat(file.fileno()).st_size
    if before:
        # A write that was interrupted leaves a line without an end.
        file.seek(-1, os.SEEK_END)
        line = line if file.read(1) == b"\n" else b"\n" + line
    if file.write(line) != len(line):
        os.ftruncate(file.fileno(), before)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(file.fileno())
