"""A mailbox's owner replaces the signature that counts by a later submission."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.delivery import notice
from campaign.errors import ChangedError, ClosedError
from campaign.sealing.server_key import ServerKeys
from campaign.signature import count, invalidation
from campaign.signature.confirm import Confirmation, confirm
from campaign.signature.erase import erase_digests
from campaign.signature.link import linked
from campaign.signature.model import Signature
from campaign.signature.opened import OpenedLetter, open_letter
from campaign.signature.recount import compare
from campaign.signature.replace import replace
from campaign.signature.shown import CONFIRMED
from campaign.signature.withdraw import withdraw
from tests.conftest import NOW
from tests.support.factories import Made, decide, make_delivery, make_owner, make_signature

DAYS = {"now": NOW, "confirmation_days": 7}
MARA = "mara@example.org"


def opened(db: Session, keys: ServerKeys, made: Made) -> OpenedLetter:
    return open_letter(db, made.token, keys=keys, **DAYS)


def press_replace(db: Session, keys: ServerKeys, later: Made) -> Signature:
    [pending] = opened(db, keys, later).pending
    [replaced] = replace(db, later.token, pages=[pending.shown], keys=keys, **DAYS)
    db.commit()
    return replaced


@pytest.fixture
def earlier(db: Session, keys: ServerKeys) -> Made:
    make_owner(db)
    return make_signature(db, keys, email=MARA, residence="FR", name="Mara Example")


@pytest.fixture
def later(db: Session, keys: ServerKeys, earlier: Made) -> Made:
    return make_signature(db, keys, email=MARA, residence="PL", disclosure="public", confirmed=False)


def test_the_later_submission_counts_in_place_of_the_earlier(
    db: Session, keys: ServerKeys, earlier: Made, later: Made
) -> None:
    counting = press_replace(db, keys, later)

    assert counting.id == later.row.id
    assert (counting.submission, counting.submitted_at) == (None, None)
    assert count.by_residence(db, "de") == {"PL": 1}
    assert count.withdrawn(db, "de") == 1
    assert compare(db) == []
    db.refresh(earlier.row)
    assert (earlier.row.sealed, earlier.row.digest, earlier.row.withdrawn_on) == (None, None, NOW.date())


def test_both_links_lead_to_the_later_one(db: Session, keys: ServerKeys, earlier: Made, later: Made) -> None:
    press_replace(db, keys, later)

    assert opened(db, keys, later).is_substitute is False
    page = opened(db, keys, earlier)
    assert (page.signature.id, page.is_substitute) == (later.row.id, True)
    assert page.replaced is not None
    assert page.replaced.id == earlier.row.id
    assert not page.may_change
    for token in (earlier.token, later.token):
        with suppress(ChangedError):
            withdraw(db, token, pages=[page.shown], **DAYS)
        assert count.total(db) == (1 if token == earlier.token else 0)


def test_after_digests_were_erased_the_earlier_link_withdraws_too_since_none_can_be_sent_again(
    db: Session, keys: ServerKeys, earlier: Made, later: Made
) -> None:
    press_replace(db, keys, later)
    list(erase_digests(db))
    db.expire_all()
    page = opened(db, keys, earlier)

    assert page.may_change
    withdraw(db, earlier.token, pages=[page.shown], **DAYS)
    assert count.total(db) == 0


def test_a_delegation_is_asked_to_strike_the_earlier_one(
    db: Session, keys: ServerKeys, earlier: Made, later: Made
) -> None:
    make_delivery(db, [earlier.row])
    press_replace(db, keys, later)

    assert [each.numbers for each in notice.pending(db)] == [(1,)]


def test_a_published_name_goes_and_the_new_one_waits_for_approval(
    db: Session, keys: ServerKeys, earlier: Made, later: Made
) -> None:
    decide(db, earlier.row, disclosure="public", public_name="Mara", name_review="approved")
    db.commit()
    counting = press_replace(db, keys, later)

    db.refresh(earlier.row)
    assert earlier.row.public_name is None
    assert (counting.public_name, counting.name_review) == (None, None)


@pytest.mark.parametrize("which", ["held", "invalidated"])
def test_what_was_set_aside_does_not_count_by_being_replaced(
    db: Session, keys: ServerKeys, earlier: Made, later: Made, which: str
) -> None:
    key = earlier.row.state_code, earlier.row.id
    if which == "held":
        decide(db, earlier.row, held_for="domain")
        count.add(db, "de", "FR", on=NOW.date(), confirmed=-1)
    else:
        decision = invalidation.record_decision(db, None, "made up", by="Olga", now=NOW)
        invalidation.invalidate(db, decision.id, [key])
    db.commit()
    counting = press_replace(db, keys, later)

    assert count.total(db) == 0
    assert compare(db) == []
    if which == "held":
        invalidation.release(db, [(counting.state_code, counting.id)])
    else:
        invalidation.undo(db, decision.id, by="Olga", now=NOW)
    db.commit()
    assert count.by_residence(db, "de") == {"PL": 1}
    assert compare(db) == []


def _withdraw_earlier(db: Session, earlier: Made) -> None:
    withdraw(db, earlier.token, **DAYS)


def _erase_later(db: Session, earlier: Made) -> None:
    [token] = [each for each in db.info["links"] if each != earlier.token]
    withdraw(db, token, **DAYS)


@pytest.mark.parametrize("meanwhile", [_withdraw_earlier, _erase_later])
def test_a_page_that_no_longer_holds_replaces_nothing(
    db: Session, keys: ServerKeys, earlier: Made, later: Made, meanwhile: Callable[[Session, Made], None]
) -> None:
    db.info["links"] = [earlier.token, later.token]
    [pending] = opened(db, keys, later).pending
    meanwhile(db, earlier)
    before = count.total(db)

    with pytest.raises(ChangedError):
        replace(db, later.token, pages=[pending.shown], keys=keys, **DAYS)
    assert count.total(db) == before


def test_a_page_that_showed_something_else_replaces_nothing(
    db: Session, keys: ServerKeys, earlier: Made, later: Made
) -> None:
    [pending] = opened(db, keys, later).pending

    others: list[dict[str, str]]
    others = [{"counting": ""}, {"counting": "0" * 32}, {"status": CONFIRMED}, {"disclosure": "delegation"}]
    for other in others:
        with pytest.raises(ChangedError):
            replace(db, later.token, pages=[pending.shown._replace(**other)], keys=keys, **DAYS)
        assert count.by_residence(db, "de") == {"FR": 1}, other


def test_another_link_replaces_nothing(db: Session, keys: ServerKeys, earlier: Made, later: Made) -> None:
    [pending] = opened(db, keys, later).pending

    with pytest.raises(ChangedError):
        replace(db, earlier.token, pages=[pending.shown], keys=keys, **DAYS)


def test_what_was_submitted_after_the_close_replaces_nothing(
    db: Session, keys: ServerKeys, later: Made
) -> None:
    [pending] = opened(db, keys, later).pending
    closes_on = NOW.date() - timedelta(days=1)

    with pytest.raises(ClosedError):
        replace(db, later.token, pages=[pending.shown], keys=keys, closes_on=closes_on, **DAYS)


def test_a_link_that_cannot_show_a_submission_neither_confirms_nor_replaces_with_it(
    db: Session, keys: ServerKeys, earlier: Made, later: Made
) -> None:
    later.row.disclosure = "delegation"  # edited in the database: the copy is bound to it
    db.commit()
    [pending] = opened(db, keys, later).pending
    assert pending.typed is None

    with pytest.raises(ChangedError):
        replace(db, later.token, pages=[pending.shown], keys=keys, **DAYS)
    withdraw(db, earlier.token, **DAYS)
    assert _confirm(db, keys, later) is ChangedError


def test_confirming_beside_one_that_counts_does_nothing(
    db: Session, keys: ServerKeys, earlier: Made, later: Made
) -> None:
    assert _confirm(db, keys, later) is ChangedError
    assert count.by_residence(db, "de") == {"FR": 1}


def test_of_links_clicked_at_the_same_moment_one_wins(
    database: Database, db: Session, keys: ServerKeys, earlier: Made, later: Made
) -> None:
    third = make_signature(db, keys, email=MARA, residence="AT", confirmed=False)
    pages = [(made, opened(db, keys, made).pending[0].shown) for made in (later, third)]
    db.commit()

    def click(at: int) -> None:
        made, page = pages[at % 2]
        with suppress(ChangedError), database.writing() as other:
            if at < 4:
                replace(other, made.token, pages=[page], keys=keys, **DAYS)
            else:
                withdraw(other, earlier.token, **DAYS)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(click, range(6)))

    db.expire_all()
    standing = db.scalars(select(Signature).where(Signature.withdrawn_on.is_(None))).all()
    assert count.total(db) == sum(1 for each in standing if each.confirmed_on) <= 1
    assert compare(db) == []


def test_a_sibling_that_was_deleted_leaves_its_link_to_the_one_that_counts(
    db: Session, keys: ServerKeys
) -> None:
    one, other = (make_signature(db, keys, email=MARA, confirmed=False) for _ in range(2))
    assert _confirm(db, keys, one) == ((one.row.state_code, one.row.id),)

    [link] = linked(db, other.token, **DAYS)
    assert (link.signature.id, link.is_substitute) == (one.row.id, True)
    assert _confirm(db, keys, other) is ChangedError


def _confirm(db: Session, keys: ServerKeys, made: Made) -> object:
    [outcome] = confirm(db, [Confirmation(made.token)], keys=keys, **DAYS)
    db.commit()
    return outcome if isinstance(outcome, tuple) else type(outcome)
