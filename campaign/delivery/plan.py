"""The plan of a delivery: letter, figures and cautions, all that needs the database and is not personal."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.delivery import readiness
from campaign.delivery.readiness import Obstacle, Readiness
from campaign.disclosure import safety_list
from campaign.disclosure.delivered_name import (
    has_deliverable_name,
    has_name_to_deliver,
    is_promised_to_organisers,
)
from campaign.disclosure.residence_figure import merge_residences
from campaign.errors import AlteredError
from campaign.letter.edition import Version, stored_letters
from campaign.letter.sheet import Letter
from campaign.letter.template import compose
from campaign.organiser import native_check
from campaign.organiser.organisation import Organisation, organisation
from campaign.reference.language import ENGLISH, Language
from campaign.reference.participating_state import STATES, ParticipatingState
from campaign.sealing.campaign_key import CampaignKey
from campaign.sealing.key_ring import KeyRing
from campaign.signature import count
from campaign.signature.model import COUNTED, Signature
from campaign.signature.select import awaits_name_approval, awaits_words_approval, counts, is_confirmed
from campaign.signature_list import entry
from campaign.signature_list.entry import ListEntry

ADDRESS_GROWS_OLD = timedelta(days=180)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A delivery that could be made now."""

    state: ParticipatingState
    appeal: Appeal
    """The content with the current safety lists."""
    organisation: Organisation
    readiness: Readiness
    language: Language
    edition: int
    """The edition of *letter*."""
    letter: Letter
    other_letters: Mapping[Version, Letter]
    """Each other text that was signed, of an earlier edition or in another language, by its first version."""
    text_groups: tuple[tuple[Version, ...], ...]
    """Versions in the order of the list; those in one group have the same text."""
    named: int
    """Names on the list."""
    names_withheld: bool
    """Whether this delegation gets counts only."""
    names_from: date | None
    """Names given before this day were promised to organisers only."""
    names_promised: int
    """Names that are left out, since they were promised to organisers only."""
    names_waiting: int
    """Public names that no organiser has reviewed; they are left out."""
    words_waiting: int
    """Own words that no organiser has reviewed; they are left out."""
    counted: int
    """Signatures whose signatories chose to be counted without a name."""
    under_other_key: int
    """Signatures that only an earlier start's setup link unseals; their names are left out."""
    withdrawn: int
    removed: int
    """Confirmed signatures that organisers invalidated."""
    by_residence: tuple[tuple[str, int], ...]
    """As :func:`merge_residences` makes it; empty if names are withheld."""
    cautions: tuple[str, ...]
    """What an organiser must confirm: ``instrument_expired``, ``instrument_note``, ``sent_before``,
    ``address_old``, ``not_checked`` (a translation that no native reader has checked), ``other_key``."""

    @property
    def shown(self) -> str:
        """A digest of what the preview shows: recipient, letter, sender, and whether there are names."""
        address, has_names = self.readiness.address, not self.names_withheld
        parts = (address and address.email, self.letter.to_json(), self.organisation, has_names)
        return hashlib.sha256(repr(parts).encode()).hexdigest()


def plan(
    db: Session,
    appeal: Appeal,
    state: ParticipatingState,
    *,
    edition: int,
    today: date,
    language: Language = ENGLISH,
) -> Plan:
    """Plan a delivery to *state*'s delegation.

    Args:
        db: Read only.
        appeal: The content; the current safety lists are applied to it.
        state: The delegation's.
        edition: The number of the letter's current edition.
        today: The day of the cautions.
        language: The letter's; one of :func:`languages`.
    """
    lists, ready = safety_list.current_lists(db, appeal), readiness.of_state(db, state)
    appeal, names_from = lists.replace_in(appeal), lists.names_from.get(state.code)
    is_withheld = state.code in lists.no_names_to
    letter = compose(appeal, state, language.code)
    try:
        text_groups, other_letters = (
            ((), {}) if is_withheld else _texts(db, appeal, letter, edition, names_from)
        )
    except AlteredError:
        text_groups, other_letters = (), {}
        ready = replace(ready, obstacle=ready.forbidden_by or Obstacle.LETTER_ALTERED)
    figures = _figures(db, state, names_from)
    cautions = {
        **_cautions(appeal, ready, today),
        "not_checked": native_check.is_unchecked(db, letter),
        "other_key": figures.under_other_key > 0,
    }
    by_residence = merge_residences(
        count.by_residence(db, state.code), own=state.code.upper(), endangered=appeal.endangered_residences
    )
    return Plan(
        state=state,
        appeal=appeal,
        organisation=organisation(db),
        readiness=ready,
        language=language,
        edition=edition,
        letter=letter,
        other_letters=other_letters,
        text_groups=text_groups,
        named=0 if is_withheld else figures.named,
        names_withheld=is_withheld,
        names_from=names_from,
        names_promised=0 if is_withheld else figures.names_promised,
        names_waiting=figures.names_waiting,
        words_waiting=figures.words_waiting,
        counted=figures.counted,
        under_other_key=figures.under_other_key,
        withdrawn=count.withdrawn(db, state.code),
        removed=figures.removed,
        by_residence=() if is_withheld else by_residence,
        cautions=tuple(caution for caution, is_due in cautions.items() if is_due),
    )


