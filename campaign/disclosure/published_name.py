"""Pages of published names, the newest first."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Self
from uuid import UUID

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from campaign.database.restoration import unreviewed
from campaign.errors import WrongKeyError
from campaign.sealing import box
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature
from campaign.signature.select import counts

NAMES_A_PAGE = 100

DAY_BYTES = 4

ORDER = Signature.confirmed_on, Signature.id


class Cursor(NamedTuple):
    """The position in the order of names right after one signature."""

    confirmed_on: date
    id: UUID

    def wrap(self, keys: ServerKeys) -> str:
        """Return the cursor for a web address, encrypted: it would reveal a name's row and day.

        The same cursor has the same address each time, for caches.
        """
        content = self.confirmed_on.toordinal().to_bytes(DAY_BYTES) + self.id.bytes
        return urlsafe_b64encode(box.encrypt_deterministically(content, keys.cursor)).decode()

    @classmethod
    def unwrap(cls, text: str, keys: ServerKeys) -> Self | None:
        """Return the cursor in a web address; ``None`` unless it was wrapped with these keys."""
        try:
            content = box.decrypt(urlsafe_b64decode(text), keys.cursor)
        except (ValueError, WrongKeyError):
            return None
        return cls(date.fromordinal(int.from_bytes(content[:DAY_BYTES])), UUID(bytes=content[DAY_BYTES:]))


@dataclass(frozen=True)
class NamesPage:
    """A page of published names."""

    names: list[tuple[str, str]]
    """Name, and code of the letter's state."""
    newer: Cursor | None
    """Where the previous page begins; ``None`` for the newest name."""
    older: Cursor | None
    """Where the next page begins; ``None`` on the last."""


def page_of_names(db: Session, *, after: Cursor | None = None) -> NamesPage:
    """Return the page of names *after* a cursor, or the newest names.

    Each page costs the same, however old. New names shift no name from one page to another. A restored
    database has no such page until an owner has looked at it.
    """
    if unreviewed(db) is not None:
        return NamesPage([], None, None)
    size = NAMES_A_PAGE
    newest_first = _names().order_by(*(column.desc() for column in ORDER)).limit(size + 1)
    rows = db.execute(newest_first.where(tuple_(*ORDER) < after) if after else newest_first).all()
    older = Cursor(rows[size - 1].confirmed_on, rows[size - 1].id) if len(rows) > size else None
    names = [(row.public_name, row.state_code) for row in rows[:size]]
    return NamesPage(names, after and _newer(db, after), older)


def _newer(db: Session, after: Cursor) -> Cursor | None:
    before = _names().where(tuple_(*ORDER) >= after).order_by(*ORDER)
    begin = db.execute(before.offset(NAMES_A_PAGE).limit(1)).first()
    return Cursor(begin.confirmed_on, begin.id) if begin else None


def _names() -> Select[str | None, str, date | None, UUID]:
    columns = Signature.public_name, Signature.state_code, *ORDER
    return select(*columns).where(counts(), Signature.public_name.is_not(None))
