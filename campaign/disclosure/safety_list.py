"""Two lists that protect people: delegations that get no names, and residences where signing is dangerous.

The appeal sets them until organisers change them. The accused state is always on both.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database import journal
from campaign.database.session import take_setup_lock
from campaign.disclosure.approval import decline_names_from
from campaign.errors import CampaignError
from campaign.letter.edition import LetterEdition, current_edition
from campaign.organiser import audit_log
from campaign.reference.participating_state import STATES
from campaign.reference.residence import RESIDENCES, UNSTATED
from campaign.sealing import campaign_key
from campaign.sealing.campaign_key import CampaignKey
from campaign.sealing.row_mac import read_authentic_fact, save_authentic_fact

_NAME = "safety"

RELEASE_DELAY = timedelta(days=2)
"""How long after a release names are still withheld: a form that promised it may stay open overnight."""


@dataclass(frozen=True, kw_only=True)
class SafetyLists:
    """The two lists at one moment."""

    no_names_to: frozenset[str]
    """States whose delegations get the number of signatures, but no names."""
    endangered_residences: frozenset[str]
    names_from: Mapping[str, date] = field(default_factory=dict)
    """For states that once were on the first list: the first day whose names may be delivered.
    Earlier forms promised that only organisers would see the name."""
    is_edited: bool = False
    """Whether organisers changed the appeal's lists."""
    is_altered: bool = False
    """Whether somebody changed them in the database: nothing is delivered or published until an owner
    stores them again."""

    def withholds(self, state_code: str, signed_on: date) -> bool:
        """Whether a name given on *signed_on* is not delivered."""
        return state_code in self.no_names_to or signed_on < self.names_from.get(state_code, date.min)

    def replace_in(self, appeal: Appeal) -> Appeal:
        """Return *appeal* with these lists in place of its own; the same object for the same lists."""
        return _replaced(appeal, self.no_names_to, self.endangered_residences)

    def with_accused(self, appeal: Appeal) -> Self:
        """Return the lists with the accused state on both."""
        return replace(
            self,
            no_names_to=self.no_names_to | {appeal.accused_state},
            endangered_residences=self.endangered_residences | {appeal.accused_state.upper()},
        )


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change that organisers ask for, in codes of states and residences."""

    withhold: frozenset[str] = frozenset()
    """Delegations that get no names from now on."""
    release: frozenset[str] = frozenset()
    """Delegations that get names again."""
    protect: frozenset[str] = frozenset()
    """Residences to add to the endangered ones."""
    unprotect: frozenset[str] = frozenset()

    @property
    def loosens(self) -> bool:
        """Whether it removes protection."""
        return bool(self.release or self.unprotect)

    def __bool__(self) -> bool:
        return bool(self.withhold or self.protect or self.loosens)


def current_lists(db: Session, appeal: Appeal) -> SafetyLists:
    """Return the lists in force; if they were altered, the stricter of those stored and the appeal's."""
    stored = _stored(db)
    if stored is not None and stored.is_altered:
        return _stricter(stored, _from_appeal(appeal))
    if stored is not None and stored.is_edited:
        return stored.with_accused(appeal)
    return replace(_from_appeal(appeal), names_from=stored.names_from if stored else {})


def locked_lists(db: Session, appeal: Appeal) -> SafetyLists:
    """Return the current lists, which nobody else changes until the transaction ends."""
    take_setup_lock(db)
    return current_lists(db, appeal)


def is_altered(db: Session) -> bool:
    """Whether somebody changed, or removed, the stored lists in the database."""
    stored = _stored(db)
    return stored is not None and stored.is_altered


def current_appeal(db: Session, appeal: Appeal) -> Appeal:
    """Return *appeal* with the lists in force, for letters and pages."""
    return current_lists(db, appeal).replace_in(appeal)


def store_at_start(db: Session, appeal: Appeal, *, now: datetime) -> None:
    """Store the lists in force, when the site starts.

    A state that the appeal's file no longer lists is released as by an organiser: names given
    until now are not delivered.
    """
    before, after = _stored(db), current_lists(db, appeal)
    if before is not None and before.is_altered:
        return  # stored again, they would look genuine
    if before is not None:
        after = _with_release_days(after, before.no_names_to - after.no_names_to, now)
    _store(db, after)


