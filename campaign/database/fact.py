"""Facts about this installation that must survive a restart."""

import hashlib
import hmac

from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base, upsert
from campaign.errors import SettingsError


class Fact(Base):
    """A named text, such as the fingerprint of the secret key."""

    __tablename__ = "site"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    content: Mapped[str]


def save_fact(db: Session, name: str, content: str) -> None:
    """Insert or replace the fact *name* in one statement, which two processes may execute at once."""
    fact = upsert(db, Fact).values(name=name, content=content)
    db.execute(fact.on_conflict_do_update(index_elements=["name"], set_={"content": content}))


def read_fact(db: Session, name: str) -> str | None:
    """Return the content of the fact *name*, if there is one."""
    fact = db.get(Fact, name)
    return fact.content if fact else None


def check_secret_key(db: Session, secret_key: str) -> None:
    """Compare *secret_key* with the key that this database was created with; store it the first time.

    Raises:
        SettingsError: The mails, digests and sessions in this database belong to another key.
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
