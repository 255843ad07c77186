"""Who writes to the database edits rows that decide who sees names: none is obeyed, the doctor says so."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database.fact import Fact
from campaign.database.session import Database
from campaign.delivery import delegation, readiness
from campaign.delivery.delegation import Address, Delegation
from campaign.delivery.readiness import Obstacle
from campaign.disclosure import safety_list
from campaign.disclosure.approval import Outcome, approve_names
from campaign.disclosure.safety_list import Change
from campaign.errors import AlteredError, ForgedKeyError
from campaign.letter.edition import LetterEdition, LetterText
from campaign.operations.altered_row import altered
from campaign.operations.doctor import content, machine
from campaign.operations.emergency.destroy_keys import destroy_in
from campaign.operations.renew_macs import renew_macs
from campaign.organiser import invitation, second_factor, session
from campaign.organiser.account import Organiser, Unlocked
from campaign.organiser.login import check_passphrase, unlock
from campaign.organiser.organisation import Organisation, organisation, save_organisation
from campaign.reference.participating_state import STATES
from campaign.sealing import box, campaign_key, link_wrapping, row_mac
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping
from campaign.sealing.code import code_hash, code_key
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.signature.link import siblings
from campaign.signature.model import Signature
from campaign.signature.withdraw import disclose
from tests.conftest import NOW
from tests.support.attacker import written
from tests.support.factories import PASSPHRASE, find_by_token, make_organiser, make_owner, make_signature

DE = STATES["de"]


@pytest.fixture
def owner(db: Session) -> Unlocked:
    owner = make_owner(db)
    save_organisation(db, Organisation("Example Foundation", "Exampletown", "office@example.org"))
    delegation.save(db, Address("de", "de@missions.example.org", "a call", NOW.date()), by="Olga", now=NOW)
    db.commit()
    return owner


def test_a_site_that_nobody_attacked_has_no_altered_rows(
    db: Session, database: Database, keys: ServerKeys, owner: Unlocked
) -> None:
    make_organiser(db, owner)
    make_signature(db, keys, disclosure="public")

    assert altered(db) == []
    assert not list(content.altered_findings(database))


@pytest.mark.any_database
@pytest.mark.parametrize("has_organisers", [False, True])
def test_nothing_is_sealed_to_a_forged_public_key(
    db: Session, caplog: pytest.LogCaptureFixture, has_organisers: bool
) -> None:
    if has_organisers:
        make_owner(db)
    written(db, update(CampaignKey).where(CampaignKey.is_current).values(public_key=box.new_pair()[1]))

    for _ in range(3):
        with pytest.raises(ForgedKeyError):
            campaign_key.sealing_key(db)
    with pytest.raises(ForgedKeyError):
        campaign_key.current_key(db)
    assert altered(db) == ["campaign key"]
    said = [each for each in caplog.messages if "public key was changed" in each]
    assert len(said) == 1


@pytest.mark.any_database
def test_the_pair_of_a_setup_link_cannot_be_made_current_again(db: Session) -> None:
    code = link_wrapping.make_provisional(db, now=NOW)
    provisional = campaign_key.current_key(db)
    stored = {column.name: getattr(provisional, column.name) for column in CampaignKey.__table__.columns}
    invitation.join(db, code, PASSPHRASE, name="Olga Organiser", now=NOW)
    db.commit()
    written(db, update(CampaignKey).values(is_current=False))
    written(db, update(CampaignKey).where(CampaignKey.id == stored["id"]).values(**stored))

    with pytest.raises(ForgedKeyError):
        campaign_key.sealing_key(db)


@pytest.mark.any_database
def test_a_login_fails_loudly_when_the_public_key_was_replaced(db: Session, owner: Unlocked) -> None:
    written(db, update(CampaignKey).where(CampaignKey.is_current).values(public_key=box.new_pair()[1]))

    with pytest.raises(ForgedKeyError):
        unlock(db, "Olga Organiser", PASSPHRASE)


@pytest.mark.any_database
@pytest.mark.parametrize(
    "columns", [{"role": "owner"}, {"second_factor": None}, {"public_key": b"x" * 32}, {"name": "Another"}]
)
def test_an_edited_account_neither_logs_in_nor_goes_on(
    db: Session, keys: ServerKeys, owner: Unlocked, columns: dict[str, Any]
) -> None:
    pavel = make_organiser(db, owner)
    cookie = session.start(db, pavel, keys=keys, now=NOW)
    db.commit()
    account, stretched = check_passphrase(db, pavel.id, PASSPHRASE)
    if "second_factor" in columns:
        code = second_factor.TypedCode(second_factor.pyotp.TOTP(SECRET).at(NOW), NOW)
        second_factor.switch_on(db, account, stretched, SECRET, code)
    db.commit()
    assert session.resume(db, cookie, keys=keys, now=NOW).unlocked.id == pavel.id
    written(db, update(Organiser).where(Organiser.id == pavel.id).values(**columns))

    with pytest.raises(AlteredError):
        session.resume(db, cookie, keys=keys, now=NOW)
    if "public_key" not in columns:
        with pytest.raises(AlteredError):
            unlock(db, columns.get("name", "Pavel"), PASSPHRASE)
    assert altered(db) == [f"organiser {columns.get('name', 'Pavel')}"]


SECRET = "A" * 32


def test_an_invitation_that_the_site_did_not_make_makes_no_account(db: Session, owner: Unlocked) -> None:
    code, key = "7" * 20, campaign_key.current_key(db)
    row = KeyWrapping(key_id=key.id, kind="link", opens_hash=code_hash(code), role="reader", name="Eve")
    row.wrapped, row.mac = box.wrap(b"", code_key(code), row.context), b"x" * 32
    db.add(row)
    db.commit()

    with pytest.raises(AlteredError):
        invitation.join(db, code, PASSPHRASE, now=NOW)


def edit_list(db: Session) -> None:
    written(db, text("UPDATE site SET content = replace(content, 'uz', 'fr') WHERE name = 'safety'"))


def replace_list(db: Session) -> None:
    plain = '{"no_names_to": [], "endangered_residences": [], "names_from": {}, "is_edited": true}'
    written(db, update(Fact).where(Fact.name == "safety").values(content=plain))


def remove_list(db: Session) -> None:
    written(db, delete(Fact).where(Fact.name == "safety"))


def remove_list_and_editions(db: Session) -> None:
    for table in (LetterText, LetterEdition):
        written(db, delete(table))
    remove_list(db)


@pytest.mark.any_database
@pytest.mark.parametrize("attack", [edit_list, replace_list, remove_list, remove_list_and_editions])
def test_an_edited_safety_list_stops_every_delivery_until_an_owner_stores_it_again(
    db: Session, keys: ServerKeys, appeal: Appeal, owner: Unlocked, attack: Callable[[Session], None]
) -> None:
    make_signature(db, keys)
    safety_list.change(db, appeal, Change(withhold=frozenset({"it"})), by="Olga", now=NOW)
    db.commit()
    assert readiness.of_state(db, DE).is_ready
    attack(db)

    assert readiness.of_state(db, DE).forbidden_by is Obstacle.SAFETY_ALTERED
    assert {each.obstacle for each in readiness.of_all_states(db) if each.signatures} == {
        Obstacle.SAFETY_ALTERED
    }
    assert appeal.no_names_to <= safety_list.current_lists(db, appeal).no_names_to
    assert altered(db) == ["safety lists"]
    safety_list.store_at_start(db, appeal, now=NOW)  # a restart does not make it look genuine
    assert safety_list.is_altered(db)

    safety_list.change(db, appeal, Change(), by="Olga", now=NOW)
    assert readiness.of_state(db, DE).is_ready
    assert altered(db) == []


def test_no_list_goes_to_an_address_that_was_edited(db: Session, keys: ServerKeys, owner: Unlocked) -> None:
    make_signature(db, keys)
    assert readiness.of_state(db, DE).is_ready
    written(db, update(Delegation).values(email="attacker@example.org"))

    assert readiness.of_state(db, DE).forbidden_by is Obstacle.ADDRESS_ALTERED
    assert altered(db) == ["address of DE"]
    delegation.save(db, Address("de", "de@missions.example.org", "a call", NOW.date()), by="Olga", now=NOW)
    db.flush()
    assert readiness.of_state(db, DE).is_ready


def test_an_edited_organisation_counts_as_none(db: Session, owner: Unlocked) -> None:
    written(
        db, text("UPDATE site SET content = replace(content, 'office', 'attack') WHERE name = 'organisation'")
    )

    assert not organisation(db).is_set
    assert altered(db) == ["organisation"]


def test_after_an_emergency_the_organisation_is_still_known_though_its_key_is_destroyed(
    db: Session, database: Database, owner: Unlocked
) -> None:
    destroy_in(db, NOW)
    db.commit()
    db.info[row_mac.KEY] = ServerKeys.from_secret("another secret key, as long as the first").row

    assert organisation(db).is_set
    assert altered(db) == []


def test_a_name_whose_owner_did_not_choose_to_be_public_is_not_published(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    ring = key_ring(db, owner.campaign_private_key)
    edited, chosen, changed = (
        make_signature(db, keys, disclosure=each) for each in ("delegation", "public", "delegation")
    )
    disclose(db, changed.token, "public", now=NOW, confirmation_days=7)
    db.flush()
    written(db, update(Signature).where(Signature.id == edited.row.id).values(disclosure="public"))
    of = [("de", each.row.id) for each in (edited, chosen, changed)]

    outcomes = approve_names(db, of, ring, shown=None)

    assert (outcomes[Outcome.DECIDED], outcomes[Outcome.ALTERED]) == (2, 1)
    assert edited.row.public_name is None


def test_macs_are_renewed_for_another_secret_key_and_what_was_altered_stays_so(
    db: Session, database: Database, keys: ServerKeys, appeal: Appeal, owner: Unlocked
) -> None:
    make_organiser(db, owner)
    code = invitation.invite(db, owner, "Third", now=NOW)
    public = make_signature(db, keys, disclosure="public")
    moved = make_signature(db, keys)
    written(db, update(Organiser).where(Organiser.name == "Pavel").values(role="owner"))
    written(db, update(Signature).where(Signature.id == moved.row.id).values(digest=b"x" * 32))
    new = ServerKeys.from_secret("another secret key, as long as the first")

    renew_macs(db, keys.row, new.row)
    db.commit()
    row_mac.use_key(database, new.row)
    db.info.update(database.info)

    assert altered(db) == ["organiser Pavel"]
    assert unlock(db, "Olga Organiser", PASSPHRASE).id == owner.id
    assert invitation.join(db, code, PASSPHRASE, now=NOW).name == "Third"
    assert find_by_token(db, public.token).id == public.row.id
    db.expire_all()
    assert [each.id for each in siblings(db, public.row)] == [public.row.id]
    assert siblings(db, moved.row) == []
    outcomes = approve_names(
        db, [("de", public.row.id)], key_ring(db, owner.campaign_private_key), shown=None
    )
    assert outcomes[Outcome.DECIDED] == 1


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("url", "is_named"),
    [
        ("postgresql+psycopg://user@db.example.org/campaign", True),
        ("postgresql+psycopg://user@db.example.org/campaign?sslmode=require", True),
        ("postgresql+psycopg://user@db.example.org/campaign?sslmode=verify-full", False),
        ("postgresql+psycopg://user@/campaign?host=db.example.org", True),
        ("postgresql+psycopg://user@localhost,db.example.org/campaign", True),
        ("postgresql+psycopg://user@192.0.2.7/campaign", True),
        ("postgresql+psycopg://user@127.0.0.1/campaign", False),
        ("postgresql+psycopg://user@[::1]/campaign", False),
        ("postgresql+psycopg://user@localhost/campaign", False),
        ("postgresql+psycopg://user@/campaign", False),
        ("postgresql+psycopg://user@/campaign?host=/run/postgresql", False),
        ("sqlite:///campaign.sqlite", False),
    ],
)
def test_the_doctor_asks_for_a_verified_connection_to_another_host(
    monkeypatch: pytest.MonkeyPatch, url: str, is_named: bool
) -> None:
    for name in ("PGHOST", "PGSSLMODE"):
        monkeypatch.delenv(name, raising=False)

    findings = list(machine.connection_findings(Database(url)))

    assert [each.is_serious for each in findings] == [True] * is_named
