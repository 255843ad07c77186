"""The organisation that runs the campaign, entered by organisers before the first delivery."""

import json
from dataclasses import asdict, dataclass

from sqlalchemy.orm import Session

from campaign.database.fact import read_fact, save_fact


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
    stored = read_fact(db, "organisation")
    return Organisation(**json.loads(stored)) if stored else Organisation()


def save_organisation(db: Session, entered: Organisation) -> None:
    """Store the organisation."""
    save_fact(db, "organisation", json.dumps(asdict(entered), ensure_ascii=False))
