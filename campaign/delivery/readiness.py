"""How far each of the 57 is from its next delivery."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from campaign.delivery.delegation import delegations
from campaign.delivery.model import REACHED, SENDING, Delivery, deliveries
from campaign.organiser.organisation import organisation
from campaign.reference.language import ENGLISH
from campaign.reference.participating_state import states_in_order


def readiness(db: Session, counts: Mapping[str, int]) -> list[dict[str, object]]:
    """Return for each state its count, what is new in it, its last delivery, and what keeps the next."""
    addresses, sender = delegations(db), organisation(db)
    latest: dict[str, Delivery] = {}
    for each in db.scalars(deliveries()):
        latest.setdefault(each.state_code, each)
    rows: list[dict[str, object]] = []
    for state in states_in_order(ENGLISH):
        count, last = counts.get(state.code, 0), latest.get(state.code)
        reached = last is not None and last.status in REACHED
        new = max(count - last.total, 0) if last is not None and reached else count
        obstacle = ""
        if not sender.is_set:
            obstacle = "organisation"
        elif count == 0:
            obstacle = "signatures"
        elif state.code not in addresses:
            obstacle = "address"
        elif reached and (new == 0 or (last is not None and last.status == SENDING)):
            obstacle = "sent"
        rows.append(
            {
                "state": state,
                "count": count,
                "new": new,
                "address": addresses.get(state.code),
                "delivery": last,
                "obstacle": obstacle,
            }
        )
    return rows
