from contextlib import suppress
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.disclosure.approval import Outcome, approve_names, decline_names
from campaign.errors import CampaignError, ChangedError, ClosedError, NoKeyError, UnknownTokenError
from campaign.guard.proof_of_work import Proof
from campaign.mail import outbox
from campaign.mail.daily_limit import MAILS_A_DAY, MailboxDay
from campaign.mail.outbox import OutboxMail
from campaign.sealing import box
from campaign.sealing.address_digest import AddressDigests
from campaign.sealing.box import Details
from campaign.sealing.code import code_hash, new_code
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.signature import count as tally
from campaign.signature import submission
from campaign.signature.confirm import Confirmation
from campaign.signature.confirm import confirm as confirm_signatures
from campaign.signature.link import linked, request_links, send_links
from campaign.signature.model import Signature, SignatureToken
from campaign.signature.recount import compare
from campaign.signature.shown import CONFIRMED, WITHDRAWN, Shown
from campaign.signature.sign import Signing
from campaign.signature.sign import sign as sign_letter
from campaign.signature.withdraw import disclose, withdraw
from tests.conftest import NOW
from tests.support.factories import confirm_one, find_by_token, make_owner, make_signature
from tests.support.outbox import mails

DAYS = 7

_moments = count(1)


def signing(
    keys: ServerKeys, email: str = "mara@example.org", *, proof: Proof | None = None, **changes: str
) -> Signing:
    given = {
        "state_code": "de",
        "residence": "FR",
        "disclosure": "delegation",
        "language": "en",
    } | {k: v for k, v in changes.items() if k in {"state_code", "residence", "disclosure"}}
    details = Details(name=changes.get("name", "Mara Example"), email=email, words=changes.get("words", ""))
    return Signing(details=details, digests=AddressDigests.of(keys, email), edition=1, proof=proof, **given)  # type: ignore[arg-type]


def sign(db: Session, keys: ServerKeys, **changes: str) -> str:
    """Sign and return the token that the mail carries."""
    # One millisecond later each time, so that the mails have an order.
    moment = NOW + timedelta(milliseconds=next(_moments))
    sign_letter(db, [signing(keys, **changes)], keys=keys, now=moment, confirmation_days=7)
    db.commit()
    return str(mails(db, keys)[-1].params["token"])


def confirm(db: Session, keys: ServerKeys, token: str) -> Signature:
    confirmed = confirm_one(db, keys, token)
    db.commit()
    return confirmed


def rows(db: Session) -> int:
    return db.scalar(select(func.count()).select_from(Signature)) or 0


def test_a_new_signature_is_pending_and_does_not_count(db: Session, keys: ServerKeys) -> None:
    sign(db, keys)

    assert rows(db) == 1
    assert tally.total(db) == 0


def test_confirming_lets_it_count(db: Session, keys: ServerKeys) -> None:
    confirmed = confirm(db, keys, sign(db, keys))

    assert confirmed.confirmed_on == NOW.date()
    assert (confirmed.submission, confirmed.submitted_at) == (None, None)
    assert tally.by_state(db) == {"de": 1}
    assert compare(db) == []


def test_confirming_twice_counts_once(db: Session, keys: ServerKeys) -> None:
    token = sign(db, keys)
    confirm(db, keys, token)
    confirm(db, keys, token)

    assert tally.total(db) == 1


def test_only_an_organisers_key_opens_what_was_signed(db: Session, keys: ServerKeys) -> None:
    owner = make_owner(db)
    sign(db, keys, name="Mara Example", words="My own words.")
    row = db.scalars(select(Signature)).one()

    assert row.sealed is not None
    assert box.unseal(row.sealed, owner.campaign_private_key, row.context).name == "Mara Example"
    assert b"Mara" not in row.sealed


def test_of_a_signature_that_is_only_counted_neither_a_box_nor_a_copy_has_the_name(
    db: Session, keys: ServerKeys
) -> None:
    token = sign(db, keys, disclosure="counted", words="Words")
    row = db.scalars(select(Signature)).one()

    assert row.sealed is None
    assert not row.has_words
    typed = submission.unwrap(row, token, keys)
    assert typed is not None
    assert (typed.name, typed.town, typed.words) == ("", "", "")


