"""What a private link opens of one letter: the signature that counts, and what waits to be confirmed."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain

from sqlalchemy.orm import Session

from campaign.sealing.server_key import ServerKeys
from campaign.signature import submission
from campaign.signature.deadline import is_expired
from campaign.signature.link import Linked, linked, siblings
from campaign.signature.model import Signature
from campaign.signature.shown import Shown
from campaign.signature.signature_mac import is_altered
from campaign.signature.submission import Submission


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A pending signature of the link."""

    signature: Signature
    typed: Submission | None
    """What was typed; ``None`` if this link cannot show it, and so cannot confirm it."""
    submitted_at: datetime | None
    counting: Signature | None
    """The confirmed signature of the same mailbox, whatever link opens it."""
    is_altered: bool
    """Whether one of the two was altered in the database: then this one cannot be made to count."""

    @property
    def shown(self) -> Shown:
        """What the page shows of it."""
        return Shown.of(self.signature, counting=self.counting)


@dataclass(frozen=True, kw_only=True)
class OpenedLetter:
    """What a link opens of one letter."""

    state_codes: list[str]
    """Of all letters that the link opens."""
    signature: Signature
    """The confirmed one of the link, else its newest pending one, else a substitute, else a withdrawn one."""
    is_substitute: bool
    """Whether the signature counts in place of the one that the mail was about."""
    may_change: bool
    """Whether the link may change the signature."""
    pending: list[Pending]
    """Of the link, the newest first; the rules for spellings may have made them two mailboxes'."""
    elsewhere: list[datetime]
    """When the mailboxes' other pending ones were submitted, for which another message, or none, was sent."""
    replaced: Signature | None
    """A withdrawn one of the link, when another one counts instead."""

    @property
    def shown(self) -> Shown:
        """What the page shows of the signature itself."""
        return Shown.of(self.signature)


def open_letter(
    db: Session,
    token: str,
    state_code: str = "",
    *,
    keys: ServerKeys,
    now: datetime,
    confirmation_days: int,
) -> OpenedLetter:
    """Return what *token* opens of the letter to *state_code*; by default, of one where something waits.

    Raises:
        UnknownTokenError: It opens nothing.
    """
    found = linked(db, token, now=now, confirmation_days=confirmation_days)
    waiting_first = sorted(
        found, key=lambda each: (bool(each.signature.confirmed_on), each.signature.state_code)
    )
    state_codes = list(dict.fromkeys(each.signature.state_code for each in waiting_first))
    chosen = state_code if state_code in state_codes else state_codes[0]
    links = [each for each in found if each.signature.state_code == chosen]
    mailboxes = mailboxes_of(db, links)
    pending = pending_of(links, mailboxes, token, keys)
    main = _main(links, pending)
    return OpenedLetter(
        state_codes=sorted(state_codes),
        signature=main.signature,
        is_substitute=main.is_substitute,
        may_change=main.may_change,
        pending=pending,
        elsewhere=sorted(
            submission.unwrap_time(each, keys) or now
            for each in waiting_elsewhere(links, mailboxes, now.date(), confirmation_days)
        ),
        replaced=next((each.signature for each in links if each.signature.withdrawn_on), None)
        if main.is_substitute
        else None,
    )


def mailboxes_of(db: Session, links: list[Linked]) -> dict[bytes | None, list[Signature]]:
    """Return what each mailbox of the link submitted, by its digest; without one a signature is alone."""
    found: dict[bytes | None, list[Signature]] = {}
    for signature in (each.signature for each in links if each.signature.withdrawn_on is None):
        # A row whose digest is not its own has no siblings.
        found[signature.digest] = found.get(signature.digest) or siblings(db, signature)
    return found


def waiting_elsewhere(
    links: list[Linked],
    mailboxes: dict[bytes | None, list[Signature]],
    today: date,
    confirmation_days: int,
) -> list[Signature]:
    """Return what waits in the *mailboxes*, but not under their link."""
    own = {each.signature.id for each in links}
    return [
        each
        for each in chain.from_iterable(mailboxes.values())
        if each.id not in own and each.confirmed_on is None and not is_expired(each, today, confirmation_days)
    ]


def pending_of(
    links: list[Linked], mailboxes: dict[bytes | None, list[Signature]], token: str, keys: ServerKeys
) -> list[Pending]:
    """Return the pending ones of *links*, the newest first."""
    rows = [each.signature for each in links]
    waiting = [row for row in rows if row.confirmed_on is None and row.withdrawn_on is None]
    pending = [_pending(row, mailboxes[row.digest], token, keys) for row in waiting]
    newest_first = sorted(pending, key=lambda each: (each.signature.signed_on, str(each.submitted_at)))
    return newest_first[::-1]


def _pending(row: Signature, mailbox: list[Signature], token: str, keys: ServerKeys) -> Pending:
    counting = next((each for each in mailbox if each.is_confirmed), None)
    return Pending(
        signature=row,
        typed=submission.unwrap(row, token, keys),
        submitted_at=submission.unwrap_time(row, keys),
        counting=counting,
        is_altered=any(is_altered(keys.row, each) for each in (row, counting) if each),
    )


def _main(links: list[Linked], pending: list[Pending]) -> Linked:
    confirmed = [each for each in links if each.signature.is_confirmed]
    own = [each for each in confirmed if each.may_change]
    waiting = [Linked(each.signature, is_substitute=False) for each in pending]
    return (own or waiting or confirmed or links)[0]
