from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database.session import Database
from campaign.delivery import delegation, readiness, send
from campaign.delivery.delegation import Address
from campaign.delivery.order import Order, Sender
from campaign.delivery.plan import plan
from campaign.disclosure import affected_names, safety_list
from campaign.disclosure.approval import Outcome, approve_names
from campaign.disclosure.safety_list import Change
from campaign.errors import CampaignError, DeliveryError
from campaign.letter.edition import known_edition, stored_letters
from campaign.letter.template import compose
from campaign.organiser.account import Unlocked
from campaign.organiser.audit_log import AuditEntry
from campaign.organiser.organisation import Organisation, save_organisation
from campaign.reference.participating_state import STATES
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from tests.conftest import NOW, Clock
from tests.delivery.test_delivery import text_of
from tests.support.factories import TODAY, make_owner, make_signature
from tests.support.relay import Relay, relay

pytestmark = pytest.mark.any_database

FR, UZ = STATES["fr"], STATES["uz"]


@pytest.fixture
def owner(db: Session) -> Unlocked:
    owner = make_owner(db)
    save_organisation(db, Organisation("Example Foundation", "Exampletown", "office@example.org"))
    for code in ("fr", "uz"):
        address = Address(code, f"{code}@missions.example.org", "a call", TODAY)
        delegation.save(db, address, by="Olga", now=NOW)
    db.commit()
    return owner


@pytest.fixture
def post_office() -> Iterator[Relay]:
    with relay() as server:
        yield server


@pytest.fixture
def sender(
    database: Database, settings: Settings, appeal: Appeal, owner: Unlocked, clock: Clock, post_office: Relay
) -> Sender:
    settings = replace(settings, smtp_url=post_office.url, mail_from="letters@example.org")
    return Sender(database=database, settings=settings, appeal=appeal, organiser=owner, clock=clock)


def change(db: Session, appeal: Appeal, **codes: str) -> None:
    """Change the lists, as ``withhold="fr"``, and commit."""
    wanted = Change(**{part: frozenset(some.split()) for part, some in codes.items()})
    safety_list.change(db, appeal, wanted, by="Olga Organiser", now=NOW)
    db.commit()


def send_to(sender: Sender, state: Any) -> Any:
    cautions = ("instrument_expired", "instrument_note", "sent_before", "address_old")
    with sender.database.reading() as db:
        latest = readiness.of_state(db, state).latest_reached
    latest_id = latest.id if latest else None
    return send.send(sender, Order(delivery_id=uuid4(), state=state, confirmed=cautions, latest_id=latest_id))


def test_the_appeals_lists_are_in_force_until_organisers_change_them(db: Session, appeal: Appeal) -> None:
    found = safety_list.current_lists(db, appeal)

    assert found.no_names_to == appeal.no_names_to
    assert found.endangered_residences == appeal.endangered_residences
    assert safety_list.current_appeal(db, appeal) is appeal


def test_the_accused_state_is_always_on_both_lists(db: Session, appeal: Appeal) -> None:
    for codes in ({"release": "kz"}, {"unprotect": "KZ"}):
        with pytest.raises(CampaignError, match="accused"):
            change(db, appeal, **codes)
    another = replace(appeal, endangered_residences=frozenset())

    assert safety_list.current_lists(db, another).endangered_residences == {"KZ"}
    change(db, appeal, withhold="fr")
    found = safety_list.current_lists(db, replace(appeal, accused_state="ge"))
    assert "ge" in found.no_names_to
    assert "GE" in found.endangered_residences


@pytest.mark.parametrize(
    "codes", [{"withhold": "xx"}, {"withhold": "FR"}, {"protect": "kz"}, {"protect": "ZZ"}, {"protect": "EU"}]
)
def test_an_unknown_state_or_residence_is_refused(db: Session, appeal: Appeal, codes: dict[str, str]) -> None:
    with pytest.raises(CampaignError):
        change(db, appeal, **codes)


@pytest.mark.both_databases
def test_the_organisers_change_survives_a_start_with_another_appeal(db: Session, appeal: Appeal) -> None:
    change(db, appeal, withhold="fr", protect="BY", release="uz")
    another = replace(appeal, no_names_to=appeal.no_names_to | {"am"})
    safety_list.store_at_start(db, another, now=NOW)
    found = safety_list.current_lists(db, another)

    assert found.no_names_to == appeal.no_names_to - {"uz"} | {"fr"}
    assert found.endangered_residences == {"KZ", "BY"}


@pytest.mark.both_databases
def test_each_change_is_in_the_audit_log(db: Session, appeal: Appeal) -> None:
    change(db, appeal, withhold="fr", protect="BY", release="uz")
    change(db, appeal, withhold="fr", unprotect="BY")

    log = {(entry.act, entry.about) for entry in db.scalars(select(AuditEntry))}
    assert log == {
        ("withhold names", "fr"),
        ("protect residents", "BY"),
        ("release names", "uz"),
        ("unprotect residents", "BY"),
    }


def test_a_delegation_whose_names_are_now_withheld_gets_the_count_and_another_letter(
    db: Session, keys: ServerKeys, sender: Sender, appeal: Appeal, post_office: Relay
) -> None:
    make_signature(db, keys, state="fr", name="Mara Example")
    first = send_to(sender, FR)
    assert "Mara Example" in text_of(post_office)

    change(db, appeal, withhold="fr")
    assert known_edition(db, safety_list.current_appeal(db, appeal)) == 2
    db.rollback()
    second = send_to(sender, FR)

    assert (first.named, second.named, second.total) == (1, 0, 1)
    assert (first.edition, second.edition) == (1, 2)
    text = text_of(post_office)
    assert "Mara Example" not in text
    assert "Our names are not given to your delegation" in text
    assert (
        stored_letters(db, 2, "fr")["en"].text()
        == compose(safety_list.current_appeal(db, appeal), FR, "en").text()
    )