def test_a_repeat_leaves_the_same_rows_as_a_first_one(db: Session, keys: ServerKeys) -> None:
    def left() -> tuple[int, ...]:
        tables = (Signature, SignatureToken, OutboxMail)
        return tuple(db.scalar(select(func.count()).select_from(table)) or 0 for table in tables)

    before = left()
    token = sign(db, keys)
    first = tuple(after - was for was, after in zip(before, left(), strict=True))
    confirm(db, keys, token)
    before = left()
    sign(db, keys)
    repeat = tuple(after - was for was, after in zip(before, left(), strict=True))

    assert repeat == first


def test_a_strangers_repeat_replaces_nothing(db: Session, keys: ServerKeys) -> None:
    owner = make_owner(db)
    confirm(db, keys, sign(db, keys, name="Mara Example"))
    sign(db, keys, name="A Stranger")

    row = db.scalars(select(Signature).where(Signature.confirmed_on.is_not(None))).one()
    assert row.sealed is not None
    assert box.unseal(row.sealed, owner.campaign_private_key, row.context).name == "Mara Example"


def test_confirming_deletes_the_siblings_and_their_links_lead_to_it(db: Session, keys: ServerKeys) -> None:
    first, second = sign(db, keys), sign(db, keys)
    confirmed = confirm(db, keys, second)

    assert rows(db) == 1
    opened = find_by_token(db, first, now=NOW, confirmation_days=DAYS)
    assert opened.id == confirmed.id


def test_one_mailbox_may_sign_letters_to_two_states(db: Session, keys: ServerKeys) -> None:
    confirm(db, keys, sign(db, keys, state_code="de"))
    confirm(db, keys, sign(db, keys, state_code="fr"))

    assert tally.by_state(db) == {"de": 1, "fr": 1}


def test_the_sixth_mail_of_a_day_is_not_sent_and_leaves_as_many_rows(db: Session, keys: ServerKeys) -> None:
    for _ in range(6):
        sign(db, keys)

    assert sorted(mail.purpose for mail in mails(db, keys)) == ["confirm"] * 5 + [outbox.DECOY]


def test_six_tags_of_one_mailbox_get_four_mails(db: Session, keys: ServerKeys) -> None:
    for number in range(6):
        sign(db, keys, email=f"mara+{number}@corp.example")

    assert sorted(mail.purpose for mail in mails(db, keys)) == ["confirm"] * 4 + [outbox.DECOY] * 2


def test_only_a_public_providers_own_domain_has_no_bound(db: Session, keys: ServerKeys) -> None:
    for address, is_bounded in {
        "{}@gmail.com": False,
        "{}@mara.fastmail.com": False,
        "{}@sub.gmx.net": True,
        "{}@mara.anonaddy.com": True,
        "{}@mozmail.com": True,
        "{}@duck.com": True,
    }.items():
        db.execute(delete(MailboxDay))
        for at in range(2):
            sign(db, keys, email=address.format(at))

        sent = db.scalars(select(MailboxDay.sent).where(MailboxDay.link == b"")).all()
        assert (2 in sent) == is_bounded, address


def test_one_mailbox_behind_a_subdomain_gets_five_mails(db: Session, keys: ServerKeys) -> None:
    for number in range(40):
        sign(db, keys, email=f"{number}@victim.anonaddy.com")

    assert [mail.purpose for mail in mails(db, keys)].count("confirm") == 5


def test_nobody_can_read_what_is_submitted_with_a_tag_beyond_the_limit(db: Session, keys: ServerKeys) -> None:
    for _ in range(6):
        sign(db, keys, email="mara+tag@corp.example")

    found = [submission.unwrap(each, new_code(), keys) for each in db.scalars(select(Signature))]
    assert found == [None] * 6


