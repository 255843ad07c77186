from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.errors import WrongKeyError
from campaign.organiser import session
from campaign.organiser.session import OrganiserSession
from campaign.sealing import box
from campaign.sealing.server_key import ServerKeys
from tests.conftest import NOW
from tests.support.factories import make_owner


def test_the_cookie_brings_the_key_back(db: Session, keys: ServerKeys) -> None:
    owner = make_owner(db)
    cookie = session.start(db, owner, keys=keys, now=NOW)

    resumed = session.resume(db, cookie, keys=keys, now=NOW).unlocked

    assert resumed == owner


def test_without_the_cookie_the_session_opens_nothing(db: Session, keys: ServerKeys) -> None:
    owner = make_owner(db)
    session.start(db, owner, keys=keys, now=NOW)
    row = db.scalars(select(OrganiserSession)).one()

    assert owner.campaign_private_key not in row.sealed_key
    for key in (keys.mail, keys.digest, keys.session, keys.cookie, row.hash):
        with pytest.raises(WrongKeyError):
            box.decrypt(row.sealed_key, key)


def test_the_cookie_without_the_servers_key_opens_nothing(db: Session, keys: ServerKeys) -> None:
    cookie = session.start(db, make_owner(db), keys=keys, now=NOW)

    with pytest.raises(WrongKeyError):
        session.resume(db, cookie, keys=ServerKeys.from_secret("another" * 8), now=NOW)


@pytest.mark.parametrize("after", [timedelta(minutes=31), timedelta(hours=13)])
def test_an_idle_session_is_over(db: Session, keys: ServerKeys, after: timedelta) -> None:
    cookie = session.start(db, make_owner(db), keys=keys, now=NOW)

    with pytest.raises(WrongKeyError):
        session.resume(db, cookie, keys=keys, now=NOW + after)


def test_a_session_outlives_a_clock_that_is_set_back_but_is_idle_no_longer_than_others(
    db: Session, keys: ServerKeys
) -> None:
    cookie, back = session.start(db, make_owner(db), keys=keys, now=NOW), NOW - timedelta(hours=1)

    is_due = session.resume(db, cookie, keys=keys, now=back).is_use_due
    assert is_due, "when it is used again, it is noted"
    session.erase_expired(db, now=back)
    session.resume(db, cookie, keys=keys, now=back + timedelta(minutes=29))
    with pytest.raises(WrongKeyError):
        session.resume(db, cookie, keys=keys, now=back + timedelta(minutes=31))


def test_a_session_in_use_goes_on_but_not_for_ever(db: Session, keys: ServerKeys) -> None:
    cookie = session.start(db, make_owner(db), keys=keys, now=NOW)
    for minutes in range(20, 12 * 60, 20):
        at = NOW + timedelta(minutes=minutes)
        is_due = session.resume(db, cookie, keys=keys, now=at).is_use_due
        assert is_due
        session.record_use(db, cookie, now=at)

    with pytest.raises(WrongKeyError):
        session.resume(db, cookie, keys=keys, now=NOW + timedelta(hours=12, minutes=1))


def test_logging_out_destroys_the_key(db: Session, keys: ServerKeys) -> None:
    cookie = session.start(db, make_owner(db), keys=keys, now=NOW)
    session.end(db, cookie)

    assert db.scalar(select(OrganiserSession)) is None


def test_idle_sessions_are_swept_away(db: Session, keys: ServerKeys) -> None:
    session.start(db, make_owner(db), keys=keys, now=NOW)
    session.erase_expired(db, now=NOW + timedelta(minutes=31))

    assert db.scalar(select(OrganiserSession)) is None
