"""The advice before signing, and the choices, by residence."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from campaign.disclosure import safety_list
from campaign.disclosure.safety_list import Change
from campaign.signature.model import Signature
from campaign.web.site import Site
from tests.conftest import NOW, Clock
from tests.web.conftest import FORM, Supporter
from tests.web.supporter.test_pages import check

pytestmark = pytest.mark.any_database

ADVICE = "Use Tor Browser, or a VPN that you trust"


def rows(site: Site) -> int:
    with site.database.reading() as db:
        return db.scalar(select(func.count()).select_from(Signature)) or 0


def protect(site: Site, *residences: str) -> None:
    with site.database.writing() as db:
        wanted = Change(protect=frozenset(residences))
        safety_list.change(db, site.appeal, wanted, by="Olga Organiser", now=NOW)


def text(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


def sent_again(page: str) -> dict[str, str]:
    """Return what a browser sends for the form of *page* without changes."""
    form = page.partition('aria-labelledby="sign"')[2]
    sent = {}
    for tag in re.findall(r"<input[^>]*>", form):
        given = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))
        if given.get("type") not in {"radio", "checkbox"} or " checked" in tag:
            sent[given["name"]] = given.get("value", "")
    sent |= dict(
        re.findall(r'<select[^>]* name="(\w+)"[^>]*>.*?<option[^>]* selected value="(\w+)"', form, re.DOTALL)
    )
    sent |= dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\r?\n?(.*?)</textarea>', form, re.DOTALL))
    return sent


def test_the_page_marks_where_signing_is_dangerous_and_little_else(client: FlaskClient) -> None:
    page = text(client.get("/en/letters/de"))
    marks = dict(re.findall(r'<option data-advice="(\w*)"[^>]* value="(\w*)"', page)[::-1])

    assert page.count("data-advice=") == 2 + 1 + 6
    assert re.search(r'<option data-advice="endangered" value="KZ"', page)
    assert marks["wary"] in {"BY", "KG", "RU", "TJ", "TM", "UZ"}
    assert page.index('id="residence"') < page.index('id="name"') < page.index('id="email"')


def test_a_notice_stands_before_the_fields_for_everybody(client: FlaskClient) -> None:
    form = text(client.get("/en/letters/de")).partition('aria-labelledby="sign"')[2]

    assert form.index("Show me the advice and the safer form") < form.index('id="residence"')
    assert "<strong>Kazakhstan:</strong>" in form


def test_the_button_brings_advice_and_a_form_without_public(client: FlaskClient, site: Site) -> None:
    plain = client.get("/en/letters/de").data
    answer = client.post("/en/letters/de", data={"advised": "show", "residence": "KZ"})
    page = text(answer)

    assert answer.status_code == 200
    check(page)
    assert ADVICE in page
    assert page.index(ADVICE) < page.index('id="email"')
    assert 'role="alert"' not in page
    assert 'value="public"' not in page
    sent = sent_again(page)
    assert (sent["residence"], sent["disclosure"], sent["advised"]) == ("KZ", "counted", "yes")
    assert "consent" not in sent
    assert rows(site) == 0
    assert client.get("/en/letters/de").data == plain


def test_what_the_safer_form_sends_is_taken_at_once(client: FlaskClient, site: Site) -> None:
    page = text(client.post("/en/letters/de", data={"advised": "show", "residence": "KZ"}))
    answer = client.post("/en/letters/de", data=sent_again(page) | {"email": "a@example.org", "consent": "y"})

    assert answer.status_code == 303
    with site.database.reading() as db:
        row = db.scalars(select(Signature)).one()
    assert (row.residence, row.disclosure, row.sealed) == ("KZ", "counted", None)


@pytest.mark.parametrize("disclosure", ["public", "delegation", "counted"])
def test_without_the_advice_a_form_shows_it_first_and_stores_nothing(
    supporter: Supporter, site: Site, disclosure: str
) -> None:
    typed = {"town": "Smalltown", "words": "My very own words."}
    answer = supporter.sign(residence="KZ", disclosure=disclosure, **typed)
    page = text(answer)

    assert answer.status_code == 422
    check(page)
    assert page.index(ADVICE) < page.index('id="email"')
    assert "Nothing was kept yet" in page
    assert rows(site) == 0
    assert supporter.mails() == []
    sent = sent_again(page)
    assert sent == FORM | typed | {"residence": "KZ", "disclosure": "counted", "advised": "yes"}
    assert supporter.client.post("/en/letters/de", data=sent).status_code == 303


def test_a_form_that_shows_the_advice_first_asks_for_no_name(supporter: Supporter) -> None:
    page = text(supporter.sign(residence="KZ", name=""))

    assert "name-error" not in page


def test_a_name_from_there_may_still_go_to_the_delegation(supporter: Supporter, site: Site) -> None:
    assert supporter.sign(residence="KZ", disclosure="delegation", advised="yes").status_code == 303
    with site.database.reading() as db:
        assert db.scalars(select(Signature)).one().disclosure == "delegation"


def test_a_name_from_there_is_never_to_be_published(supporter: Supporter, site: Site) -> None:
    answer = supporter.sign(residence="KZ", disclosure="public", advised="yes")
    page = text(answer)

    assert answer.status_code == 422
    assert "so we publish none" in page
    assert sent_again(page)["disclosure"] == "counted"
    assert rows(site) == 0


@pytest.mark.both_databases
def test_a_residence_is_protected_within_a_second_of_the_organisers_decision(
    supporter: Supporter, site: Site, clock: Clock
) -> None:
    supporter.client.get("/en/letters/de")
    assert supporter.sign(residence="BY", disclosure="public").status_code == 303
    protect(site, "BY", "RU")
    clock.forward(seconds=2)
    page = text(supporter.client.get("/en/letters/de"))

    assert "<strong>Belarus, Kazakhstan, Russian Federation:</strong>" in page
    assert '<option data-advice="endangered" value="BY"' in page
    assert "Show me the advice and the safer form for:" in page
    assert supporter.sign(residence="BY", disclosure="public").status_code == 422
    check(page)


def test_a_withheld_delegation_is_named_within_a_second(
    client: FlaskClient, site: Site, clock: Clock
) -> None:
    assert "numbers only" not in text(client.get("/en/letters/fr"))
    assert "France" not in text(client.get("/en/privacy")).partition("numbers only:")[2]
    with site.database.writing() as db:
        wanted = Change(withhold=frozenset({"fr"}))
        safety_list.change(db, site.appeal, wanted, by="Olga Organiser", now=NOW)
    clock.forward(seconds=2)

    page = text(client.get("/en/letters/fr"))
    assert "This delegation receives numbers only" in page
    assert "Our names are not given to your delegation" in page
    assert "Edition 2" in page
    assert "Our names are not given" in text(client.get("/en/letters/fr.txt"))
    assert "Our names are not given" not in text(client.get("/en/letters/de.txt"))
    assert "France" in text(client.get("/en/privacy")).partition("numbers only:")[2]


def test_a_signature_names_the_edition_that_its_signatory_saw(
    supporter: Supporter, site: Site, clock: Clock
) -> None:
    with site.database.writing() as db:
        wanted = Change(withhold=frozenset({"fr"}))
        safety_list.change(db, site.appeal, wanted, by="Olga Organiser", now=NOW)
    clock.forward(seconds=2)
    supporter.sign("fr")

    with site.database.reading() as db:
        assert db.scalars(select(Signature.edition)).all() == [2]


@pytest.mark.parametrize(
    ("residence", "kind"), [("FR", "elsewhere"), ("RU", "wary"), ("ZZ", "unstated"), ("", "")]
)
def test_a_refused_form_shows_the_advice_for_its_residence(
    supporter: Supporter, residence: str, kind: str
) -> None:
    page = text(supporter.sign(residence=residence, consent=""))

    assert f'data-shown="{kind}"' in page
    assert 'value="public"' in page
