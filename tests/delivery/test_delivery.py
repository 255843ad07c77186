import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pypdf import PdfReader
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.appeal.reading import load
from campaign.database.session import Database
from campaign.delivery import delegation, history, outcome, readiness, send
from campaign.delivery.delegation import Address
from campaign.delivery.history import Answer
from campaign.delivery.model import Delivery, DeliveryRow, mark_interrupted, with_signature
from campaign.delivery.order import Order, Sender
from campaign.delivery.plan import languages, plan
from campaign.disclosure.approval import approve_names, approve_words
from campaign.errors import DeliveryError
from campaign.letter.edition import current_edition
from campaign.organiser.account import Unlocked
from campaign.organiser.audit_log import AuditEntry
from campaign.organiser.organisation import Organisation, save_organisation
from campaign.reference.language import LANGUAGES
from campaign.reference.participating_state import STATES
from campaign.reference.residence import ELSEWHERE
from campaign.sealing import box
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import CampaignKey
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature import invalidation
from campaign.signature.withdraw import withdraw
from campaign.signature_list import entry
from tests.conftest import NOW, Clock
from tests.support.factories import make_owner, make_signature
from tests.support.relay import Relay, relay
from tests.support.translated import add_language, english_folder

pytestmark = pytest.mark.any_database

DE, KZ = STATES["de"], STATES["kz"]


@pytest.fixture
def post_office() -> Iterator[Relay]:
    with relay() as server:
        yield server


@pytest.fixture
def owner(db: Session) -> Unlocked:
    owner = make_owner(db)
    save_organisation(db, Organisation("Example Foundation", "Exampletown", "office@example.org"))
    for code in ("de", "kz", "us"):
        delegation.save(
            db, Address(code, f"{code}@missions.example.org", "a call", NOW.date()), by="Olga", now=NOW
        )
    db.commit()
    return owner


@pytest.fixture
def sender(
    database: Database, settings: Settings, appeal: Appeal, owner: Unlocked, clock: Clock, post_office: Relay
) -> Sender:
    settings = replace(settings, smtp_url=post_office.url, mail_from="letters@example.org")
    return Sender(database=database, settings=settings, appeal=appeal, organiser=owner, clock=clock)


def order(state: Any = DE, **changes: Any) -> Order:
    return Order(**({"delivery_id": uuid4(), "state": state, "confirmed": ALL} | changes))


ALL = ("instrument_expired", "instrument_note", "sent_before", "address_old", "not_checked", "other_key")


def text_of(relay: Relay, at: int = -1) -> str:
    """Return what the PDF of a received message says, in one line."""
    [attachment] = list(relay.received[at].iter_attachments())
    pages = PdfReader(io.BytesIO(attachment.get_payload(decode=True))).pages  # type: ignore[arg-type]
    return " ".join("\n".join(page.extract_text() for page in pages).split())


@pytest.mark.both_databases
def test_a_delivery_has_letter_cover_and_every_deliverable_name(
    db: Session, keys: ServerKeys, sender: Sender, post_office: Relay
) -> None:
    for name in ("Mara Example", "Әсел Үлгі", "Νίκη Παράδειγμα"):
        make_signature(db, keys, name=name, town="Smalltown")
    make_signature(db, keys, disclosure="counted", name="Never Kept")
    make_signature(db, keys, disclosure="public", name="Not Looked At")
    delivery = send.send(sender, order())

    assert delivery.status == "accepted"
    assert (delivery.total, delivery.named) == (5, 3)
    text = text_of(post_office)
    for expected in (
        "Mara Example",
        "Әсел Үлгі",
        "Νίκη Παράδειγμα",
        "Example Foundation",
        "2020/1999",
        "Smalltown",
    ):
        assert expected in text
    for absent in ("Never Kept", "Not Looked At", "@example.org"):
        assert absent not in text.replace("office@example.org", "")


