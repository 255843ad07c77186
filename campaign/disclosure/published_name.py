"""Pages of published names, in an order that says nothing about when they signed."""

from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from campaign.database.restoration import unreviewed
from campaign.errors import WrongKeyError
from campaign.sealing import box, row_mac
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature
from campaign.signature.select import counts
from campaign.signature.signature_mac import DECISIONS, is_as_decided

NAMES_A_PAGE = 100


class Cursor(NamedTuple):
    """The position in the order of names right after one signature."""

    id: UUID

    def wrap(self, keys: ServerKeys) -> str:
        """Return the cursor for a web address, encrypted: it would reveal a name's row.

        The same cursor has the same address each time, for caches.
        """
        return urlsafe_b64encode(box.encrypt_deterministically(self.id.bytes, keys.cursor)).decode()

    @classmethod
    def unwrap(cls, text: str, keys: ServerKeys) -> Self | None:
        """Return the cursor in a web address; ``None`` unless it was wrapped with these keys."""
        try:
            content = box.decrypt(b64decode(text, b"-_", validate=True), keys.cursor)
        except (ValueError, WrongKeyError):
            return None
        return cls(UUID(bytes=content))


@dataclass(frozen=True)
class NamesPage:
    """A page of published names."""

    names: list[tuple[str, str]]
    """Name, and code of the letter's state."""
    before: Cursor | None
    """Where the page before begins; ``None`` for the first name."""
    after: Cursor | None
    """Where the next page begins; ``None`` on the last."""


def page_of_names(db: Session, *, after: Cursor | None = None) -> NamesPage:
    """Return the page of names *after* a cursor, or the first names.

    Each page costs the same. New names are anywhere, and shift names to a later page. A restored
    database has no such page until an owner has looked at it.
    """
    if unreviewed(db) is not None:
        return NamesPage([], None, None)
    size = NAMES_A_PAGE
    in_order = _names().order_by(Signature.id).limit(size + 1)
    rows = db.execute(in_order.where(Signature.id > after.id) if after else in_order).all()
    following = Cursor(rows[size - 1].id) if len(rows) > size else None
    key = db.info[row_mac.KEY]
    names = [(row.public_name, row.state_code) for row in rows[:size] if is_as_decided(key, row)]
    return NamesPage(names, after and _before(db, after), following)


def _before(db: Session, after: Cursor) -> Cursor | None:
    backwards = _names().where(Signature.id <= after.id).order_by(Signature.id.desc())
    begin = db.execute(backwards.offset(NAMES_A_PAGE).limit(1)).first()
    return Cursor(begin.id) if begin else None


def _names() -> Select[Any]:
    columns = Signature.state_code, Signature.id, Signature.decision_mac
    decisions = (getattr(Signature, name) for name in DECISIONS)
    return select(*columns, *decisions).where(counts(), Signature.public_name.is_not(None))
