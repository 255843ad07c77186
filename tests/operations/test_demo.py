"""The made-up campaign of ``campaign demo``."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from campaign import create_app
from campaign.appeal.content import Appeal
from campaign.database.session import Database
from campaign.operations import demo
from campaign.organiser.account import Unlocked
from campaign.reference.participating_state import STATES
from campaign.sealing import box
from campaign.sealing.box import Details
from campaign.settings import Settings
from campaign.signature import count, recount
from campaign.signature.model import APPROVED, COUNTED, PUBLIC, Signature
from campaign.web.supporter.letter_page import signature_form
from tests.conftest import NOW, Clock
from tests.support.factories import make_owner

NUMBER = 300

pytestmark = pytest.mark.any_database


@pytest.fixture
def owner(db: Session) -> Unlocked:
    return make_owner(db)


@pytest.fixture
def rows(db: Session, database: Database, appeal: Appeal, owner: Unlocked) -> list[Signature]:
    """Return the rows of a campaign of :data:`NUMBER` signatures."""
    db.close()
    demo.fill(database, appeal, edition=1, number=NUMBER, now=NOW, step=lambda _size: None)
    found = list(db.scalars(select(Signature)))
    db.expunge_all()
    db.rollback()
    return found


def test_the_form_would_take_every_made_up_signature(
    rows: list[Signature], settings: Settings, owner: Unlocked, clock: Clock
) -> None:
    app = create_app(settings, clock=clock)
    for row in (row for row in rows if row.withdrawn_on is None):
        details = box.unseal(row.sealed, owner.campaign_private_key, row.context) if row.sealed else Details()
        typed = {
            "name": details.name,
            "email": details.email or "mara@example.org",
            "residence": row.residence,
            "town": details.town,
            "words": details.words,
            "disclosure": row.disclosure,
            "consent": "y",
            "advised": "yes",
        }
        with app.test_request_context(f"/en/letters/{row.state_code}", method="POST", data=typed):
            form = signature_form()
            assert form.validate(), (typed, form.errors)
            assert form.details() == Details(
                name=details.name, email=typed["email"], town=details.town, words=details.words
            )
        assert not details.name or details.name.endswith("(demo)")
    app.extensions["campaign"].close()


def test_no_name_of_an_endangered_resident_is_public(rows: list[Signature], appeal: Appeal) -> None:
    endangered = [row for row in rows if row.residence in appeal.endangered_residences]

    assert len(endangered) > NUMBER / 20
    assert {row.disclosure for row in endangered} == {"delegation", COUNTED}
    assert {row.public_name for row in endangered} == {None}


def test_the_counts_equal_the_rows_with_some_withdrawn_and_pending(
    db: Session, rows: list[Signature], appeal: Appeal
) -> None:
    assert count.total(db) == NUMBER
    assert recount.compare(db) == []
    assert len([row for row in rows if row.withdrawn_on]) == NUMBER // 40
    assert len([row for row in rows if row.confirmed_on is None]) == NUMBER // 40
    assert all(row.signed_on >= NOW.date() - timedelta(days=2) for row in rows if row.confirmed_on is None)
    for row in rows:
        days = [day for day in (row.signed_on, row.confirmed_on, row.withdrawn_on) if day]
        assert days == sorted(days)
        assert days[-1] <= NOW.date()
        assert row.language in appeal.letters


def test_public_names_and_words_are_approved_but_for_the_last_days(rows: list[Signature]) -> None:
    counting = [row for row in rows if row.confirmed_on and not row.withdrawn_on]
    public = [row for row in counting if row.disclosure == PUBLIC]
    waiting = [row for row in public if row.name_review is None]

    assert 0 < len(waiting) < len(public) / 2
    assert all((row.public_name is not None) == (row.name_review == APPROVED) for row in counting)
    assert {row.words_review for row in counting if row.has_words} == {None, APPROVED}


def test_every_state_has_signatures_and_some_have_many_more(db: Session, rows: list[Signature]) -> None:
    numbers = sorted(count.by_state(db).values())

    assert len(numbers) == len(STATES)
    assert numbers[0] >= 1
    assert numbers[-1] > 10 * numbers[len(numbers) // 2]


@pytest.mark.parametrize("days_later", range(0, 7, 3))
def test_the_days_look_like_a_campaign(
    db: Session, database: Database, appeal: Appeal, owner: Unlocked, days_later: int
) -> None:
    db.close()
    now = NOW + timedelta(days=days_later)
    demo.fill(database, appeal, edition=1, number=2000, now=now, step=lambda _size: None)
    confirmed = Counter({day.on: day.confirmed for day in count.by_day(db)})
    first = min(confirmed)
    weeks = [sum(confirmed[first + timedelta(days=7 * week + day)] for day in range(7)) for week in range(8)]
    weekend = sum(number for day, number in confirmed.items() if day.weekday() >= 5) / 2
    workdays = sum(number for day, number in confirmed.items() if day.weekday() < 5) / 5

    assert max(confirmed.values()) < 0.15 * confirmed.total()
    assert len(confirmed) == demo.DAYS
    assert weeks[0] == max(weeks)
    assert weeks[0] > 1.5 * weeks[2]
    assert all(after > 0.6 * before for before, after in pairwise(weeks[1:]))
    assert weeks[-1] > weeks[3]
    assert weekend < 0.8 * workdays


def test_no_day_of_a_small_campaign_has_more_than_its_share(db: Session, rows: list[Signature]) -> None:
    days = [day.confirmed for day in count.by_day(db)]

    assert max(days) < 0.15 * sum(days)


def test_the_same_seed_makes_the_same_campaign_and_a_second_run_another(
    db: Session, database: Database, appeal: Appeal, owner: Unlocked, rows: list[Signature]
) -> None:
    def made_up() -> set[tuple[Any, ...]]:
        columns = Signature.state_code, Signature.id, Signature.residence, Signature.confirmed_on
        return {tuple(row) for row in db.execute(select(*columns))}

    first = made_up()
    db.execute(delete(Signature))
    db.commit()
    for _run in range(2):
        demo.fill(database, appeal, edition=1, number=NUMBER, now=NOW, step=lambda _size: None)

    assert first < made_up()
    assert len(made_up()) == 2 * len(rows)
