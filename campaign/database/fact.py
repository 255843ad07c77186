"""Facts about this installation that must survive a restart, one row each."""

import hashlib
import hmac

from sqlalchemy import (
    String,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base, upsert
from campaign.errors import SettingsError


class Fact(Base):
    """One row for each fact about this installation that must survive a restart."""

    __tablename__ = "site"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    content: Mapped[str]


def save_fact(db: Session, name: str, content: str) -> None:
    """Keep a fact about this installation, in place of what was kept under *name*; two may do so at once."""
    kept = upsert(db, Fact).values(name=name, content=content)
    db.execute(kept.on_conflict_do_update(index_elements=["name"], set_={"content": content}))


def read_fact(db: Session, name: str) -> str | None:
    """Return what was kept under *name*."""
    row = db.get(Fact, name)
    return row.content if row else None


def check_secret_key(db: Session, secret_key: str) -> None:
    """Refuse another secret key than the one this database was made with.

    Raises:
        SettingsError: Mails, digests and sessions in this database belong to another key.
    """
    fingerprint = hmac.new(secret_key.encode(), b"fingerprint", hashlib.sha256).hexdigest()
    known = read_fact(db, "secret_key_fingerprint")
    if known is None:
        save_fact(db, "secret_key_fingerprint", fingerprint)
    elif not hmac.compare_digest(known, fingerprint):
        raise SettingsError(
            "CAMPAIGN_SECRET_KEY: this database was made with another key; "
            "give every machine of the site the same one"
        )
