"""Published figures: no change of them shows one person's act."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from campaign.database.fact import save_fact
from campaign.database.session import Database
from campaign.settings import Settings
from campaign.signature import count, published_count
from campaign.signature.published_count import FACT, PublicCount
from tests.conftest import NOW, Clock

Act = Callable[..., None]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, count_minutes=15, count_step=5)


@pytest.fixture
def act(database: Database, clock: Clock) -> Act:
    """Count confirmations and withdrawals of one State, and commit."""

    def act(state: str = "de", confirmed: int = 1, withdrawn: int = 0) -> None:
        with database.writing() as db:
            count.add(db, state, "FR", on=clock().date(), confirmed=confirmed, withdrawn=withdrawn)

    return act


@pytest.fixture
def publish(database: Database, settings: Settings, clock: Clock) -> Callable[[], PublicCount]:
    """Run the worker's job, and return what everybody sees."""

    def publish() -> PublicCount:
        with database.writing() as db:
            published_count.publish(db, settings, now=clock())
        with database.reading() as db:
            return published_count.public_count(db, settings, now=clock())

    return publish


Publish = Callable[[], PublicCount]


def test_a_figure_moves_at_a_turn_and_only_by_five_or_more(act: Act, publish: Publish, clock: Clock) -> None:
    act(confirmed=4)
    for _quarter in range(4):
        clock.forward(minutes=15)
        assert publish().by_state == {}
    act()
    clock.forward(minutes=14, seconds=59)
    assert publish().by_state == {}, "before the turn"
    clock.forward(seconds=1)
    assert publish() == PublicCount(NOW + timedelta(minutes=75), {"de": 5})


def test_acts_without_net_effect_let_no_single_act_move_a_figure(
    act: Act, publish: Publish, clock: Clock
) -> None:
    act(confirmed=10)
    clock.forward(minutes=15)
    assert publish().total == 10
    for _turn in range(4):
        act(confirmed=2, withdrawn=2)  # one mailbox, twice: sign, confirm, withdraw
        act()  # somebody else
        clock.forward(minutes=15)
        assert publish().total == 10
    act()
    clock.forward(minutes=15)
    assert publish().total == 15


def test_a_figure_falls_for_five_fewer_and_to_none(act: Act, publish: Publish, clock: Clock) -> None:
    act(confirmed=5)
    clock.forward(minutes=15)
    assert publish().by_state == {"de": 5}
    act(confirmed=0, withdrawn=4)
    clock.forward(minutes=15)
    assert publish().by_state == {"de": 5}
    act(confirmed=0, withdrawn=1)
    clock.forward(minutes=15)
    assert publish().by_state == {}


def test_figures_follow_at_the_days_turn_whatever_their_number(
    act: Act, publish: Publish, clock: Clock
) -> None:
    act()
    clock.forward(hours=11, minutes=59)
    assert publish().total == 0
    clock.forward(minutes=1)
    assert publish() == PublicCount(NOW + timedelta(hours=12), {"de": 1})


def test_a_small_figure_falls_to_none_with_the_day_alone(act: Act, publish: Publish, clock: Clock) -> None:
    act(confirmed=1)
    clock.forward(hours=12)
    assert publish().by_state == {"de": 1}
    act(confirmed=0, withdrawn=1)
    clock.forward(minutes=15)
    assert publish().by_state == {"de": 1}
    clock.forward(days=1)
    assert publish().by_state == {}


def test_a_figure_that_rested_for_days_does_not_move_with_one_act(
    act: Act, publish: Publish, clock: Clock
) -> None:
    act(confirmed=5)
    clock.forward(minutes=15)
    assert publish().total == 5
    clock.forward(days=3)
    publish()
    act()
    act("fr")
    for _quarter in range(20):
        clock.forward(minutes=15)
        assert publish().by_state == {"de": 5}


def test_the_total_minus_the_other_states_does_not_show_one_states_acts(
    act: Act, publish: Publish, clock: Clock
) -> None:
    act("li")
    for state in ("de", "fr", "it"):
        act(state, confirmed=50)
    clock.forward(minutes=15)

    found = publish()

    assert found.by_state == {"de": 50, "fr": 50, "it": 50}
    assert found.total == 150


