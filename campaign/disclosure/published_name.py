"""Names that may be seen by everyone, the newest first, a page at a time."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Self
from uuid import UUID

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from campaign.errors import WrongKeyError
from campaign.sealing import box
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature
from campaign.signature.select import counts

NAMES_A_PAGE = 100

DAY_BYTES = 4

ORDER = Signature.confirmed_on, Signature.id


class Place(NamedTuple):
    """A place in the order of names: right after the signature that was confirmed then and has this id."""

    confirmed_on: date
    id: UUID

    def text(self, keys: ServerKeys) -> str:
        """Return it as it stands in an address: closed, since it tells whose row is whose, and its day.

        The same place has the same address each time.
        """
        content = self.confirmed_on.toordinal().to_bytes(DAY_BYTES) + self.id.bytes
        return urlsafe_b64encode(box.wrap_deterministically(content, keys.place)).decode()

    @classmethod
    def read(cls, text: str, keys: ServerKeys) -> Self | None:
        """Return the place of an address, or ``None`` where none stands that these keys closed."""
        try:
            content = box.unwrap(urlsafe_b64decode(text), keys.place)
        except (ValueError, WrongKeyError):
            return None
        return cls(date.fromordinal(int.from_bytes(content[:DAY_BYTES])), UUID(bytes=content[DAY_BYTES:]))


@dataclass(frozen=True)
class Page:
    """A page of names."""

    names: list[tuple[str, str]]
    """Each with the code of the letter's state."""
    newer: Place | None
    """Where the page before it begins; ``None``: at the newest name."""
    older: Place | None
    """Where the next one begins, if there is one."""


def page(db: Session, *, after: Place | None = None) -> Page:
    """Return a page of names *after* a place, or the newest ones.

    Each page costs the same, however far back, and no name is left out when others come meanwhile.
    """
    size = NAMES_A_PAGE
    wanted = _names().order_by(*(column.desc() for column in ORDER)).limit(size + 1)
    rows = db.execute(wanted.where(tuple_(*ORDER) < after) if after else wanted).all()
    older = Place(rows[size - 1].confirmed_on, rows[size - 1].id) if len(rows) > size else None
    names = [(row.public_name, row.state_code) for row in rows[:size]]
    return Page(names, after and _newer(db, after), older)


def _newer(db: Session, after: Place) -> Place | None:
    before = _names().where(tuple_(*ORDER) >= after).order_by(*ORDER)
    begin = db.execute(before.offset(NAMES_A_PAGE).limit(1)).first()
    return Place(begin.confirmed_on, begin.id) if begin else None


def _names() -> Select[str | None, str, date | None, UUID]:
    columns = Signature.public_name, Signature.state_code, *ORDER
    return select(*columns).where(counts(), Signature.public_name.is_not(None))
