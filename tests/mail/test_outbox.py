import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from campaign.database.session import Database
from campaign.errors import AlteredError, WrongKeyError
from campaign.mail import outbox, retry
from campaign.mail.daily_limit import MAILS_A_DAY, MailboxDay, MailRequest, reserve_link_mail, reserve_mails
from campaign.mail.outbox import OutboxMail
from campaign.mail.outbox_health import OutboxHealth, measure
from campaign.mail.sweep import erase_expired
from campaign.sealing.server_key import ServerKeys
from tests.conftest import NOW

ADDRESS = "mara.canary@example.org"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def put(db, keys):
    """Add mails to the outbox, and commit."""

    def put(number: int = 1, *, now: datetime = NOW, recipient: str = ADDRESS):
        ids = [
            outbox.add(
                db,
                keys,
                purpose="confirm",
                language="en",
                recipient=recipient,
                params={"token": f"TOKEN{n}"},
                now=now,
            )
            for n in range(number)
        ]
        db.commit()
        return ids

    return put


def row(db, mail_id) -> OutboxMail:
    db.expire_all()
    return db.get_one(OutboxMail, mail_id)


def claim(db, now: datetime = NOW, limit: int = 20) -> list[OutboxMail]:
    mails = outbox.claim(db, limit=limit, now=now)
    db.commit()
    return mails


def test_a_mail_holds_what_it_was_given(db, keys, put):
    put()
    [mail] = claim(db)

    content = outbox.content(keys, mail)

    assert (content.recipient, content.params) == (ADDRESS, {"token": "TOKEN0"})
    assert (content.purpose, content.language) == ("confirm", "en")


def test_a_mail_is_stored_only_if_its_transaction_was_committed(db, keys):
    outbox.add(db, keys, purpose="confirm", language="en", recipient=ADDRESS, params={}, now=NOW)
    db.rollback()

    assert claim(db) == []


def test_a_waiting_row_tells_neither_address_nor_its_length(db, put):
    short, long = put(recipient="a@b.cd"), put(recipient="a.very.long.address.indeed@mail.example.org")

    sealed = [row(db, mail_id).sealed for mail_id in (*short, *long)]

    assert not any(b"@" in box and b"example" in box for box in sealed)
    assert len(sealed[0]) == len(sealed[1])


def test_another_key_does_not_open_a_mail(db, put):
    put()
    [mail] = claim(db)

    with pytest.raises(WrongKeyError):
        outbox.content(ServerKeys.from_secret("another secret key, as long as the first"), mail)


def test_a_mail_opens_in_its_own_row_alone(db, put, keys):
    put(recipient="mara@example.org")
    put(recipient="zoe@example.org")
    one, other = claim(db)
    one.sealed, other.sealed = other.sealed, one.sealed

    for mail in (one, other):
        with pytest.raises(AlteredError):
            outbox.content(keys, mail)


def test_the_mail_that_has_waited_longest_goes_first(db, put):
    second, first = put(now=NOW), put(now=NOW - MINUTE)

    assert [mail.id for mail in claim(db)] == [*first, *second]


def test_a_mail_is_not_claimed_before_it_is_due(db, put):
    put(now=NOW + MINUTE)

    assert not outbox.has_due_mail(db, now=NOW)
    assert claim(db) == []
    assert outbox.has_due_mail(db, now=NOW + MINUTE)


def test_a_claimed_mail_comes_back_when_its_worker_was_killed(db, put):
    put()
    claim(db)

    assert claim(db, NOW + MINUTE) == []
    assert len(claim(db, NOW + outbox.LEASE)) == 1


def test_a_mail_with_a_renewed_lease_does_not_come_back(db, put):
    put()
    [mail] = claim(db)

    assert outbox.renew_lease(db, mail, now=NOW + MINUTE)
    db.commit()

    assert claim(db, NOW + outbox.LEASE) == []


def test_the_lease_of_a_mail_that_another_worker_claimed_cannot_be_renewed_or_released(db, put):
    put()
    [mine] = claim(db)
    db.expunge(mine)
    [theirs] = claim(db, NOW + outbox.LEASE)

    assert not outbox.renew_lease(db, mine, now=NOW + outbox.LEASE)
    outbox.release(db, [mine])

    assert row(db, theirs.id).claimed_until == NOW + 2 * outbox.LEASE


