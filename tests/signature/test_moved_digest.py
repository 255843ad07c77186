"""Who writes to the database moves the digest of an own mailbox to another's row: it leads to nothing."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaign.errors import ChangedError
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.signature import data_request
from campaign.signature.data_request import Subject
from campaign.signature.link import send_links, siblings
from campaign.signature.model import Signature
from campaign.signature.opened import open_letter
from campaign.signature.replace import replace
from campaign.signature.shown import Shown
from tests.conftest import NOW
from tests.support.attacker import written
from tests.support.factories import Made, confirm_one, make_owner, make_signature
from tests.support.outbox import mails

ATTACKER = "attacker@evil.example"


def give_digest(db: Session, victim: Made, mine: Made) -> None:
    """Write to the database as an attacker does."""
    moved = (mine.row.id, None), (victim.row.id, mine.row.digest)
    changes = [update(Signature).where(Signature.id == id_).values(digest=value) for id_, value in moved]
    written(db, *changes)


def test_a_requested_link_opens_no_row_that_was_given_the_digest(db: Session, keys: ServerKeys) -> None:
    mine = make_signature(db, keys, name="Eve Example", email=ATTACKER)
    victim = make_signature(db, keys, name="Vera Victim")
    give_digest(db, victim, mine)

    send_links(db, ATTACKER, language="en", keys=keys, is_sensitive=bool, now=NOW)
    db.commit()

    assert [mail.purpose for mail in mails(db, keys)].count("links") == 0


def test_what_was_given_a_digest_is_not_confirmed_with_it(db: Session, keys: ServerKeys) -> None:
    mine = make_signature(db, keys, name="Eve Example", email=ATTACKER, confirmed=False)
    victim = make_signature(db, keys, name="Vera Victim", confirmed=False)
    give_digest(db, victim, mine)

    with pytest.raises(ChangedError):
        confirm_one(db, keys, victim.token)


def test_confirming_does_not_delete_what_was_given_the_digest(db: Session, keys: ServerKeys) -> None:
    spent = make_signature(db, keys, name="Eve Example", email=ATTACKER, confirmed=False)
    mine = make_signature(db, keys, name="Eve Example", email=ATTACKER, confirmed=False)
    victim = make_signature(db, keys, name="Vera Victim", confirmed=False)
    give_digest(db, victim, spent)

    confirm_one(db, keys, mine.token)
    db.commit()

    assert db.scalar(select(Signature.id).where(Signature.id == victim.row.id)) is not None
    with pytest.raises(ChangedError):
        confirm_one(db, keys, victim.token)


def test_a_confirmed_row_with_the_digest_is_neither_shown_nor_replaced(db: Session, keys: ServerKeys) -> None:
    spent = make_signature(db, keys, name="Eve Example", email=ATTACKER, confirmed=False)
    mine = make_signature(db, keys, name="Eve Example", email=ATTACKER, confirmed=False)
    victim = make_signature(db, keys, name="Vera Victim")
    give_digest(db, victim, spent)

    opened = open_letter(db, mine.token, keys=keys, now=NOW, confirmation_days=7)
    assert [each.counting for each in opened.pending] == [None]
    assert siblings(db, victim.row) == []
    with pytest.raises(ChangedError):
        confirm_one(db, keys, mine.token)
    page = Shown.of(mine.row, counting=victim.row)
    with pytest.raises(ChangedError):
        replace(db, mine.token, pages=[page], keys=keys, now=NOW, confirmation_days=7)
    db.rollback()
    assert db.get_one(Signature, ("de", victim.row.id)).withdrawn_on is None


def test_a_data_request_finds_no_row_that_was_given_the_digest(db: Session, keys: ServerKeys) -> None:
    owner = make_owner(db)
    mine = make_signature(db, keys, name="Eve Example", email=ATTACKER)
    victim = make_signature(db, keys, name="Vera Victim", disclosure="counted")
    subject = Subject(ATTACKER, keys, key_ring(db, owner.campaign_private_key))
    assert [each.row.id for each in data_request.find_by_digest(db, subject)] == [mine.row.id]
    give_digest(db, victim, mine)

    assert data_request.find_by_digest(db, subject) == []
    assert data_request.erase_for(db, subject, [("de", victim.row.id)], now=NOW) == []
