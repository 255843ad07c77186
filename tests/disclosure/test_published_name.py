"""Pages of published names, on both databases."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from campaign.disclosure import published_name
from campaign.disclosure.published_name import Cursor
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature
from tests.conftest import NOW
from tests.support.factories import decide, make_signature

TODAY = NOW.date()


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published_name, "NAMES_A_PAGE", 3)


def publish(db: Session, keys: ServerKeys, name: str, *, days_ago: int) -> Signature:
    row = make_signature(db, keys, disclosure="public", on=TODAY - timedelta(days=days_ago)).row
    decide(db, row, public_name=name, name_review="approved")
    db.commit()
    return row


@pytest.fixture
def names(db: Session, keys: ServerKeys) -> list[str]:
    """Publish names of three days; return them in the order of the pages."""
    rows = [publish(db, keys, f"Mara {at}", days_ago=at // 3) for at in range(8)]
    rows.sort(key=lambda row: row.id)
    return [row.public_name or "" for row in rows]


def shown(page: published_name.NamesPage) -> list[str]:
    return [name for name, _state in page.names]


def test_pages_have_every_name_once_forwards_and_backwards(
    db: Session, keys: ServerKeys, names: list[str]
) -> None:
    pages = [published_name.page_of_names(db)]
    while following := pages[-1].after:
        pages.append(published_name.page_of_names(db, after=following))

    assert [shown(page) for page in pages] == [names[:3], names[3:6], names[6:]]
    assert pages[0].before is None
    assert pages[1].before is None, "the page before it begins at the first name"
    assert shown(published_name.page_of_names(db, after=pages[2].before)) == names[3:6]


@pytest.mark.parametrize("why", [{"held_for": "domain"}, {"invalidation_id": UUID(int=1)}], ids=str)
def test_a_name_that_does_not_count_is_not_shown(db: Session, keys: ServerKeys, why: dict[str, Any]) -> None:
    publish(db, keys, "Mara", days_ago=0)
    decide(db, publish(db, keys, "Zoë", days_ago=0), **why)
    db.commit()

    assert shown(published_name.page_of_names(db)) == ["Mara"]


def test_the_order_of_names_says_nothing_about_when_they_signed(db: Session, keys: ServerKeys) -> None:
    orders = set()
    for _try in range(8):
        rows = [publish(db, keys, "Mara", days_ago=at) for at in range(3)]
        db.query(Signature).delete()
        db.commit()
        orders.add(tuple(sorted(range(3), key=lambda at: rows[at].id)))

    assert len(orders) > 1


def test_names_removed_meanwhile_shift_no_name_to_another_page(
    db: Session, keys: ServerKeys, names: list[str]
) -> None:
    first = published_name.page_of_names(db)
    gone = db.query(Signature).filter_by(public_name=names[2]).one()
    gone.public_name = None
    db.commit()

    assert shown(published_name.page_of_names(db, after=first.after)) == names[3:6]


def test_a_cursor_in_an_address_reveals_nothing_and_is_always_the_same(db: Session, keys: ServerKeys) -> None:
    row = publish(db, keys, "Mara Public", days_ago=0)
    cursor = Cursor(row.id)
    text = cursor.wrap(keys)

    assert Cursor.unwrap(text, keys) == cursor
    assert text == Cursor(row.id).wrap(keys)
    assert row.id.hex[:6] not in text
    assert Cursor.unwrap(text, ServerKeys.from_secret("another secret", b"salt")) is None
    for wrong in ("", "a", "é", "A" * 80, text[:-4], f"{text}AAAA", "1" * 100_000):
        assert Cursor.unwrap(wrong, keys) is None


def test_no_cursor_can_be_opened_once_the_digest_key_is_destroyed() -> None:
    before, after = (ServerKeys.from_secret("the same secret", salt) for salt in (b"salt", b"another"))

    assert before.cursor != after.cursor
