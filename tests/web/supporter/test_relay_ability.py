"""An address that the relay cannot write to is refused at the form, once the relay has shown that."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from campaign.mail import dispatch
from campaign.settings import Settings
from campaign.web.site import Site
from campaign.worker.tasks import Tasks
from tests.conftest import Clock
from tests.support.relay import relay
from tests.web.conftest import FORM, Supporter, text

pytestmark = pytest.mark.any_database

BEYOND_ASCII, BEYOND_ASCII_DOMAIN = "анна@пример.example", "anna@пример.example"


@pytest.fixture(autouse=True)
def no_idling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "IDLE_SECONDS", 0.02)
    monkeypatch.setattr(dispatch, "POLL_SECONDS", 0.01)


def send_mails(settings: Settings, site: Site, clock: Clock, **how: bool) -> list[str]:
    """Send the waiting mails through a relay; return whom it got mails for."""
    with relay(**how) as server:
        tasks = Tasks(replace(settings, smtp_url=server.url), site.database, clock=clock)
        tasks.send_due_mail()
        tasks.close()
    site.snapshots.expire()  # as after a second
    return server.recipients


def test_the_form_refuses_what_the_relay_has_shown_it_cannot_write_to(
    supporter: Supporter, client: FlaskClient, site: Site, settings: Settings, clock: Clock
) -> None:
    assert supporter.sign(email=BEYOND_ASCII).status_code == 303  # nobody knows yet

    assert send_mails(settings, site, clock, enable_SMTPUTF8=False) == []

    answer = supporter.sign(email=BEYOND_ASCII)
    assert answer.status_code == 422
    assert "cannot write to addresses with letters such as “ан” before the @" in text(answer)
    assert client.post("/en/signature", data={"email": BEYOND_ASCII}).status_code == 422
    assert supporter.sign(email=BEYOND_ASCII_DOMAIN).status_code == 303
    assert supporter.sign(email=FORM["email"]).status_code == 303
    sent = send_mails(settings, site, clock, enable_SMTPUTF8=False)
    assert sorted(sent) == sorted(["anna@xn--e1afmkfd.example", FORM["email"]])


def test_another_relay_that_can_is_noticed(
    supporter: Supporter, site: Site, settings: Settings, clock: Clock
) -> None:
    supporter.sign()
    send_mails(settings, site, clock, enable_SMTPUTF8=False)
    supporter.sign(email="other@example.org")
    send_mails(settings, site, clock, enable_SMTPUTF8=True)

    assert supporter.sign(email=BEYOND_ASCII).status_code == 303
    assert send_mails(settings, site, clock, enable_SMTPUTF8=True) == ["анна@xn--e1afmkfd.example"]
