"""Somebody confirms and approves by writing to the database: over HTTP nothing of it leaves."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from campaign.sealing.server_key import ServerKeys
from tests.support.factories import make_signature
from tests.web.conftest import OrganisersBrowser
from tests.web.conftest import text as said
from tests.web.organise.test_altered_boxes import findings

pytestmark = pytest.mark.any_database


def test_neither_an_unconfirmed_name_nor_unread_words_leave(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser
) -> None:
    make_signature(db, keys, name="Never Confirmed", words="Unread words", confirmed=False)
    make_signature(db, keys, name="Honest Name")
    confirm = "UPDATE signature SET confirmed_on = signed_on, words_review = 'approved'"
    db.execute(text(f"{confirm} WHERE confirmed_on IS NULL"))
    db.commit()

    page = said(organiser.get("/organise/deliveries/new/de"))
    listed = organiser.get("/organise/lists/de.csv").get_data(as_text=True)

    for each in (page, listed):
        assert "Honest Name" in each
        assert "Never Confirmed" not in each
        assert "Unread words" not in each
    assert findings(db) == ["1 de"]