def test_a_released_mail_can_be_claimed_at_once_as_if_never_tried(db, put):
    put()
    outbox.release(db, claim(db))
    db.commit()

    [mail] = claim(db)

    assert mail.attempts == 1


def test_many_workers_never_get_the_same_mail(database: Database, put):
    ids = put(120)
    start = threading.Barrier(4)

    def work(_: int) -> list[OutboxMail]:
        start.wait()
        mine: list[OutboxMail] = []
        while True:
            with database.writing() as db:
                mails = outbox.claim(db, limit=7, now=NOW)
            if not mails:
                return mine
            mine += mails

    with ThreadPoolExecutor(4) as pool:
        claimed = [mail.id for mails in pool.map(work, range(4)) for mail in mails]

    assert Counter(claimed) == Counter(ids)


def test_a_worker_skips_mails_that_another_is_claiming(database: Database, put):
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time: the second waits for the first")
    put(2)
    with database.writing() as first, database.writing() as second:
        one = outbox.claim(first, limit=1, now=NOW)
        other = outbox.claim(second, limit=2, now=NOW)

    assert len(other) == 1
    assert one[0].id != other[0].id


def test_nothing_is_left_of_a_mail_that_was_sent(db, put):
    [mail_id] = put()
    outbox.delete_sent(db, mail_id)
    db.commit()

    assert db.scalars(select(OutboxMail)).all() == []


