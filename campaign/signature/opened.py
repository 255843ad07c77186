"""What a private link opens of one letter: the signature that counts, and what waits to be confirmed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from campaign.sealing.server_key import ServerKeys
from campaign.signature import submission
from campaign.signature.link import Linked, is_expired, linked, siblings
from campaign.signature.model import Signature
from campaign.signature.shown import Shown
from campaign.signature.submission import Submission


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A pending signature of the link."""

    signature: Signature
    typed: Submission | None
    """What was typed; ``None`` if this link cannot show it, and so cannot confirm it."""
    submitted_at: datetime | None
    shown: Shown


@dataclass(frozen=True, kw_only=True)
class OpenedLetter:
    """What a link opens of one letter."""

    state_codes: list[str]
    """Of all letters that the link opens."""
    signature: Signature
    """The confirmed one of the link, else its newest pending one, else a withdrawn one."""
    is_substitute: bool
    """Whether the signature counts in place of the one that the mail was about."""
    counting: Signature | None
    """The mailbox's confirmed signature, whatever link opens it."""
    pending: list[Pending]
    """Of the link, the newest first."""
    elsewhere: list[datetime]
    """When the mailbox's other pending ones were submitted, each of which has a link of its own."""
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
    live = next((each.signature for each in links if each.signature.withdrawn_on is None), None)
    mailbox = siblings(db, live) or [live] if live else []
    counting = next((each for each in mailbox if each.is_confirmed), None)
    pending = _pending(links, counting, token, keys)
    main = _main(links, pending)
    own = {each.signature.id for each in links}
    return OpenedLetter(
        state_codes=sorted(state_codes),
        signature=main.signature,
        is_substitute=main.is_substitute,
        counting=counting,
        pending=pending,
        elsewhere=sorted(
            submission.unwrap_time(each, keys) or now
            for each in mailbox
            if each.id not in own
            and each.confirmed_on is None
            and not is_expired(each, now.date(), confirmation_days)
        ),
        replaced=next((each.signature for each in links if each.signature.withdrawn_on), None)
        if main.is_substitute
        else None,
    )


def _pending(links: list[Linked], counting: Signature | None, token: str, keys: ServerKeys) -> list[Pending]:
    pending = [
        Pending(
            signature=each.signature,
            typed=submission.unwrap(each.signature, token, keys),
            submitted_at=submission.unwrap_time(each.signature, keys),
            shown=Shown.of(each.signature, counting=counting),
        )
        for each in links
        if each.signature.confirmed_on is None and each.signature.withdrawn_on is None
    ]
    newest_first = sorted(pending, key=lambda each: (each.signature.signed_on, str(each.submitted_at)))
    return newest_first[::-1]


def _main(links: list[Linked], pending: list[Pending]) -> Linked:
    confirmed = next((each for each in links if each.signature.is_confirmed), None)
    if confirmed is not None:
        return confirmed
    return Linked(pending[0].signature, is_substitute=False) if pending else links[0]
