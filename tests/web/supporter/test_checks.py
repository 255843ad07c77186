"""What the form notices before it takes a signature: addresses as names, misspelt and mixed mail domains."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from campaign.settings import Settings
from campaign.signature.model import Signature
from campaign.web.site import Site
from tests.conftest import NOW
from tests.web.conftest import FORM, Supporter, text
from tests.web.supporter.test_advice import sent_again
from tests.web.supporter.test_pages import check

pytestmark = pytest.mark.any_database


def recipients(supporter: Supporter) -> list[str]:
    return [mail.recipient for mail in supporter.mails()]


def errors(answer: TestResponse) -> dict[str, str]:
    """Return the errors of the page by their fields."""
    page = answer.get_data(as_text=True)
    found = re.findall(r'<p class="fault" id="(\w+)-error"><span[^>]*>Error:</span> ([^<]+)</p>', page)
    return dict(found)


@pytest.mark.parametrize(
    "typed",
    [
        "anna@example.org",
        "Anna <anna@example.org>",
        "https://example.org",
        "http://anna",
        "www.example",
        "example.org",
        "Anna, example.com/anna",
        "t.me/anna",
        "anna＠example．org",
        "anna@\u200dexample.org",
        "mailto:anna@example.org",
        "анна@пример.рф",
    ],
)
@pytest.mark.parametrize("field", ["name", "town"])
def test_an_address_is_neither_a_name_nor_a_town(
    visiting_supporter: Supporter, field: str, typed: str
) -> None:
    answer = visiting_supporter.sign(**{field: typed})

    assert answer.status_code == 422
    assert "This looks like an e-mail or web address." in errors(answer)[field]
    assert recipients(visiting_supporter) == []


TAKEN = [
    ("name", "J.R.Example"),
    ("name", "Dr.Mara de Vries"),
    ("name", "@Mara"),
    ("name", "Mara O’Com"),
    ("town", "St.Gallen"),
    ("town", "Frankfurt a.M."),
    ("town", "Нью-Йорк"),
    ("words", "Write to me: mara@example.org, https://example.org"),
]


def test_names_with_dots_and_words_with_addresses_are_taken(supporter: Supporter) -> None:
    for field, typed in TAKEN:
        assert supporter.sign(**{field: typed}).status_code == 303, typed


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("anna@gmail.con", "anna@gmail.com"),
        ("Anna.B+x@GMAI.com", "Anna.B+x@gmail.com"),
        ("anna@hotmail.con", "anna@hotmail.com"),
        ("anna@gmial.com", "anna@gmail.com"),
    ],
)
def test_a_misspelt_domain_is_asked_about_once(supporter: Supporter, typed: str, meant: str) -> None:
    asked = supporter.sign(email=typed)
    page = asked.get_data(as_text=True)

    assert asked.status_code == 422
    assert errors(asked) == {"email": f"Did you mean {meant.partition('@')[2]}?"}
    check(page)
    assert recipients(supporter) == []
    assert re.search(rf'<label for="spelling-0"[^>]*>{re.escape(meant)}</label>', page)

    corrected = supporter.client.post("/en/letters/de", data=sent_again(page) | {"spelling": "gmail.com"})
    if meant.endswith("@gmail.com"):
        assert corrected.status_code == 303
        assert recipients(supporter) == [meant]


@pytest.mark.parametrize("typed", ["anna@gmial.com", "anna@gmail.con", "anna@gmaill.example"])
def test_as_typed_passes_the_second_time(supporter: Supporter, typed: str) -> None:
    asked = supporter.sign(email=typed)
    if asked.status_code == 422:
        again = sent_again(asked.get_data(as_text=True))
        assert again["email"] == typed
        assert supporter.client.post("/en/letters/de", data=again).status_code == 303
    assert recipients(supporter) == [typed]


def test_the_answer_about_one_domain_is_kept_with_other_errors_and_holds_for_no_other(
    visiting_supporter: Supporter,
) -> None:
    page = visiting_supporter.sign(email="anna@gmail.con", consent="").get_data(as_text=True)
    page = visiting_supporter.client.post("/en/letters/de", data=sent_again(page)).get_data(as_text=True)
    assert "Did you mean" not in page
    sent = sent_again(page)
    assert sent["spelling"] == "gmail.con"

    answer = visiting_supporter.client.post(
        "/en/letters/de", data=sent | {"email": "anna@hotmail.con", "consent": "y"}
    )
    assert errors(answer) == {"email": "Did you mean hotmail.com?"}


def test_the_chosen_domain_replaces_no_address_that_was_typed_afterwards(supporter: Supporter) -> None:
    sent = sent_again(supporter.sign(email="anna@gmail.con").get_data(as_text=True))
    changed = sent | {"email": "anna@example.org", "spelling": "gmail.com"}

    assert supporter.client.post("/en/letters/de", data=changed).status_code == 303
    assert recipients(supporter) == ["anna@example.org"]


def test_a_disposable_service_is_still_refused(visiting_supporter: Supporter) -> None:
    for domain in ("mailinator.com", "amail.com"):
        assert (
            "Anybody can open mailboxes" in errors(visiting_supporter.sign(email=f"anna@{domain}"))["email"]
        )


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("anna@gmail.\u0441om", "\u0441om"),
        ("anna@gm\u0430il.com", "gm\u0430il"),
        ("anna@gmail.\u0441\u043e\u043c", "gmail.\u0441\u043e\u043c"),
        ("\u0430nna@example.org", "\u0430nna"),
        ("anna@gm\u03b1il.com", "gm\u03b1il"),
        ("anna@xn--gmil-63d.com", "gm\u0430il"),
    ],
)
def test_alphabets_that_look_alike_are_not_mixed_in_an_address(
    visiting_supporter: Supporter, typed: str, part: str
) -> None:
    answer = visiting_supporter.sign(email=typed)

    assert answer.status_code == 422
    assert errors(answer)["email"].startswith(f"“{part}” in this address has letters of two alphabets")
    assert recipients(visiting_supporter) == []


OF_ONE_ALPHABET = [
    "анна@пример.рф",
    "anna@пример.com",
    "anna@mail.пример.рф",
    "anna@bücher.example",
    "安娜@例え.jp",
]


def test_an_address_in_any_one_alphabet_is_taken(supporter: Supporter) -> None:
    for email in OF_ONE_ALPHABET:
        assert supporter.sign(email=email).status_code == 303, email


def test_what_no_one_folds_away_is_neither_checked_nor_stored(supporter: Supporter, site: Site) -> None:
    folded = {"name": "anna@example.org", "town": "x" * 300, "words": "y" * 2_000}
    assert supporter.sign(disclosure="counted", **folded).status_code == 303
    page = text(supporter.page())

    with site.database.reading() as db:
        assert db.scalars(select(Signature)).one().sealed is None
    for typed in folded.values():
        assert typed[:100] not in page


def test_a_refused_form_keeps_what_is_folded_away(visitor: FlaskClient) -> None:
    form = FORM | {"disclosure": "counted", "town": "Smalltown", "consent": ""}
    page = visitor.post("/en/letters/de", data=form).get_data(as_text=True)

    assert sent_again(page)["name"] == FORM["name"]
    assert sent_again(page)["town"] == "Smalltown"


def test_the_errors_stand_at_the_head_of_the_form_where_the_page_opens(visiting_supporter: Supporter) -> None:
    page = visiting_supporter.sign(name="", email="", residence="", consent="").get_data(as_text=True)

    assert "Please check 4 things" in page
    assert (
        page.index('class="sheet"') < page.index('class="problem" id="sign"') < page.index('id="sign-title"')
    )
    assert page.count('id="sign"') == 1
    assert 'action="/en/letters/de#sign"' in page


@pytest.mark.parametrize("days", [None, 0, 30])
def test_the_closing_day_stands_on_the_letter_with_its_zone(
    make_app: Callable[[Settings], Flask], settings: Settings, days: int | None
) -> None:
    closes_on = None if days is None else NOW.date() + timedelta(days=days)
    page = text(make_app(replace(settings, closes_on=closes_on)).test_client().get("/en/letters/de"))

    assert ("You can sign it until" in page) == (closes_on is not None)
    if closes_on:
        assert f"{closes_on.day} {closes_on:%B %Y}, 23:59 UTC" in page


def test_kosovo_can_be_chosen_and_its_name_is_explained(supporter: Supporter) -> None:
    supporter.sign(residence="XK")

    assert "Kosovo" in text(supporter.page())
    assert "Security Council Resolution 1244 (1999)" in text(supporter.client.get("/en/privacy"))
