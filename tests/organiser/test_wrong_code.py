"""Six digits are not guessed by who has the passphrase: wrong codes make the next ones wait."""

from datetime import datetime, timedelta

import pyotp
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.errors import WrongCodeError, WrongKeyError
from campaign.organiser import second_factor, wrong_code
from campaign.organiser.account import Organiser, Unlocked
from campaign.organiser.audit_log import entries
from campaign.organiser.login import authenticate_again, check_passphrase, unlock
from campaign.organiser.recovery import make_recovery_code, recover
from campaign.organiser.second_factor import TypedCode
from campaign.organiser.wrong_code import (
    BROWSER,
    CONSOLE,
    FREE_CODES,
    KNOWN_BROWSER,
    LONGEST_WAIT,
    WrongCodes,
)
from tests.conftest import NOW, Clock
from tests.support.factories import PASSPHRASE, make_owner

NAME = "Olga Organiser"


@pytest.fixture
def owner(db: Session) -> Unlocked:
    return make_owner(db)


@pytest.fixture
def secret(db: Session, owner: Unlocked) -> str:
    made = second_factor.new_secret()
    account, stretched = check_passphrase(db, owner.id, PASSPHRASE)
    before = NOW - timedelta(minutes=5)
    code = TypedCode(pyotp.TOTP(made).at(before), before)
    second_factor.switch_on(db, account, stretched, made, code)
    db.commit()
    return made


def right(secret: str, at: datetime) -> TypedCode:
    return TypedCode(pyotp.TOTP(secret).at(at), at)


def wrong(secret: str, at: datetime) -> TypedCode:
    good = {pyotp.TOTP(secret).at(at, counter_offset=offset) for offset in (-1, 0, 1)}
    return TypedCode(next(f"{each:06}" for each in range(4) if f"{each:06}" not in good), at)


def is_taken(db: Session, code: TypedCode, *, place: str = BROWSER) -> bool:
    """Whether the login with the right passphrase and *code* succeeds."""
    try:
        unlock(db, NAME, PASSPHRASE, code, place=place)
    except WrongKeyError:
        return False
    finally:
        db.commit()
    return True


def recorded(db: Session, since: datetime) -> int:
    """Return how many wrong codes the audit log has since this time."""
    return sum(entry.act == wrong_code.ACT and entry.at >= since for entry in entries(db))


def is_compared(db: Session, secret: str, clock: Clock) -> bool:
    """Whether a wrong code is compared, and not refused for its wait."""
    before = recorded(db, NOW)
    assert not is_taken(db, wrong(secret, clock()))
    return recorded(db, NOW) > before


@pytest.mark.any_database
def test_a_guesser_with_the_passphrase_compares_few_codes_a_day(
    db: Session, secret: str, clock: Clock
) -> None:
    for _hour in range(24):
        for _minute in range(4):
            assert not is_taken(db, wrong(secret, clock()))
            clock.forward(minutes=15)

    assert recorded(db, NOW) <= 16
    second_day = clock()
    for _half_hour in range(48):
        assert not is_taken(db, wrong(secret, clock()))
        clock.forward(minutes=30)

    assert recorded(db, second_day) <= timedelta(days=1) / LONGEST_WAIT + 1


def test_who_mistypes_twice_waits_for_nothing(db: Session, secret: str, clock: Clock) -> None:
    for _ in range(FREE_CODES):
        assert not is_taken(db, wrong(secret, clock()))

    assert is_taken(db, right(secret, clock()))


def test_waits_double_and_a_right_code_that_comes_too_early_is_not_compared(
    db: Session, secret: str, clock: Clock
) -> None:
    for _ in range(FREE_CODES + 1):
        assert is_compared(db, secret, clock)
    for seconds in (30, 60, 120):
        clock.forward(seconds=seconds - 1)
        assert not is_taken(db, right(secret, clock()))
        clock.forward(seconds=1)
        assert is_compared(db, secret, clock)

    clock.forward(seconds=240)
    assert is_taken(db, right(secret, clock()))


def test_right_codes_do_not_set_a_guesser_free(db: Session, secret: str, clock: Clock) -> None:
    for _ in range(12):
        assert is_compared(db, secret, clock)
        clock.time += LONGEST_WAIT
    assert is_taken(db, right(secret, clock()))

    guesses = 0
    while guesses < 9 and is_compared(db, secret, clock):
        guesses += 1
    assert guesses == 1


def test_known_browsers_others_and_the_console_wait_apart(
    db: Session, owner: Unlocked, secret: str, clock: Clock
) -> None:
    for _ in range(FREE_CODES + 2):
        is_taken(db, wrong(secret, clock()))
    assert not is_taken(db, right(secret, clock()))

    assert is_taken(db, right(secret, clock()), place=KNOWN_BROWSER)
    clock.forward(seconds=30)
    assert not is_taken(db, right(secret, clock() - timedelta(seconds=1)))
    assert is_taken(db, right(secret, clock()), place=CONSOLE)
    for _ in range(FREE_CODES + 1):
        with pytest.raises(WrongKeyError):
            authenticate_again(db, owner.id, PASSPHRASE, wrong(secret, clock()))
        db.commit()
    clock.forward(seconds=29)
    with pytest.raises(WrongKeyError):
        authenticate_again(db, owner.id, PASSPHRASE, right(secret, clock()))


@pytest.mark.any_database
def test_a_clock_that_was_set_back_makes_nobody_wait(db: Session, secret: str, clock: Clock) -> None:
    for _ in range(FREE_CODES + 1):
        assert not is_taken(db, wrong(secret, clock()))
    account = db.scalars(select(Organiser)).one()
    with pytest.raises(WrongCodeError):
        wrong_code.count_try(db, account, BROWSER, now=clock())

    wrong_code.count_try(db, account, BROWSER, now=clock() - timedelta(days=1))


def test_a_recovery_code_passes_the_wait(db: Session, owner: Unlocked, secret: str, clock: Clock) -> None:
    paper = make_recovery_code(db, owner, now=NOW)
    db.commit()
    for _ in range(FREE_CODES + 2):
        is_taken(db, wrong(secret, clock()))

    assert recover(db, paper, "seven fresh words for olga today", now=NOW).private_key


def test_wrong_codes_go_with_the_account(db: Session, owner: Unlocked, secret: str, clock: Clock) -> None:
    is_taken(db, wrong(secret, clock()))
    db.delete(db.get_one(Organiser, owner.id))
    db.flush()
    db.expire_all()

    assert db.get(WrongCodes, (owner.id, BROWSER)) is None