def entries(db: Session, plan: Plan, ring: KeyRing) -> Iterator[ListEntry]:
    """Yield the entries of the planned list, unsealed; none if names are withheld."""
    return entry.for_delegation(
        db, plan.state.code, ring, text_groups=plan.text_groups, since=plan.names_from
    )


def languages(appeal: Appeal, state: ParticipatingState) -> list[Language]:
    """Return the languages in which a letter may be delivered: English, and those that *state* uses here."""
    return [each for each in appeal.languages if each == ENGLISH or each.code in state.letter_languages]


def _texts(
    db: Session, appeal: Appeal, letter: Letter, edition: int, since: date | None
) -> tuple[tuple[tuple[Version, ...], ...], dict[Version, Letter]]:
    """Return the versions that were signed, grouped by text, and the texts other than *letter*."""
    delivered, state = Version(edition, letter.language), STATES[letter.state_code]
    groups: list[tuple[Letter, list[Version]]] = [(letter, [delivered])]
    current = {language: compose(appeal, state, language) for language in appeal.letters}
    versions = entry.other_versions(db, state.code, delivered, since)
    for version, text in _signed(db, state, versions, {edition: current}):
        # A new edition need not have changed this state's letter: then both editions are one group.
        same = next((group for known, group in groups if known == text), None)
        if same is None:
            groups.append((text, [version]))
        else:
            same.append(version)
    others = {group[0]: text for text, group in groups[1:]}
    return tuple(tuple(group) for _text, group in groups), others


def _signed(
    db: Session,
    state: ParticipatingState,
    versions: Iterable[Version],
    known: Mapping[int, Mapping[str, Letter]],
) -> Iterator[tuple[Version, Letter]]:
    """Yield each of *versions* with its text; reading an edition means checking the hash of all its texts."""
    for edition, group in groupby(versions, attrgetter("edition")):
        letters = known.get(edition) or stored_letters(db, edition, state.code)
        yield from ((version, letters.get(version.language) or letters[ENGLISH.code]) for version in group)


def _figures(db: Session, state: ParticipatingState, names_from: date | None) -> Any:
    """Count the letter's signatures by every condition of :class:`Plan` in one pass."""
    other_key = Signature.key_id.not_in(select(CampaignKey.id).where(CampaignKey.is_current))
    conditions = {
        "named": has_deliverable_name(names_from),
        "names_promised": and_(has_name_to_deliver(), is_promised_to_organisers(names_from)),
        "names_waiting": and_(counts(), awaits_name_approval()),
        "words_waiting": and_(counts(), awaits_words_approval()),
        "counted": and_(counts(), Signature.disclosure == COUNTED),
        "under_other_key": and_(counts(), Signature.sealed.is_not(None), other_key),
        "removed": Signature.invalidation_id.is_not(None),
    }
    figures = (func.count().filter(condition).label(name) for name, condition in conditions.items())
    return db.execute(select(*figures).where(Signature.state_code == state.code, is_confirmed())).one()


def _cautions(appeal: Appeal, ready: Readiness, today: date) -> dict[str, bool]:
    instrument, address = appeal.instruments[ready.state.code], ready.address
    return {
        "instrument_expired": instrument.valid_until is not None and instrument.valid_until < today,
        "instrument_note": bool(instrument.organiser_note),
        "sent_before": ready.latest_reached is not None,
        "address_old": address is not None and address.checked_on < today - ADDRESS_GROWS_OLD,
    }
