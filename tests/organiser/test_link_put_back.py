"""Who writes to the database puts the row of a link back that was used or ended: it lets nobody in again."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.database.fact import Fact
from campaign.database.journal_file import Journal
from campaign.errors import AlteredError, OrganiserError, WrongKeyError
from campaign.organiser import campaign_key_change, invitation, membership, promotion
from campaign.organiser.account import Organiser, Unlocked, all_accounts
from campaign.sealing import campaign_key, link_wrapping
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping
from campaign.signature.key_change import reseal_some
from tests.conftest import NOW
from tests.support.attacker import columns
from tests.support.factories import PASSPHRASE, make_organiser, make_owner

pytestmark = pytest.mark.any_database


@pytest.fixture(autouse=True)
def _journal(db: Session, tmp_path: Path) -> None:
    journal.use(db, Journal(tmp_path / "journal", "here"))


@pytest.fixture
def owner(db: Session) -> Unlocked:
    return make_owner(db)


def row_of(db: Session, kind: str) -> dict[str, Any]:
    db.commit()
    made = select(KeyWrapping).where(KeyWrapping.kind == kind, KeyWrapping.name.is_not(None))
    return columns(db.scalars(made).one())


def put_back(db: Session, *rows: tuple[type, dict[str, Any]]) -> None:
    """Write to the database as an attacker does."""
    db.commit()
    for table, values in rows:
        db.execute(delete(table).where(table.id == values["id"]))  # type: ignore[attr-defined]
        db.execute(insert(table.__table__).values(**values))  # type: ignore[attr-defined]
    db.commit()
    db.expunge_all()


def use(db: Session, code: str, owner: Unlocked) -> None:
    used = invitation.join(db, code, PASSPHRASE, now=NOW)
    membership.remove(db, used.id, by=owner, now=NOW)


def revoke(db: Session, code: str, owner: Unlocked) -> None:
    assert invitation.revoke(db, owner, invitation.pending(db, now=NOW)[0].id, now=NOW)


@pytest.mark.parametrize("end", [use, revoke])
@pytest.mark.parametrize("role", ["owner", "reader"])
def test_an_invitation_that_was_used_or_revoked_lets_nobody_in_again(
    db: Session, owner: Unlocked, role: str, end: Callable[[Session, str, Unlocked], None]
) -> None:
    code = invitation.invite(db, owner, "Viktor", role, now=NOW)
    link = row_of(db, "link")
    end(db, code, owner)
    put_back(db, (KeyWrapping, link))

    with pytest.raises(WrongKeyError):
        invitation.join(db, code, PASSPHRASE, now=NOW + timedelta(days=6))
    with pytest.raises(WrongKeyError):
        link_wrapping.unwrap_link(db, code, now=NOW)


def test_an_invitation_to_an_earlier_key_makes_no_account(db: Session, owner: Unlocked) -> None:
    code = invitation.invite(db, owner, "Viktor", "reader", now=NOW)
    link, key = row_of(db, "link"), columns(campaign_key.current_key(db))
    owner = campaign_key_change.change_campaign_key(db, owner, now=NOW)
    db.commit()
    earlier = columns(db.get_one(CampaignKey, key["id"]))
    reseal_some(db, owner.campaign_private_key)
    put_back(db, (CampaignKey, earlier), (KeyWrapping, link))
    with pytest.raises(WrongKeyError):
        invitation.join(db, code, PASSPHRASE, now=NOW)
    db.rollback()

    put_back(db, (CampaignKey, {**key, "is_current": False}), (KeyWrapping, link))
    with pytest.raises(AlteredError):
        invitation.join(db, code, PASSPHRASE, now=NOW)


def test_an_invitation_of_somebody_who_is_an_owner_no_longer_makes_no_account(
    db: Session, owner: Unlocked
) -> None:
    other = make_organiser(db, owner, name="Robin", role="owner")
    code = invitation.invite(db, other, "Viktor", "owner", now=NOW)
    link = row_of(db, "link")
    membership.change_role(db, other.id, "organiser", by=owner, now=NOW)
    put_back(db, (KeyWrapping, link))

    with pytest.raises(WrongKeyError):
        invitation.join(db, code, PASSPHRASE, now=NOW)
    assert len(all_accounts(db)) == 2


def test_a_setup_link_that_was_used_makes_no_second_first_owner(db: Session) -> None:
    code = link_wrapping.make_provisional(db, now=NOW)
    db.commit()
    key = campaign_key.current_key(db).id
    link = columns(db.scalars(select(KeyWrapping).filter_by(key_id=key)).one())
    invitation.join(db, code, PASSPHRASE, name="Olga Organiser", now=NOW)
    db.commit()
    provisional = columns(db.get_one(CampaignKey, key))
    db.execute(delete(KeyWrapping))
    db.execute(delete(Organiser))
    put_back(db, (CampaignKey, provisional), (KeyWrapping, link))

    with pytest.raises(WrongKeyError):
        invitation.join(db, code, PASSPHRASE, name="Eve Example", now=NOW)
    db.rollback()
    put_back(db, (CampaignKey, {**provisional, "public_key": b"x" * 32}), (KeyWrapping, link))
    with pytest.raises(AlteredError):
        link_wrapping.unwrap_link(db, code, now=NOW)


@pytest.mark.parametrize("how", ["accepted", "replaced", "key changed"])
def test_a_promotion_that_was_used_or_ended_is_not_accepted_again(
    db: Session, owner: Unlocked, how: str
) -> None:
    reader = make_organiser(db, owner, role="reader")
    code = promotion.promote(db, reader.id, "organiser", by=owner, now=NOW)
    row = row_of(db, "promotion")
    keys = [(CampaignKey, columns(campaign_key.current_key(db)))]
    if how == "replaced":
        promotion.promote(db, reader.id, "owner", by=owner, now=NOW)
    elif how == "key changed":
        campaign_key_change.change_campaign_key(db, owner, now=NOW)
        keys = [(CampaignKey, columns(db.get_one(CampaignKey, row["key_id"])))]
    else:
        promotion.accept(db, reader.id, code, PASSPHRASE, now=NOW)
        membership.change_role(db, reader.id, "reader", by=owner, now=NOW)
    db.commit()
    db.execute(delete(KeyWrapping).where(KeyWrapping.kind == "promotion"))
    put_back(db, *keys * (how == "key changed"), (KeyWrapping, row))

    with pytest.raises(OrganiserError):
        promotion.accept(db, reader.id, code, PASSPHRASE, now=NOW)


@pytest.mark.parametrize("role", ["owner", "organiser", "reader"])
def test_revoking_an_invitation_that_wraps_the_key_makes_the_keys_change_due(
    db: Session, owner: Unlocked, role: str
) -> None:
    invitation.invite(db, owner, "Viktor", role, now=NOW)
    db.commit()
    revoke(db, "", owner)
    db.commit()

    assert campaign_key_change.is_due(db) is (role != "reader")
    db.execute(delete(Fact).where(Fact.name == campaign_key_change.DUE))
    db.commit()
    assert campaign_key_change.is_due(db) is (role != "reader"), "the journal says so too"
    campaign_key_change.change_if_due(db, owner, now=NOW)
    db.commit()
    assert not campaign_key_change.is_due(db)
