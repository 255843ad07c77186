"""Who writes to the database puts rows back, or edits while the site signs: it gives no names."""

from uuid import uuid4

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from campaign.cli import organiser as command
from campaign.database.fact import Fact, save_fact
from campaign.database.session import Database
from campaign.errors import AlteredError, UnknownTokenError, WrongKeyError
from campaign.organiser import campaign_key_change, invitation, membership, promotion, recovery, second_factor
from campaign.organiser.account import Organiser, Unlocked
from campaign.organiser.login import check_passphrase, unlock
from campaign.organiser.passphrase_change import change_passphrase
from campaign.organiser.second_factor import TypedCode
from campaign.sealing import box, row_mac
from campaign.sealing.campaign_key import KeyWrapping, current_key
from campaign.sealing.code import code_hash, new_code
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import SignatureToken
from campaign.signature.token_mac import token_mac
from campaign.signature.withdraw import withdraw
from tests.conftest import NOW
from tests.support.attacker import columns
from tests.support.factories import (
    PASSPHRASE,
    confirm_one,
    find_by_token,
    make_organiser,
    make_owner,
    make_signature,
)

pytestmark = pytest.mark.any_database

SECRET = "A" * 32


@pytest.fixture
def owner(db: Session) -> Unlocked:
    return make_owner(db)


def typed_code() -> TypedCode:
    return TypedCode(second_factor.pyotp.TOTP(SECRET).at(NOW), NOW)


def test_a_departed_organiser_who_puts_his_account_back_does_not_get_the_next_key(
    db: Session, owner: Unlocked
) -> None:
    pavel = make_organiser(db, owner)
    copied = columns(db.get_one(Organiser, pavel.id))
    membership.remove(db, pavel.id, by=owner, now=NOW)
    owner = campaign_key_change.change_if_due(db, owner, now=NOW)
    db.commit()
    db.execute(insert(Organiser).values(**copied))
    forged = {"id": uuid4(), "key_id": current_key(db).id, "kind": "organiser", "holder_id": pavel.id}
    db.execute(insert(KeyWrapping).values(**forged, wrapped=b"x", mac=b"x"))
    save_fact(db, campaign_key_change.DUE, NOW.isoformat())
    db.commit()

    campaign_key_change.change_if_due(db, owner, now=NOW)
    db.commit()

    with pytest.raises(WrongKeyError):
        unlock(db, "Pavel", PASSPHRASE)


@pytest.mark.both_databases
def test_an_edit_between_check_and_change_is_not_signed(
    db: Session, database: Database, owner: Unlocked
) -> None:
    robin = make_organiser(db, owner, name="Robin", role="reader")
    db.commit()
    account, stretched = check_passphrase(db, robin.id, PASSPHRASE)
    edit = update(Organiser).where(Organiser.id == robin.id).values(role="owner")
    if database.is_sqlite:  # which has one writer
        db.execute(edit, execution_options={"synchronize_session": False})
    else:
        with database.writing() as other:
            other.execute(edit)

    with pytest.raises(AlteredError):
        second_factor.switch_on(db, account, stretched, SECRET, typed_code())


def test_no_later_change_signs_an_edited_account(db: Session, owner: Unlocked) -> None:
    pavel = make_organiser(db, owner)
    code = recovery.make_recovery_code(db, pavel, now=NOW)
    db.execute(update(Organiser).where(Organiser.id == pavel.id).values(role="owner"))
    db.commit()

    for change in (
        lambda: membership.change_role(db, pavel.id, "organiser", by=owner, now=NOW),
        lambda: recovery.recover(db, code, f"{PASSPHRASE} again", now=NOW),
    ):
        with pytest.raises(AlteredError):
            change()
        db.rollback()


