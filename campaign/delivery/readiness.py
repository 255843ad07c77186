"""Whether a participating state's delivery is ready; overview, deliveries page and sending all ask here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.database.restoration import unreviewed
from campaign.delivery.delegation import Delegation, delegations
from campaign.delivery.model import BOUNCED, REACHED, SENDING, Delivery, deliveries, group_by_state
from campaign.disclosure import safety_list
from campaign.organiser.organisation import Organisation, organisation
from campaign.reference.language import ENGLISH, Language
from campaign.reference.participating_state import ParticipatingState, states_in_order
from campaign.sealing import row_mac
from campaign.signature import count


class Obstacle(StrEnum):
    """Why a delivery is not ready. All but the last forbid sending."""

    RESTORED = "restored"
    """The database was restored, and no owner has looked at it yet."""
    ORGANISATION = "organisation"
    """The organisation that sends is not set."""
    SIGNATURES = "signatures"
    ADDRESS = "address"
    ADDRESS_ALTERED = "address_altered"
    """Somebody changed the address in the database; an organiser enters it again."""
    SAFETY_ALTERED = "safety_altered"
    """Somebody changed the safety lists in the database; an owner stores them again."""
    LETTER_ALTERED = "letter_altered"
    """Somebody changed an edition that was signed, in the database; only a plan knows that it is needed."""
    SENDING = "sending"
    """Another delivery to the same delegation is being sent."""
    NOTHING_NEW = "sent"
    """The delegation has a list with all these signatures. An organiser may send again on purpose."""


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """How ready one state's delivery is."""

    state: ParticipatingState
    signatures: int
    new: int
    """Signatures since the last delivery that did not bounce."""
    address: Delegation | None
    latest: Delivery | None
    """The latest delivery in any status."""
    latest_reached: Delivery | None
    """The latest one that the relay accepted, or may have accepted."""
    obstacle: Obstacle | None

    @property
    def is_ready(self) -> bool:
        """Whether nothing speaks against sending now."""
        return self.obstacle is None

    @property
    def forbidden_by(self) -> Obstacle | None:
        """The obstacle that no organiser can overrule."""
        return None if self.obstacle is Obstacle.NOTHING_NEW else self.obstacle


def of_all_states(db: Session, *, language: Language = ENGLISH) -> list[Readiness]:
    """Return the readiness of all states, in the order of their names in *language*."""
    sender, addresses, signatures = organisation(db), delegations(db), count.by_state(db)
    is_restored = unreviewed(db) is not None
    are_lists_altered = safety_list.is_altered(db)
    by_state = group_by_state(db.scalars(deliveries()))
    return [
        _readiness(
            state,
            sender,
            addresses.get(state.code),
            signatures.get(state.code, 0),
            by_state.get(state.code, ()),
            is_restored=is_restored,
            altered=_altered(db, addresses.get(state.code), are_lists_altered=are_lists_altered),
        )
        for state in states_in_order(language)
    ]


def of_state(db: Session, state: ParticipatingState) -> Readiness:
    """Return the readiness of one state."""
    address = db.scalar(select(Delegation).where(Delegation.state_code == state.code))
    latest_first = db.scalars(deliveries(state.code)).all()
    return _readiness(
        state,
        organisation(db),
        address,
        count.of_state(db, state.code),
        latest_first,
        is_restored=unreviewed(db) is not None,
        altered=_altered(db, address, are_lists_altered=safety_list.is_altered(db)),
    )


def _altered(db: Session, address: Delegation | None, *, are_lists_altered: bool) -> set[Obstacle]:
    is_forged = address is not None and not row_mac.is_genuine(db, address)
    found = {Obstacle.SAFETY_ALTERED: are_lists_altered, Obstacle.ADDRESS_ALTERED: is_forged}
    return {obstacle for obstacle, is_present in found.items() if is_present}


def _readiness(
    state: ParticipatingState,
    sender: Organisation,
    address: Delegation | None,
    signatures: int,
    latest_first: Sequence[Delivery],
    *,
    is_restored: bool,
    altered: Collection[Obstacle],
) -> Readiness:
    reached = [delivery for delivery in latest_first if delivery.status in REACHED]
    delivered = next((delivery for delivery in reached if delivery.status != BOUNCED), None)
    new = max(signatures - delivered.total, 0) if delivered else signatures
    obstacles = {
        Obstacle.RESTORED: is_restored,
        Obstacle.ORGANISATION: not sender.is_set,
        Obstacle.SIGNATURES: signatures == 0,
        Obstacle.ADDRESS: address is None,
        Obstacle.ADDRESS_ALTERED: Obstacle.ADDRESS_ALTERED in altered,
        Obstacle.SAFETY_ALTERED: Obstacle.SAFETY_ALTERED in altered,
        Obstacle.SENDING: any(delivery.status == SENDING for delivery in reached),
        Obstacle.NOTHING_NEW: new == 0,
    }
    return Readiness(
        state=state,
        signatures=signatures,
        new=new,
        address=address,
        latest=next(iter(latest_first), None),
        latest_reached=next(iter(reached), None),
        obstacle=next((obstacle for obstacle, is_present in obstacles.items() if is_present), None),
    )
