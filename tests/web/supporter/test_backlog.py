"""While no mail can leave, waiting mails are bounded: a thief of disk and key could read them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, insert

from campaign.mail import outbox_health
from campaign.mail.outbox import OutboxMail
from campaign.web.site import Site
from tests.conftest import NOW, Clock
from tests.support.factories import make_signature
from tests.web.conftest import FORM, Supporter, rows, text

OVERDUE = timedelta(minutes=16)


@pytest.fixture(autouse=True)
def low_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_health, "MOST_OVERDUE", 5)
    monkeypatch.setattr(outbox_health, "MOST_DUE", 50)


def wait(site: Site, number: int, *, overdue: timedelta = timedelta()) -> None:
    """Let *number* mails wait that have been due for so long."""
    row = {"sealed": b"made up", "created_at": NOW - OVERDUE, "due_at": NOW - overdue}
    row |= {"status": "waiting", "attempts": 0, "failure_code": 0}
    with site.database.writing() as db:
        db.execute(insert(OutboxMail), [row | {"id": uuid4()} for _ in range(number)])
    site.snapshots.expire()  # as after a second


def test_nobody_signs_while_overdue_mails_reach_their_bound(supporter: Supporter, site: Site) -> None:
    wait(site, 6, overdue=OVERDUE)
    before = rows(site)

    answer = supporter.client.post("/en/letters/de", data=FORM | {"town": "Oldtown"})

    assert (answer.status_code, int(answer.headers["Retry-After"])) == (503, 900)
    assert "No mail can leave at the moment" in text(answer)
    assert 'value="Oldtown"' in answer.get_data(as_text=True)
    assert rows(site) == before


@pytest.mark.any_database
def test_nobody_signs_while_far_too_many_mails_wait(client: FlaskClient, site: Site) -> None:
    wait(site, 51)

    assert client.post("/en/letters/de", data=FORM).status_code == 503


@pytest.mark.any_database
@pytest.mark.parametrize(("number", "overdue"), [(5, OVERDUE), (50, timedelta(minutes=14))])
def test_below_the_bound_letters_are_signed(
    client: FlaskClient, site: Site, number: int, overdue: timedelta
) -> None:
    wait(site, number, overdue=overdue)

    assert client.post("/en/letters/de", data=FORM).status_code == 303


@pytest.mark.any_database
def test_mails_that_were_deferred_or_leave_later_on_purpose_do_not_close_signing(
    client: FlaskClient, site: Site
) -> None:
    wait(site, 60, overdue=-timedelta(minutes=30))

    assert client.post("/en/letters/de", data=FORM).status_code == 303


@pytest.mark.any_database
def test_a_known_and_an_unknown_mailbox_get_the_same_answer(supporter: Supporter, site: Site) -> None:
    with site.database.session(writes=True) as db:
        make_signature(db, site.keys, email="known@example.org")
    wait(site, 6, overdue=OVERDUE)

    def answers(email: str) -> list[Any]:
        form = supporter.client.post("/en/letters/de", data=FORM | {"email": email})
        link = supporter.client.post("/en/signature", data={"email": email})
        return [(each.status_code, text(each)) for each in (form, link)]

    known = answers("known@example.org")
    assert known == answers("other@example.org")
    assert [status for status, _page in known] == [503, 503]


@pytest.mark.any_database
def test_signing_opens_again_once_the_relay_accepts_mails(
    client: FlaskClient, site: Site, clock: Clock
) -> None:
    wait(site, 6, overdue=OVERDUE)
    with site.database.writing() as db:
        db.execute(delete(OutboxMail))
    clock.forward(seconds=2)

    assert client.post("/en/letters/de", data=FORM).status_code == 303