def test_the_next_day_mails_go_out_again(db: Session, keys: ServerKeys) -> None:
    for _ in range(6):
        sign_letter(db, [signing(keys)], keys=keys, now=NOW, confirmation_days=7)
    sign_letter(db, [signing(keys)], keys=keys, now=NOW + timedelta(days=1), confirmation_days=7)

    assert [mail.purpose for mail in mails(db, keys)].count("confirm") == 6


def test_signing_after_the_close_is_refused(db: Session, keys: ServerKeys) -> None:
    with pytest.raises(ClosedError):
        sign_letter(
            db,
            [signing(keys)],
            keys=keys,
            now=NOW,
            confirmation_days=7,
            closes_on=NOW.date() - timedelta(days=1),
        )


def test_on_its_last_day_the_letter_can_be_signed(db: Session, keys: ServerKeys) -> None:
    sign_letter(db, [signing(keys)], keys=keys, now=NOW, confirmation_days=7, closes_on=NOW.date())

    assert rows(db) == 1


def test_without_a_key_no_signature_is_taken(db: Session, keys: ServerKeys) -> None:
    from campaign.sealing.campaign_key import CampaignKey

    db.query(CampaignKey).delete()

    with pytest.raises(NoKeyError):
        sign_letter(db, [signing(keys)], keys=keys, now=NOW, confirmation_days=7)


def test_a_link_not_confirmed_in_time_opens_nothing(db: Session, keys: ServerKeys) -> None:
    token = sign(db, keys)

    find_by_token(db, token, now=NOW + timedelta(days=DAYS), confirmation_days=DAYS)
    with pytest.raises(UnknownTokenError):
        find_by_token(db, token, now=NOW + timedelta(days=DAYS + 1), confirmation_days=DAYS)


def test_a_link_to_a_confirmed_signature_stays_valid(db: Session, keys: ServerKeys) -> None:
    token = sign(db, keys)
    confirm(db, keys, token)

    assert find_by_token(db, token, now=NOW + timedelta(days=400), confirmation_days=DAYS)


def test_a_made_up_token_opens_nothing(db: Session) -> None:
    with pytest.raises(UnknownTokenError):
        find_by_token(db, new_code(), now=NOW, confirmation_days=DAYS)


def test_withdrawing_erases_the_person_and_leaves_the_count(db: Session, keys: ServerKeys) -> None:
    token = sign(db, keys)
    confirm(db, keys, token)
    [row] = withdraw(db, token, now=NOW, confirmation_days=DAYS)
    db.commit()

    assert (row.sealed, row.digest, row.public_name, row.key_id) == (None, None, None, None)
    assert tally.total(db) == 0
    assert tally.withdrawn(db, "de") == 1
    assert compare(db) == []


def test_withdrawing_twice_takes_one_off(db: Session, keys: ServerKeys) -> None:
    token = sign(db, keys)
    confirm(db, keys, token)
    for _ in range(2):
        withdraw(db, token, now=NOW, confirmation_days=DAYS)

    assert tally.total(db) == 0


def test_withdrawing_a_pending_one_counts_nothing(db: Session, keys: ServerKeys) -> None:
    token = sign(db, keys)
    [row] = withdraw(db, token, now=NOW, confirmation_days=DAYS)

    assert row.sealed is None
    assert tally.withdrawn(db, "de") == 0
    assert compare(db) == []


@pytest.mark.parametrize("was_confirmed", [False, True])
def test_a_withdrawn_one_cannot_be_confirmed(db: Session, keys: ServerKeys, was_confirmed: bool) -> None:
    token = sign(db, keys)
    if was_confirmed:
        confirm(db, keys, token)
    withdraw(db, token, now=NOW, confirmation_days=DAYS)
    with pytest.raises(ChangedError):
        confirm(db, keys, token)

    assert tally.total(db) == 0


