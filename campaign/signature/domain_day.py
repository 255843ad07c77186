"""Hold confirmed signatures beyond a threshold for one mail domain and day.

The owner of a domain can make any number of mailboxes. Only confirmed ones count: invented addresses under
an organisation's domain must not keep its people off the count. For the domain as a whole a link counts once,
however many letters it confirms: colleagues may each sign all of them. The counts are in the database, so all
processes share them and a restart does not forget them.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import String, and_, bindparam, delete, distinct, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base, built_once, upsert
from campaign.guard.threshold import CONFIRMED_PER_DOMAIN, CONFIRMED_PER_LETTER
from campaign.signature.model import SignatureKey

LINKS = ""
"""In place of a state's code: how many links confirmed anything, of whatever letters."""


class ConfirmedLink(NamedTuple):
    """What is being confirmed by one link under one mail domain."""

    domain: bytes
    """Digest of the owned mail domain."""
    signatures: frozenset[SignatureKey]
    is_first: bool
    """Whether the link confirmed nothing before."""


class DomainDay(Base):
    """How many signatures of one letter were confirmed on one day under one organisation's mail domain."""

    __tablename__ = "domain_day"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    """HMAC of domain and day of signing: useless without the domain."""
    state_code: Mapped[str] = mapped_column(String(2), primary_key=True)
    """The letter, or :data:`LINKS`."""
    on: Mapped[date] = mapped_column(index=True)
    """The day of the latest confirmation; the row is deleted on the next day."""
    confirmed: Mapped[int]


_domains = DomainDay.__table__.c
_SELECT = select(_domains.digest, _domains.state_code, _domains.confirmed).where(
    _domains.digest.in_(bindparam("digests", expanding=True))
)


def count_confirmed(db: Session, links: Sequence[ConfirmedLink], *, on: date) -> set[SignatureKey]:
    """Count signatures that are being confirmed on a day, and return those beyond a threshold."""
    numbers: Counter[tuple[bytes, str]] = Counter()
    for link in links:
        numbers.update((link.domain, state_code) for state_code, _id in link.signatures)
        numbers[link.domain, LINKS] += link.is_first
    # Sorted, so that two transactions with the same domains wait for each other instead of deadlocking.
    rows = [
        {"digest": digest, "state_code": state_code, "on": on, "confirmed": number}
        for (digest, state_code), number in sorted(numbers.items())
    ]
    if not rows:
        return set()
    db.connection().execute(_statement(db), rows)
    totals = _totals(db, {link.domain for link in links})
    beyond: set[SignatureKey] = set()
    for link in links:
        counted = totals[link.domain]
        is_beyond = counted[LINKS] > CONFIRMED_PER_DOMAIN
        beyond |= {key for key in link.signatures if is_beyond or counted[key[0]] > CONFIRMED_PER_LETTER}
        # Those of one transaction are counted one after the other.
        counted.subtract(state_code for state_code, _id in link.signatures)
        counted[LINKS] -= link.is_first
    return beyond


def delete_expired(db: Session, *, now: datetime) -> None:
    """Delete the counts of earlier days."""
    db.execute(delete(DomainDay).where(DomainDay.on < now.date()))


def count_above_threshold(db: Session, *, on: date) -> int:
    """Return how many mail domains are above a threshold today."""
    of_links, of_letter = DomainDay.state_code == LINKS, DomainDay.state_code != LINKS
    is_above = or_(
        and_(of_links, DomainDay.confirmed > CONFIRMED_PER_DOMAIN),
        and_(of_letter, DomainDay.confirmed > CONFIRMED_PER_LETTER),
    )
    query = select(func.count(distinct(DomainDay.digest))).where(DomainDay.on == on, is_above)
    return db.scalar(query) or 0


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
