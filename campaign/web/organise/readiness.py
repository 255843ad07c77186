"""How far each of the 57 is from its next delivery."""

from campaign.delegation import delegations
from campaign.delivery.row import REACHED, SENDING, Delivery, deliveries
from campaign.language import ENGLISH
from campaign.organisation import organisation
from campaign.web.site import session, site
from campaign.web.supporter import in_order


def readiness() -> list[dict[str, object]]:
    """Return for each state its count, what is new in it, its last delivery, and what keeps the next."""
    counts = site().counts.now().by_state
    addresses, sender = delegations(session()), organisation(session())
    latest: dict[str, Delivery] = {}
    for each in session().scalars(deliveries()):
        latest.setdefault(each.state_code, each)
    rows: list[dict[str, object]] = []
    for state in in_order(ENGLISH):
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
