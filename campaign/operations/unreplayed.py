"""Which acts of the journals a database lacks, and which lines the journals themselves lack."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.database.journal_file import Journal
from campaign.database.journal_line import Act, Line, Part


@dataclass(frozen=True, kw_only=True)
class Unreplayed:
    """The difference between a database and its journals."""

    known: Mapping[Part, int]
    """The database's position in each part."""
    parts: Mapping[Part, list[Line]]
    """All lines of this database, and of those it was copied from, by their numbers."""
    foreign: Counter[str] = field(default_factory=Counter)
    """Databases that this one never was, such as a rehearsal's, with the number of their acts."""
    foreign_ends: Mapping[Part, int] = field(default_factory=dict)
    """The last number of each part of such databases."""
    missing: Mapping[Part, int] = field(default_factory=dict)
    """How many lines after the database's position, or before it at the end, are in no file."""
    missing_journals: int = 0
    """Journals of this database that are not here."""
    conflicting_lines: int = 0
    """Numbers that two files have with different acts."""
    is_certain: bool = True
    """Whether the positions can be trusted; otherwise every line is replayed."""

    @property
    def lines(self) -> list[Line]:
        """The lines that came after the database."""
        return [
            line
            for part, lines in self.parts.items()
            for line in lines
            if not self.is_certain or line.number > self.known.get(part, 0)
        ]


def unreplayed(
    db: Session,
    journals: Sequence[Journal],
    *,
    with_foreign: bool = False,
    before: Mapping[Part, int] | None = None,
) -> Unreplayed:
    """Compare the database of *db* with *journals*.

    Args:
        db: Only read.
        journals: This machine's, and those of others.
        with_foreign: Count acts of databases that this one never was as its own.
        before: The positions before this start, which alone tell where the database was; by default all.
    """
    known = journal.positions(db)
    files = [each.lines() for each in journals]
    theirs = set[Part]() if with_foreign else _foreign(files, known if before is None else before)
    parts, conflicts = _merged(files, theirs)
    lacking = {part: number for each in journals for part, number in each.lacking().items()}
    present = {each for file in journals for each in file.ids()}
    return Unreplayed(
        known=known,
        parts=parts,
        foreign=Counter(
            line.part.location
            for file in files
            for line in file
            if line.part in theirs
            for act in line.acts
            if not _is_note([act])
        ),
        foreign_ends={
            part: number for each in journals for part, number in each.ends().items() if part in theirs
        },
        missing={
            part: number
            for part in {*parts, *known, *lacking}
            if part.id in present and (number := _missing(part, parts, known, lacking))
        },
        missing_journals=len(_absent(known, lacking) - present),
        conflicting_lines=conflicts,
    )


def in_order(acts: Sequence[Act]) -> list[Act]:
    """Return *acts* so that each comes after what it refers to, which another machine's journal may have."""
    late = (journal.OUTCOME, journal.UNDO)
    undone = {act["decision"] for act in acts if act["act"] == journal.UNDO}
    # A signature that one decision let go may be off the count by another.
    again = [act for act in acts if act["act"] == journal.INVALIDATE and act["decision"] not in undone]
    early = [act for act in acts if act["act"] not in late]
    return [*early, *(act for act in acts if act["act"] in late), *(again if undone else ())]


def pass_notes(db: Session, found: Unreplayed, location: str) -> None:
    """Let the database of *db* go on at *location* after restorations that were tried there before."""
    for part, number in found.foreign_ends.items():
        if part.location == location:
            journal.set_position(db, part, number)


def _foreign(files: Sequence[list[Line]], known: Mapping[Part, int]) -> set[Part]:
    """Return the parts of databases that the one with the positions *known* never was.

    An id that it does not know may have begun later. One that it knows, but not at this place, was used there
    by another database: that an earlier one had the same name says nothing.
    """
    locations, ids = {part.location for part in known}, {part.id for part in known}
    parts = {line.part for file in files for line in file} - set(known)
    return {part for part in parts if part.location not in locations or part.id in ids}


def _merged(files: Sequence[list[Line]], foreign: AbstractSet[Part]) -> tuple[dict[Part, list[Line]], int]:
    """Return the lines of all files by part, each once, and how many contradict another file's."""
    parts, conflicts = defaultdict[Part, list[Line]](list), 0
    acts = defaultdict[tuple[Part, int], list[tuple[Act, ...]]](list)
    for file in files:
        earlier = set(acts)
        for line in file:
            key = line.part, line.number
            if line.part in foreign or line.acts in acts[key]:
                continue
            # A restoration that was repeated noted itself where another file goes on.
            conflicts += key in earlier and not any(map(_is_note, [line.acts, *acts[key]]))
            acts[key].append(line.acts)
            parts[line.part].append(line)
    return {part: sorted(lines, key=lambda line: line.number) for part, lines in parts.items()}, conflicts


def _is_note(acts: Sequence[Act]) -> bool:
    """Whether there is nothing to replay: a restoration, or that an owner has looked at it."""
    return all(act["act"] in (journal.RESTORE, journal.REVIEW) for act in acts)


def _missing(
    part: Part, parts: Mapping[Part, list[Line]], known: Mapping[Part, int], lacking: Mapping[Part, int]
) -> int:
    numbers, position = {line.number for line in parts.get(part, ())}, known.get(part, 0)
    end, noted = max(numbers, default=0), lacking.get(part, 0)
    if position > max(end, noted):
        return position - end
    return max(end, noted, position) - position - sum(number > position for number in numbers)


def _absent(known: Mapping[Part, int], lacking: Mapping[Part, int]) -> set[UUID]:
    """Return the ids of journals whose acts may be unknown if their files are not here."""
    unknown = {part.id for part, number in known.items() if number and part not in lacking}
    return unknown | {part.id for part, number in lacking.items() if number > known.get(part, 0)}