def test_an_edit_while_a_promotion_is_accepted_is_not_signed(
    db: Session, owner: Unlocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make_organiser(db, owner, role="reader")
    code = promotion.promote(db, reader.id, "organiser", by=owner, now=NOW)
    db.commit()
    open_own_key = promotion.own_private_key

    def edit_too(account: Organiser, stretched: bytes) -> bytes:
        edit = update(Organiser).where(Organiser.id == reader.id).values(public_key=b"x" * 32)
        db.execute(edit, execution_options={"synchronize_session": False})
        return open_own_key(account, stretched)

    monkeypatch.setattr(promotion, "own_private_key", edit_too)
    with pytest.raises(AlteredError):
        promotion.accept(db, reader.id, code, PASSPHRASE, now=NOW)


def test_the_next_key_goes_to_no_edited_account_and_no_edited_recovery_code(
    db: Session, owner: Unlocked
) -> None:
    pavel = make_organiser(db, owner)
    for each in (owner, pavel):
        recovery.make_recovery_code(db, each, now=NOW)
    attackers = box.new_pair()[1]
    db.execute(update(Organiser).where(Organiser.id == pavel.id).values(public_key=attackers))
    is_owners_code = (KeyWrapping.holder_id == owner.id) & (KeyWrapping.kind == "recovery")
    db.execute(update(KeyWrapping).where(is_owners_code).values(public_key=attackers))
    db.commit()
    db.expire_all()

    campaign_key_change.change_campaign_key(db, owner, now=NOW)
    db.commit()

    new = select(KeyWrapping.kind, KeyWrapping.holder_id).where(KeyWrapping.key_id == current_key(db).id)
    assert [tuple(row) for row in db.execute(new)] == [("organiser", owner.id)]


def test_a_recovery_code_for_an_earlier_key_that_is_put_back_recovers_nothing(
    db: Session, owner: Unlocked
) -> None:
    code = recovery.make_recovery_code(db, owner, now=NOW)
    is_code = KeyWrapping.kind == "recovery"
    copied = columns(db.scalars(select(KeyWrapping).where(is_code)).one())
    campaign_key_change.change_campaign_key(db, owner, now=NOW)
    db.execute(delete(KeyWrapping).where(is_code))
    db.execute(insert(KeyWrapping).values(**copied))
    db.commit()

    with pytest.raises(WrongKeyError):
        recovery.recover(db, code, f"{PASSPHRASE} again", now=NOW)


def test_a_passphrase_change_signs_no_altered_wrapping(db: Session, owner: Unlocked) -> None:
    db.execute(update(KeyWrapping).where(KeyWrapping.holder_id == owner.id).values(role="owner"))
    db.commit()

    with pytest.raises(AlteredError):
        change_passphrase(
            db, owner, present=PASSPHRASE, code=typed_code(), new=f"{PASSPHRASE} again", cookie=""
        )
    db.rollback()
    with pytest.raises(AlteredError):
        unlock(db, "Olga Organiser", PASSPHRASE)


def test_without_organisers_an_invitation_makes_no_owner(db: Session, owner: Unlocked) -> None:
    code = invitation.invite(db, owner, "Robin", "reader", now=NOW)
    db.execute(delete(Organiser))
    db.commit()
    db.expire_all()

    with pytest.raises(WrongKeyError):
        invitation.join(db, code, PASSPHRASE, now=NOW)
    assert db.scalars(select(Organiser)).all() == []


def test_an_invitation_link_leads_to_no_other_site(db: Session) -> None:
    row_mac.save_authentic_fact(db, "base_url", "https://letters.example.org")
    assert command.base_url(db) == "https://letters.example.org"
    for content in ("https://evil.example.org", '["https://evil.example.org", "00"]'):
        db.execute(update(Fact).where(Fact.name == "base_url").values(content=content))
        with pytest.raises(AlteredError):
            command.base_url(db)


@pytest.mark.both_databases
@pytest.mark.parametrize("confirmed", [True, False])
def test_a_link_that_the_site_did_not_make_opens_and_does_nothing(
    db: Session, keys: ServerKeys, confirmed: bool
) -> None:
    victim, mine = make_signature(db, keys, confirmed=confirmed), make_signature(db, keys)
    inserted = new_code()
    row = {"hash": code_hash(inserted), "state_code": "de", "signature_id": victim.row.id, "mac": b"x" * 32}
    db.execute(insert(SignatureToken).values(**row))
    moved = update(SignatureToken).where(SignatureToken.hash == code_hash(mine.token))
    db.execute(moved.values(signature_id=victim.row.id), execution_options={"synchronize_session": False})
    db.commit()

    for token in (inserted, mine.token):
        with pytest.raises(UnknownTokenError):
            find_by_token(db, token)
        with pytest.raises(UnknownTokenError):
            confirm_one(db, keys, token)
        with pytest.raises(UnknownTokenError):
            withdraw(db, token, now=NOW, confirmation_days=7)
    assert find_by_token(db, victim.token).id == victim.row.id


def test_a_link_that_the_site_did_not_make_is_not_made_genuine_by_confirming(
    db: Session, keys: ServerKeys
) -> None:
    one, other = (make_signature(db, keys, email="mara@example.org", confirmed=False) for _ in range(2))
    inserted = new_code()
    row = {"hash": code_hash(inserted), "state_code": "de", "signature_id": other.row.id, "mac": b"x" * 32}
    db.execute(insert(SignatureToken).values(**row))
    db.commit()

    confirm_one(db, keys, one.token)
    db.commit()

    assert find_by_token(db, other.token).id == one.row.id
    with pytest.raises(UnknownTokenError):
        find_by_token(db, inserted)


def test_a_link_is_for_one_letter_and_one_signature(keys: ServerKeys) -> None:
    one, other = uuid4(), uuid4()
    macs = {token_mac(keys.row, b"h" * 32, state, id_) for state in ("de", "fr") for id_ in (one, other)}
    assert len(macs | {token_mac(keys.row, b"i" * 32, "de", one)}) == 5
