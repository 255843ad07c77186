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
    form = page.partition('class="signature-form"')[2]
    sent: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        given = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))
        if given.get("type") not in {"radio", "checkbox"} or " checked" in tag:
            sent.setdefault(given["name"], given.get("value", ""))
    if sent.get("residence") == "listed":
        [sent["residence"]] = re.findall(r"<option value=(\w+)[^>]* selected>", form)
    sent |= dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\r?\n?(.*?)</textarea>', form, re.DOTALL))
    return sent


def test_the_page_marks_where_signing_is_dangerous_and_little_else(visitor: FlaskClient) -> None:
    page = text(visitor.get("/en/letters/de"))
    marks = dict(re.findall(r'<option value=(\w*) data-advice="(\w*)"', page))

    assert page.count("data-advice=") == 1 + 1 + 6
    assert marks.pop("KZ") == "endangered"
    assert marks == dict.fromkeys(["BY", "KG", "RU", "TJ", "TM", "UZ"], "wary")
    assert page.index('id="disclosure-0"') < page.index('id="residence-0"') < page.index('id="name"')


@pytest.mark.parametrize(("state", "own"), [("de", "Germany"), ("kz", "Kazakhstan"), ("va", "Holy See")])
def test_the_state_of_the_letter_and_not_saying_stand_first_among_residences(
    visitor: FlaskClient, state: str, own: str
) -> None:
    page = text(visitor.get(f"/en/letters/{state}")).partition('class="signature-form"')[2]
    labels = re.findall(r'<label for="residence-\d">([^<]+)</label>', page)
    codes = re.findall(r"<option value=(\w+)", page)

    assert labels == [own, "I would rather not say", "Somewhere else"]
    assert len(codes) == len({*codes}) == 249
    assert not {state.upper(), "ZZ"} & {*codes}
    assert "XK" in codes


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (["DE", ""], "DE"),
        (["DE", "FR"], "DE"),
        (["listed", "XK"], "XK"),
        (["", "FR"], "FR"),
        (["FR"], "FR"),
        (["listed", ""], None),
        (["listed"], None),
    ],
)
def test_a_residence_is_sent_by_a_button_or_by_the_list(
    client: FlaskClient, site: Site, sent: list[str], stored: str | None
) -> None:
    answer = client.post("/en/letters/de", data=FORM | {"residence": sent})

    with site.database.reading() as db:
        assert db.scalars(select(Signature.residence)).all() == ([stored] if stored else [])
    if stored is None:
        assert answer.status_code == 422
        assert re.search(r'id="residence-2"[^>]* checked', text(answer))


def test_one_calm_line_leads_to_the_safer_form(visitor: FlaskClient) -> None:
    form = text(visitor.get("/en/letters/de")).partition('aria-labelledby="sign-title"')[2]
    line = form.partition('class="safer"')[2].partition("</form>")[0]

    assert form.index("Use the safer form") < form.index('id="disclosure-0"')
    assert "Is signing dangerous where you live (Kazakhstan)?" in line
    assert len(re.sub(r"<[^>]+>", " ", line)) < 200


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


def test_with_several_such_places_the_safer_form_asks_which(
    client: FlaskClient, site: Site, clock: Clock
) -> None:
    protect(site, "BY")
    clock.forward(seconds=2)
    assert '<input type="hidden" name="residence" value="">' in text(client.get("/en/letters/de"))
    answer = client.post("/en/letters/de", data={"advised": "show", "residence": ""})
    sent = sent_again(text(answer))

    assert (answer.status_code, sent["disclosure"], sent.get("residence", "")) == (200, "counted", "")
    more = {"residence": ["listed", "BY"], "email": "a@example.org", "consent": "y"}
    assert client.post("/en/letters/de", data=sent | more).status_code == 303


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
    assert "We have stored nothing yet" in page
    assert rows(site) == 0
    assert supporter.mails() == []
    sent = sent_again(page)
    shown = {"shown": sent["shown"]}
    assert sent == FORM | typed | {"residence": "KZ", "disclosure": "counted", "advised": "yes"} | shown
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

    assert "where you live (Belarus, Kazakhstan and Russian Federation)?" in page
    assert '<option value=BY data-advice="endangered"' in page
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
    visiting_supporter: Supporter, residence: str, kind: str
) -> None:
    page = text(visiting_supporter.sign(residence=residence, consent=""))

    assert f'data-shown="{kind}"' in page
    assert 'value="public"' in page