def test_the_back_off_grows_and_the_mail_is_given_up_after_a_day(db, put):
    [mail_id] = put()
    now, pauses = NOW, []
    while row(db, mail_id).status == "waiting":
        [mail] = claim(db, now)
        retry.put_off(db, mail.id, code=451, now=now)
        db.commit()
        due_at = row(db, mail_id).due_at
        pauses.append((due_at - now) // MINUTE)
        now = due_at
        erase_expired(db, now)
        db.commit()
        assert len(pauses) < 50

    after = row(db, mail_id)
    assert pauses[:6] == [1, 5, 15, 60, 60, 60]
    assert timedelta(hours=24) <= now - NOW < timedelta(hours=25)
    assert (after.status, after.sealed, after.failure_code) == ("expired", None, 451)


def test_a_refused_mail_is_erased_but_shown_as_failed(db, put):
    [mail_id] = put()
    claim(db)
    retry.give_up(db, mail_id, code=550)
    db.commit()

    failed = row(db, mail_id)

    assert (failed.status, failed.sealed, failed.failure_code) == ("failed", None, 550)
    assert claim(db, NOW + timedelta(days=1)) == []


def test_a_given_up_mail_does_not_tell_what_it_was_for(db, keys):
    for purpose in ("confirm", "links", outbox.DECOY, outbox.LINK_REQUEST):
        mail = {"purpose": purpose, "language": "en", "recipient": ADDRESS, "params": {}}
        retry.give_up(db, outbox.add(db, keys, **mail, now=NOW), code=550)
    db.commit()

    columns = [column for column in OutboxMail.__table__.columns if column.name != "id"]
    assert len(set(db.execute(select(*columns)).all())) == 1


def test_a_given_up_mail_keeps_its_day_but_not_its_time(db, put):
    [mail_id] = put()
    retry.give_up(db, mail_id, code=550)
    db.commit()

    assert row(db, mail_id).created_at == NOW.replace(hour=0)


def test_recording_a_second_outcome_changes_nothing(db, put):
    gone, failed = put(2)
    outbox.delete_sent(db, gone)
    retry.give_up(db, failed, code=550)

    for mail_id in (gone, failed):
        outbox.delete_sent(db, gone)
        retry.put_off(db, mail_id, code=451, now=NOW)
        retry.give_up(db, mail_id, code=553)
    db.commit()

    assert row(db, failed).failure_code == 550
    assert measure(db, NOW) == OutboxHealth(waiting=0, oldest_seconds=0, failed=1, expired=0)


def test_a_mail_that_no_worker_claimed_is_erased_after_a_day(db, put):
    [mail_id] = put()

    erase_expired(db, NOW + timedelta(hours=23, minutes=59))
    assert row(db, mail_id).status == "waiting"
    erase_expired(db, NOW + timedelta(hours=24))

    assert (row(db, mail_id).status, row(db, mail_id).sealed) == ("expired", None)


def test_a_claimed_mail_does_not_expire(db, put):
    [mail_id] = put()
    late = NOW + timedelta(hours=24)
    claim(db, late - MINUTE)

    erase_expired(db, late)

    assert row(db, mail_id).sealed is not None


def test_failures_are_deleted_after_a_month(db, put):
    [mail_id] = put()
    retry.give_up(db, mail_id, code=550)

    erase_expired(db, NOW + timedelta(days=29))
    assert db.get(OutboxMail, mail_id)
    erase_expired(db, NOW + timedelta(days=30))
    db.commit()

    assert db.scalars(select(OutboxMail)).all() == []


def test_the_outbox_health_counts_waiting_mails_and_their_age(db, put):
    assert measure(db, NOW) == OutboxHealth(waiting=0, oldest_seconds=0, failed=0, expired=0)
    put(2)
    [failed] = put(now=NOW - MINUTE)
    put(now=NOW - 3 * MINUTE)
    retry.give_up(db, failed, code=550)

    assert measure(db, NOW) == OutboxHealth(waiting=3, oldest_seconds=180, failed=1, expired=0)


def request(mailbox: bytes, *, is_plain=True) -> MailRequest:
    return MailRequest(mailbox, os.urandom(32), None, is_plain=is_plain)


def reserve(db, mailbox: bytes, *, is_plain=True, on=NOW):
    [reserved] = reserve_mails(db, [request(mailbox, is_plain=is_plain)], on=on.date())
    return reserved


def test_a_mailbox_gets_five_mails_a_day(db):
    mailbox, other = b"m" * 32, b"o" * 32

    assert [reserve(db, mailbox).is_within_limit for _ in range(7)] == [True] * 5 + [False] * 2
    assert reserve(db, other).is_within_limit


@pytest.mark.parametrize("at_once", [1, 2, 3, 7])
def test_beyond_the_limit_the_link_of_the_days_last_mail_opens_what_is_submitted(db, at_once):
    links = [b"link %d" % number for number in range(8)]
    reserved = []
    for start in range(0, 8, at_once):
        requests = [MailRequest(b"m" * 32, link, None) for link in links[start : start + at_once]]
        reserved += reserve_mails(db, requests, on=NOW.date())

    assert [each.is_within_limit for each in reserved].count(True) == MAILS_A_DAY
    [last] = [at for at, each in enumerate(reserved) if each.is_last]
    for at, each in enumerate(reserved):
        assert each.link == links[at if each.is_within_limit else last]
        assert each.is_collected != each.is_within_limit


@pytest.mark.parametrize("at_once", [1, 3, 8])
def test_posts_with_a_tag_leave_the_last_mail_to_the_address_itself(db, at_once):
    requests = [request(b"m" * 32, is_plain=at in {6, 7}) for at in range(8)]
    reserved = []
    for start in range(0, 8, at_once):
        reserved += reserve_mails(db, requests[start : start + at_once], on=NOW.date())

    assert [each.is_within_limit for each in reserved[:6]] == [True] * 4 + [False] * 2
    assert not any(each.is_last or each.is_collected for each in reserved[:6])
    assert [each.link for each in reserved[:6]] == [each.link for each in requests[:6]]
    [last] = [at for at, each in enumerate(reserved) if each.is_last]
    assert {each.link for each in reserved[6:]} == {requests[last].link}


def test_the_last_mail_of_a_day_may_send_links_and_opens_what_comes_later(db):
    mailbox, on = b"m" * 32, NOW.date()
    tagged = [reserve_link_mail(db, request(mailbox, is_plain=False), on=on) for _ in range(6)]
    last = request(mailbox)

    assert [each is not None for each in tagged] == [True] * 4 + [False] * 2
    found = reserve_link_mail(db, last, on=on)
    assert found is not None
    assert found.is_last
    assert reserve_link_mail(db, request(mailbox), on=on) is None
    later = reserve(db, mailbox)
    assert (later.link, later.is_within_limit) == (last.link, False)
    assert reserve(db, mailbox, is_plain=False).link != last.link


def test_of_mails_requested_at_the_same_moment_five_are_sent(database: Database):
    start = threading.Barrier(8)

    def ask(_: int) -> bool:
        start.wait()
        with database.writing() as db:
            return reserve(db, b"m" * 32).is_within_limit

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(8))) == 5


def test_yesterdays_counts_are_deleted(db):
    reserve(db, b"y" * 32, on=NOW - timedelta(days=1))
    reserve(db, b"t" * 32)

    erase_expired(db, NOW)

    assert [each.digest for each in db.scalars(select(MailboxDay))] == [b"t" * 32]
