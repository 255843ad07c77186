"""Who writes to the database edits a signed edition: no delivery prints another text above the names."""

import hashlib
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database.session import Database
from campaign.delivery import delegation
from campaign.delivery.delegation import Address
from campaign.delivery.plan import Plan, plan
from campaign.delivery.readiness import Obstacle
from campaign.disclosure import safety_list
from campaign.errors import AlteredError
from campaign.letter.edition import LetterEdition, LetterText, current_edition, known_edition, stored_letters
from campaign.operations.altered_row import altered
from campaign.operations.doctor import content
from campaign.operations.emergency.destroy_keys import destroy_in
from campaign.operations.renew_macs import renew_macs
from campaign.organiser.organisation import Organisation, save_organisation
from campaign.reference.participating_state import STATES
from campaign.sealing import row_mac
from campaign.sealing.server_key import ServerKeys
from tests.conftest import NOW
from tests.support.attacker import written
from tests.support.factories import make_owner, make_signature

DE, FR = STATES["de"], STATES["fr"]
OF_FIRST = LetterText.edition_number == 1


@pytest.fixture
def content_now(db: Session, appeal: Appeal) -> Appeal:
    return safety_list.current_appeal(db, appeal)


@pytest.fixture(autouse=True)
def _ready(db: Session, keys: ServerKeys) -> None:
    make_owner(db)
    save_organisation(db, Organisation("Example Foundation", "Exampletown", "office@example.org"))
    for state in ("de", "fr"):
        address = Address(state, f"{state}@missions.example.org", "a call", NOW.date())
        delegation.save(db, address, by="Olga", now=NOW)
    make_signature(db, keys, name="Mara Example", edition=1)
    db.commit()


def edited(where: Any = True) -> Any:
    """Return a statement that edits the texts of the first edition."""
    forged = func.replace(LetterText.content, "Kazakhstan", "Forgedland")
    return update(LetterText).where(OF_FIRST, where).values(content=forged)


def spoilt(number: int = 1, content_hash: bytes = b"x" * 32) -> Any:
    return update(LetterEdition).where(LetterEdition.number == number).values(content_hash=content_hash)


def planned(db: Session, appeal: Appeal, state: Any = DE) -> Plan:
    edition = current_edition(db, appeal, now=NOW)
    return plan(db, appeal, state, edition=edition, today=NOW.date())


@cache
def revised(appeal: Appeal) -> Appeal:
    """Return another appeal, always the same one: letters are composed for each."""
    return replace(appeal, persons=appeal.persons[:-1])


ATTACKS: dict[str, list[Any]] = {
    "another text, and no hash that is known": [edited(), spoilt()],
    "no hash that is known": [spoilt()],
    "one letter": [edited(LetterText.state_code == "de")],
    "a letter of another State": [edited(LetterText.state_code == "fr")],
    "a letter removed": [delete(LetterText).where(OF_FIRST, LetterText.state_code == "fr")],
    "the edition removed": [
        delete(LetterText).where(OF_FIRST),
        delete(LetterEdition).where(LetterEdition.number == 1),
    ],
}


# The tests below read altered texts on both databases.
@pytest.mark.any_database
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_delivery_that_needs_an_edited_edition_is_forbidden(
    db: Session, database: Database, content_now: Appeal, attack: str
) -> None:
    current_edition(db, revised(content_now), now=NOW)
    written(db, *ATTACKS[attack])

    found = planned(db, revised(content_now))

    assert found.edition == 2
    assert found.readiness.forbidden_by is Obstacle.LETTER_ALTERED
    assert found.other_letters == {}
    if attack != "the edition removed":
        assert altered(db) == ["edition 1 of the letter"]
        assert "edition 1 of the letter" in next(content.altered_findings(database)).text


def test_the_attack_as_it_was_run_begins_an_edition_and_is_noticed(db: Session, content_now: Appeal) -> None:
    written(db, edited(), spoilt())

    found = planned(db, content_now)

    assert found.edition == 2
    assert found.readiness.forbidden_by is Obstacle.LETTER_ALTERED


def test_another_text_with_its_own_hash_has_no_mac(db: Session, content_now: Appeal) -> None:
    written(db, edited())
    texts = select(LetterText.content).order_by(LetterText.language, LetterText.state_code)
    own_hash = hashlib.sha256("".join(f"{text}\n" for text in db.scalars(texts)).encode()).digest()
    written(db, spoilt(1, own_hash))

    with pytest.raises(AlteredError):
        stored_letters(db, 1, "de")
    assert planned(db, content_now).readiness.forbidden_by is Obstacle.LETTER_ALTERED


def test_a_delivery_without_names_of_that_edition_goes_on(db: Session, content_now: Appeal) -> None:
    written(db, edited(), spoilt())

    assert planned(db, content_now, FR).readiness.forbidden_by is Obstacle.SIGNATURES


def test_an_edition_that_got_the_hash_of_another_is_not_taken_for_it(
    db: Session, content_now: Appeal
) -> None:
    current_edition(db, revised(content_now), now=NOW)
    hashes = dict(db.execute(select(LetterEdition.number, LetterEdition.content_hash)).all())
    written(db, spoilt(2), spoilt(1, hashes[2]))

    assert known_edition(db, revised(content_now)) is None
    found = planned(db, revised(content_now))

    assert (found.edition, known_edition(db, revised(content_now))) == (3, 3)
    assert found.readiness.forbidden_by is Obstacle.LETTER_ALTERED
    assert altered(db) == ["edition 1 of the letter", "edition 2 of the letter"]


@pytest.mark.any_database
def test_editions_stay_genuine_under_another_secret_key_and_edited_ones_edited(
    db: Session, content_now: Appeal
) -> None:
    current_edition(db, revised(content_now), now=NOW)
    written(db, spoilt())
    renew_macs(db, db.info[row_mac.KEY], b"another key")
    row_mac.use_key(db, b"another key")
    db.expire_all()

    assert known_edition(db, revised(content_now)) == 2
    assert stored_letters(db, 2, "de")["en"].state_code == "de"
    with pytest.raises(AlteredError):
        stored_letters(db, 1, "de")


@pytest.mark.any_database
def test_after_an_emergency_the_edition_is_known_under_any_secret_key(
    db: Session, content_now: Appeal
) -> None:
    destroy_in(db, NOW)
    row_mac.use_key(db, b"another key")

    assert current_edition(db, content_now, now=NOW) == known_edition(db, content_now) == 1
    assert altered(db) == []
