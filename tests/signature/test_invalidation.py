from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.errors import ChangedError
from campaign.organiser.account import Unlocked
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.signature import count, invalidation, recount, search
from campaign.signature.invalidation import Invalidation
from campaign.signature.model import Signature
from campaign.signature.search import ANY, CONFIRMED, PENDING, Criteria
from campaign.signature.withdraw import withdraw
from tests.conftest import NOW
from tests.support.factories import TODAY, Made, confirm_one, decide, make_owner, make_signature

DAYS = 7


@pytest.fixture
def owner(db: Session) -> Unlocked:
    return make_owner(db)


def key(made: Made) -> Any:
    return made.row.state_code, made.row.id


def hold(db: Session, made: Made, reason: str = "network") -> None:
    """Hold a signature as signing does: no count includes it."""
    decide(db, made.row, held_for=reason)
    if made.row.confirmed_on:
        count.add(db, made.row.state_code, made.row.residence, on=made.row.confirmed_on, confirmed=-1)
    db.commit()


def found(db: Session, owner: Unlocked, **parts: Any) -> set[Any]:
    return {each.key for each in search.find(db, Criteria(**parts), key_ring(db, owner.campaign_private_key))}


def set_aside(db: Session, *made: Made, reason: str = "They are one person’s.") -> Invalidation:
    decision = invalidation.record_decision(db, None, reason, by="Olga", now=NOW)
    invalidation.invalidate(db, decision.id, [key(each) for each in made])
    db.commit()
    db.expire_all()
    return decision


def counts_equal_rows(db: Session) -> bool:
    return recount.compare(db) == []


