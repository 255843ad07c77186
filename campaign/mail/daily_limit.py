"""Limits how many mails one mailbox, and one organisation's mail domain, get in a day.

The counts are in the database, since all processes share them and a restart must not forget them.

All spellings of a mailbox, with and without a ``+tag``, share four mails. The fifth is kept for the
address without a tag, and its link opens what that very address submits later: so nobody's posts with
another spelling silence its owner, and no link shows what was submitted with another spelling. What
remains: where a provider gives addresses with a plus sign to other people, whose posts fill the four
silences those for a day. And where one of a provider's domains, which count as one, leads to no mailbox,
five posts with that domain silence the owner for a day.
"""

import hmac
import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, case, or_
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base, built_once, upsert
from campaign.sealing import row_mac

MAILS_A_DAY = 5
"""To one mailbox."""

SHARED_MAILS = MAILS_A_DAY - 1
"""Of these, to any spelling; the last one is for the address without a tag."""

DOMAIN_AT_ONCE, DOMAIN_PAUSE = 20, timedelta(seconds=10)
"""Mails a day to a domain that is no public provider's; each further one waits longer by the pause, on
average. Its owner may read all of its addresses. Nothing is refused, confirming brings nothing forward, and
each delay is drawn: otherwise answers or arrivals would tell a stranger how many people under the domain
asked for a mail, and when they confirm."""

FIRST_WAIT = timedelta(minutes=10)
"""How long the first mails that one network asks for, and a mailbox's last, wait at most for a flood. Their
delays are drawn below it, or a mail that waits exactly that long would tell that many came before it."""

MAC_BYTES = 32


class MailboxDay(Base):
    """How many mails were reserved on one day for one mailbox, or for one organisation's domain."""

    __tablename__ = "mailbox_day"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    """HMAC of day and address: useless without the address, and on any other day."""
    on: Mapped[date] = mapped_column(index=True)
    sent: Mapped[int]
    link: Mapped[bytes]
    """Hash of the token in the day's last mail, once there is one; before, of any, then its MAC. Empty for
    a domain, and as long as all had a tag."""
    has_last: Mapped[bool]
    """Whether the day's last mail was reserved; its link then opens what comes later."""


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
    is_plain: bool = True
    """Whether the address has no tag, so that it may get the day's last mail."""


class Reserved(NamedTuple):
    """A reserved mail, or one beyond the limit."""

    link: bytes
    """Hash of the token that is to open the submission."""
    is_within_limit: bool
    """Whether the mail may be sent."""
    is_last: bool
    """Whether it is the last mail of the day to this mailbox."""
    is_collected: bool
    """Whether the link is that of the day's last mail, which was reserved before."""
    delay: timedelta
    """For a mail whose turn comes after its life, as long as that or longer: it is not sent."""


def reserve_mails(db: Session, requests: Sequence[MailRequest], *, on: date) -> list[Reserved]:
    """Count one more mail for each of *requests* on that day, with one statement."""
    links = {each.mailbox: _stored_link(db, each) for each in requests if each.is_plain}
    numbers = Counter(request.mailbox for request in requests)
    numbers.update(request.domain for request in requests if request.domain is not None)
    # Sorted, so that two transactions with the same mailboxes wait for each other instead of deadlocking.
    rows = [_row(each, links.get(each, b""), on, number=number) for each, number in sorted(numbers.items())]
    found = {row.digest: row for row in db.connection().execute(_count(db), rows)}
    before = {digest: row.sent - numbers[digest] for digest, row in found.items()}
    # Those with a tag are counted first: then the last of those without is the one beyond the shared mails.
    order = sorted(range(len(requests)), key=lambda at: requests[at].is_plain)
    last = {each: _genuine_link(db, found[each]) for each in links}
    reserved = {at: _reserve(requests[at], last.get(requests[at].mailbox), before) for at in order}
    return [reserved[at] for at in range(len(requests))]


