from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.errors import AccountNameError, OrganiserError, WrongKeyError
from campaign.organiser import invitation
from campaign.organiser.account import all_accounts
from campaign.organiser.invitation import invite
from campaign.organiser.login import unlock
from campaign.organiser.passphrase import generate_passphrase
from campaign.organiser.recovery import make_recovery_code, recover
from campaign.sealing import box, key_wrapping, link_wrapping
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping, current_key
from campaign.sealing.server_key import ServerKeys
from campaign.signature.key_change import (
    adopt_earlier_pair,
    count_sealed_to_setup_link,
    reseal_some,
    setup_code,
)
from tests.conftest import NOW
from tests.support.factories import PASSPHRASE, make_owner, make_signature

pytestmark = pytest.mark.any_database


@pytest.mark.both_databases
def test_the_setup_link_makes_the_first_owner(db: Session) -> None:
    owner = make_owner(db)

    assert owner.role == "owner"
    assert unlock(db, "olga organiser", PASSPHRASE).campaign_private_key == owner.campaign_private_key


def test_the_setup_link_opens_nothing_afterwards(db: Session, keys: ServerKeys) -> None:
    code = setup_code(db, now=NOW)
    assert code
    made = make_signature(db, keys)
    _key, provisional_private = link_wrapping.unwrap_link(db, code, now=NOW)
    owner = invitation.join(db, code, PASSPHRASE, name="Olga", now=NOW)
    while reseal_some(db, owner.campaign_private_key):
        pass
    db.commit()
    db.refresh(made.row)

    with pytest.raises(WrongKeyError):
        link_wrapping.unwrap_link(db, code, now=NOW)
    assert made.row.sealed
    with pytest.raises(WrongKeyError):
        box.unseal(made.row.sealed, provisional_private, made.row.context)


@pytest.mark.both_databases
def test_what_was_signed_before_the_setup_is_resealed(db: Session, keys: ServerKeys) -> None:
    code = setup_code(db, now=NOW)
    assert code
    made = [make_signature(db, keys, name=f"Mara {number}") for number in range(5)]
    owner = invitation.join(db, code, PASSPHRASE, name="Olga", now=NOW)
    assert reseal_some(db, owner.campaign_private_key) == 5
    assert reseal_some(db, owner.campaign_private_key) == 0

    for number, each in enumerate(made):
        db.refresh(each.row)
        assert each.row.sealed
        assert (
            box.unseal(each.row.sealed, owner.campaign_private_key, each.row.context).name == f"Mara {number}"
        )
    assert db.scalar(select(func.count()).select_from(CampaignKey)) == 1


@pytest.mark.both_databases
def test_resealing_that_was_interrupted_goes_on_at_the_next_login(db: Session, keys: ServerKeys) -> None:
    code = setup_code(db, now=NOW)
    assert code
    made = make_signature(db, keys, name="Mara")
    invitation.join(db, code, PASSPHRASE, name="Olga", now=NOW)
    db.commit()  # the process ends here

    again = unlock(db, "Olga", PASSPHRASE)
    reseal_some(db, again.campaign_private_key)
    db.refresh(made.row)

    assert made.row.sealed
    assert box.unseal(made.row.sealed, again.campaign_private_key, made.row.context).name == "Mara"


def test_a_restart_before_the_setup_keeps_what_was_signed(db: Session, keys: ServerKeys) -> None:
    first = setup_code(db, now=NOW)
    make_signature(db, keys)
    second = setup_code(db, now=NOW)
    assert first
    assert second

    assert link_wrapping.unwrap_link(db, first, now=NOW)
    owner = invitation.join(db, second, PASSPHRASE, name="Olga", now=NOW)
    assert count_sealed_to_setup_link(db) == 1
    adopt_earlier_pair(db, first, owner, now=NOW)
    assert reseal_some(db, owner.campaign_private_key) == 1
    assert count_sealed_to_setup_link(db) == 0


