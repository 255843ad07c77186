"""Facts about this installation that must survive a restart."""

import hashlib
import hmac

from sqlalchemy import String, bindparam, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database import batch
from campaign.database.table import Base, upsert
from campaign.errors import SettingsError

FINGERPRINT = "secret_key_fingerprint"
"""The name of the fact that tells which secret key this database belongs to."""


class Fact(Base):
    """A named text, such as the fingerprint of the secret key."""

    __tablename__ = "site"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    content: Mapped[str]


_SELECT = select(Fact.__table__.c.content).where(Fact.__table__.c.name == bindparam("wanted"))


def save_fact(db: Session, name: str, content: str) -> None:
    """Insert or replace the fact *name* in one statement, which two processes may execute at once."""
    fact = upsert(db, Fact).values(name=name, content=content)
    db.execute(fact.on_conflict_do_update(index_elements=["name"], set_={"content": content}))


def replace_fact(db: Session, name: str, *, before: str, content: str) -> bool:
    """Replace the fact *name* if it is still *before*; return whether it was."""
    changed = update(Fact).where(Fact.name == name, Fact.content == before).values(content=content)
    return batch.execute(db, changed) == 1


def read_fact(db: Session, name: str) -> str | None:
    """Return the content of the fact *name*, if there is one."""
    # Without ORM: each transaction that signs or confirms reads one.
    return db.connection().scalar(_SELECT, {"wanted": name})


def check_secret_key(db: Session, secret_key: str) -> None:
    """Compare *secret_key* with the key that this database was created with; store it the first time.

    Raises:
        SettingsError: The mails, digests and sessions in this database belong to another key.
    """
    if read_fact(db, FINGERPRINT) is None:
        save_secret_key(db, secret_key)
    elif not belongs_to(db, secret_key):
        raise SettingsError(
            "CAMPAIGN_SECRET_KEY: this database was made with another key; give every machine of the site the"
            " same one, and run `campaign change-secret-key` again if it was interrupted"
        )


def belongs_to(db: Session, secret_key: str) -> bool:
    """Whether the mails, digests and sessions in this database belong to *secret_key*."""
    return hmac.compare_digest(read_fact(db, FINGERPRINT) or "", _fingerprint(secret_key))


def save_secret_key(db: Session, secret_key: str) -> None:
    """Store which key this database belongs to; the key itself is not stored."""
    save_fact(db, FINGERPRINT, _fingerprint(secret_key))


def _fingerprint(secret_key: str) -> str:
    return hmac.new(secret_key.encode(), b"fingerprint", hashlib.sha256).hexdigest()
