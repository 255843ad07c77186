"""What everyone may know of the letters."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from campaign.delivery import history
from campaign.delivery.history import Answer, Record
from tests.conftest import NOW
from tests.support.factories import make_delivery

TODAY = NOW.date()

pytestmark = pytest.mark.any_database


def test_a_record_has_the_latest_delivery_and_the_latest_reply_to_any(db: Session) -> None:
    week = timedelta(days=7)
    answered = {"status": "replied", "replied_on": TODAY - week, "public_reply": "We will raise it."}
    make_delivery(db, [], sending_at=NOW - 3 * week, **answered)
    make_delivery(
        db,
        [],
        sending_at=NOW - 4 * week,
        status="replied",
        replied_on=TODAY - 2 * week,
        public_reply="Noted.",
    )
    make_delivery(db, [], sending_at=NOW)
    make_delivery(db, [], state_code="fr", sending_at=NOW - week)
    for status in ("bounced", "uncertain", "refused", "delayed"):
        make_delivery(db, [], state_code="it", status=status)

    found = history.records(db)

    assert found == {
        "de": Record(TODAY, Answer(TODAY - week, "We will raise it.")),
        "fr": Record(TODAY - week, None),
    }
