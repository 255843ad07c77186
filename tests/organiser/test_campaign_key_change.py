"""Who held the campaign's key and left opens nothing that is sealed afterwards, and then nothing at all."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.errors import RoleError, WrongKeyError
from campaign.organiser import campaign_key_change, membership, recovery, session
from campaign.organiser.account import Unlocked
from campaign.organiser.audit_log import entries
from campaign.organiser.campaign_key_change import change_campaign_key, change_if_due, is_due
from campaign.organiser.invitation import invite, join
from campaign.organiser.login import unlock
from campaign.organiser.role import ORGANISER, READER
from campaign.sealing import box
from campaign.sealing.campaign_key import CampaignKey, current_key
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.signature import data_request
from campaign.signature.invalidation import grounds, record_decision
from campaign.signature.key_change import count_to_reseal, is_unfinished, reseal_some
from campaign.signature.model import Signature
from campaign.signature.unsealed_signature import UnsealedSignature
from tests.conftest import NOW
from tests.support.factories import PASSPHRASE, make_organiser, make_owner, make_signature

pytestmark = pytest.mark.any_database

NEW = "lantern wombat thistle orbit mellow quarry pixel"


@pytest.fixture
def owner(db: Session) -> Unlocked:
    return make_owner(db)


@pytest.fixture
def leaver(db: Session, owner: Unlocked) -> Unlocked:
    return make_organiser(db, owner, name="Pavel")


def opens(signature: Signature, private_key: bytes) -> bool:
    assert signature.sealed is not None
    try:
        box.unseal(signature.sealed, private_key, signature.context)
    except WrongKeyError:
        return False
    return True


def reseal(db: Session, by: Unlocked) -> None:
    while reseal_some(db, by.campaign_private_key):
        db.commit()
    db.commit()


def remove(db: Session, leaver: Unlocked, owner: Unlocked) -> Unlocked:
    """Remove *leaver* as the site does, and return the owner with the present key."""
    membership.remove(db, leaver.id, by=owner, now=NOW)
    changed = change_if_due(db, owner, now=NOW)
    db.commit()
    return changed


def demote(db: Session, leaver: Unlocked, owner: Unlocked) -> Unlocked:
    membership.change_role(db, leaver.id, READER, by=owner, now=NOW)
    changed = change_if_due(db, owner, now=NOW)
    db.commit()
    return changed


@pytest.mark.both_databases
@pytest.mark.parametrize("leave", [remove, demote])
def test_who_leaves_opens_no_box_that_is_sealed_later_and_none_once_all_are_resealed(
    db: Session,
    keys: ServerKeys,
    owner: Unlocked,
    leaver: Unlocked,
    leave: Callable[[Session, Unlocked, Unlocked], Unlocked],
) -> None:
    before = make_signature(db, keys).row
    held = leaver.campaign_private_key
    assert opens(before, held)

    owner = leave(db, leaver, owner)
    after = make_signature(db, keys).row
    assert not opens(after, held)
    assert count_to_reseal(db) == 1
    reseal(db, owner)

    db.refresh(before)
    assert not opens(before, held)
    assert opens(before, owner.campaign_private_key)
    assert db.scalar(select(func.count()).select_from(CampaignKey)) == 1
    assert not is_unfinished(db)
    assert not is_due(db)


@pytest.mark.both_databases
def test_meanwhile_both_keys_open(db: Session, keys: ServerKeys, owner: Unlocked, leaver: Unlocked) -> None:
    before = make_signature(db, keys, name="Mara Before").row
    decision = record_decision(db, None, "robots", by=owner.name, now=NOW)
    db.commit()
    owner = remove(db, leaver, owner)
    after = make_signature(db, keys, name="Mara After").row

    ring = key_ring(db, owner.campaign_private_key)
    found = [UnsealedSignature(each, ring).details for each in (before, after)]
    assert [details.name for details in found if details] == ["Mara Before", "Mara After"]
    assert grounds(decision, ring)
    assert data_request.count_unreadable(db) == 0


@pytest.mark.both_databases
def test_grounds_of_decisions_are_resealed_too(
    db: Session, keys: ServerKeys, owner: Unlocked, leaver: Unlocked
) -> None:
    decision = record_decision(db, None, "robots", by=owner.name, now=NOW)
    db.commit()
    owner = remove(db, leaver, owner)
    reseal(db, owner)

    db.refresh(decision)
    assert decision.key_id == current_key(db).id
    found = grounds(decision, key_ring(db, owner.campaign_private_key))
    assert found
    assert found.reason == "robots"
    assert db.scalar(select(func.count()).select_from(CampaignKey)) == 1


@pytest.mark.both_databases
def test_a_second_change_before_the_boxes_are_resealed_loses_nothing(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    made = []
    for number in range(3):
        made.append(make_signature(db, keys, name=f"Mara {number}").row)
        owner = change_campaign_key(db, owner, now=NOW)
        db.commit()

    ring = key_ring(db, owner.campaign_private_key)
    assert [d.name for each in made if (d := UnsealedSignature(each, ring).details)] == [
        "Mara 0",
        "Mara 1",
        "Mara 2",
    ]
    assert not ring.altered
    reseal(db, owner)
    for row in made:
        db.refresh(row)
        assert opens(row, owner.campaign_private_key)
    assert db.scalar(select(func.count()).select_from(CampaignKey)) == 1


@pytest.mark.both_databases
def test_the_others_log_in_again_with_passphrase_and_recovery_code_as_before(
    db: Session, keys: ServerKeys, owner: Unlocked, leaver: Unlocked
) -> None:
    other = make_organiser(db, owner, name="Zora")
    code = recovery.make_recovery_code(db, other, now=NOW)
    recovery.try_recovery_code(db, other, code, now=NOW)
    cookie = session.start(db, other, keys=keys, now=NOW)
    db.commit()
    owner = remove(db, leaver, owner)

    with pytest.raises(WrongKeyError):
        session.resume(db, cookie, keys=keys, now=NOW)
    assert unlock(db, "Zora", PASSPHRASE).campaign_private_key == owner.campaign_private_key
    assert recovery.recovery_codes(db) == {other.id: NOW.date()}
    recovered = recovery.recover(db, code, NEW, now=NOW)
    assert recovered.campaign_private_key == owner.campaign_private_key
    assert "change the campaign's key" in [entry.act for entry in entries(db)]


def test_what_the_leaver_may_have_seen_opens_nothing(db: Session, owner: Unlocked, leaver: Unlocked) -> None:
    link = invite(db, owner, "Zora", ORGANISER, now=NOW)
    code = recovery.make_recovery_code(db, leaver, now=NOW)
    db.commit()
    remove(db, leaver, owner)

    with pytest.raises(WrongKeyError):
        join(db, link, NEW, now=NOW)
    with pytest.raises(WrongKeyError):
        recovery.recover(db, code, NEW, now=NOW)


def test_after_a_removal_at_the_command_line_the_next_login_changes_the_key(
    db: Session, keys: ServerKeys, owner: Unlocked, leaver: Unlocked
) -> None:
    membership.remove(db, leaver.id, now=NOW)
    db.commit()
    assert is_due(db)

    opened = change_if_due(db, unlock(db, owner.name, PASSPHRASE), now=NOW)
    db.commit()

    assert opened.campaign_private_key != leaver.campaign_private_key
    assert not is_due(db)
    assert change_if_due(db, opened, now=NOW) is opened


def test_a_reader_who_leaves_held_no_key(db: Session, owner: Unlocked) -> None:
    reader = make_organiser(db, owner, name="Rita", role=READER)
    membership.remove(db, reader.id, by=owner, now=NOW)

    assert not is_due(db)


def test_only_who_has_the_present_key_changes_it(db: Session, owner: Unlocked, leaver: Unlocked) -> None:
    change_campaign_key(db, owner, now=NOW)
    db.commit()

    with pytest.raises(WrongKeyError):
        change_campaign_key(db, leaver, now=NOW)
    db.rollback()
    membership.remove(db, leaver.id, now=NOW + timedelta(days=1))
    with pytest.raises(RoleError):
        change_campaign_key(db, leaver, now=NOW)
    assert campaign_key_change.is_due(db)
