"""The campaign's key with which somebody left is put back in the database: no name is sealed to it."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.database.journal_file import Journal
from campaign.database.restoration import Restoration
from campaign.errors import ForgedKeyError
from campaign.operations import replay
from campaign.operations.altered_row import altered
from campaign.organiser import campaign_key_change, invitation, membership
from campaign.organiser.account import Unlocked
from campaign.organiser.login import unlock
from campaign.sealing import box, campaign_key, link_wrapping
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping
from campaign.sealing.server_key import ServerKeys
from campaign.signature.key_change import reseal_some
from tests.conftest import NOW
from tests.support.attacker import columns
from tests.support.factories import PASSPHRASE, make_organiser, make_owner, make_signature

pytestmark = pytest.mark.any_database

BACK = "an earlier campaign key was put back"


@pytest.fixture(autouse=True)
def _journal(db: Session, tmp_path: Path) -> None:
    journal.use(db, Journal(tmp_path / "journal", "here"))


@pytest.fixture
def owner(db: Session) -> Unlocked:
    return make_owner(db)


def put_back(db: Session, key: dict[str, Any], *wrappings: dict[str, Any]) -> None:
    """Write to the database as an attacker does."""
    present = db.scalars(select(KeyWrapping)).all()
    db.execute(delete(KeyWrapping).where(KeyWrapping.id.in_([each.id for each in present])))
    db.execute(update(CampaignKey).where(CampaignKey.is_current).values(is_current=False))
    db.execute(delete(CampaignKey).where(CampaignKey.id == key["id"]))
    db.execute(insert(CampaignKey.__table__).values(**key))  # type: ignore[arg-type]
    for row in wrappings:
        db.execute(insert(KeyWrapping.__table__).values(**row))  # type: ignore[arg-type]
    db.commit()
    db.expunge_all()


def leave(
    db: Session, owner: Unlocked, keys: ServerKeys
) -> tuple[dict[str, Any], list[dict[str, Any]], bytes]:
    """Let an organiser leave; return the key's row, the owner's wrappings of it, and its private key."""
    pavel = make_organiser(db, owner)
    key = columns(campaign_key.current_key(db))
    wrappings = [columns(row) for row in db.scalars(select(KeyWrapping).filter_by(holder_id=owner.id))]
    make_signature(db, keys, email="early@example.org")
    membership.remove(db, pavel.id, by=owner, now=NOW)
    owner = campaign_key_change.change_if_due(db, owner, now=NOW)
    db.commit()
    while reseal_some(db, owner.campaign_private_key):
        db.commit()
    db.commit()
    return key, wrappings, pavel.campaign_private_key


@pytest.mark.both_databases
@pytest.mark.parametrize("with_wrappings", [True, False])
def test_no_name_is_sealed_to_a_key_with_which_somebody_left(
    db: Session, keys: ServerKeys, owner: Unlocked, with_wrappings: bool
) -> None:
    key, wrappings, departed = leave(db, owner, keys)
    assert altered(db) == []
    put_back(db, key, *wrappings * with_wrappings)

    for _ in range(2):
        with pytest.raises(ForgedKeyError):
            campaign_key.sealing_key(db)
        with pytest.raises(ForgedKeyError):
            make_signature(db, keys, name="Mara Example")
        db.rollback()
    assert campaign_key.is_replaced(db)
    assert BACK in altered(db)
    if not with_wrappings:
        return

    changed = campaign_key_change.change_if_due(db, unlock(db, "Olga Organiser", PASSPHRASE), now=NOW)
    db.commit()
    made = make_signature(db, keys, name="Mara Example")
    assert box.unseal(made.row.sealed or b"", changed.campaign_private_key, made.row.context)
    assert changed.campaign_private_key != departed
    assert BACK not in altered(db)


def test_a_key_that_was_replaced_before_a_restoration_is_not_forgotten(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    key, wrappings, _private = leave(db, owner, keys)
    replay.mark_restored(db, Restoration(on=NOW.date()))
    db.commit()
    assert altered(db) == []
    put_back(db, key, *wrappings)

    with pytest.raises(ForgedKeyError):
        campaign_key.sealing_key(db)
    assert BACK in altered(db)


def test_a_restored_earlier_key_seals_nothing_until_an_organiser_changes_it(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    before = campaign_key.current_key(db)
    journal.record(db, journal.CHANGE_KEY, key=before.id)  # after the backup
    replay.mark_restored(db, Restoration(on=NOW.date()))
    db.commit()

    assert altered(db) == [], "it came back with the backup"
    with pytest.raises(ForgedKeyError):
        campaign_key.sealing_key(db)
    assert campaign_key_change.is_due(db)
    campaign_key_change.change_if_due(db, unlock(db, "Olga Organiser", PASSPHRASE), now=NOW)
    db.commit()
    assert campaign_key.sealing_key(db)[0] != before.id


def test_the_key_of_an_earlier_setup_link_does_not_come_back(db: Session, keys: ServerKeys) -> None:
    earlier = campaign_key.current_key(db)
    first = columns(earlier)
    link_wrapping.make_provisional(db, now=NOW)
    db.commit()
    put_back(db, first)

    with pytest.raises(ForgedKeyError):
        campaign_key.sealing_key(db)


def test_the_key_of_the_setup_link_does_not_come_back_without_organisers(db: Session) -> None:
    code = link_wrapping.make_provisional(db, now=NOW)
    key = columns(campaign_key.current_key(db))
    invitation.join(db, code, PASSPHRASE, name="Olga Organiser", now=NOW)
    db.commit()
    put_back(db, key)

    with pytest.raises(ForgedKeyError):
        campaign_key.sealing_key(db)


def test_a_key_that_is_not_current_is_checked_too(db: Session, keys: ServerKeys, owner: Unlocked) -> None:
    make_signature(db, keys)
    campaign_key_change.change_campaign_key(db, owner, now=NOW)
    db.commit()
    assert altered(db) == []
    db.execute(update(CampaignKey).where(CampaignKey.is_current.is_(False)).values(public_key=b"x" * 32))
    db.commit()
    db.expire_all()

    assert altered(db) == ["campaign key"]
