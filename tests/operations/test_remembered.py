"""Who writes to the database deletes marks and puts rows back: the journal remembers what was so."""

from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

from campaign.database import journal, restoration
from campaign.database.fact import Fact
from campaign.database.journal_file import Journal
from campaign.database.restoration import Restoration
from campaign.disclosure.published_name import page_of_names
from campaign.errors import AlteredError, WrongKeyError
from campaign.operations import replay
from campaign.operations.altered_row import altered
from campaign.organiser import campaign_key_change, membership
from campaign.organiser.account import Organiser, Unlocked
from campaign.organiser.login import unlock
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping, current_key
from campaign.sealing.server_key import ServerKeys
from campaign.signature.key_change import reseal_some
from tests.conftest import NOW
from tests.support.attacker import columns
from tests.support.factories import PASSPHRASE, decide, make_organiser, make_owner, make_signature

pytestmark = pytest.mark.any_database


@pytest.fixture
def owner(db: Session, tmp_path: Path) -> Unlocked:
    journal.use(db, Journal(tmp_path / "journal", "here"))
    return make_owner(db)


def leave(db: Session, who: Unlocked) -> None:
    """Remove an account as the command line does, where nobody can change the campaign's key."""
    membership.remove(db, who.id, now=NOW)
    db.commit()


def test_a_key_change_whose_mark_was_deleted_is_made(db: Session, owner: Unlocked) -> None:
    pavel, robin = make_organiser(db, owner), make_organiser(db, owner, name="Robin", role="reader")
    before = current_key(db).id
    leave(db, robin)
    assert not campaign_key_change.is_due(db), "a reader held no key"
    leave(db, pavel)
    db.execute(delete(Fact).where(Fact.name == campaign_key_change.DUE))
    db.commit()

    assert campaign_key_change.is_due(db)
    campaign_key_change.change_if_due(db, unlock(db, "Olga Organiser", PASSPHRASE), now=NOW)
    db.commit()

    assert current_key(db).id != before
    assert not campaign_key_change.is_due(db)


@pytest.mark.both_databases
def test_an_earlier_key_that_was_put_back_is_said_and_changed_again(db: Session, owner: Unlocked) -> None:
    keys = [columns(row) for row in db.scalars(select(CampaignKey))]
    wrappings = [columns(row) for row in db.scalars(select(KeyWrapping))]
    changed = campaign_key_change.change_campaign_key(db, owner, now=NOW)
    db.commit()
    assert altered(db) == []
    db.execute(delete(KeyWrapping))
    db.execute(update(CampaignKey).values(is_current=False))
    for key in keys:
        db.execute(delete(CampaignKey).where(CampaignKey.id == key["id"]))
        db.execute(insert(CampaignKey.__table__), [key])  # type: ignore[arg-type]
    db.execute(insert(KeyWrapping.__table__), wrappings)  # type: ignore[arg-type]
    db.commit()
    db.expunge_all()

    assert altered(db) == ["campaign key", "an earlier campaign key was put back"]
    again = campaign_key_change.change_if_due(db, unlock(db, "Olga Organiser", PASSPHRASE), now=NOW)
    db.commit()
    assert reseal_some(db, again.campaign_private_key) == 0
    db.commit()
    assert altered(db) == []
    assert again.campaign_private_key not in (owner.campaign_private_key, changed.campaign_private_key)


def test_an_account_that_was_removed_at_the_command_line_does_not_come_back(
    db: Session, owner: Unlocked
) -> None:
    pavel = make_organiser(db, owner)
    copied = columns(db.get_one(Organiser, pavel.id))
    wrappings = [columns(row) for row in db.scalars(select(KeyWrapping).filter_by(holder_id=pavel.id))]
    leave(db, pavel)
    db.execute(insert(Organiser.__table__), [copied])  # type: ignore[arg-type]
    db.execute(insert(KeyWrapping.__table__), wrappings)  # type: ignore[arg-type]
    db.commit()

    assert altered(db) == ["organiser Pavel"]
    with pytest.raises(AlteredError):
        unlock(db, "Pavel", PASSPHRASE)
    db.rollback()
    campaign_key_change.change_if_due(db, unlock(db, "Olga Organiser", PASSPHRASE), now=NOW)
    db.commit()
    holders = set(db.scalars(select(KeyWrapping.holder_id).filter_by(key_id=current_key(db).id)))
    assert holders == {owner.id}


def test_a_higher_role_that_was_put_back_does_not_log_in(db: Session, owner: Unlocked) -> None:
    pavel = make_organiser(db, owner)
    account = columns(db.get_one(Organiser, pavel.id))
    membership.change_role(db, pavel.id, "reader", by=owner, now=NOW)
    db.commit()
    assert unlock(db, "Pavel", PASSPHRASE).role == "reader"
    db.execute(update(Organiser).where(Organiser.id == pavel.id).values(**account))
    db.commit()
    db.expire_all()

    with pytest.raises(AlteredError):
        unlock(db, "Pavel", PASSPHRASE)
    db.rollback()
    again = make_organiser(db, owner, name="Another")
    assert unlock(db, "Another", PASSPHRASE).id == again.id


def test_a_restored_site_stays_closed_though_its_mark_was_deleted(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    made = make_signature(db, keys, disclosure="public")
    decide(db, made.row, public_name="Mara Example", name_review="approved")
    leave(db, make_organiser(db, owner))
    replay.mark_restored(db, Restoration(on=NOW.date()))
    db.commit()
    db.execute(text("DELETE FROM site WHERE name IN ('restored', 'key_change_due')"))
    db.commit()

    assert page_of_names(db).names == []
    assert campaign_key_change.is_due(db)
    restoration.review(db)
    db.commit()
    assert page_of_names(db).names == [("Mara Example", "de")]


def test_an_account_that_a_restoration_kept_logs_in(db: Session, owner: Unlocked) -> None:
    pavel = make_organiser(db, owner)
    copied = columns(db.get_one(Organiser, pavel.id))
    leave(db, pavel)
    db.execute(insert(Organiser.__table__), [copied])  # type: ignore[arg-type]
    replay.mark_restored(db, Restoration(on=NOW.date(), kept_organisers=1))
    db.commit()

    with pytest.raises(WrongKeyError):  # without a wrapping, but not for its account
        unlock(db, "Pavel", PASSPHRASE)
