"""What a delivery to one delegation would be, and what speaks against it."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.delivery.delegation import Delegation
from campaign.delivery.model import REACHED, Delivery, deliveries
from campaign.disclosure import safety_list
from campaign.disclosure.delivered_name import count_named
from campaign.organiser.organisation import Organisation, organisation
from campaign.reference.participating_state import ParticipatingState
from campaign.sealing.campaign_key import CampaignKey
from campaign.signature import count
from campaign.signature.model import PUBLIC, Signature
from campaign.signature.select import counts

ADDRESS_GROWS_OLD = timedelta(days=180)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A delivery that could be made now."""

    state: ParticipatingState
    appeal: Appeal
    """The content, with the safety lists of this moment."""
    organisation: Organisation
    delegation: Delegation | None
    total: int
    named: int
    """Names that would be on the list."""
    names_withheld: bool
    """Whether this delegation gets counts only."""
    names_from: date | None
    """Names that were given before this day were promised to organisers alone."""
    names_promised: int
    """How many of those there are."""
    names_waiting: int
    """Public names that no organiser has looked at yet; they are not listed."""
    words_waiting: int
    withdrawn: int
    by_residence: tuple[tuple[str, int], ...]
    """The delegation's own residents first, then the largest."""
    latest: Delivery | None
    obstacles: tuple[str, ...]
    """Why it cannot be sent: ``organisation``, ``address``, ``signatures``, ``sending``."""
    cautions: tuple[str, ...]
    """What an organiser must confirm: ``instrument_expired``, ``instrument_note``, ``sent_before``,
    ``address_old``, ``other_key``."""
    under_other_key: int
    """Signatures whose names only an earlier start's setup link opens; they are not listed."""

    @property
    def is_ready(self) -> bool:
        """Whether nothing forbids it."""
        return not self.obstacles


def plan(db: Session, appeal: Appeal, state: ParticipatingState, *, today: date) -> Plan:
    """Return what a delivery to *state*'s delegation would be on this day."""
    sender, lists = organisation(db), safety_list.lists(db, appeal)
    withheld, names_from = state.code in lists.no_names_to, lists.names_from.get(state.code)
    named = 0 if withheld else count_named(db, state.code, names_from)
    delegation = db.get(Delegation, state.code)
    latest = db.scalar(deliveries(state.code).where(Delivery.status.in_(REACHED)).limit(1))
    residences = count.by_residence(db, state.code)
    under_other_key = _count(
        db,
        state,
        Signature.sealed.is_not(None),
        Signature.key_id.not_in(select(CampaignKey.id).where(CampaignKey.is_current)),
    )
    cautions = _cautions(appeal, state, delegation, latest, today)
    total = sum(residences.values())
    return Plan(
        state=state,
        appeal=lists.applied_to(appeal),
        organisation=sender,
        delegation=delegation,
        total=total,
        named=named,
        names_withheld=withheld,
        names_from=names_from,
        names_promised=count_named(db, state.code) - named if names_from and not withheld else 0,
        names_waiting=_count(db, state, Signature.disclosure == PUBLIC, Signature.name_review.is_(None)),
        words_waiting=_count(db, state, Signature.has_words, Signature.words_review.is_(None)),
        withdrawn=count.withdrawn(db, state.code),
        by_residence=tuple(
            sorted(residences.items(), key=lambda each: (each[0] != state.code.upper(), -each[1], each[0]))
        ),
        latest=latest,
        obstacles=tuple(_obstacles(sender, delegation, total, latest)),
        cautions=(*cautions, "other_key") if under_other_key else tuple(cautions),
        under_other_key=under_other_key,
    )


def _obstacles(
    sender: Organisation, delegation: Delegation | None, total: int, latest: Delivery | None
) -> list[str]:
    obstacles = []
    if not sender.is_set:
        obstacles.append("organisation")
    if delegation is None:
        obstacles.append("address")
    if total == 0:
        obstacles.append("signatures")
    if latest and latest.status == "sending":
        obstacles.append("sending")
    return obstacles


def _cautions(
    appeal: Appeal,
    state: ParticipatingState,
    delegation: Delegation | None,
    latest: Delivery | None,
    today: date,
) -> list[str]:
    instrument = appeal.instruments[state.code]
    cautions = []
    if instrument.valid_until and instrument.valid_until < today:
        cautions.append("instrument_expired")
    if instrument.organiser_note:
        cautions.append("instrument_note")
    if latest:
        cautions.append("sent_before")
    if delegation and delegation.checked_on < today - ADDRESS_GROWS_OLD:
        cautions.append("address_old")
    return cautions


def _count(db: Session, state: ParticipatingState, *where: object) -> int:
    query = select(func.count()).select_from(Signature)
    return db.scalar(query.where(Signature.state_code == state.code, counts(), *where)) or 0  # type: ignore[arg-type]