def test_a_held_signature_can_be_confirmed_and_does_not_count(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    made = make_signature(db, keys, confirmed=False)
    decide(db, made.row, held_for="robot")
    db.commit()
    confirmed = confirm_one(db, keys, made.token)
    db.commit()

    assert confirmed.confirmed_on == TODAY
    assert count.total(db) == 0
    assert invalidation.count_held(db) == {"robot": (0, 1)}
    assert counts_equal_rows(db)


def test_a_released_signature_counts_on_the_day_it_was_confirmed(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    made = make_signature(db, keys, on=TODAY - timedelta(days=3))
    hold(db, made)
    assert count.total(db) == 0

    assert invalidation.release(db, [key(made)]) == 1
    assert invalidation.release(db, [key(made)]) == 0
    assert count.total(db) == 1
    assert count.by_day(db)[-1].on == TODAY - timedelta(days=3)
    assert counts_equal_rows(db)


def test_a_signature_released_before_it_is_confirmed_counts_from_then_on(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    made = make_signature(db, keys, confirmed=False)
    hold(db, made)

    invalidation.release(db, [key(made)])
    assert count.total(db) == 0
    db.commit()
    db.expire_all()
    confirm_one(db, keys, made.token)

    assert count.total(db) == 1
    assert counts_equal_rows(db)


def test_invalidating_takes_off_the_count_and_undoing_restores_it(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    stays, goes, pending = (make_signature(db, keys, confirmed=each) for each in (True, True, False))
    held = make_signature(db, keys)
    hold(db, held)
    decision = set_aside(db, goes, pending, held)

    assert decision.number == 3
    assert count.by_state(db) == {"de": 1}
    assert counts_equal_rows(db)
    assert set_aside(db, goes).number == 0

    assert invalidation.undo(db, decision.id, by="Olga", now=NOW) == 3
    assert invalidation.undo(db, decision.id, by="Olga", now=NOW) == 0
    assert count.by_state(db) == {"de": 2}
    assert counts_equal_rows(db)
    assert stays.row.invalidation_id is None


def test_an_invalidated_pending_one_does_not_count_when_it_is_confirmed(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    made = make_signature(db, keys, confirmed=False)
    set_aside(db, made)
    confirm_one(db, keys, made.token)

    assert count.total(db) == 0
    assert counts_equal_rows(db)


@pytest.mark.parametrize("then_undone", [False, True])
def test_a_signature_withdrawn_while_it_is_invalidated_is_in_no_count(
    db: Session, keys: ServerKeys, owner: Unlocked, then_undone: bool
) -> None:
    made = make_signature(db, keys)
    decision = set_aside(db, made)
    withdraw(db, made.token, now=NOW, confirmation_days=DAYS)
    db.commit()
    if then_undone:
        assert invalidation.undo(db, decision.id, by="Olga", now=NOW) == 0

    assert count.total(db) == 0
    assert count.withdrawn(db, "de") == 0
    assert counts_equal_rows(db)


def test_the_mailbox_of_an_invalidated_signature_cannot_sign_again(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    made = make_signature(db, keys, email="mara@example.org")
    set_aside(db, made)
    again = make_signature(db, keys, email="mara@example.org", confirmed=False)

    with pytest.raises(ChangedError):
        confirm_one(db, keys, again.token)

    assert count.total(db) == 0


SEARCHES: list[tuple[dict[str, Any], set[str]]] = [
    ({"state_code": "fr"}, {"france"}),
    ({"residence": "PL"}, {"poland"}),
    ({"signed_to": TODAY - timedelta(days=2)}, {"early"}),
    ({"signed_from": TODAY - timedelta(days=1), "state_code": "de", "stage": PENDING}, {"pending"}),
    ({"held_for": ANY}, {"held"}),
    ({"held_for": "robot"}, set()),
    ({"held_for": "network", "stage": CONFIRMED}, {"held"}),
    ({"domain": "flood.example"}, {"flood", "below"}),
    ({"domain": "flood.example", "residence": "PL"}, set()),
]


def test_a_search_finds_the_signatures_that_match_every_field(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    made = {
        "plain": make_signature(db, keys),
        "france": make_signature(db, keys, state="fr"),
        "poland": make_signature(db, keys, residence="PL"),
        "early": make_signature(db, keys, on=TODAY - timedelta(days=2)),
        "pending": make_signature(db, keys, confirmed=False),
        "held": make_signature(db, keys),
        "flood": make_signature(db, keys, email="a@Flood.example"),
        "below": make_signature(db, keys, email="a@b.flood.example"),
        "beside": make_signature(db, keys, email="a@notflood.example"),
        "counted": make_signature(db, keys, email="b@flood.example", disclosure="counted"),
    }
    hold(db, made["held"])

    for parts, expected in SEARCHES:
        assert found(db, owner, **parts) == {key(made[name]) for name in expected}, parts


def test_a_search_finds_neither_withdrawn_nor_invalidated_signatures(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    gone, aside, there = (make_signature(db, keys) for _ in range(3))
    withdraw(db, gone.token, now=NOW, confirmation_days=DAYS)
    set_aside(db, aside)

    assert found(db, owner, state_code="de") == {key(there)}


def test_a_search_covers_any_number_of_batches(
    db: Session, keys: ServerKeys, owner: Unlocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "BATCH", 2)
    made = {key(make_signature(db, keys, state=state)) for state in ("de", "fr", "de", "fr", "de")}

    assert found(db, owner, residence="FR") == made
    ring = key_ring(db, owner.campaign_private_key)
    assert len(list(search.find(db, Criteria(residence="FR"), ring, most_read=4))) == 4


def test_criteria_are_empty_if_nearly_every_signature_matches() -> None:
    assert Criteria().is_empty
    assert Criteria(stage=PENDING).is_empty
    assert not Criteria(domain="flood.example").is_empty


def test_criteria_and_reason_are_sealed_and_can_be_read_with_the_key(
    db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    decision = invalidation.record_decision(
        db, Criteria(domain="flood.example", signed_from=TODAY), "One machine.", by="Olga", now=NOW
    )
    db.commit()
    stored = db.scalars(select(Invalidation)).one()
    grounds = invalidation.grounds(stored, key_ring(db, owner.campaign_private_key))

    assert grounds is not None
    assert grounds.reason == "One machine."
    assert grounds.rule == {"domain": "flood.example", "signed_from": TODAY.isoformat()}
    assert b"flood" not in (decision.sealed or b"")
    assert invalidation.grounds(stored, key_ring(db, b"\1" * 32)) is None


def test_concurrent_confirming_invalidating_and_undoing_keep_counts_equal_to_rows(
    database: Database, keys: ServerKeys
) -> None:
    with database.session(writes=True) as db:
        make_owner(db)
        made = [make_signature(db, keys, confirmed=False) for _ in range(12)]
        decision = invalidation.record_decision(db, None, "A test.", by="Olga", now=NOW)
        db.commit()

    def confirm(each: Made) -> None:
        with database.writing() as db:
            confirm_one(db, keys, each.token)

    def decide(number: int) -> None:
        with database.writing() as db:
            if number % 3 == 2:
                invalidation.undo(db, decision.id, by="Olga", now=NOW)
            else:
                invalidation.invalidate(db, decision.id, [key(each) for each in made[number::2]])

    with ThreadPoolExecutor(6) as pool:
        acts = [pool.submit(confirm, each) for each in made]
        acts += [pool.submit(decide, number) for number in range(6)]
        for act in acts:
            act.result()
    with database.session(writes=True) as db:
        assert counts_equal_rows(db)
        counting = db.scalars(select(Signature).where(Signature.invalidation_id.is_(None))).all()
        assert count.total(db) == len(counting)
