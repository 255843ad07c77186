"""The organisation that runs the campaign, entered by organisers before the first delivery."""

import json
from dataclasses import asdict, dataclass

from sqlalchemy.orm import Session

from campaign.sealing import campaign_key
from campaign.sealing.row_mac import read_authentic_fact, save_authentic_fact

_NAME = "organisation"


@dataclass(frozen=True)
class Organisation:
    """The sender of deliveries, and the controller of the personal data."""

    name: str = ""
    seat: str = ""
    contact: str = ""
    """An e-mail address that delegations and signatories can write to."""

    @property
    def is_set(self) -> bool:
        """Whether all three were entered; a cover and a privacy notice need them."""
        return bool(self.name and self.seat and self.contact)


def organisation(db: Session) -> Organisation:
    """Return the organisation; its fields are empty until an organiser enters them."""
    stored = read_authentic_fact(db, _NAME)
    if stored is None:
        return Organisation()
    content, is_genuine = stored
    # An altered one is as good as none: nothing is delivered until an owner enters it again. After an
    # emergency nothing is delivered at all, and the key of the MACs is another.
    is_shown = is_genuine or campaign_key.destroyed_at(db) is not None
    return Organisation(**json.loads(content)) if is_shown else Organisation()


def is_altered(db: Session) -> bool:
    """Whether somebody changed the organisation in the database."""
    stored = read_authentic_fact(db, _NAME)
    return stored is not None and not stored[1]


def save_organisation(db: Session, entered: Organisation) -> None:
    """Store the organisation."""
    save_authentic_fact(db, _NAME, json.dumps(asdict(entered), ensure_ascii=False))
