"""What the organisers' pages say before and after an action."""

import csv
import io
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.delivery.plan import plan
from campaign.mail.outbox_health import STUCK_SECONDS
from campaign.organiser import audit_log
from campaign.organiser.audit_log import AuditEntry
from campaign.reference.participating_state import STATES
from campaign.sealing.server_key import ServerKeys
from campaign.web.site import Site
from tests.conftest import NOW, Clock
from tests.support.factories import make_delivery, make_signature
from tests.web.conftest import OrganisersBrowser, Supporter, text

pytestmark = pytest.mark.any_database


@pytest.fixture
def sent(site: Site, clock: Clock) -> UUID:
    """Return a delivery to Germany that the relay refused."""
    with site.database.session(writes=True) as db:
        delivery = make_delivery(db, [], code="7K3MQ0V9ZB2TN8XH4C6D", status="refused", smtp_code=550)
        audit_log.record(db, "Olga Organiser", "send delivery", "de 7K3MQ0V9ZB2TN8XH4C6D", now=clock())
        audit_log.record(db, "Olga Organiser", "remove organiser", "de", now=clock())
        db.commit()
        return delivery.id


@pytest.mark.both_databases
def test_approving_without_a_choice_is_an_error_and_not_logged(
    organiser: OrganisersBrowser, db: Session
) -> None:
    url = "/organise/signatures?kind=words"
    answer = organiser.post("/organise/signatures", kind="words", act="approve", shown="waiting", back=url)
    assert answer.location == url

    page = organiser.get(url).get_data(as_text=True)
    assert '<p class="notice is-grave" role="alert">Choose at least one entry.</p>' in page
    assert "is-good" not in page
    assert db.scalar(select(AuditEntry).where(AuditEntry.act == "approve words")) is None


def test_the_csv_template_has_the_code_of_each_state_and_no_address(organiser: OrganisersBrowser) -> None:
    answer = organiser.get("/organise/delegations/template.csv")
    [head, *lines] = csv.reader(io.StringIO(answer.get_data(as_text=True)))

    assert head == ["state", "email", "source", "checked_on"]
    assert [code for code, *_empty in lines] == sorted(STATES)
    assert {cell for _code, *empty in lines for cell in empty} == {""}
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "Germany de" in text(organiser.get("/organise/delegations"))


def test_the_csv_template_can_be_sent_with_one_line_filled_in(organiser: OrganisersBrowser) -> None:
    empty = organiser.get("/organise/delegations/template.csv").data
    filled_in = empty.replace(b"de,,,", b"de,de@example.org,a telephone call,2026-11-01")

    answer = organiser.post("/organise/delegations/import", file=(io.BytesIO(filled_in), "delegations.csv"))

    assert answer.status_code == 303
    assert "1 address imported" in text(organiser.get("/organise/delegations"))


def test_a_year_of_two_digits_is_refused_beside_its_field(organiser: OrganisersBrowser) -> None:
    answer = organiser.post(
        "/organise/delegations/de", email="de@example.org", source="a call", checked_on="0026-11-01"
    )

    assert answer.status_code == 422
    assert "Write the year with four digits" in answer.text


def test_the_log_names_states_and_leads_to_deliveries(organiser: OrganisersBrowser, sent: UUID) -> None:
    page = organiser.get("/organise/audit").get_data(as_text=True)

    assert f'<a href="/organise/deliveries/{sent}">Germany 7K3M-Q0V9-ZB2T-N8XH-4C6D</a>' in page
    assert "<td>Account removed</td><td>de</td>" in page


def test_a_delivery_says_what_the_relay_answered(organiser: OrganisersBrowser, sent: UUID) -> None:
    page = text(organiser.get(f"/organise/deliveries/{sent}"))

    assert "refused the relay answered 550" in page
    assert "edition 1, English" in page


@pytest.mark.parametrize(
    ("state", "request_", "button"),
    [
        ("de", "EU Global Human Rights Sanctions Regime", "Send letter and list (1 name)"),
        ("tr", "General request", "Send letter and list (1 name)"),
        ("kz", "To investigate; no sanctions asked", "Send letter and count (no names)"),
    ],
)
def test_the_preview_shows_the_request_and_the_list(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser, state: str, request_: str, button: str
) -> None:
    make_signature(db, keys, state=state, name="Mara Example")
    _ready(organiser, state)
    page = text(organiser.get(f"/organise/deliveries/new/{state}"))

    assert request_ in page
    assert button in page


def test_each_caution_stands_above_its_checkbox(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser, clock: Clock
) -> None:
    make_signature(db, keys, name="Mara Example")
    _ready(organiser, "de", checked_on="2026-01-02")
    clock.forward(days=20)
    organiser.log_in()
    page = text(organiser.get("/organise/deliveries/new/de"))

    notes = page[page.index("Then the delegation") : page.index("I have read the notes above")]
    assert "in force until 8 December 2026" in notes
    assert "last checked on 2 January 2026" in notes


def test_a_test_to_oneself_can_be_reloaded_without_sending_it_again(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser
) -> None:
    make_signature(db, keys, name="Mara Example")
    _ready(organiser, "de")
    url = "/organise/deliveries/new/de"
    answer = organiser.post(f"{url}/test", on=url, email="olga@example.org")

    assert (answer.status_code, answer.location) == (303, url)
    page = organiser.get(url).get_data(as_text=True)
    assert '<p class="notice is-good" role="status">The test was sent.' in page
    assert "olga@example.org" not in page


def test_the_overview_warns_of_mails_that_wait_too_long(
    organiser: OrganisersBrowser, supporter: Supporter, clock: Clock
) -> None:
    supporter.sign()
    assert "Is the mail relay down?" not in text(organiser.get("/organise/"))

    clock.forward(seconds=STUCK_SECONDS + 1)
    assert "1 message has been waiting for up to 15 minutes." in text(organiser.get("/organise/"))


def test_the_overview_counts_the_states_without_an_address(organiser: OrganisersBrowser) -> None:
    _ready(organiser, "de")

    page = text(organiser.get("/organise/"))
    assert f"1 /{len(STATES)} delegations with an address" in page
    assert f"Find delegations’ addresses {len(STATES) - 1}" in page


def _ready(organiser: OrganisersBrowser, state: str, checked_on: str = "2026-11-20") -> None:
    organiser.post(
        "/organise/account/organisation", name="Letters", seat="Exampleville", contact="o@letters.example"
    )
    organiser.post(
        f"/organise/delegations/{state}",
        on=f"/organise/delegations?state={state}",
        email=f"{state}@missions.example.org",
        source="a call",
        checked_on=checked_on,
    )


def test_no_preview_or_cover_names_the_residence_of_a_lone_signatory(
    organiser: OrganisersBrowser, db: Session, keys: ServerKeys, appeal: Appeal
) -> None:
    for residence, number in (("IT", 6), ("DE", 5), ("KZ", 1)):
        for _signature in range(number):
            make_signature(db, keys, state="it", residence=residence, disclosure="counted")
    db.commit()

    page = text(organiser.get("/organise/deliveries/new/it"))
    planned = plan(db, appeal, STATES["it"], edition=1, today=NOW.date())

    assert "Kazakhstan 1" not in page
    assert "Italy 6, Elsewhere 6" in page
    assert planned.by_residence == (("IT", 6), ("XX", 6))