def change(db: Session, appeal: Appeal, wanted: Change, *, by: str, now: datetime) -> SafetyLists:
    """Change the lists, and store the edition of the letter that results.

    Published names of residents of newly endangered places are declined permanently.

    Raises:
        CampaignError: The change takes the accused state off a list, or has an unknown code.
    """
    take_setup_lock(db)
    before = current_lists(db, appeal)
    _check(appeal, wanted)
    after = SafetyLists(
        no_names_to=before.no_names_to - wanted.release | wanted.withhold,
        endangered_residences=before.endangered_residences - wanted.unprotect | wanted.protect,
        names_from=before.names_from,
        is_edited=True,
    )
    after = _with_release_days(after, before.no_names_to - after.no_names_to, now)
    _store(db, after)
    current_edition(db, after.replace_in(appeal), now=now)
    decline_names_from(db, after.endangered_residences - before.endangered_residences)
    if wanted.withhold or wanted.protect:
        withheld, protected = sorted(wanted.withhold), sorted(wanted.protect)
        journal.record(db, journal.PROTECT, withhold=withheld, protect=protected)
    _record(db, before, after, by=by, now=now)
    return after


def _with_release_days(after: SafetyLists, released: frozenset[str], now: datetime) -> SafetyLists:
    first_day = now.date() + RELEASE_DELAY
    return replace(after, names_from={**after.names_from, **dict.fromkeys(sorted(released), first_day)})


def _check(appeal: Appeal, wanted: Change) -> None:
    if appeal.accused_state in wanted.release or appeal.accused_state.upper() in wanted.unprotect:
        raise CampaignError("the accused state stays on both lists")
    if not wanted.withhold | wanted.release <= STATES.keys():
        raise CampaignError("there is no such participating state")
    if not wanted.protect | wanted.unprotect <= RESIDENCES - {UNSTATED}:
        raise CampaignError("there is no such residence")


def _record(db: Session, before: SafetyLists, after: SafetyLists, *, by: str, now: datetime) -> None:
    if before.is_altered:
        audit_log.record(db, by, "store altered lists again", now=now)
    for act, codes in (
        ("withhold names", after.no_names_to - before.no_names_to),
        ("release names", before.no_names_to - after.no_names_to),
        ("protect residents", after.endangered_residences - before.endangered_residences),
        ("unprotect residents", before.endangered_residences - after.endangered_residences),
    ):
        for code in sorted(codes):
            audit_log.record(db, by, act, code, now=now)


def _from_appeal(appeal: Appeal) -> SafetyLists:
    own = SafetyLists(no_names_to=appeal.no_names_to, endangered_residences=appeal.endangered_residences)
    return own.with_accused(appeal)


def _stored(db: Session) -> SafetyLists | None:
    """Return the stored lists; ``None`` before the first start."""
    stored = read_authentic_fact(db, _NAME)
    if stored is None:
        # The first start stores them with the first edition, before there is a key to seal names to. Editions
        # alone prove nothing: who removes the lists can remove them, too.
        signs = (select(LetterEdition.number).limit(1), select(CampaignKey.id).limit(1))
        return _NOTHING if any(db.scalar(each) for each in signs) else None
    text, is_genuine = stored
    try:
        content: dict[str, Any] = json.loads(text)
        return SafetyLists(
            no_names_to=frozenset(content["no_names_to"]).intersection(STATES),
            endangered_residences=frozenset(content["endangered_residences"]).intersection(RESIDENCES),
            names_from={code: date.fromisoformat(day) for code, day in content["names_from"].items()},
            is_edited=content["is_edited"],
            # After an emergency nothing is delivered, and the key of the MACs is another.
            is_altered=not is_genuine and campaign_key.destroyed_at(db) is None,
        )
    except (ValueError, TypeError, LookupError, AttributeError):
        return _NOTHING


_NOTHING = SafetyLists(no_names_to=frozenset(), endangered_residences=frozenset(), is_altered=True)


def _stricter(stored: SafetyLists, other: SafetyLists) -> SafetyLists:
    return replace(
        stored,
        no_names_to=stored.no_names_to | other.no_names_to,
        endangered_residences=stored.endangered_residences | other.endangered_residences,
    )


def _store(db: Session, after: SafetyLists) -> None:
    if campaign_key.destroyed_at(db) is not None:
        return  # then nobody checks what is stored, and with a MAC it would look genuine later
    content = {
        "no_names_to": sorted(after.no_names_to),
        "endangered_residences": sorted(after.endangered_residences),
        "names_from": {code: day.isoformat() for code, day in after.names_from.items()},
        "is_edited": after.is_edited,
    }
    save_authentic_fact(db, _NAME, json.dumps(content))


@lru_cache(maxsize=16)
def _replaced(appeal: Appeal, no_names_to: frozenset[str], endangered: frozenset[str]) -> Appeal:
    # Letters are cached by the identity of the appeal object.
    if (appeal.no_names_to, appeal.endangered_residences) == (no_names_to, endangered):
        return appeal
    return replace(appeal, no_names_to=no_names_to, endangered_residences=endangered)
