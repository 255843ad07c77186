"""Who writes to the database moves boxes, or edits what protects them: no box opens as another row's."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from campaign.disclosure.approval import Outcome, approve_names, approve_words
from campaign.errors import AlteredError, WrongKeyError
from campaign.letter.edition import Version
from campaign.organiser import altered_box, audit_log, invitation, recovery, session
from campaign.organiser.account import Unlocked
from campaign.organiser.session import OrganiserSession
from campaign.sealing import box, link_wrapping
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping, current_key
from campaign.sealing.key_ring import KeyRing, key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.signature import data_request, invalidation, search
from campaign.signature.data_request import Subject
from campaign.signature.invalidation import Invalidation
from campaign.signature.key_change import reseal_some
from campaign.signature.model import Signature
from campaign.signature.search import Criteria
from campaign.signature_list import entry
from tests.conftest import NOW
from tests.support.attacker import written
from tests.support.factories import PASSPHRASE, Made, make_organiser, make_owner, make_signature

VICTIM = "Vera Victim"


@pytest.fixture
def owner(db: Session) -> Unlocked:
    return make_owner(db)


@pytest.fixture
def ring(db: Session, owner: Unlocked) -> KeyRing:
    return key_ring(db, owner.campaign_private_key)


@pytest.fixture
def victim(db: Session, keys: ServerKeys, owner: Unlocked) -> Made:
    """Return a signature of the letter to Uzbekistan, whose delegation gets no names."""
    del owner
    email = "vera@example.org"
    return make_signature(
        db, keys, state="uz", name=VICTIM, words="W", email=email, residence="UZ", organisers_only=True
    )


def write(db: Session, row: Signature, **columns: object) -> None:
    """Write to the database as an attacker does."""
    changed = update(Signature).where(Signature.state_code == row.state_code, Signature.id == row.id)
    written(db, changed.values(**columns))


def copy_to_germany(db: Session, keys: ServerKeys, victim: Made) -> None:
    other = make_signature(db, keys, state="de", name="Other Name", disclosure="public", words="W")
    write(db, other.row, sealed=victim.row.sealed, key_id=victim.row.key_id)


def insert_for_germany(db: Session, keys: ServerKeys, victim: Made) -> None:
    del keys
    row = {column.name: getattr(victim.row, column.name) for column in Signature.__table__.columns}
    row |= {"state_code": "de", "organisers_only": False, "digest": None, "disclosure": "public"}
    db.execute(insert(Signature), [row])
    db.commit()


@pytest.mark.parametrize("attack", [copy_to_germany, insert_for_germany])
def test_a_box_in_another_row_is_on_no_list_and_is_counted(
    db: Session,
    keys: ServerKeys,
    ring: KeyRing,
    victim: Made,
    attack: Callable[[Session, ServerKeys, Made], None],
) -> None:
    honest = make_signature(db, keys, state="de", name="Honest Name")
    attack(db, keys, victim)

    for listed in (
        entry.for_organisers(db, ["de"], ring),
        entry.for_delegation(db, "de", ring, text_groups=[(Version(1, "en"),)]),
    ):
        assert [(each.number, each.name) for each in listed] == [(1, "Honest Name")]
    assert len(ring.altered) == 1
    assert honest.row.context not in ring.altered


@pytest.mark.parametrize("attack", [copy_to_germany, insert_for_germany])
def test_a_box_in_another_row_is_neither_published_nor_found(
    db: Session,
    keys: ServerKeys,
    ring: KeyRing,
    victim: Made,
    attack: Callable[[Session, ServerKeys, Made], None],
) -> None:
    attack(db, keys, victim)
    [copied] = [(row.state_code, row.id) for row in db.scalars(select(Signature).filter_by(state_code="de"))]

    assert approve_names(db, [copied], ring, shown=None)[Outcome.ALTERED] == 1
    assert approve_words(db, [copied], ring, shown=None)[Outcome.ALTERED] == 1
    assert not list(search.find(db, Criteria(state_code="de", domain="example.org"), ring))
    subject = Subject("vera@example.org", keys, ring)
    assert {each.key for each in data_request.search_boxes(db, subject).found} == {victim_key(victim)}
    assert db.scalar(select(Signature.public_name).filter_by(state_code="de")) is None


def victim_key(victim: Made) -> tuple[str, UUID]:
    return victim.row.state_code, victim.row.id


@pytest.mark.any_database
@pytest.mark.parametrize(
    "columns",
    [
        {"organisers_only": False},
        {"residence": "FR"},
        {"signed_on": NOW.date().replace(year=2027)},
        {"language": "ru"},  # another text would be above the name
    ],
)
def test_a_row_whose_promise_was_edited_does_not_open(
    db: Session, ring: KeyRing, victim: Made, columns: dict[str, object]
) -> None:
    write(db, victim.row, **columns)

    assert not list(entry.for_delegation(db, "uz", ring, text_groups=[(Version(1, "en"),)]))
    assert len(ring.altered) == ("organisers_only" in columns)  # the others are not even selected
    assert not list(entry.for_organisers(db, ["uz"], ring))
    assert len(ring.altered) == 1


def test_a_name_that_was_promised_to_organisers_stays_with_them_whatever_the_lists_say(
    db: Session, ring: KeyRing, victim: Made
) -> None:
    assert not list(entry.for_delegation(db, "uz", ring, text_groups=[(Version(1, "en"),)]))
    assert [each.name for each in entry.for_organisers(db, ["uz"], ring)] == [VICTIM]
    assert not ring.altered
    assert victim.row.organisers_only


@pytest.mark.any_database
@pytest.mark.parametrize("garbage", [b"", b"x" * 31, b"x" * 400, "sealed"])
def test_garbage_in_place_of_a_box_breaks_no_page_and_no_resealing(
    db: Session, keys: ServerKeys, ring: KeyRing, owner: Unlocked, victim: Made, garbage: bytes | str
) -> None:
    made = make_signature(db, keys, name="Honest Name")
    if isinstance(garbage, str):  # anybody can seal anything to the public key
        garbage = box.encrypt(b"{}", current_key(db).public_key)
    write(db, victim.row, sealed=garbage)

    assert [each.name for each in entry.for_organisers(db, ["uz", "de"], ring)] == ["Honest Name"]
    assert len(ring.altered) == 1
    del made
    assert reseal_some(db, owner.campaign_private_key) == 0


def test_resealing_leaves_no_box_behind_and_makes_none_genuine(db: Session, keys: ServerKeys) -> None:
    code = link_wrapping.make_provisional(db, now=NOW)
    first, second, third = (make_signature(db, keys, name=name) for name in ("One", "Two", "Three"))
    write(db, first.row, sealed=second.row.sealed)
    write(db, third.row, sealed=b"x" * 400)
    owner = invitation.join(db, code, PASSPHRASE, name="Olga Organiser", now=NOW)

    while reseal_some(db, owner.campaign_private_key):
        pass
    db.commit()

    assert len(list(db.scalars(select(CampaignKey)))) == 1
    ring = key_ring(db, owner.campaign_private_key)
    assert [each.name for each in entry.for_organisers(db, ["de"], ring)] == ["Two"]
    assert len(ring.altered) == 2


def test_altered_boxes_are_recorded_once_with_their_letters_but_no_row(
    db: Session, keys: ServerKeys, ring: KeyRing, victim: Made, caplog: pytest.LogCaptureFixture
) -> None:
    copy_to_germany(db, keys, victim)
    list(entry.for_organisers(db, ["de"], ring))

    for _ in range(2):
        altered_box.record(db, ring.altered, by="Olga", now=NOW)

    found = [(each.act, each.about) for each in audit_log.entries(db) if each.act == altered_box.ACT]
    assert found == [(altered_box.ACT, "1 de")]
    assert "1 altered boxes (de)" in caplog.text
    assert altered_box.latest_finding(db, now=NOW) is not None


def test_the_grounds_of_a_decision_do_not_open_as_another_ones(db: Session, ring: KeyRing) -> None:
    first, second = (
        invalidation.record_decision(db, None, reason, by="Olga", now=NOW) for reason in ("One.", "Two.")
    )
    db.flush()
    db.execute(update(Invalidation).where(Invalidation.id == first.id).values(sealed=second.sealed))
    db.refresh(first)

    assert invalidation.grounds(first, ring) is None
    assert len(ring.altered) == 1
    grounds = invalidation.grounds(second, ring)
    assert grounds is not None
    assert grounds.reason == "Two."


@pytest.mark.any_database
@pytest.mark.parametrize(
    "columns",
    [
        {"role": "owner"},
        {"name": "Olga Organizer"},
        {"expires_at": NOW.replace(year=2030)},
        {"holder_id": uuid4()},
    ],
)
def test_an_invitation_that_was_edited_opens_nothing(
    db: Session, owner: Unlocked, columns: dict[str, object]
) -> None:
    code = invitation.invite(db, owner, "Eve", "organiser", now=NOW)
    db.execute(update(KeyWrapping).where(KeyWrapping.kind == "link").values(**columns))
    db.expire_all()

    with pytest.raises(AlteredError):
        invitation.join(db, code, "wombat lantern orbit thistle quarry mellow", now=NOW)


def test_a_recovery_code_given_to_another_account_opens_nothing(db: Session, owner: Unlocked) -> None:
    pavel = make_organiser(db, owner)
    code = recovery.make_recovery_code(db, pavel, now=NOW)
    db.flush()
    db.execute(update(KeyWrapping).where(KeyWrapping.kind == "recovery").values(holder_id=owner.id))
    db.expire_all()

    with pytest.raises(AlteredError):
        recovery.recover(db, code, "wombat lantern orbit thistle quarry mellow", now=NOW)


def test_a_session_that_was_given_to_another_account_is_over(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    cookie = session.start(db, make_organiser(db, owner), keys=keys, now=NOW)
    db.flush()
    db.execute(update(OrganiserSession).values(organiser_id=owner.id))
    db.expire_all()

    with pytest.raises(WrongKeyError):
        session.resume(db, cookie, keys=keys, now=NOW)
