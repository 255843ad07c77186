"""Two lists that protect people: delegations that get no names, and residences where signing is dangerous.

The appeal says what they are at first; once organisers have changed them, theirs hold. The
accused state is always on both.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Self

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database.fact import read_fact, save_fact
from campaign.database.session import take_setup_lock
from campaign.disclosure.approval import decline_names_from
from campaign.errors import CampaignError
from campaign.letter.edition import current_edition
from campaign.organiser import audit_log
from campaign.reference.participating_state import STATES
from campaign.reference.residence import RESIDENCES, UNSTATED
from campaign.signature.model import Signature
from campaign.signature.select import counts

_NAME = "safety"

OVERNIGHT = timedelta(days=2)
"""How long after a release names are still kept back: forms that promised it may lie open overnight."""


@dataclass(frozen=True, kw_only=True)
class Lists:
    """The two lists as they hold at one moment."""

    no_names_to: frozenset[str]
    """States whose delegations are told how many signed, never who."""
    endangered_residences: frozenset[str]
    names_from: Mapping[str, date] = field(default_factory=dict)
    """For states that once were on the first list: the day from which on names may be delivered.
    Who signed before it was told that the organisers alone would see the name."""
    is_edited: bool = False
    """Whether organisers have changed the appeal's lists."""

    def withholds(self, state_code: str, signed_on: date) -> bool:
        """Whether a name that was given on that day goes to no delegation."""
        return state_code in self.no_names_to or signed_on < self.names_from.get(state_code, date.min)

    def applied_to(self, appeal: Appeal) -> Appeal:
        """Return *appeal* with these lists in place of its own: the same object for the same lists."""
        return _applied(appeal, self.no_names_to, self.endangered_residences)

    def with_accused(self, appeal: Appeal) -> Self:
        """Return the lists with the accused state on both."""
        return replace(
            self,
            no_names_to=self.no_names_to | {appeal.accused_state},
            endangered_residences=self.endangered_residences | {appeal.accused_state.upper()},
        )


@dataclass(frozen=True, kw_only=True)
class Change:
    """What organisers want to be different; states by their codes, residences by theirs."""

    withhold: frozenset[str] = frozenset()
    """Delegations that shall get no names any more."""
    release: frozenset[str] = frozenset()
    """Delegations that shall get names again."""
    protect: frozenset[str] = frozenset()
    """Residences that become endangered ones."""
    unprotect: frozenset[str] = frozenset()

    @property
    def loosens(self) -> bool:
        """Whether it takes protection away."""
        return bool(self.release or self.unprotect)

    def __bool__(self) -> bool:
        return bool(self.withhold or self.protect or self.loosens)


def lists(db: Session, appeal: Appeal) -> Lists:
    """Return the lists that hold now."""
    kept = _kept(db)
    if kept is not None and kept.is_edited:
        return kept.with_accused(appeal)
    return replace(_of(appeal), names_from=kept.names_from if kept else {})


def effective(db: Session, appeal: Appeal) -> Appeal:
    """Return *appeal* with the lists that hold now: what letters and pages are made from."""
    return lists(db, appeal).applied_to(appeal)


def settle(db: Session, appeal: Appeal, *, now: datetime) -> None:
    """Keep at a start which lists hold from now on.

    When the appeal's own file no longer names a state, this is a release like any other: names
    that were given until now go to no delegation.
    """
    before, after = _kept(db), lists(db, appeal)
    if before is not None:
        after = _releasing(after, before.no_names_to - after.no_names_to, now)
    _keep(db, after)


def change(db: Session, appeal: Appeal, wanted: Change, *, by: str, now: datetime) -> Lists:
    """Change the lists, and keep the edition of the letter that this makes.

    Public names of people who live where it has become dangerous leave the site for good.

    Raises:
        CampaignError: It would take the accused state off a list, or names what there is not.
    """
    take_setup_lock(db)
    before = lists(db, appeal)
    _check(appeal, wanted)
    after = Lists(
        no_names_to=before.no_names_to - wanted.release | wanted.withhold,
        endangered_residences=before.endangered_residences - wanted.unprotect | wanted.protect,
        names_from=before.names_from,
        is_edited=True,
    )
    after = _releasing(after, before.no_names_to - after.no_names_to, now)
    _keep(db, after)
    current_edition(db, after.applied_to(appeal), now=now)
    decline_names_from(db, after.endangered_residences - before.endangered_residences)
    _record(db, before, after, by=by, now=now)
    return after


def names_promised(db: Session, state_code: str) -> int:
    """Return how many names of the letter to *state_code* are kept sealed, whoever may see them."""
    query = select(func.count()).select_from(Signature)
    return (
        db.scalar(query.where(Signature.state_code == state_code, counts(), Signature.sealed.is_not(None)))
        or 0
    )


def names_published(db: Session, residence: str) -> int:
    """Return how many names of people who live in *residence* stand on the site."""
    query = select(func.count()).select_from(Signature)
    return db.scalar(query.where(Signature.residence == residence, Signature.public_name.is_not(None))) or 0


def _releasing(after: Lists, released: frozenset[str], now: datetime) -> Lists:
    opens_on = now.date() + OVERNIGHT
    return replace(after, names_from={**after.names_from, **dict.fromkeys(sorted(released), opens_on)})


def _check(appeal: Appeal, wanted: Change) -> None:
    if appeal.accused_state in wanted.release or appeal.accused_state.upper() in wanted.unprotect:
        raise CampaignError("the accused state stays on both lists")
    if not wanted.withhold | wanted.release <= STATES.keys():
        raise CampaignError("there is no such participating state")
    if not wanted.protect | wanted.unprotect <= RESIDENCES - {UNSTATED}:
        raise CampaignError("there is no such residence")


def _record(db: Session, before: Lists, after: Lists, *, by: str, now: datetime) -> None:
    for act, codes in (
        ("withhold names", after.no_names_to - before.no_names_to),
        ("release names", before.no_names_to - after.no_names_to),
        ("protect residents", after.endangered_residences - before.endangered_residences),
        ("unprotect residents", before.endangered_residences - after.endangered_residences),
    ):
        for code in sorted(codes):
            audit_log.record(db, by, act, code, now=now)


def _of(appeal: Appeal) -> Lists:
    own = Lists(no_names_to=appeal.no_names_to, endangered_residences=appeal.endangered_residences)
    return own.with_accused(appeal)


def _kept(db: Session) -> Lists | None:
    text = read_fact(db, _NAME)
    if text is None:
        return None
    content: dict[str, Any] = json.loads(text)
    return Lists(
        no_names_to=frozenset(content["no_names_to"]),
        endangered_residences=frozenset(content["endangered_residences"]),
        names_from={code: date.fromisoformat(day) for code, day in content["names_from"].items()},
        is_edited=content["is_edited"],
    )


def _keep(db: Session, after: Lists) -> None:
    content = {
        "no_names_to": sorted(after.no_names_to),
        "endangered_residences": sorted(after.endangered_residences),
        "names_from": {code: day.isoformat() for code, day in after.names_from.items()},
        "is_edited": after.is_edited,
    }
    save_fact(db, _NAME, json.dumps(content))


@lru_cache(maxsize=16)
def _applied(appeal: Appeal, no_names_to: frozenset[str], endangered: frozenset[str]) -> Appeal:
    # Letters are composed once per appeal, and appeals compared by being the same object.
    if (appeal.no_names_to, appeal.endangered_residences) == (no_names_to, endangered):
        return appeal
    return replace(appeal, no_names_to=no_names_to, endangered_residences=endangered)
