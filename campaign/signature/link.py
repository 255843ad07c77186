"""Private links: open the signature of a token, and send a mailbox's owner new links."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from campaign.database.table import upsert
from campaign.errors import ChangedError, UnknownTokenError
from campaign.mail import outbox
from campaign.mail.cause import may_be_named
from campaign.mail.daily_limit import MailRequest, reserve_link_mail
from campaign.mail.random_wait import Wait, no_wait
from campaign.mail.signatory_mail import LINKS
from campaign.reference.participating_state import STATES
from campaign.sealing import row_mac
from campaign.sealing.address_digest import AddressDigests
from campaign.sealing.code import code_hash, new_code
from campaign.sealing.server_key import ServerKeys
from campaign.signature.deadline import is_expired
from campaign.signature.model import COUNTED, Signature, SignatureToken
from campaign.signature.select import of_mailbox
from campaign.signature.shown import Shown
from campaign.signature.signature_mac import has_own_digest
from campaign.signature.token_mac import is_genuine_token, token_row

# Each confirmation executes these, so they are built once.
_SELECT_LINKED = (
    select(Signature, SignatureToken.is_substitute, SignatureToken.mac)
    .join(
        SignatureToken,
        and_(SignatureToken.state_code == Signature.state_code, SignatureToken.signature_id == Signature.id),
    )
    .where(SignatureToken.hash == bindparam("hash"))
    .execution_options(populate_existing=True)  # what was read before waiting for a lock may be old
)
_SELECT_SIBLINGS = (
    select(Signature)
    .where(of_mailbox(bindparam("state_code"), bindparam("digest")), Signature.withdrawn_on.is_(None))
    .order_by(Signature.digest, Signature.id)
)
_LOCK_SIBLINGS = _SELECT_SIBLINGS.with_for_update().execution_options(populate_existing=True)


class Linked(NamedTuple):
    """A signature that a link opens."""

    signature: Signature
    is_substitute: bool
    """Whether it counts in place of the one that the mail was about."""

    @property
    def may_change(self) -> bool:
        """Whether the link may change the signature.

        People who share a mailbox have links of their own, so a substitute is left to its own link, which can
        be sent again until its digest is erased.
        """
        return not self.is_substitute or self.signature.digest is None


def linked(db: Session, token: str, *, now: datetime, confirmation_days: int) -> list[Linked]:
    """Return the signatures that *token* opens; those not confirmed in time are left out.

    Raises:
        UnknownTokenError: There is none.
    """
    hash_ = code_hash(token)
    found = [
        Linked(signature, is_substitute)
        for signature, is_substitute, mac in db.execute(_SELECT_LINKED, {"hash": hash_})
        if not is_expired(signature, now.date(), confirmation_days)
        if is_genuine_token(db, mac, hash_, signature.state_code, signature.id)
    ]
    if not found:
        raise UnknownTokenError("no signature has this link, or it was not confirmed in time")
    return found


def find_shown(
    db: Session, token: str, pages: Sequence[Shown], *, now: datetime, confirmation_days: int
) -> list[Signature]:
    """Return the signatures that the page of *token* showed, sorted by their keys.

    Without *pages*, return the only one that it opens.

    Raises:
        UnknownTokenError: No signature has this token, or it was not confirmed in time.
        ChangedError: The link does not open one of them any more, may not change one, or opens several.
    """
    links = linked(db, token, now=now, confirmation_days=confirmation_days)
    opened = [each.signature for each in links if each.may_change]
    found = [each for each in opened if not pages or any(page.is_about(each) for page in pages)]
    if len(found) != (len(pages) or 1):
        raise ChangedError("the page showed something else")
    # Sorted, so that two transactions that lock them wait for each other instead of deadlocking.
    return sorted(found, key=lambda each: (each.state_code, each.id))


def siblings(db: Session, signature: Signature, *, is_locked: bool = False) -> list[Signature]:
    """Return the submissions of the mailbox for the letter that were not withdrawn, *signature* among them.

    A row that somebody gave the mailbox's digest in the database is not among them, and has none.

    Args:
        db: The session.
        signature: One of them; after its digest was erased it has no siblings.
        is_locked: Lock them, in the order in which confirming does.
    """
    key = db.info[row_mac.KEY]
    if not has_own_digest(key, signature):
        return []
    mailbox = {"state_code": signature.state_code, "digest": signature.digest}
    found = db.scalars(_LOCK_SIBLINGS if is_locked else _SELECT_SIBLINGS, mailbox)
    return [each for each in found if has_own_digest(key, each)]


def count_links(db: Session, signature: Signature) -> int:
    """Return the number of links that open the private page of *signature*."""
    query = select(func.count()).select_from(SignatureToken)
    return (
        db.scalar(
            query.where(
                SignatureToken.state_code == signature.state_code,
                SignatureToken.signature_id == signature.id,
            )
        )
        or 0
    )


def request_links(
    db: Session, email: str, *, language: str, keys: ServerKeys, now: datetime, wait: Wait = no_wait
) -> None:
    """Ask the worker to send the links of all signatures made with *email*.

    Only the worker looks for signatures: here the response time would reveal whether there are any.
    """
    request = {"purpose": outbox.LINK_REQUEST, "language": language, "recipient": email}
    outbox.add(db, keys, **request, params={}, now=now, wait=wait)


def send_links(
    db: Session,
    email: str,
    *,
    language: str,
    keys: ServerKeys,
    is_sensitive: Callable[[str], bool],
    now: datetime,
    wait: Wait = no_wait,
) -> None:
    """Add a mail to the outbox with a new link that opens everything signed with *email*.

    One link for all letters: its page tells them apart, so a mail that must not name its cause need not.

    An address without signatures gets no mail, and neither does one that was sent its last one today: that
    one's link opens all of them. Then a row that sends nothing takes the mail's place. The mail names
    its cause only if none of the signatures was made in a residence that *is_sensitive*, or only counted.
    """
    mailbox, today, token = AddressDigests.of(keys, email), now.date(), new_code()
    live = _live(db, mailbox)
    # The safer form, which people in danger use whatever residence they give, presets "counted".
    is_careful = any(each.disclosure == COUNTED for each in live)
    residences = [each.residence for each in live]
    request = MailRequest(mailbox.for_day(today), code_hash(token), None, is_plain=mailbox.is_plain)
    reserved = reserve_link_mail(db, request, on=today) if live else None
    if reserved is not None:
        open_all(db, token, live)
    mail = {"purpose": LINKS if reserved else outbox.DECOY, "language": language, "recipient": email}
    params = {
        "token": token,
        "letters": list(dict.fromkeys(each.state_code for each in live)),
        "is_last": reserved is not None and reserved.is_last,
        "names_cause": not is_careful and may_be_named(email, residences, is_sensitive=is_sensitive),
    }
    outbox.add(db, keys, **mail, params=params, now=now, wait=wait)


def link_all(db: Session, email: str, token: str, *, keys: ServerKeys) -> None:
    """Let *token*, of the day's last mail to *email*, open all that was made with that address."""
    open_all(db, token, _live(db, AddressDigests.of(keys, email)))


def open_all(db: Session, token: str, signatures: Sequence[Signature]) -> None:
    """Let *token* open the private pages of *signatures*; the database stores only its hash."""
    hash_ = code_hash(token)
    rows = [token_row(db, hash_, each.state_code, each.id) for each in signatures]
    if rows:
        db.execute(upsert(db, SignatureToken.__table__).on_conflict_do_nothing(), rows)


def _live(db: Session, mailbox: AddressDigests) -> Sequence[Signature]:
    """Return what a mailbox signed and did not withdraw, locked so that it stays while it gets a link."""
    found = db.scalars(
        select(Signature)
        .where(
            or_(*(of_mailbox(code, mailbox.for_letter(code)) for code in STATES)),
            Signature.withdrawn_on.is_(None),
        )
        .order_by(Signature.state_code, Signature.digest, Signature.id)  # as confirming does
        .with_for_update(read=True, key_share=True)
    )
    return [each for each in found if has_own_digest(db.info[row_mac.KEY], each)]
