"""What a private link opens of several letters: what waits, in groups, what was confirmed, and the rest."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy.orm import Session

from campaign.sealing.server_key import ServerKeys
from campaign.signature.link import linked
from campaign.signature.model import Signature
from campaign.signature.opened import Pending, mailboxes_of, pending_of, waiting_elsewhere


@dataclass(frozen=True)
class Group:
    """Pending signatures of several letters with the same details: one button acts on all of them."""

    pending: list[Pending]
    """At most one for each letter."""

    @property
    def first(self) -> Pending:
        """Any of them, for what they share."""
        return self.pending[0]

    @property
    def is_repeated(self) -> bool:
        """Whether another signature of the mailbox counts for each of these letters."""
        return self.first.counting is not None


@dataclass(frozen=True, kw_only=True)
class OpenedLink:
    """What a link opens, of all letters."""

    groups: list[Group]
    confirmed: list[Signature]
    superseding: list[Signature]
    """Confirmed ones that other links may change: each counts in place of one that the mail was about."""
    withdrawn: list[Signature]
    """Unless another one of the link stands for the same letter."""
    elsewhere: list[str]
    """States whose letters have other submissions of the mailbox, which this link does not open."""

    @cached_property
    def signatures(self) -> list[Signature]:
        """All of them."""
        waiting = [each.signature for group in self.groups for each in group.pending]
        return [*waiting, *self.confirmed, *self.superseding, *self.withdrawn]


def open_link(
    db: Session, token: str, *, keys: ServerKeys, now: datetime, confirmation_days: int
) -> OpenedLink:
    """Return what *token* opens.

    Raises:
        UnknownTokenError: It opens nothing.
    """
    links = linked(db, token, now=now, confirmation_days=confirmation_days)
    links.sort(key=lambda each: each.signature.state_code)
    mailboxes = mailboxes_of(db, links)
    pending = sorted(pending_of(links, mailboxes, token, keys), key=lambda each: each.signature.state_code)
    signatures = [each.signature for each in links]
    standing = {each.state_code for each in signatures if each.withdrawn_on is None}
    withdrawn = {each.state_code: each for each in signatures if each.withdrawn_on is not None}
    waiting = waiting_elsewhere(links, mailboxes, now.date(), confirmation_days)
    return OpenedLink(
        groups=_groups(pending),
        confirmed=[each.signature for each in links if each.signature.is_confirmed and each.may_change],
        superseding=[each.signature for each in links if each.signature.is_confirmed and not each.may_change],
        withdrawn=[each for code, each in withdrawn.items() if code not in standing],
        elsewhere=sorted({each.state_code for each in waiting}),
    )


def _groups(pending: list[Pending]) -> list[Group]:
    """Return *pending* in groups of the same details; a letter's second one is in another group."""
    groups: dict[tuple[object, ...], list[Pending]] = {}
    for each in pending:
        row = each.signature
        alike = (
            each.typed,
            row.signed_on,
            row.residence,
            row.disclosure,
            row.invalidation_id,
            each.is_altered,
        )
        number = 0
        while _has_letter(groups.get((*alike, each.counting is None, number), []), row.state_code):
            number += 1
        groups.setdefault((*alike, each.counting is None, number), []).append(each)
    return [Group(found) for found in groups.values()]


def _has_letter(group: list[Pending], state_code: str) -> bool:
    return any(each.signature.state_code == state_code for each in group)
