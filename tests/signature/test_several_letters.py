"""One form signs several letters: one mail, one link, and one button for all or some of them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaign.errors import CampaignError, ChangedError
from campaign.reference.participating_state import STATES
from campaign.sealing.address_digest import AddressDigests
from campaign.sealing.box import Details
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.signature import count
from campaign.signature.confirm import Confirmation
from campaign.signature.confirm import confirm as confirm_signatures
from campaign.signature.data_request import Subject, erase_for, find_by_digest
from campaign.signature.domain_day import LINKS, DomainDay
from campaign.signature.erase import erase_unconfirmed
from campaign.signature.model import Signature
from campaign.signature.opened_link import OpenedLink, open_link
from campaign.signature.recount import compare
from campaign.signature.replace import replace
from campaign.signature.shown import Shown
from campaign.signature.sign import Signing
from campaign.signature.sign import sign as sign_all
from campaign.signature.withdraw import disclose, withdraw
from tests.conftest import NOW
from tests.support.factories import make_owner, make_signature
from tests.support.outbox import mails

MARA = "mara@example.org"
DAYS: dict[str, Any] = {"now": NOW, "confirmation_days": 7}


def sign(db: Session, keys: ServerKeys, *letters: str, email: str = MARA, **changes: Any) -> str:
    """Sign *letters* with one form, and return the token in its mail."""
    main, *others = letters
    given: dict[str, Any] = {"residence": "FR", "disclosure": "delegation", "name": "Mara Example"} | changes
    signing = Signing(
        state_code=main,
        also=given.pop("also", dict.fromkeys(others, False)),
        details=Details(name=given.pop("name"), email=email),
        digests=AddressDigests.of(keys, email),
        language="en",
        edition=1,
        **given,
    )
    before = [str(mail.params) for mail in mails(db, keys)]
    sign_all(db, [signing], keys=keys, now=NOW, confirmation_days=7)
    db.commit()
    [mail] = [mail for mail in mails(db, keys) if str(mail.params) not in before]
    assert mail.params["letters"] == list(letters)
    return str(mail.params["token"])


def opened(db: Session, keys: ServerKeys, token: str) -> OpenedLink:
    return open_link(db, token, keys=keys, **DAYS)


def waiting(db: Session, keys: ServerKeys, token: str) -> dict[str, Shown]:
    """Return what the page shows of each letter that waits."""
    groups = opened(db, keys, token).groups
    return {each.signature.state_code: each.shown for group in groups for each in group.pending}


def confirm(db: Session, keys: ServerKeys, token: str, *pages: Shown) -> object:
    [outcome] = confirm_signatures(db, [Confirmation(token, pages)], keys=keys, **DAYS)
    db.commit()
    return type(outcome) if isinstance(outcome, CampaignError) else {code for code, _id in outcome}


def confirmed(db: Session, keys: ServerKeys, *letters: str) -> str:
    token = sign(db, keys, *letters)
    assert confirm(db, keys, token, *waiting(db, keys, token).values()) == set(letters)
    return token


def shown(signatures: Sequence[Signature]) -> dict[str, Shown]:
    return {each.state_code: Shown.of(each) for each in signatures}


def test_one_button_confirms_every_letter(db: Session, keys: ServerKeys) -> None:
    token = sign(db, keys, "de", "fr", "it")
    [group] = opened(db, keys, token).groups
    assert len({each.signature.id for each in group.pending}) == 3
    assert group.first.typed is not None
    assert group.first.typed.name == "Mara Example"

    pages = waiting(db, keys, token).values()
    assert confirm(db, keys, token, *pages) == {"de", "fr", "it"}
    assert confirm(db, keys, token, *pages) == {"de", "fr", "it"}, "the button was pressed twice"

    assert count.by_state(db) == {"de": 1, "fr": 1, "it": 1}
    assert compare(db) == []


def test_one_of_several_letters_is_confirmed_alone(db: Session, keys: ServerKeys) -> None:
    token = sign(db, keys, "de", "fr", "it")

    assert confirm(db, keys, token, waiting(db, keys, token)["fr"]) == {"fr"}
    assert count.by_state(db) == {"fr": 1}
    assert set(waiting(db, keys, token)) == {"de", "it"}


def test_without_a_page_several_letters_are_not_confirmed(db: Session, keys: ServerKeys) -> None:
    assert confirm(db, keys, sign(db, keys, "de", "fr")) is ChangedError


def test_all_letters_of_a_button_are_confirmed_or_none(db: Session, keys: ServerKeys) -> None:
    token, other = sign(db, keys, "de", "fr"), sign(db, keys, "de")
    pages = waiting(db, keys, token)
    confirm(db, keys, other)

    assert confirm(db, keys, token, *pages.values()) is ChangedError
    assert count.by_state(db) == {"de": 1}


def test_of_two_buttons_in_one_batch_that_share_a_letter_one_wins(db: Session, keys: ServerKeys) -> None:
    first, second = sign(db, keys, "de", "fr"), sign(db, keys, "it", "fr")
    pressed = [Confirmation(each, tuple(waiting(db, keys, each).values())) for each in (first, second)]

    one, two = confirm_signatures(db, pressed, keys=keys, **DAYS)
    db.commit()
    assert isinstance(one, tuple)
    assert isinstance(two, ChangedError)
    assert count.by_state(db) == {"de": 1, "fr": 1}
    assert compare(db) == []


def test_what_was_signed_before_is_a_group_of_its_own_and_can_be_replaced(
    db: Session, keys: ServerKeys
) -> None:
    confirmed(db, keys, "de", "fr")
    later = sign(db, keys, "de", "fr", "it", residence="PL")
    new, repeated = sorted(opened(db, keys, later).groups, key=lambda group: group.is_repeated)
    assert [each.signature.state_code for each in new.pending] == ["it"]
    assert [each.signature.state_code for each in repeated.pending] == ["de", "fr"]

    replace(db, later, pages=[each.shown for each in repeated.pending], keys=keys, **DAYS)
    db.commit()
    assert count.by_state(db) == {"de": 1, "fr": 1}
    assert count.by_residence(db, "de") == {"PL": 1}
    assert compare(db) == []


def test_some_letters_are_withdrawn_and_the_others_stay(db: Session, keys: ServerKeys) -> None:
    token = confirmed(db, keys, "de", "fr", "it")
    pages = shown(opened(db, keys, token).confirmed)

    withdraw(db, token, pages=[pages["de"], pages["it"]], **DAYS)
    db.commit()
    assert count.by_state(db) == {"fr": 1}
    assert compare(db) == []
    link = opened(db, keys, token)
    assert [each.state_code for each in link.withdrawn] == ["de", "it"]

    withdraw(db, token, pages=[pages["de"]], **DAYS)
    with pytest.raises(ChangedError):
        disclose(db, token, "counted", pages=list(pages.values()), **DAYS)


def test_who_may_see_the_name_changes_for_all_letters_or_for_none(db: Session, keys: ServerKeys) -> None:
    token = confirmed(db, keys, "de", "fr")
    pages = shown(opened(db, keys, token).confirmed)
    disclose(db, token, "counted", pages=[pages["de"]], **DAYS)
    db.commit()

    with pytest.raises(ChangedError):
        disclose(db, token, "public", pages=list(pages.values()), **DAYS)
    db.rollback()
    assert {each.state_code: each.disclosure for each in opened(db, keys, token).confirmed} == {
        "de": "counted",
        "fr": "delegation",
    }


def test_another_links_letters_are_not_touched(db: Session, keys: ServerKeys) -> None:
    token, other = confirmed(db, keys, "de", "fr"), make_signature(db, keys, state="it")

    with pytest.raises(ChangedError):
        withdraw(db, token, pages=[Shown.of(other.row)], **DAYS)


def test_names_are_withheld_letter_by_letter(db: Session, keys: ServerKeys) -> None:
    sign(db, keys, "de", "uz", also={"uz": True})

    rows = db.scalars(select(Signature))
    assert {row.state_code: row.organisers_only for row in rows} == {"de": False, "uz": True}


def test_letters_with_other_details_are_in_other_groups(db: Session, keys: ServerKeys) -> None:
    for number in range(4):
        sign(db, keys, "de", name=f"Number {number}")
    last = sign(db, keys, "de", "fr", name="Ana Kovac")
    later = Signing(
        state_code="fr",
        also={"it": False},
        details=Details(name="Anna Kovač", email=MARA),
        digests=AddressDigests.of(keys, MARA),
        residence="FR",
        disclosure="delegation",
        language="en",
        edition=1,
    )
    sign_all(db, [later], keys=keys, now=NOW, confirmation_days=7)
    db.commit()

    link = opened(db, keys, last)
    assert sorted(
        (group.first.typed.name, [each.signature.state_code for each in group.pending])
        for group in link.groups
        if group.first.typed
    ) == [("Ana Kovac", ["de", "fr"]), ("Anna Kovač", ["fr", "it"])]
    assert link.elsewhere == ["de"]


def test_what_is_not_confirmed_in_time_is_erased_and_the_link_opens_the_rest(
    db: Session, keys: ServerKeys
) -> None:
    token = sign(db, keys, "de", "fr", "it")
    confirm(db, keys, token, waiting(db, keys, token)["fr"])
    later = NOW + timedelta(days=8)

    for _ in erase_unconfirmed(db, now=later, confirmation_days=7):
        db.commit()
    link = open_link(db, token, keys=keys, now=later, confirmation_days=7)
    assert [each.state_code for each in link.signatures] == ["fr"]
    assert compare(db) == []


def test_a_letter_whose_row_was_altered_is_not_confirmed_with_the_others(
    db: Session, keys: ServerKeys
) -> None:
    token = sign(db, keys, "de", "fr")
    pages = waiting(db, keys, token)
    db.execute(update(Signature).where(Signature.state_code == "de").values(held_for="network"))
    db.commit()

    assert confirm(db, keys, token, *pages.values()) is ChangedError
    assert confirm(db, keys, token, pages["fr"]) == {"fr"}


def test_all_letters_of_an_address_are_found_and_erased_for_it(db: Session, keys: ServerKeys) -> None:
    owner = make_owner(db)
    token = sign(db, keys, "de", "fr")
    confirm(db, keys, token, waiting(db, keys, token)["fr"])
    subject = Subject(MARA, keys, key_ring(db, owner.campaign_private_key))

    found = find_by_digest(db, subject)
    assert [each.row.state_code for each in found] == ["de", "fr"]
    erase_for(db, subject, [each.key for each in found], now=NOW)
    db.commit()
    assert count.total(db) == 0
    assert compare(db) == []


@pytest.mark.both_databases
def test_colleagues_under_one_mail_domain_may_each_confirm_every_letter(
    db: Session, keys: ServerKeys
) -> None:
    for name in ("one", "two", "three"):
        token = sign(db, keys, *STATES, email=f"{name}@smallngo.example")
        first, *others = waiting(db, keys, token).values()
        confirm(db, keys, token, first)
        confirm(db, keys, token, *others)

    assert db.scalars(select(Signature.held_for)).all() == [None] * len(STATES) * 3
    assert db.scalar(select(DomainDay.confirmed).where(DomainDay.state_code == LINKS)) == 3
    assert sum(count.by_state(db).values()) == len(STATES) * 3