def test_one_person_who_confirms_many_letters_moves_nothing(act: Act, publish: Publish, clock: Clock) -> None:
    for state in ("de", "fr", "it", "li", "va", "us"):
        act(state)
    clock.forward(minutes=15)

    assert publish().total == 0


def test_an_invalidation_of_hundreds_shows_at_the_next_turn_and_one_of_few_with_others(
    act: Act, publish: Publish, clock: Clock
) -> None:
    act(confirmed=600)
    clock.forward(minutes=15)
    publish()
    act(confirmed=-500)
    clock.forward(minutes=15)
    assert publish().total == 100
    act(confirmed=-1)
    clock.forward(minutes=15)
    assert publish().total == 100


def test_a_late_worker_waits_for_the_next_turn(act: Act, publish: Publish, clock: Clock) -> None:
    act(confirmed=7)
    clock.forward(hours=13, minutes=7)
    assert publish().total == 0
    clock.forward(minutes=8)
    assert publish() == PublicCount(NOW + timedelta(hours=13, minutes=15), {"de": 7})


def test_many_workers_publish_each_turn_once(
    act: Act, publish: Publish, database: Database, settings: Settings, clock: Clock
) -> None:
    clock.forward(minutes=15)
    act(confirmed=5)
    assert publish().total == 5
    act(confirmed=20)
    for seconds in (0, 20, 100):
        with database.writing() as other:
            published_count.publish(other, settings, now=clock() + timedelta(seconds=seconds))
        assert publish().total == 5


@pytest.mark.both_databases
def test_of_two_workers_at_once_the_second_changes_nothing(
    act: Act, database: Database, settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    act(confirmed=5)
    clock.forward(minutes=15)
    asked = count.by_state
    overtaken: list[bool] = []

    def overtake(db: Session) -> dict[str, int]:
        found = asked(db)
        if not overtaken and not database.is_sqlite:  # whose writers wait for each other
            overtaken.append(True)
            with database.writing() as other:
                published_count.publish(other, settings, now=clock())
                count.add(other, "fr", "FR", on=clock().date(), confirmed=9)
        return found

    monkeypatch.setattr(count, "by_state", overtake)
    with database.writing() as db:
        published_count.publish(db, settings, now=clock())
    with database.reading() as db:
        assert published_count.public_count(db, settings, now=clock()).by_state == {"de": 5}


def test_a_clock_set_back_publishes_nothing_and_stops_nothing_for_longer_than_a_day(
    act: Act, publish: Publish, clock: Clock
) -> None:
    clock.forward(minutes=15)
    publish()
    act(confirmed=7)
    clock.time = NOW - timedelta(hours=2)
    assert publish() == PublicCount(NOW + timedelta(minutes=15), {})
    clock.time = NOW + timedelta(days=1000)
    assert publish().total == 7
    act(confirmed=5)
    clock.time = NOW + timedelta(hours=1)
    assert publish() == PublicCount(clock(), {"de": 7}), "the turn is right again, and no figure moved"
    clock.forward(minutes=15)
    assert publish().total == 12


def test_a_step_of_one_without_turns_shows_every_act_at_once(
    db: Session, settings: Settings, act: Act, clock: Clock
) -> None:
    act()
    at_once = replace(settings, count_minutes=0, count_step=1)

    assert published_count.public_count(db, at_once, now=clock()) == PublicCount(NOW, {"de": 1})


def test_figures_are_published_at_the_first_start_alone(
    db: Session, settings: Settings, act: Act, clock: Clock
) -> None:
    act()
    published_count.publish_at_start(db, settings, now=clock())
    assert published_count.public_count(db, settings, now=clock()).total == 0
    save_fact(db, FACT, "")
    published_count.publish_all(db, settings, now=clock())
    assert published_count.public_count(db, settings, now=clock()).total == 1


def test_turns_are_counted_from_midnight_utc(settings: Settings) -> None:
    for minutes in (1, 15, 60, 480):
        choice = replace(settings, count_minutes=minutes)
        turn = published_count.last_turn(choice, NOW + timedelta(minutes=7, seconds=3))
        assert (turn.hour * 60 + turn.minute) % minutes == 0
        assert published_count.next_turn(choice, turn) - turn == timedelta(minutes=minutes)
