"""MACs under the server's key over rows that decide who may see names: an edited row is not obeyed.

Somebody who writes to the database alone cannot make one. Somebody who also has the server's key can; and
an *earlier* row that is put back, with its MAC, is not noticed here. The journal notices some, on the
machine that wrote it: a replaced key of the campaign, always; a withdrawn signature, each night and at a
start; and since the last restoration a removed account, a higher role, a link that was used or revoked, the
deleted mark of a restoration or of a due change of the key. Earlier safety lists, addresses, choices and
decisions are not noticed.

Rows that have one, and what editing them would give:

- ``campaign_key``: another public key, to which signatures would be sealed
- ``organiser``: another role; another public key, to which the campaign's key would be sealed at a change;
  no second factor, or a code that was used
- ``key_wrapping``: an invitation, a promotion or a recovery code of one's own
- ``delegation``: another address, to which a list would be sent
- ``letter_edition``: another letter above the names of those who signed this one; its hash is over its texts
- ``organiser_session``: a passphrase given a moment ago, at an unlocked computer
- the facts ``safety`` and ``organisation``: names for a delegation that gets none; another sender
- ``signature_token`` and ``mailbox_day.link``: a link of one's own to another's page, to publish the name
  or to withdraw
- ``signature.digest_mac``: the own mailbox's digest in another's row, to be sent its link, to replace it or
  to have it erased
- ``signature.decision_mac``: unconfirmed, held or invalidated names on a list, unread words, a name on the
  site: the decisions by which a name leaves

A signature's other columns are bound into its box, and counts are compared with the rows each night. The
audit log has a chain of its own. Rows that have no MAC: editing a login attempt, a delivery or its outcome
gives no name; it may disturb.
"""

import hmac
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.fact import read_fact, save_fact
from campaign.database.session import Database
from campaign.errors import AlteredError

KEY = "row_key"
"""The name of the key in the ``info`` of databases and sessions."""


class Authentic:
    """A table whose rows have a MAC; changing a column of :attr:`authentic` takes :func:`sign`."""

    authentic: ClassVar[tuple[str, ...]]
    """The columns under the MAC."""

    mac: Mapped[bytes] = mapped_column(LargeBinary(32))


def use_key(of: Database | Session, key: bytes) -> None:
    """Give *key* to a session, or to the later sessions of a database."""
    of.info[KEY] = key


def sign(db: Session, row: Authentic) -> None:
    """Set the MAC of a new row, or of one that was locked and found genuine before it was changed."""
    row.mac = row_mac(db.info[KEY], row)


def is_genuine(db: Session, row: Authentic) -> bool:
    """Whether nobody changed *row* without the server's key."""
    return hmac.compare_digest(row.mac, row_mac(db.info[KEY], row))


def check(db: Session, row: Authentic) -> None:
    """Raise unless *row* is genuine.

    Raises:
        AlteredError: Somebody changed the row in the database.
    """
    if not is_genuine(db, row):
        raise AlteredError(f"a row of the table {type(row).__name__} was changed in the database")


def lock(db: Session, row: Authentic) -> None:
    """Lock *row*, read it again and check it: what is changed and signed afterwards is what was checked.

    An UPDATE that changes some columns would keep what another transaction wrote into the others.

    Raises:
        AlteredError: Somebody changed the row in the database.
    """
    db.refresh(row, with_for_update=True)
    check(db, row)


def row_mac(key: bytes, row: Authentic) -> bytes:
    """Return the MAC of *row* under *key*."""
    return mac(key, type(row).__name__, (getattr(row, column) for column in row.authentic))


def mac(key: bytes, kind: str, values: Iterable[Any]) -> bytes:
    """Return the MAC of *values* under *key*, for one *kind* of row."""
    content = json.dumps([kind, *(_plain(value) for value in values)])
    return hmac.digest(key, content.encode(), "sha256")


def save_authentic_fact(db: Session, name: str, content: str) -> None:
    """Store the fact *name* with a MAC."""
    _save_fact(db, name, content, db.info[KEY])


def read_authentic_fact(db: Session, name: str) -> tuple[str, bool] | None:
    """Return the content of the fact *name*, and whether it is genuine; ``None`` if it is not stored."""
    stored = read_fact(db, name)
    if stored is None:
        return None
    return _open_fact(db.info[KEY], name, stored)


def renew_fact(db: Session, name: str, old: bytes, new: bytes) -> None:
    """Give the fact *name* a MAC under another key, unless it was altered."""
    stored = read_fact(db, name)
    content, is_good = ("", False) if stored is None else _open_fact(old, name, stored)
    if is_good:
        _save_fact(db, name, content, new)


def _save_fact(db: Session, name: str, content: str, key: bytes) -> None:
    save_fact(db, name, json.dumps([content, _fact_mac(key, name, content)], ensure_ascii=False))


def _open_fact(key: bytes, name: str, stored: str) -> tuple[str, bool]:
    try:
        content, its_mac = json.loads(stored)
        expected = _fact_mac(key, name, content)
        return str(content), hmac.compare_digest(str(its_mac).encode(), expected.encode())
    except (ValueError, TypeError):
        return "", False


def _fact_mac(key: bytes, name: str, content: str) -> str:
    return mac(key, "fact", (name, content)).hex()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date | UUID):
        return str(value)
    return value.hex() if isinstance(value, bytes) else value