def test_a_page_that_showed_something_else_confirms_nothing(db: Session, keys: ServerKeys) -> None:
    token = sign(db, keys)
    page = Shown.of(find_by_token(db, token))
    others: list[dict[str, str]]
    others = [{"counting": "0" * 32}, {"status": CONFIRMED}, {"status": WITHDRAWN}, {"disclosure": "counted"}]

    for shown, outcome in (*((page._replace(**other), ChangedError) for other in others), (page, tuple)):
        pressed = [Confirmation(token, (shown,))]
        [got] = confirm_signatures(db, pressed, keys=keys, now=NOW, confirmation_days=DAYS)
        assert isinstance(got, outcome), shown


def test_a_button_on_a_page_that_no_longer_holds_changes_nothing(db: Session, keys: ServerKeys) -> None:
    token = sign(db, keys)
    page = Shown.of(find_by_token(db, token))
    confirm(db, keys, token)
    before = Shown.of(find_by_token(db, token))._replace(disclosure="public")

    for earlier in (page, before):
        with pytest.raises(ChangedError):
            withdraw(db, token, pages=[earlier], now=NOW, confirmation_days=DAYS)
    with pytest.raises(ChangedError):
        disclose(db, token, "counted", pages=[page], now=NOW, confirmation_days=DAYS)
    assert tally.total(db) == 1
    assert find_by_token(db, token).disclosure == "delegation"


def test_the_copy_of_a_submission_does_not_tell_how_long_a_name_is(db: Session, keys: ServerKeys) -> None:
    for name in ("Li", "Maximiliane Example-Sample"):
        sign(db, keys, name=name)

    assert len({len(copy or b"") for copy in db.scalars(select(Signature.submission))}) == 1


def test_after_withdrawing_one_can_sign_again(db: Session, keys: ServerKeys) -> None:
    token = sign(db, keys)
    confirm(db, keys, token)
    withdraw(db, token, now=NOW, confirmation_days=DAYS)
    confirm(db, keys, sign(db, keys))

    assert tally.total(db) == 1
    assert tally.by_day(db) == [tally.Day(NOW.date(), 2, 1)]


def test_leaving_public_deletes_the_name_in_clear(db: Session, keys: ServerKeys) -> None:
    owner = make_owner(db)
    made = make_signature(db, keys, disclosure="public", name="Mara Example")
    approve_names(
        db, [(made.row.state_code, made.row.id)], key_ring(db, owner.campaign_private_key), shown=None
    )
    assert made.row.public_name == "Mara Example"

    disclose(db, made.token, "delegation", now=NOW, confirmation_days=DAYS)

    assert made.row.public_name is None


def test_a_name_whose_owner_left_public_a_moment_ago_is_not_approved_and_no_attack(
    db: Session, keys: ServerKeys
) -> None:
    ring = key_ring(db, make_owner(db).campaign_private_key)
    made = make_signature(db, keys, disclosure="public")
    disclose(db, made.token, "delegation", now=NOW, confirmation_days=DAYS)
    db.commit()

    outcomes = approve_names(db, [(made.row.state_code, made.row.id)], ring, shown=None)

    assert outcomes[Outcome.UNCHANGED] == 1
    assert made.row.public_name is None
    assert not ring.altered


def test_a_name_made_public_again_is_reviewed_again(db: Session, keys: ServerKeys) -> None:
    made = make_signature(db, keys, disclosure="public")
    decline_names(db, [(made.row.state_code, made.row.id)], shown="approved")
    for disclosure in ("delegation", "public"):
        disclose(db, made.token, disclosure, now=NOW, confirmation_days=DAYS)

    assert made.row.name_review is None


def test_moving_down_to_counted_destroys_the_box(db: Session, keys: ServerKeys) -> None:
    made = make_signature(db, keys)
    [row] = disclose(db, made.token, "counted", now=NOW, confirmation_days=DAYS)

    assert row.sealed is None
    assert row.digest is not None
    assert tally.total(db) == 1


def test_from_counted_there_is_no_way_up(db: Session, keys: ServerKeys) -> None:
    made = make_signature(db, keys, disclosure="counted")

    with pytest.raises(CampaignError):
        disclose(db, made.token, "public", now=NOW, confirmation_days=DAYS)


