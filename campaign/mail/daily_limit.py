"""Limits how many mails one mailbox, and one organisation's mail domain, get in a day.

The counts are in the database, since all processes share them and a restart must not forget them.
"""

import hmac
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import case
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base, built_once, upsert
from campaign.sealing import row_mac

MAILS_A_DAY = 5
"""To one mailbox."""

DOMAIN_AT_ONCE, DOMAIN_PAUSE = 20, timedelta(seconds=10)
"""Mails a day to a domain that is no public provider's; each further one waits longer by the pause. Its
owner may read all of its addresses. Nothing is refused, and confirming brings nothing forward: otherwise
answers or arrivals would tell a stranger how many people under the domain wait, and when they confirm."""

FIRST_WAIT = timedelta(minutes=10)
"""How long the first mails that one network asks for, and a mailbox's last, wait at most for a flood."""

MAC_BYTES = 32


class MailboxDay(Base):
    """How many mails were reserved on one day for one mailbox, or for one organisation's domain."""

    __tablename__ = "mailbox_day"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    """HMAC of day and address: useless without the address, and on any other day."""
    on: Mapped[date] = mapped_column(index=True)
    sent: Mapped[int]
    link: Mapped[bytes]
    """Hash of the token in the latest mail, then its MAC: it opens later submissions. Empty for a domain."""


class MailRequest(NamedTuple):
    """A mail about a submission that is to be reserved."""

    mailbox: bytes
    """Digest of the mailbox for the day."""
    link: bytes
    """Hash of a new token."""
    domain: bytes | None
    """Digest of the mail domain for the day; ``None`` for a public provider's."""
    is_first: bool = False
    """Whether it is among the first that its sender's network asks for to that domain."""


class Reserved(NamedTuple):
    """A reserved mail, or one beyond the limit."""

    number: int
    """Of the day, for this mailbox."""
    link: bytes
    """Hash of the token that is to open the submission; beyond the limit, that of the day's last mail."""
    delay: timedelta
    """For a mail whose turn comes after its life, as long as that or longer: it is not sent."""

    @property
    def is_within_limit(self) -> bool:
        """Whether the mail may be sent."""
        return self.number <= MAILS_A_DAY

    @property
    def is_last(self) -> bool:
        """Whether it is the last mail of the day to this mailbox."""
        return self.number == MAILS_A_DAY


def reserve_mails(db: Session, requests: Sequence[MailRequest], *, on: date) -> list[Reserved]:
    """Count one more mail for each of *requests* on that day, with one statement."""
    links = {each.mailbox: each.link + _link_mac(db, each.mailbox, each.link) for each in requests}
    numbers = Counter(request.mailbox for request in requests)
    numbers.update(request.domain for request in requests if request.domain is not None)
    # Sorted, so that two transactions with the same mailboxes wait for each other instead of deadlocking.
    rows = [
        {"digest": each, "on": on, "sent": numbers[each], "link": links.get(each, b"")}
        for each in sorted(numbers)
    ]
    found = {row.digest: row for row in db.connection().execute(_count(db), rows)}
    before = {digest: row.sent - numbers[digest] for digest, row in found.items()}
    return [
        _reserve(each, found[each.mailbox].sent, _genuine_link(db, found[each.mailbox]), before)
        for each in requests
    ]


def _link_mac(db: Session, mailbox: bytes, link: bytes) -> bytes:
    return hmac.digest(db.info[row_mac.KEY], b"latest link\0%b%b" % (mailbox, link), "sha256")


def _genuine_link(db: Session, row: Any) -> bytes | None:
    """Return the stored hash of a token, unless somebody put that of another token in its place."""
    link, mac = row.link[:-MAC_BYTES], row.link[-MAC_BYTES:]
    return link if hmac.compare_digest(mac, _link_mac(db, row.digest, link)) else None


def reserve_link_mail(db: Session, mailbox: bytes, *, on: date) -> bool:
    """Count a mail that sends links again, and return whether it may be sent.

    The last mail of the day stays reserved for a submission, since its link opens all later ones.
    """
    row = {"digest": mailbox, "on": on, "sent": 1, "link": b""}
    return db.execute(_count_links(db), row).first() is not None


def _reserve(request: MailRequest, sent: int, latest: bytes | None, before: dict[bytes, int]) -> Reserved:
    before[request.mailbox] += 1
    number = before[request.mailbox]
    # The stored link is the one of the last request that is within the limit.
    is_latest = number >= min(sent, MAILS_A_DAY)
    delay = timedelta()
    if request.domain is not None:
        before[request.domain] += 1
        # A mailbox's last mail opens what its owner submits later, so no flood delays it for long.
        is_soon = request.is_first or number == MAILS_A_DAY
        delay = _domain_delay(before[request.domain], is_soon=is_soon)
    return Reserved(number, latest if latest and is_latest else request.link, delay)


def _domain_delay(number: int, *, is_soon: bool) -> timedelta:
    delay = DOMAIN_PAUSE * max(0, number - DOMAIN_AT_ONCE)
    return min(delay, FIRST_WAIT) if is_soon else delay


@built_once
def _count(db: Session) -> Any:
    table = MailboxDay.__table__
    insert = upsert(db, table)
    is_within_limit = table.c.sent < MAILS_A_DAY
    link = case((is_within_limit, insert.excluded.link), else_=table.c.link)
    added = {"sent": table.c.sent + insert.excluded.sent, "link": link}
    counted = insert.on_conflict_do_update(index_elements=["digest"], set_=added)
    return counted.returning(table.c.digest, table.c.sent, table.c.link)


@built_once
def _count_links(db: Session) -> Any:
    table = MailboxDay.__table__
    counted = upsert(db, table).on_conflict_do_update(
        index_elements=["digest"],
        set_={"sent": table.c.sent + 1},
        where=table.c.sent < MAILS_A_DAY - 1,
    )
    return counted.returning(table.c.digest)
