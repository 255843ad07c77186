"""The cause of a mail: whether the mail may name it, and what it then says of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from campaign.appeal.content import Appeal
from campaign.letter.template import compose
from campaign.organiser.organisation import Organisation
from campaign.reference.language import ENGLISH
from campaign.reference.participating_state import STATES
from campaign.sealing.address import domain_of, provider_domains

_TERRITORIES = {"su": "RU", "xn--p1ai": "RU", "xn--80ao21a": "KZ", "xn--90ais": "BY"}
"""Residences by top-level domains that are not their codes: .su, .рф, .қаз, .бел."""


def may_be_named(email: str, residences: Iterable[str], *, is_sensitive: Callable[[str], bool]) -> bool:
    """Whether a mail to *email* may name its cause.

    Args:
        email: Its provider may be in a sensitive residence, too: there others may read the mail.
        residences: Of the signatures that the mail is about.
        is_sensitive: See :meth:`campaign.appeal.content.Appeal.is_sensitive_residence`.
    """
    territories = map(_territory, provider_domains(domain_of(email)))
    return not any(map(is_sensitive, (*residences, *territories)))


def _territory(domain: str) -> str:
    top = domain.rpartition(".")[2]
    return _TERRITORIES.get(top, top.upper())


@dataclass(frozen=True)
class Cause:
    """What a mail that names its cause says of the campaign."""

    appeal: Appeal
    organisation: Organisation = field(default_factory=Organisation)
    """Who sends it; may not be set."""

    def subject(self, state_code: str, language: str) -> str:
        """Return the subject of the letter to a state's delegation."""
        # A mail may have waited since before the campaign's content was replaced.
        spoken = language if language in self.appeal.letters else ENGLISH.code
        return compose(self.appeal, STATES[state_code], spoken).subject