def test_one_link_opens_every_letter_that_a_mailbox_signed(db: Session, keys: ServerKeys) -> None:
    for state in ("de", "fr"):
        make_signature(db, keys, state=state, email="mara@example.org")
    send_links(db, "Mara@example.org", language="en", keys=keys, is_sensitive=bool, now=NOW)

    [mail] = mails(db, keys)
    assert mail.purpose == "links"
    assert mail.params["letters"] == ["de", "fr"]
    opened = linked(db, str(mail.params["token"]), now=NOW, confirmation_days=DAYS)
    assert sorted(each.signature.state_code for each in opened) == ["de", "fr"]


def test_an_address_that_signed_nothing_gets_no_mail(db: Session, keys: ServerKeys) -> None:
    send_links(db, "nobody@example.org", language="en", keys=keys, is_sensitive=bool, now=NOW)

    assert [mail.purpose for mail in mails(db, keys)] == [outbox.DECOY]


def test_asking_leaves_the_same_rows_whether_or_not_anything_was_signed(
    db: Session, keys: ServerKeys
) -> None:
    made = make_signature(db, keys)
    for email in (made.email, "nobody@example.org"):
        request_links(db, email, language="en", keys=keys, now=NOW)

    found = mails(db, keys)
    assert sorted((mail.purpose, mail.recipient, dict(mail.params)) for mail in found) == sorted(
        (outbox.LINK_REQUEST, email, {}) for email in (made.email, "nobody@example.org")
    )
    assert db.scalar(select(func.count()).select_from(SignatureToken)) == 1


def test_asking_for_links_in_vain_does_not_use_up_the_owners_mails(db: Session, keys: ServerKeys) -> None:
    for _ in range(6):
        send_links(db, "mara@example.org", language="en", keys=keys, is_sensitive=bool, now=NOW)
    token = sign(db, keys)

    assert find_by_token(db, token, now=NOW, confirmation_days=DAYS)


def test_of_siblings_confirmed_at_the_same_moment_one_counts(database: Database, keys: ServerKeys) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with database.writing() as db:
        for _ in range(4):
            sign_letter(db, [signing(keys)], keys=keys, now=NOW, confirmation_days=7)
    with database.reading() as db:
        tokens = [str(mail.params["token"]) for mail in mails(db, keys)]

    def confirm_in_own_transaction(token: str) -> None:
        with database.writing() as db, suppress(ChangedError):
            confirm_one(db, keys, token)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(confirm_in_own_transaction, tokens))
    with database.writing() as db:
        assert tally.total(db) == 1
        assert rows(db) == 1
        assert compare(db) == []


@pytest.mark.parametrize("is_of_own_mailbox", [False, True])
def test_a_submission_beyond_the_limit_opens_for_no_token_put_in_the_place_of_the_last_mails(
    db: Session, keys: ServerKeys, is_of_own_mailbox: bool
) -> None:
    sign(db, keys)
    mara, eve = (AddressDigests.of(keys, each) for each in ("mara@example.org", "eve@evil.example"))
    tokens = [sign(db, keys, email="eve@evil.example") for _ in range(MAILS_A_DAY)]
    put = tokens[-1] if is_of_own_mailbox else new_code()
    own = db.get_one(MailboxDay, eve.for_day(NOW.date()), populate_existing=True).link
    link = own if is_of_own_mailbox else code_hash(put) + b"x" * 32
    moved = update(MailboxDay).where(MailboxDay.digest == mara.for_day(NOW.date()))
    db.execute(moved.values(sent=MAILS_A_DAY, has_last=True, link=link))
    db.commit()

    sign_letter(db, [signing(keys)], keys=keys, now=NOW, confirmation_days=7)

    opened = select(SignatureToken.signature_id).where(SignatureToken.hash == code_hash(put))
    maras = select(Signature.id).where(Signature.digest == mara.for_letter("de"))
    assert len(db.scalars(maras).all()) == 2
    assert not set(db.scalars(opened)) & set(db.scalars(maras))