@pytest.mark.both_databases
def test_names_given_while_they_were_withheld_are_never_delivered(
    db: Session, keys: ServerKeys, sender: Sender, appeal: Appeal, post_office: Relay
) -> None:
    make_signature(db, keys, state="uz", name="Long Before")
    # A form opened on this day may be sent on the next.
    make_signature(db, keys, state="uz", name="Day After", on=TODAY + timedelta(days=1))
    change(db, appeal, release="uz")
    assert send_to(sender, UZ).named == 0
    make_signature(db, keys, state="uz", name="Told Otherwise", on=TODAY + timedelta(days=2))
    delivery = send_to(sender, UZ)

    assert (delivery.named, delivery.total) == (1, 3)
    text = text_of(post_office)
    assert "Told Otherwise" in text
    assert "Long Before" not in text
    assert "Day After" not in text
    planned = plan(db, appeal, UZ, edition=1, today=TODAY)
    assert (planned.named, planned.names_promised) == (1, 2)


def test_that_holds_for_a_state_that_the_appeals_file_no_longer_lists(
    db: Session, keys: ServerKeys, sender: Sender, appeal: Appeal
) -> None:
    make_signature(db, keys, state="uz", name="Long Before")
    another = replace(appeal, no_names_to=appeal.no_names_to - {"uz"})
    safety_list.store_at_start(db, another, now=NOW)
    db.commit()

    assert send_to(replace(sender, appeal=another), UZ).named == 0
    found = safety_list.current_lists(db, another)
    assert found.withholds("uz", TODAY)
    assert not found.withholds("uz", TODAY + timedelta(days=2))


def withhold(db: Session, appeal: Appeal) -> None:
    safety_list.change(db, appeal, Change(withhold=frozenset({"fr"})), by="Olga Organiser", now=NOW)


def edit(db: Session, _appeal: Appeal) -> None:
    db.execute(text("UPDATE site SET content = replace(content, 'uz', 'de') WHERE name = 'safety'"))


@pytest.mark.both_databases
@pytest.mark.parametrize(("meanwhile", "why"), [(withhold, "no names"), (edit, "changed in the database")])
def test_no_name_is_delivered_if_the_lists_change_while_the_document_is_built(
    db: Session,
    keys: ServerKeys,
    sender: Sender,
    post_office: Relay,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Session, Appeal], None],
    why: str,
) -> None:
    make_signature(db, keys, state="fr")
    build = send.build_unsealed

    def build_and_change(*arguments: Any, **options: Any) -> Any:
        built = build(*arguments, **options)
        with database.writing() as other:
            meanwhile(other, sender.appeal)
        return built

    monkeypatch.setattr(send, "build_unsealed", build_and_change)
    with pytest.raises(DeliveryError, match=why):
        send_to(sender, FR)

    assert post_office.received == []


def test_no_letter_is_sent_whose_lists_changed_after_its_edition_was_stored(
    db: Session,
    keys: ServerKeys,
    sender: Sender,
    post_office: Relay,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_signature(db, keys, state="fr")
    current_edition = send._current_edition

    def store_and_change(sender: Sender) -> tuple[Appeal, int]:
        found = current_edition(sender)
        with database.writing() as other:
            withhold(other, sender.appeal)
        return found

    monkeypatch.setattr(send, "_current_edition", store_and_change)
    with pytest.raises(DeliveryError, match="the safety lists changed"):
        send_to(sender, FR)
    assert post_office.received == []


@pytest.mark.both_databases
def test_signatures_of_an_unchanged_letter_are_on_one_list(
    db: Session, keys: ServerKeys, sender: Sender, appeal: Appeal, post_office: Relay
) -> None:
    make_signature(db, keys, state="fr", name="Signed The First", edition=1)
    change(db, appeal, withhold="de")
    make_signature(db, keys, state="fr", name="Signed The Second", edition=2)
    delivery = send_to(sender, FR)

    assert (delivery.edition, delivery.named) == (2, 2)
    text = text_of(post_office)
    assert "Signed The First" in text
    assert "another edition" not in text


@pytest.mark.both_databases
def test_published_names_from_a_newly_endangered_place_are_removed(
    db: Session, keys: ServerKeys, owner: Unlocked, appeal: Appeal
) -> None:
    here = make_signature(db, keys, residence="BY", disclosure="public")
    there = make_signature(db, keys, residence="FR", disclosure="public")
    unread = make_signature(db, keys, residence="BY", disclosure="public", confirmed=False)
    named = [(made.row.state_code, made.row.id) for made in (here, there)]
    approve_names(db, named, key_ring(db, owner.campaign_private_key), shown=None)
    db.commit()
    assert affected_names.count_published_names(db, "BY") == 1

    change(db, appeal, protect="BY")
    db.expire_all()

    assert (here.row.public_name, here.row.name_review) == (None, "declined")
    assert unread.row.name_review == "declined"
    assert there.row.public_name == "Mara Example"


@pytest.mark.both_databases
def test_approving_a_name_from_an_endangered_place_declines_it(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    made = make_signature(db, keys, residence="KZ", disclosure="public")
    key = [(made.row.state_code, made.row.id)]

    assert (
        approve_names(db, key, key_ring(db, owner.campaign_private_key), shown=None, not_from={"KZ"})[
            Outcome.ENDANGERED
        ]
        == 1
    )
    assert (made.row.public_name, made.row.name_review) == (None, "declined")
