"""Hold confirmed signatures beyond a threshold for one mail domain and day.

The owner of a domain can make any number of mailboxes. Only confirmed ones count: invented addresses under
an organisation's domain must not keep its people off the count. The counts are in the database, so all
processes share them and a restart does not forget them.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import String, bindparam, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base, built_once, upsert
from campaign.guard.threshold import CONFIRMED_PER_DOMAIN, CONFIRMED_PER_LETTER
from campaign.signature.model import SignatureKey


class DomainDay(Base):
    """How many signatures of one letter were confirmed on one day under one organisation's mail domain."""

    __tablename__ = "domain_day"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    """HMAC of domain and day of signing: useless without the domain."""
    state_code: Mapped[str] = mapped_column(String(2), primary_key=True)
    on: Mapped[date] = mapped_column(index=True)
    """The day of the latest confirmation; the row is deleted on the next day."""
    confirmed: Mapped[int]


_domains = DomainDay.__table__.c
_SELECT = select(_domains.digest, _domains.state_code, _domains.confirmed).where(
    _domains.digest.in_(bindparam("digests", expanding=True))
)


def count_confirmed(db: Session, domains: Mapping[SignatureKey, bytes], *, on: date) -> set[SignatureKey]:
    """Count signatures that are being confirmed, and return those beyond a threshold.

    Args:
        db: The session.
        domains: The digest of the owned mail domain of each signature.
        on: The day.
    """
    numbers = Counter((digest, state_code) for (state_code, _id), digest in domains.items())
    # Sorted, so that two transactions with the same domains wait for each other instead of deadlocking.
    rows = [
        {"digest": digest, "state_code": state_code, "on": on, "confirmed": number}
        for (digest, state_code), number in sorted(numbers.items())
    ]
    if not rows:
        return set()
    db.connection().execute(_statement(db), rows)
    totals = _totals(db, {digest for digest, _state_code in numbers})
    beyond = set()
    for (state_code, signature_id), digest in domains.items():
        of_letter, of_domain = totals[digest][state_code], sum(totals[digest].values())
        if of_letter > CONFIRMED_PER_LETTER or of_domain > CONFIRMED_PER_DOMAIN:
            beyond.add((state_code, signature_id))
        # Those of one transaction are counted one after the other.
        totals[digest][state_code] -= 1
    return beyond


def delete_expired(db: Session, *, now: datetime) -> None:
    """Delete the counts of earlier days."""
    db.execute(delete(DomainDay).where(DomainDay.on < now.date()))


def count_above_threshold(db: Session, *, on: date) -> int:
    """Return how many mail domains are above a threshold today."""
    of_domain, of_letter = func.sum(DomainDay.confirmed), func.max(DomainDay.confirmed)
    above = (
        select(DomainDay.digest)
        .where(DomainDay.on == on)
        .group_by(DomainDay.digest)
        .having((of_domain > CONFIRMED_PER_DOMAIN) | (of_letter > CONFIRMED_PER_LETTER))
    )
    return db.scalar(select(func.count()).select_from(above.subquery())) or 0


def _totals(db: Session, digests: set[bytes]) -> dict[bytes, Counter[str]]:
    found: dict[bytes, Counter[str]] = {digest: Counter() for digest in digests}
    rows = db.connection().execute(_SELECT, {"digests": list(digests)})
    for digest, state_code, confirmed in rows:
        found[digest][state_code] = confirmed
    return found


@built_once
def _statement(db: Session) -> Any:
    """Return the statement that counts."""
    table = DomainDay.__table__
    insert = upsert(db, table)
    added = {"confirmed": table.c.confirmed + insert.excluded.confirmed, "on": insert.excluded.on}
    return insert.on_conflict_do_update(index_elements=["digest", "state_code"], set_=added)
