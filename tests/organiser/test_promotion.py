"""A reader becomes an organiser by a code; nobody who writes to the database gets the key by it."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from campaign.errors import AlteredError, OrganiserError, RoleError, WrongKeyError
from campaign.organiser import membership, promotion
from campaign.organiser.account import Organiser, OwnKeyPair, Unlocked
from campaign.organiser.login import unlock
from campaign.organiser.role import ORGANISER, OWNER, READER
from campaign.sealing import box
from campaign.sealing.campaign_key import KeyWrapping, current_key
from campaign.sealing.code import code_hash, code_key, new_code
from tests.conftest import NOW
from tests.support.factories import PASSPHRASE, make_organiser, make_owner


@pytest.fixture
def owner(db: Session) -> Unlocked:
    return make_owner(db)


@pytest.fixture
def reader(db: Session, owner: Unlocked) -> Unlocked:
    return make_organiser(db, owner, role=READER)


@pytest.fixture
def code(db: Session, owner: Unlocked, reader: Unlocked) -> str:
    code = promotion.promote(db, reader.id, ORGANISER, by=owner, now=NOW)
    db.commit()
    return code


def test_nothing_changes_before_the_code_is_entered(db: Session, reader: Unlocked, code: str) -> None:
    assert unlock(db, "Pavel", PASSPHRASE).private_key is None
    assert promotion.pending(db, reader.id, now=NOW) is not None


def test_the_code_works_once(db: Session, reader: Unlocked, owner: Unlocked, code: str) -> None:
    accepted = promotion.accept(db, reader.id, code, PASSPHRASE, now=NOW)
    db.commit()

    assert accepted.campaign_private_key == owner.campaign_private_key
    assert unlock(db, "Pavel", PASSPHRASE).role == ORGANISER
    with pytest.raises(OrganiserError):
        promotion.accept(db, reader.id, code, PASSPHRASE, now=NOW)


def test_code_and_passphrase_are_both_needed(
    db: Session, reader: Unlocked, owner: Unlocked, code: str
) -> None:
    with pytest.raises(WrongKeyError):
        promotion.accept(db, reader.id, code, "another passphrase", now=NOW)
    with pytest.raises(OrganiserError):
        promotion.accept(db, reader.id, "0" * 20, PASSPHRASE, now=NOW)
    with pytest.raises(OrganiserError):
        promotion.accept(db, reader.id, code, PASSPHRASE, now=NOW + promotion.LASTS + timedelta(seconds=1))
    another = make_organiser(db, owner, name="Rita", role=READER)
    with pytest.raises(OrganiserError):
        promotion.accept(db, another.id, code, PASSPHRASE, now=NOW)


def test_who_replaced_the_readers_public_key_gets_nothing(
    db: Session, reader: Unlocked, owner: Unlocked
) -> None:
    """The attack: a writer to the database puts a key pair of their own under the reader's name."""
    attacker = OwnKeyPair.make("the attacker's own passphrase")
    stolen = {"public_key": attacker.public_key, "wrapped_private_key": attacker.wrapped_private_key}
    stolen |= {"salt": attacker.salt}
    db.execute(update(Organiser).where(Organiser.id == reader.id).values(**stolen))
    db.commit()
    db.expire_all()

    code = promotion.promote(db, reader.id, ORGANISER, by=owner, now=NOW)
    db.commit()
    with pytest.raises(AlteredError):  # even with the code
        promotion.accept(db, reader.id, code, "the attacker's own passphrase", now=NOW)
    with pytest.raises(AlteredError):
        unlock(db, "Pavel", "the attacker's own passphrase")


def test_a_promotion_that_was_edited_is_not_obeyed(db: Session, reader: Unlocked, code: str) -> None:
    db.execute(update(KeyWrapping).where(KeyWrapping.kind == promotion.KIND).values(role=OWNER))
    db.commit()
    db.expire_all()

    with pytest.raises(AlteredError):
        promotion.accept(db, reader.id, code, PASSPHRASE, now=NOW)


def test_a_promotion_that_a_reader_made_up_gives_no_role(
    db: Session, owner: Unlocked, reader: Unlocked
) -> None:
    code, key = new_code(), current_key(db)
    made = {"kind": promotion.KIND, "holder_id": reader.id, "role": OWNER, "name": owner.name}
    row = KeyWrapping(key_id=key.id, opens_hash=code_hash(code), expires_at=NOW + promotion.LASTS, **made)
    row.wrapped, row.mac = box.wrap(b"k" * 32, code_key(code), row.context), b"x" * 32
    db.add(row)
    db.commit()

    with pytest.raises(AlteredError):
        promotion.accept(db, reader.id, code, PASSPHRASE, now=NOW)
    db.rollback()
    assert unlock(db, "Pavel", PASSPHRASE).role == READER


def test_a_promotion_ends_with_the_owner_who_made_it(
    db: Session, reader: Unlocked, owner: Unlocked, code: str
) -> None:
    make_organiser(db, owner, name="Second", role=OWNER)
    membership.change_role(db, owner.id, ORGANISER, by=owner, now=NOW)
    db.commit()

    with pytest.raises(OrganiserError):
        promotion.accept(db, reader.id, code, PASSPHRASE, now=NOW)


def test_only_an_owner_promotes_and_only_readers(db: Session, reader: Unlocked, owner: Unlocked) -> None:
    organiser = make_organiser(db, owner, name="Second")

    with pytest.raises(RoleError):
        promotion.promote(db, reader.id, ORGANISER, by=organiser, now=NOW)
    with pytest.raises(OrganiserError):
        promotion.promote(db, organiser.id, OWNER, by=owner, now=NOW)
    with pytest.raises(OrganiserError):
        membership.change_role(db, reader.id, ORGANISER, by=owner, now=NOW)


def test_a_removed_reader_leaves_no_promotion(
    db: Session, reader: Unlocked, owner: Unlocked, code: str
) -> None:
    membership.remove(db, reader.id, by=owner, now=NOW)

    assert promotion.pending(db, reader.id, now=NOW) is None