@pytest.mark.both_databases
def test_the_cover_says_how_many_signatures_were_withdrawn_and_removed(
    db: Session, keys: ServerKeys, sender: Sender, post_office: Relay
) -> None:
    made = [make_signature(db, keys) for _ in range(5)]
    never_confirmed = make_signature(db, keys, confirmed=False)
    another_letter = make_signature(db, keys, state="us")
    withdraw(db, made[0].token, now=NOW, confirmation_days=7)
    decision = invalidation.record_decision(db, None, "Made up.", by="Olga", now=NOW)
    removed = [each.row for each in (*made[1:3], never_confirmed, another_letter)]
    invalidation.invalidate(db, decision.id, [(row.state_code, row.id) for row in removed])
    db.commit()

    assert send.send(sender, order()).total == 2

    text = text_of(post_office)
    assert "1 signature was withdrawn by its signatory" in text
    assert "2 signatures were removed by the organisers as not genuine." in text


@pytest.mark.both_databases
def test_an_approved_public_name_is_delivered(
    db: Session, keys: ServerKeys, sender: Sender, owner: Unlocked, post_office: Relay
) -> None:
    made = make_signature(db, keys, disclosure="public", name="Looked At", words="My words, not yours.")
    key = [(made.row.state_code, made.row.id)]
    approve_names(db, key, key_ring(db, owner.campaign_private_key), shown=None)
    db.commit()
    first = send.send(sender, order())
    assert "Looked At" in text_of(post_office)
    assert "My words, not yours." not in text_of(post_office)

    approve_words(db, key, key_ring(db, owner.campaign_private_key), shown=None)
    db.commit()
    send.send(sender, order(latest_id=first.id))
    assert "My words, not yours." in text_of(post_office)


def test_the_accused_state_gets_numbers_only(
    db: Session, keys: ServerKeys, sender: Sender, post_office: Relay
) -> None:
    for disclosure in ("delegation", "public"):
        make_signature(db, keys, state="kz", name="Mara Example", town="Smalltown", disclosure=disclosure)
    delivery = send.send(sender, order(KZ))

    assert (delivery.status, delivery.total, delivery.named) == ("accepted", 2, 0)
    text = text_of(post_office)
    assert "Mara" not in text
    assert "Smalltown" not in text
    assert db.scalar(select(DeliveryRow)) is None


def test_no_delegation_gets_a_small_or_endangered_number_of_residents_and_the_accused_one_gets_none(
    db: Session, keys: ServerKeys, appeal: Appeal, owner: Unlocked
) -> None:
    for state in ("de", "kz"):
        for residence in (*["FR"] * 5, *["AT"] * 4, *["KZ"] * 6):
            make_signature(db, keys, state=state, residence=residence)

    of_de, of_kz = (plan(db, appeal, state, edition=1, today=NOW.date()) for state in (DE, KZ))

    assert of_de.by_residence == (("FR", 5), (ELSEWHERE, 10))
    assert of_kz.by_residence == ()


def test_what_was_sent_can_be_checked_by_its_hash(
    db: Session, keys: ServerKeys, sender: Sender, post_office: Relay
) -> None:
    import hashlib

    make_signature(db, keys)
    delivery = send.send(sender, order())
    [attachment] = list(post_office.received[-1].iter_attachments())
    pdf = attachment.get_payload(decode=True)

    assert hashlib.sha256(pdf).digest() == delivery.list_hash  # type: ignore[arg-type]
    assert post_office.received[-1]["Message-ID"] == delivery.message_id
    assert post_office.recipients == ["de@missions.example.org"]
    assert post_office.received[-1]["Reply-To"] == "office@example.org"


def test_the_numbers_on_the_list_are_stored_with_their_signatures(
    db: Session, keys: ServerKeys, sender: Sender
) -> None:
    made = make_signature(db, keys)
    delivery = send.send(sender, order())

    assert [(each.id, row.number) for each, row in with_signature(db, "de", made.row.id)] == [
        (delivery.id, 1)
    ]


@pytest.mark.both_databases
def test_the_same_order_twice_makes_one_delivery(
    db: Session, keys: ServerKeys, sender: Sender, post_office: Relay
) -> None:
    make_signature(db, keys)
    same = order()
    first, second = send.send(sender, same), send.send(sender, same)

    assert first.id == second.id
    assert len(post_office.received) == 1