@pytest.mark.both_databases
def test_a_restart_before_the_setup_drops_an_unused_pair(db: Session) -> None:
    first = setup_code(db, now=NOW)
    setup_code(db, now=NOW)
    assert first

    with pytest.raises(WrongKeyError):
        link_wrapping.unwrap_link(db, first, now=NOW)


def test_once_there_is_an_organiser_no_setup_link_is_made(db: Session) -> None:
    make_owner(db)

    assert setup_code(db, now=NOW) is None


@pytest.mark.parametrize(
    ("name", "passphrase"), [("Olga Organiser", "wrong words here"), ("Nobody", PASSPHRASE)]
)
def test_a_wrong_name_and_a_wrong_passphrase_get_the_same_error(
    db: Session, name: str, passphrase: str
) -> None:
    make_owner(db)

    with pytest.raises(WrongKeyError, match="name, passphrase and code do not match"):
        unlock(db, name, passphrase)


def test_a_passphrase_may_be_typed_with_other_spacing(db: Session) -> None:
    make_owner(db, passphrase="sieben wörter für die kampagne")

    assert unlock(db, "Olga Organiser", " sieben wo\u0308rter  für die kampagne ")


@pytest.mark.both_databases
def test_an_invitation_lets_a_second_organiser_open_the_names(db: Session, keys: ServerKeys) -> None:
    owner = make_owner(db)
    made = make_signature(db, keys, name="Mara")
    code = invite(db, owner, "Pavel", now=NOW)
    second = invitation.join(db, code, PASSPHRASE + "s", now=NOW)

    assert second.role == "organiser"
    assert made.row.sealed
    assert box.unseal(made.row.sealed, second.campaign_private_key, made.row.context).name == "Mara"
    with pytest.raises(WrongKeyError):
        invitation.join(db, code, PASSPHRASE, now=NOW)


def test_an_invitation_is_over_after_a_week(db: Session) -> None:
    code = invite(db, make_owner(db), "Pavel", now=NOW)

    with pytest.raises(WrongKeyError):
        invitation.join(db, code, PASSPHRASE, now=NOW + timedelta(days=8))


def test_only_an_owner_invites_and_revokes(db: Session) -> None:
    owner = make_owner(db)
    second = invitation.join(db, invite(db, owner, "Pavel", now=NOW), PASSPHRASE, now=NOW)
    invite(db, owner, "Third", now=NOW)
    [waiting] = invitation.pending(db, now=NOW)

    with pytest.raises(OrganiserError):
        invite(db, second, "Fourth", now=NOW)
    with pytest.raises(OrganiserError):
        invitation.revoke(db, second, waiting.id, now=NOW)
    assert invitation.pending(db, now=NOW) == [waiting]


def test_a_new_recovery_code_makes_the_earlier_one_useless(db: Session) -> None:
    owner = make_owner(db)
    earlier, later = make_recovery_code(db, owner, now=NOW), make_recovery_code(db, owner, now=NOW)
    db.commit()

    with pytest.raises(WrongKeyError):
        recover(db, earlier, "another seven words for olga", now=NOW)
    assert recover(db, later, "another seven words for olga", now=NOW).id == owner.id


@pytest.mark.both_databases
def test_the_recovery_code_sets_a_new_passphrase_once(db: Session, keys: ServerKeys) -> None:
    owner = make_owner(db)
    made = make_signature(db, keys, name="Mara")
    code = make_recovery_code(db, owner, now=NOW)
    db.commit()
    recovered = recover(db, code, "another seven words for olga", now=NOW)
    db.commit()

    assert made.row.sealed
    assert box.unseal(made.row.sealed, recovered.campaign_private_key, made.row.context).name == "Mara"
    assert unlock(db, "Olga Organiser", "another seven words for olga")
    with pytest.raises(WrongKeyError):
        unlock(db, "Olga Organiser", PASSPHRASE)
    with pytest.raises(WrongKeyError):
        recover(db, code, PASSPHRASE, now=NOW)


