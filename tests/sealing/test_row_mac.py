"""What the MACs of rows are over."""

import pytest
from sqlalchemy.orm import Session

from campaign.database.fact import read_fact, save_fact
from campaign.database.table import Base
from campaign.delivery.delegation import Delegation
from campaign.letter.edition import LetterEdition
from campaign.organiser.account import Organiser
from campaign.organiser.session import OrganiserSession
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping
from campaign.sealing.row_mac import Authentic, mac, read_authentic_fact, save_authentic_fact

LEFT_OUT: dict[type[Authentic], set[str]] = {
    CampaignKey: {"made_at"},
    KeyWrapping: {"tested_on"},
    OrganiserSession: {"sealed_key", "used_at"},
    Organiser: {"made_at"},
    Delegation: {"entered_at", "entered_by"},
    LetterEdition: {"first_used_at"},
}
"""Columns that give nobody a name: a box that only its key opens, and what is only shown."""


@pytest.mark.parametrize("table", LEFT_OUT, ids=lambda table: table.__name__)
def test_every_column_that_decides_something_is_under_the_mac(table: type[Authentic]) -> None:
    assert issubclass(table, Base)
    columns = {column.name for column in table.__table__.columns}
    assert columns - set(table.authentic) == LEFT_OUT[table] | {"mac"}


def test_a_mac_is_of_one_kind_of_row() -> None:
    assert mac(b"k", "one", ("x",)) != mac(b"k", "other", ("x",))


@pytest.mark.any_database
def test_a_fact_that_is_copied_under_another_name_is_not_genuine(db: Session) -> None:
    save_authentic_fact(db, "one", "content")
    save_fact(db, "other", read_fact(db, "one") or "")

    assert read_authentic_fact(db, "one") == ("content", True)
    assert read_authentic_fact(db, "other") == ("content", False)