@pytest.mark.both_databases
def test_the_same_order_twice_at_the_same_moment_makes_one_delivery(
    db: Session, keys: ServerKeys, sender: Sender, post_office: Relay
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    make_signature(db, keys)
    post_office.seconds_per_message = 0.3
    same = order(confirmed=())
    with ThreadPoolExecutor(3) as pool:
        sent = {each.id for each in pool.map(lambda _: send.send(sender, same), range(3))}

    assert sent == {same.delivery_id}
    assert len(post_office.received) == 1


@pytest.mark.both_databases
def test_two_organisers_at_the_same_moment_send_one_message(
    db: Session, keys: ServerKeys, sender: Sender, post_office: Relay
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    make_signature(db, keys)
    post_office.seconds_per_message = 0.3

    def try_to_send(_: int) -> str:
        try:
            return send.send(sender, order(confirmed=())).status
        except DeliveryError:
            return "refused by us"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(try_to_send, range(2)))

    assert outcomes == ["accepted", "refused by us"]
    assert len(post_office.received) == 1
    db.rollback()
    # The other's row would stand above the delivery that was sent.
    assert [each.status for each in db.scalars(select(Delivery))] == ["accepted"]
    acts = Counter(db.scalars(select(AuditEntry.act)))
    assert (acts["send delivery"], acts["not sent"]) in {(1, 0), (2, 1)}


def test_names_under_another_key_are_left_out_and_need_a_confirmation(
    db: Session, keys: ServerKeys, sender: Sender, post_office: Relay
) -> None:
    make_signature(db, keys, name="Mara Example")
    lost = make_signature(db, keys, name="Lost Name")
    other = CampaignKey(public_key=b"0" * 32, is_current=False, is_provisional=True, made_at=NOW, mac=b"")
    db.add(other)
    db.flush()
    lost.row.key_id, lost.row.sealed = other.id, box.seal(Details(name="Lost Name"), box.new_pair()[1], "")
    db.commit()

    with pytest.raises(DeliveryError, match="other_key"):
        send.send(sender, order(confirmed=()))
    delivery = send.send(sender, order())
    assert (delivery.total, delivery.named) == (2, 1)
    ring = key_ring(db, sender.organiser.campaign_private_key)
    assert len(list(entry.for_organisers(db, ["de"], ring))) == 2
    assert not ring.altered


def test_a_second_message_needs_an_organisers_confirmation(
    db: Session, keys: ServerKeys, sender: Sender
) -> None:
    make_signature(db, keys)
    send.send(sender, order())

    with pytest.raises(DeliveryError, match="sent_before"):
        send.send(sender, order(confirmed=()))


def test_a_second_message_is_sent_only_after_the_one_that_the_page_showed(
    db: Session, keys: ServerKeys, sender: Sender, post_office: Relay, clock: Clock
) -> None:
    make_signature(db, keys)
    shown = send.send(sender, order())
    clock.forward(minutes=1)
    make_signature(db, keys)
    send.send(sender, order(latest_id=shown.id))
    make_signature(db, keys)

    for latest_id in (shown.id, None):
        with pytest.raises(DeliveryError, match="since the preview"):
            send.send(sender, order(latest_id=latest_id))
    assert len(post_office.received) == 2


@pytest.mark.both_databases
def test_a_message_that_another_organiser_sent_while_the_document_was_built_stays_the_only_one(
    db: Session, keys: ServerKeys, sender: Sender, post_office: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_signature(db, keys)
    build = send.build_unsealed

    def build_and_send(*arguments: Any, **options: Any) -> Any:
        monkeypatch.undo()
        built = build(*arguments, **options)
        send.send(sender, order())
        return built

    monkeypatch.setattr(send, "build_unsealed", build_and_send)
    with pytest.raises(DeliveryError, match="meanwhile"):
        send.send(sender, order())

    assert len(post_office.received) == 1
    assert [each.status for each in db.scalars(select(Delivery))] == ["accepted"]


def test_an_instruments_note_needs_an_organisers_confirmation(
    db: Session, keys: ServerKeys, sender: Sender
) -> None:
    make_signature(db, keys, state="us")

    with pytest.raises(DeliveryError, match="instrument_note"):
        send.send(sender, order(STATES["us"], confirmed=()))


def test_an_expired_instrument_needs_an_organisers_confirmation(
    db: Session, keys: ServerKeys, sender: Sender, appeal: Appeal, clock: Clock
) -> None:
    make_signature(db, keys)
    assert "instrument_expired" not in plan(db, appeal, DE, edition=1, today=clock().date()).cautions
    clock.forward(days=30)

    assert "instrument_expired" in plan(db, appeal, DE, edition=1, today=clock().date()).cautions
    db.rollback()
    with pytest.raises(DeliveryError, match="instrument_expired"):
        send.send(sender, order(confirmed=()))


@pytest.mark.parametrize(
    ("lacking", "obstacle"),
    [("organisation", "organisation"), ("address", "address"), ("signatures", "signatures")],
)
def test_an_obstacle_forbids_sending(
    db: Session, keys: ServerKeys, sender: Sender, post_office: Relay, lacking: str, obstacle: str
) -> None:
    state = "fr" if lacking == "address" else "de"
    if lacking == "organisation":
        save_organisation(db, Organisation())
        db.commit()
    if lacking != "signatures":
        make_signature(db, keys, state=state)

    with pytest.raises(DeliveryError, match=obstacle):
        send.send(sender, order(STATES[state]))
    assert post_office.received == []


@pytest.mark.parametrize(
    ("answer", "status"),
    [("550 5.1.1 No such mailbox", "refused"), ("451 4.7.1 Later", "delayed")],
)
def test_a_message_that_the_relay_rejects_is_not_delivered(
    db: Session, keys: ServerKeys, sender: Sender, post_office: Relay, answer: str, status: str
) -> None:
    make_signature(db, keys)
    post_office.refuse["de@missions.example.org"] = answer
    delivery = send.send(sender, order())

    assert delivery.status == status
    assert delivery.smtp_code == int(answer[:3])
    assert readiness.of_state(db, DE).latest_reached is None


def test_a_delivery_is_delayed_while_the_relay_is_down(db: Session, keys: ServerKeys, sender: Sender) -> None:
    make_signature(db, keys)
    away = replace(sender, settings=replace(sender.settings, smtp_url="smtp://127.0.0.1:9"))

    assert send.send(away, order()).status == "delayed"


@pytest.mark.both_databases
def test_an_interrupted_delivery_becomes_uncertain(db: Session, keys: ServerKeys, sender: Sender) -> None:
    make_signature(db, keys)
    delivery = send.send(sender, order())
    db.execute(
        Delivery.__table__.update()
        .where(Delivery.id == delivery.id)
        .values(status="sending", settled_at=None)  # type: ignore[attr-defined]
    )
    db.commit()

    assert readiness.of_state(db, DE).forbidden_by == "sending"
    mark_interrupted(db, now=NOW + timedelta(minutes=20))
    db.commit()
    again = plan(db, sender.appeal, DE, edition=1, today=NOW.date())
    assert again.readiness.latest_reached is not None
    assert again.readiness.latest_reached.status == "uncertain"
    assert "sent_before" in again.cautions


def test_a_test_message_has_no_names(
    db: Session, keys: ServerKeys, sender: Sender, post_office: Relay
) -> None:
    make_signature(db, keys, name="Mara Example", town="Smalltown")
    send.send_test(sender, DE, "olga@example.org")

    assert post_office.recipients == ["olga@example.org"]
    text = text_of(post_office)
    assert "Mara" not in text
    assert "Smalltown" not in text
    assert "Signatory 1" in text
    assert db.scalar(select(Delivery)) is None


@pytest.mark.both_databases
def test_a_reply_is_recorded_with_its_day(db: Session, keys: ServerKeys, sender: Sender) -> None:
    make_signature(db, keys)
    delivery = send.send(sender, order())
    texts = {"note": "Ms Example called.", "public_reply": "They thank us."}
    outcome.note_reply(db, delivery.id, replied_on=NOW.date(), by="Olga", now=NOW, **texts)

    noted = db.get_one(Delivery, delivery.id)
    assert (noted.status, noted.replied_on, noted.note) == ("replied", NOW.date(), "Ms Example called.")
    known = history.records(db)["de"]
    assert (known.delivered_on, known.answer) == (NOW.date(), Answer(NOW.date(), "They thank us."))


@pytest.mark.parametrize("days", [-1, 1])
def test_a_reply_before_the_letter_or_in_the_future_is_refused(
    db: Session, keys: ServerKeys, sender: Sender, days: int
) -> None:
    make_signature(db, keys)
    delivery = send.send(sender, order())

    with pytest.raises(DeliveryError):
        outcome.note_reply(
            db, delivery.id, replied_on=NOW.date() + timedelta(days=days), note="", by="Olga", now=NOW
        )


def test_signatories_of_another_edition_are_listed_under_their_own_text(
    db: Session, keys: ServerKeys, sender: Sender, post_office: Relay
) -> None:
    revised = replace(sender.appeal, persons=sender.appeal.persons[:-1])
    edition = current_edition(db, revised, now=NOW)
    db.commit()
    make_signature(db, keys, name="Signed The First", edition=1)
    make_signature(db, keys, name="Signed The Second", edition=edition)
    delivery = send.send(replace(sender, appeal=revised), order())

    assert (delivery.edition, delivery.named) == (2, 2)
    text = text_of(post_office)
    assert text.index("Signed The Second") < text.index("Signed The First")
    assert text.index("Signed The Second") < text.index("Nazarbayev") < text.index("Signed The First")


def test_a_delivery_in_german_lists_who_signed_in_three_languages_under_the_text_they_signed(
    db: Session, keys: ServerKeys, sender: Sender, owner: Unlocked, post_office: Relay, tmp_path: Path
) -> None:
    folder = english_folder(tmp_path / "appeal")
    for code in ("de", "fr"):
        add_language(folder, code)
    appeal = load(folder)
    edition = current_edition(db, appeal, now=NOW)
    words = {"en": "My sister is one of them.", "de": "Meine Tante war dort.", "fr": "Ma mère aussi."}
    for code, written in words.items():
        made = make_signature(db, keys, name=f"Signed {code}", language=code, edition=edition, words=written)
        key = [(made.row.state_code, made.row.id)]
        approve_words(db, key, key_ring(db, owner.campaign_private_key), shown=None)
    db.commit()
    assert [each.code for each in languages(appeal, DE)] == ["en", "de"]

    delivery = send.send(replace(sender, appeal=appeal), order(language=LANGUAGES["de"]))

    assert (delivery.language, delivery.edition, delivery.named) == ("de", edition, 3)
    message = post_office.received[-1]
    assert message["Content-Language"] == "de"
    assert "de: We, the undersigned" in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    text = text_of(post_office)
    assert "/de/verify/" in text
    parts = ("de: We", "Deutschland", "Signed de", "We, the undersigned", "Signed en", "fr: We", "Signed fr")
    at = 0
    for part in parts:
        at = text.index(part, at) + 1
    for language, code in (("Englisch", "en"), ("Französisch", "fr")):
        assert re.search(f": {language} .*Signed {code}", text)  # the heading
        assert re.search(f": {language} {words[code]}", text)  # the own words


@pytest.mark.both_databases
def test_a_name_that_is_withdrawn_while_the_document_is_built_is_not_delivered(
    db: Session,
    keys: ServerKeys,
    sender: Sender,
    post_office: Relay,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = make_signature(db, keys)
    make_signature(db, keys)

    build = send.build_unsealed

    def build_and_withdraw(*arguments: Any, **options: Any) -> Any:
        built = build(*arguments, **options)
        with database.writing() as other:
            withdraw(other, made.token, now=NOW, confirmation_days=7)
        return built

    monkeypatch.setattr(send, "build_unsealed", build_and_withdraw)
    with pytest.raises(DeliveryError, match="withdrew"):
        send.send(sender, order())
    assert post_office.received == []
    monkeypatch.undo()

    assert send.send(sender, order()).named == 1