@pytest.mark.both_databases
@pytest.mark.parametrize("name", ["Анна", "Özge", "Élise", "ΝΊΚΗ"])
def test_a_name_may_be_written_in_any_script_and_case(db: Session, name: str) -> None:
    make_owner(db, name=name)

    assert unlock(db, name.swapcase(), PASSPHRASE)


@pytest.mark.both_databases
def test_an_invitation_is_deleted_with_the_account_that_made_it(db: Session) -> None:
    owner = make_owner(db)
    code = invite(db, owner, "Pavel", now=NOW)
    key_wrapping.delete_wrappings(db, owner.id)

    with pytest.raises(WrongKeyError):
        invitation.join(db, code, PASSPHRASE, now=NOW)


@pytest.mark.both_databases
def test_two_people_with_one_invitation_make_one_account(database: Database) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with database.session(writes=True) as db:
        owner = make_owner(db)
        code = invite(db, owner, "Pavel", now=NOW)
        db.commit()

    def join(_person: int) -> bool:
        try:
            with database.writing() as db:
                invitation.join(db, code, PASSPHRASE, now=NOW)
        except WrongKeyError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(join, range(2))) == [False, True]


@pytest.mark.parametrize("passphrase", ["short", "              x"])
def test_a_short_passphrase_is_refused(db: Session, passphrase: str) -> None:
    with pytest.raises(OrganiserError, match="15"):
        make_owner(db, passphrase=passphrase)


@pytest.mark.both_databases
def test_two_accounts_cannot_share_a_name(db: Session) -> None:
    owner = make_owner(db)

    with pytest.raises(AccountNameError, match="already"):
        invite(db, owner, "OLGA organiser", now=NOW)


@pytest.mark.both_databases
def test_of_two_invitations_with_names_that_look_alike_one_makes_an_account(db: Session) -> None:
    owner = make_owner(db)
    codes = [invite(db, owner, name, now=NOW) for name in ("Pavel", "Рavel")]  # the second with a Cyrillic Р
    invitation.join(db, codes[0], PASSPHRASE, now=NOW)

    with pytest.raises(AccountNameError, match="already"):
        invitation.join(db, codes[1], PASSPHRASE, now=NOW)


@pytest.mark.both_databases
def test_who_is_invited_cannot_choose_a_name(db: Session) -> None:
    owner = make_owner(db)
    joined = invitation.join(db, invite(db, owner, "Pavel", now=NOW), PASSPHRASE, name="Olga 2", now=NOW)

    assert joined.name == "Pavel"


def test_no_key_of_the_server_opens_a_wrapping(db: Session, keys: ServerKeys) -> None:
    owner = make_owner(db)
    make_recovery_code(db, owner, now=NOW)
    made = make_signature(db, keys, name="Mara")
    wrappings = [row.wrapped for row in db.scalars(select(KeyWrapping))]
    accounts = [each.wrapped_private_key for each in all_accounts(db)]
    assert made.row.sealed

    for key in (keys.mail, keys.digest, keys.session, keys.cookie):
        for wrapped in [*wrappings, *accounts, made.row.sealed]:
            with pytest.raises(WrongKeyError):
                box.decrypt(wrapped, key)
            with pytest.raises(WrongKeyError):
                box.Opener(key).decrypt(wrapped)


def test_an_offered_passphrase_has_seven_words() -> None:
    offered = generate_passphrase()

    assert len(offered.split()) == 7
    assert offered != generate_passphrase()


@pytest.mark.both_databases
def test_names_are_sealed_to_one_key_at_a_time(db: Session) -> None:
    setup_code(db, now=NOW)
    make_owner(db)

    assert not current_key(db).is_provisional
    assert db.scalar(select(func.count()).where(CampaignKey.is_current)) == 1
