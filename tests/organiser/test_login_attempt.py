from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from campaign.errors import TooManyAttemptsError
from campaign.organiser.login_attempt import FREE_FAILURES, check_attempt, record_failure
from campaign.sealing.server_key import ServerKeys
from tests.conftest import NOW
from tests.support.factories import make_owner


def test_wrong_passphrases_make_nobody_wait_for_a_clock_that_was_set_back(
    db: Session, keys: ServerKeys
) -> None:
    for _ in range(FREE_FAILURES):
        record_failure(db, "Olga", keys=keys, now=NOW)
    with pytest.raises(TooManyAttemptsError):
        check_attempt(db, "Olga", keys=keys, now=NOW)

    check_attempt(db, "Olga", keys=keys, now=NOW - timedelta(hours=1))


def test_after_five_wrong_passphrases_a_name_has_to_wait(db: Session, keys: ServerKeys) -> None:
    for _ in range(5):
        check_attempt(db, "Olga", keys=keys, now=NOW)
        record_failure(db, "Olga", keys=keys, now=NOW)

    with pytest.raises(TooManyAttemptsError) as caught:
        check_attempt(db, " olga ", keys=keys, now=NOW)
    check_attempt(db, "Olga", keys=keys, now=NOW + timedelta(seconds=caught.value.seconds))
    check_attempt(db, "Pavel", keys=keys, now=NOW)


def test_a_name_that_no_account_has_waits_just_the_same(db: Session, keys: ServerKeys) -> None:
    make_owner(db, name="Olga")
    waits = []
    for name in ("Olga", "Nobody"):
        for _ in range(7):
            record_failure(db, name, keys=keys, now=NOW)
        with pytest.raises(TooManyAttemptsError) as caught:
            check_attempt(db, name, keys=keys, now=NOW)
        waits.append(caught.value.seconds)

    assert waits[0] == waits[1]
