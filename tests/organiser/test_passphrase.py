"""Passphrases that can be guessed are refused, at every place where one is set."""

import time

import pytest
from sqlalchemy.orm import Session

from campaign.errors import WeakPassphraseError
from campaign.organiser import passphrase
from campaign.organiser.account import all_accounts
from campaign.organiser.invitation import invite, join
from campaign.organiser.passphrase import Weakness, generate_passphrase
from campaign.organiser.recovery import make_recovery_code, recover
from campaign.sealing import link_wrapping
from tests.conftest import NOW
from tests.support.factories import make_owner

pytestmark = pytest.mark.any_database

ABOUT = ("Olga Organiser", "The Women’s Call", "Nursultan Nazarbayev")


def weakness(typed: str) -> str:
    """Return the weakness for which *typed* is refused, or ``""``."""
    try:
        passphrase.check_strength(passphrase.normalise(typed), ABOUT)
    except WeakPassphraseError as error:
        return error.weakness
    return ""


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", Weakness.SHORT),
        ("kf93-XQ!t7_zpL", Weakness.SHORT),
        ("                    x", Weakness.SHORT),
        ("Olga Organiser 2026", Weakness.OWN),
        ("The Women’s Call!", Weakness.OWN),
        ("thewomenscall-olga", Weakness.OWN),
        ("nursultannazarbayev1", Weakness.OWN),
        ("iloveyou princess", Weakness.COMMON),
        ("1qaz2wsx3edc4rfv", Weakness.COMMON),
        ("zxcvbnm,./asdfghjkl;", Weakness.KEYS),
        ("aaaaaaaaaaaaaaaaaaaa", Weakness.REPEAT),
        ("wombat wombat wombat wombat", Weakness.REPEAT),
        ("abcdefghijklmnopqrstuvwxyz", Weakness.SEQUENCE),
        ("24.12.1987 31.10.1991", Weakness.DATE),
        ("elizabeth montgomery", Weakness.NAME),
        ("wombat lantern orbit", Weakness.FEW),
        ("correct lantern", Weakness.FEW),
    ],
)
def test_a_passphrase_that_can_be_guessed_is_refused_with_the_reason(typed: str, why: str) -> None:
    assert weakness(typed) == why


@pytest.mark.parametrize(
    "typed",
    [
        "wombat lantern orbit thistle quarry mellow pixel",
        "wombat lantern orbit thistle",
        "сегодня утром шёл мокрый снег",
        "kf93-XQ!t7_zpLw2&RmB",
        "sieben wörter für die kampagne",
    ],
)
def test_a_long_and_unusual_passphrase_is_accepted_in_any_script(typed: str) -> None:
    assert weakness(typed) == ""


def test_every_offered_passphrase_is_taken() -> None:
    for _ in range(20):
        assert weakness(generate_passphrase()) == ""


def test_one_organisers_words_do_not_count_against_another() -> None:
    typed = "quillfeather sundial okapi"
    with pytest.raises(WeakPassphraseError):
        passphrase.check_strength(typed, ["Quillfeather", "sundial", "okapi"])

    passphrase.check_strength(typed, ["Somebody Else"])


@pytest.mark.parametrize("typed", ["4@8({[<369!1|7$5+%02" * 500, "a" * 10_000, "zaq1" * 2_500])
def test_a_passphrase_made_to_be_slow_is_assessed_in_seconds(typed: str) -> None:
    began = time.process_time()
    weakness(typed)

    # Without the limit of characters, the first one would take most of an hour.
    assert time.process_time() - began < 10


def test_neither_setup_nor_invitation_nor_recovery_takes_a_weak_one(db: Session) -> None:
    weak = "wombat lantern orbit"
    setup = link_wrapping.make_provisional(db, now=NOW)
    with pytest.raises(WeakPassphraseError):
        join(db, setup, weak, name="Olga", now=NOW)
    owner = make_owner(db)
    invitation = invite(db, owner, "Pavel", now=NOW)
    with pytest.raises(WeakPassphraseError):
        join(db, invitation, weak, now=NOW)
    recovery = make_recovery_code(db, owner, now=NOW)
    db.commit()
    with pytest.raises(WeakPassphraseError):
        recover(db, recovery, weak, now=NOW)

    assert [each.name for each in all_accounts(db)] == ["Olga Organiser"]
    assert join(db, invitation, weak + " thistle", now=NOW)
    assert recover(db, recovery, weak + " thistle", now=NOW)


def test_an_organisers_own_name_is_no_passphrase_of_theirs(db: Session) -> None:
    owner = make_owner(db, name="Wilhelmina Quillfeather")
    code = make_recovery_code(db, owner, now=NOW)
    db.commit()

    with pytest.raises(WeakPassphraseError) as caught:
        recover(db, code, "wilhelmina quillfeather 1", now=NOW)

    assert caught.value.weakness == Weakness.OWN
