"""Codes from a phone: each is accepted once, and a copy of the database does not reveal the secret."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.errors import AlteredError, WrongCodeError, WrongKeyError
from campaign.organiser import second_factor
from campaign.organiser.account import Organiser, Unlocked
from campaign.organiser.login import check_passphrase, unlock
from campaign.organiser.recovery import make_recovery_code, recover
from campaign.organiser.second_factor import TypedCode
from campaign.sealing import box
from tests.conftest import NOW
from tests.support.factories import PASSPHRASE, make_owner

pytestmark = pytest.mark.any_database

NAME = "Olga Organiser"


def code(secret: str, *, steps: int = 0, now_in: int = 0) -> TypedCode:
    """Return the code of a phone whose clock is *steps* fast, *now_in* seconds from now."""
    at = NOW + timedelta(seconds=now_in)
    return TypedCode(pyotp.TOTP(secret).at(at + timedelta(seconds=30 * steps)), at)


def switch_on(db: Session, owner: Unlocked) -> str:
    """Switch codes on as of a minute ago, so that the present code is unused; return the secret."""
    secret = second_factor.new_secret()
    account, stretched = check_passphrase(db, owner.id, PASSPHRASE)
    second_factor.switch_on(db, account, stretched, secret, code(secret, now_in=-60))
    db.commit()
    return secret


@pytest.fixture
def owner(db: Session) -> Unlocked:
    return make_owner(db)


@pytest.fixture
def secret(db: Session, owner: Unlocked) -> str:
    return switch_on(db, owner)


@pytest.mark.both_databases
def test_passphrase_and_code_open_the_key(db: Session, owner: Unlocked, secret: str) -> None:
    assert unlock(db, NAME, PASSPHRASE, code(secret)) == owner


@pytest.mark.parametrize("digits", ["", "000000", "12345", "abcdef", "0" * 5_000])
def test_no_code_or_a_wrong_one_is_answered_like_a_wrong_passphrase(
    db: Session, secret: str, digits: str
) -> None:
    with pytest.raises(WrongKeyError) as without:
        unlock(db, NAME, PASSPHRASE)
    with pytest.raises(WrongKeyError) as wrong_code:
        unlock(db, NAME, PASSPHRASE, TypedCode(digits, NOW))
    with pytest.raises(WrongKeyError) as wrong_passphrase:
        unlock(db, NAME, "another passphrase", code(secret))

    assert str(without.value) == str(wrong_code.value) == str(wrong_passphrase.value)


@pytest.mark.parametrize(("steps", "opens"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_phones_clock_may_be_half_a_minute_off(
    db: Session, owner: Unlocked, steps: int, opens: bool
) -> None:
    secret = second_factor.new_secret()
    account, stretched = check_passphrase(db, owner.id, PASSPHRASE)
    second_factor.switch_on(db, account, stretched, secret, code(secret, now_in=-3_600))
    db.commit()

    if opens:
        assert unlock(db, NAME, PASSPHRASE, code(secret, steps=steps))
    else:
        with pytest.raises(WrongKeyError):
            unlock(db, NAME, PASSPHRASE, code(secret, steps=steps))


@pytest.mark.both_databases
def test_a_code_opens_once_and_so_does_none_before_it(db: Session, secret: str) -> None:
    unlock(db, NAME, PASSPHRASE, code(secret))
    db.commit()

    for steps in (0, -1):
        with pytest.raises(WrongKeyError):
            unlock(db, NAME, PASSPHRASE, code(secret, steps=steps))
    assert unlock(db, NAME, PASSPHRASE, code(secret, now_in=30))


@pytest.mark.parametrize("step", [None, 1])
def test_a_used_code_stays_used_for_who_writes_to_the_database(
    db: Session, secret: str, step: int | None
) -> None:
    unlock(db, NAME, PASSPHRASE, code(secret))
    db.execute(update(Organiser).values(second_factor_used=step))
    db.commit()
    db.expire_all()

    with pytest.raises(AlteredError):
        unlock(db, NAME, PASSPHRASE, code(secret))


def test_a_code_may_be_typed_with_spaces_or_in_other_digits(db: Session, secret: str) -> None:
    digits = code(secret).digits
    wide = "".join(chr(0xFF10 + int(digit)) for digit in digits)

    assert unlock(db, NAME, PASSPHRASE, TypedCode(f" {wide[:3]} {wide[3:]} ", NOW))


def test_a_wrong_passphrase_uses_no_code_up(db: Session, secret: str) -> None:
    with pytest.raises(WrongKeyError):
        unlock(db, NAME, "another passphrase", code(secret))
    db.commit()

    assert unlock(db, NAME, PASSPHRASE, code(secret))


@pytest.mark.both_databases
def test_of_two_simultaneous_logins_with_one_code_one_succeeds(database: Database) -> None:
    with database.session(writes=True) as db:
        secret = switch_on(db, make_owner(db))

    def second() -> bool:
        with database.session(writes=True) as db:
            try:
                unlock(db, NAME, PASSPHRASE, code(secret))
            except WrongKeyError:
                return False
            db.commit()
            return True

    with ThreadPoolExecutor(1) as pool, database.session(writes=True) as first:
        assert unlock(first, NAME, PASSPHRASE, code(secret))
        other = pool.submit(second)
        wait([other], 0.2)  # time enough to finish, if no lock stops it
        first.commit()
        assert not other.result(30)


def test_a_copy_does_not_hold_the_secret(db: Session, owner: Unlocked, secret: str) -> None:
    account, stretched = check_passphrase(db, owner.id, PASSPHRASE)
    assert account.second_factor

    assert secret.encode() not in account.second_factor
    for key in (stretched, owner.campaign_private_key, account.public_key):
        with pytest.raises(WrongKeyError):
            box.decrypt(account.second_factor, key)


def test_codes_do_not_protect_the_key_itself(db: Session, owner: Unlocked, secret: str) -> None:
    """With a copy of the database and the passphrase, no code is needed, as the documents say."""
    account, stretched = check_passphrase(db, owner.id, PASSPHRASE)

    assert box.decrypt(account.wrapped_private_key, stretched)


@pytest.mark.parametrize("altered", ["", "short", "0" * 32, "A" * 33])
def test_an_altered_secret_is_refused(db: Session, owner: Unlocked, altered: str) -> None:
    account, stretched = check_passphrase(db, owner.id, PASSPHRASE)

    with pytest.raises(WrongCodeError):
        second_factor.switch_on(db, account, stretched, altered, TypedCode("000000", NOW))


def test_codes_do_not_count_before_the_phone_has_shown_a_right_one(db: Session, owner: Unlocked) -> None:
    account, stretched = check_passphrase(db, owner.id, PASSPHRASE)
    with pytest.raises(WrongCodeError):
        second_factor.switch_on(
            db, account, stretched, second_factor.new_secret(), code(second_factor.new_secret())
        )
    db.commit()

    assert unlock(db, NAME, PASSPHRASE)


def test_switched_off_no_code_is_asked_for(db: Session, owner: Unlocked, secret: str) -> None:
    account, _stretched = check_passphrase(db, owner.id, PASSPHRASE)
    second_factor.switch_off(db, account, now=NOW)
    db.commit()

    assert unlock(db, NAME, PASSPHRASE)


@pytest.mark.both_databases
def test_the_recovery_code_switches_codes_off(db: Session, owner: Unlocked, secret: str) -> None:
    recovery = make_recovery_code(db, owner, now=NOW)
    db.commit()
    recover(db, recovery, f"{PASSPHRASE} again", now=NOW)
    db.commit()

    assert unlock(db, NAME, f"{PASSPHRASE} again")
    assert db.get_one(Organiser, owner.id).second_factor is None


@pytest.mark.both_databases
def test_a_passphrase_that_was_changed_meanwhile_switches_nothing(database: Database) -> None:
    with database.session(writes=True) as db:
        owner = make_owner(db)
        recovery = make_recovery_code(db, owner, now=NOW)
        db.commit()
        account, stretched = check_passphrase(db, owner.id, PASSPHRASE)
        db.expunge(account)
    with database.session(writes=True) as other:
        recover(other, recovery, f"{PASSPHRASE} again", now=NOW)
        other.commit()
    secret = second_factor.new_secret()

    with database.session(writes=True) as db, pytest.raises(WrongKeyError):
        second_factor.switch_on(db, account, stretched, secret, code(secret))


def test_the_qr_code_names_the_sites_host_and_not_the_campaign() -> None:
    address = second_factor.otpauth_uri("A" * 32, name="Olga", site="letters.example.org")

    assert address == f"otpauth://totp/letters.example.org:Olga?secret={'A' * 32}&issuer=letters.example.org"