def reserve_link_mail(db: Session, request: MailRequest, *, on: date) -> Reserved | None:
    """Count a mail that sends links again; return ``None`` if it may not be sent."""
    row = _row(request.mailbox, _stored_link(db, request) if request.is_plain else b"", on, number=1)
    found = db.execute(_count_links(db), row).first()
    return _reserve(request, _genuine_link(db, found), {found.digest: found.sent - 1}) if found else None


def _stored_link(db: Session, request: MailRequest) -> bytes:
    return request.link + _link_mac(db, request.mailbox, request.link)


def _link_mac(db: Session, mailbox: bytes, link: bytes) -> bytes:
    return hmac.digest(db.info[row_mac.KEY], b"latest link\0%b%b" % (mailbox, link), "sha256")


def _genuine_link(db: Session, row: Any) -> bytes | None:
    """Return the stored hash of a token, unless somebody put that of another token in its place."""
    link, mac = row.link[:-MAC_BYTES], row.link[-MAC_BYTES:]
    return link if hmac.compare_digest(mac, _link_mac(db, row.digest, link)) else None


def _reserve(request: MailRequest, last: bytes | None, before: dict[bytes, int]) -> Reserved:
    before[request.mailbox] += 1
    is_beyond = before[request.mailbox] > SHARED_MAILS
    opens_later = is_beyond and request.is_plain
    is_last = opens_later and last == request.link
    delay = timedelta()
    if request.domain is not None:
        before[request.domain] += 1
        # A mailbox's last mail opens what its owner submits later, so no flood delays it for long.
        delay = domain_delay(before[request.domain], is_soon=request.is_first or is_last)
    is_collected = opens_later and not is_last and last is not None
    return Reserved(
        link=last if is_collected and last else request.link,
        is_within_limit=not is_beyond or is_last,
        is_last=is_last,
        is_collected=is_collected,
        delay=delay,
    )


def _row(digest: bytes, link: bytes, on: date, *, number: int) -> dict[str, Any]:
    """Return the row of a mailbox, or a domain, that had no mail before; *link* is empty with a tag."""
    has_last = link != b"" and number > SHARED_MAILS
    return {"digest": digest, "on": on, "sent": number, "link": link, "has_last": has_last}


def domain_delay(number: int, *, is_soon: bool) -> timedelta:
    """Return how long a mail waits, drawn between none and twice the mean, which grows with its *number*."""
    mean = DOMAIN_PAUSE * max(0, number - DOMAIN_AT_ONCE)
    return random_factor() * (min(mean, FIRST_WAIT / 2) if is_soon else mean)


def random_factor() -> float:
    """Return a number from 0 to 2, each as likely as any other."""
    return secrets.randbelow(2_000_000) / 1_000_000


@built_once
def _count(db: Session) -> Any:
    table = MailboxDay.__table__
    insert = upsert(db, table)
    counted = insert.on_conflict_do_update(index_elements=["digest"], set_=_added(table, insert))
    return counted.returning(table.c.digest, table.c.sent, table.c.link)


@built_once
def _count_links(db: Session) -> Any:
    table = MailboxDay.__table__
    insert = upsert(db, table)
    may_be_last = and_(insert.excluded.link != b"", ~table.c.has_last)
    counted = insert.on_conflict_do_update(
        index_elements=["digest"],
        set_=_added(table, insert),
        where=or_(table.c.sent < SHARED_MAILS, may_be_last),
    )
    return counted.returning(table.c.digest, table.c.sent, table.c.link)


def _added(table: Any, insert: Any) -> dict[str, Any]:
    sent = table.c.sent + insert.excluded.sent
    is_last = and_(insert.excluded.link != b"", sent > SHARED_MAILS)
    return {
        "sent": sent,
        "link": case((table.c.has_last, table.c.link), else_=insert.excluded.link),
        "has_last": or_(table.c.has_last, is_last),
    }
