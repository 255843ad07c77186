"""Several letters with one form: what it takes, what the private page shows, and what the buttons do."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from campaign.guard.threshold import Bounds, Limit
from campaign.reference.participating_state import STATES
from campaign.settings import Settings
from campaign.signature.model import Signature
from campaign.web.site import Site
from campaign.web.supporter import admission
from tests.web.conftest import FORM, Supporter, rows, text

pytestmark = pytest.mark.any_database


def sign(supporter: Supporter, main: str, *also: str, **changes: str) -> TestResponse:
    return supporter.sign(main, also=list(also), **changes)  # type: ignore[arg-type]


def act(supporter: Supporter, action: str, *letters: str, nth: int = 0, **more: Any) -> TestResponse:
    """Press a button of the page of all letters, with these *letters* ticked; by default with all."""
    page = supporter.page().get_data(as_text=True)
    forms = re.findall(r"<form.*?</form>", page, flags=re.DOTALL)
    forms = [form for form in forms if f'value="{action}"' in form]
    sent = {"action": action, "shown": re.findall(r'name="shown" value="([^"]*)"', forms[nth])}
    ticked = list(letters) or re.findall(r'name="letters" value="([a-z]+)"', forms[nth])
    answer = supporter.client.post(
        f"/en/signature/{supporter.token}", data=sent | {"letters": ["", *ticked]} | more
    )
    supporter.site.snapshots.expire()
    return answer


def signatures(site: Site) -> dict[str, Signature]:
    with site.database.reading() as db:
        return {row.state_code: row for row in db.scalars(select(Signature))}


def counts(supporter: Supporter) -> dict[str, int]:
    found: dict[str, int] = supporter.client.get("/counts.json").get_json()["states"]
    return {code: number for code, number in found.items() if number}


@pytest.mark.both_databases
def test_three_letters_one_mail_one_button(supporter: Supporter, site: Site) -> None:
    answer = sign(supporter, "de", "fr", "it", "fr", "DE", "")
    assert answer.status_code == 303
    assert len(supporter.mails()) == 1
    assert signatures(site).keys() == {"de", "fr", "it"}

    page = text(supporter.page())
    assert "One step left: confirm your letters" in page
    assert "Mara Example" in page
    for name in ("Germany", "France", "Italy"):
        assert name in page
    assert act(supporter, "confirm").status_code == 303
    assert counts(supporter) == {"de": 1, "fr": 1, "it": 1}
    assert "Your signatures are confirmed" in text(supporter.page())


@pytest.mark.both_databases
def test_unticked_letters_wait_and_are_confirmed_later_or_erased(supporter: Supporter) -> None:
    sign(supporter, "de", "fr", "it", "es")
    assert act(supporter, "confirm", "fr").status_code == 303
    assert counts(supporter) == {"fr": 1}
    assert act(supporter, "withdraw", "es").status_code == 303
    assert act(supporter, "confirm").status_code == 303
    assert counts(supporter) == {"de": 1, "fr": 1, "it": 1}


@pytest.mark.both_databases
def test_the_page_acts_on_one_on_some_or_on_all(supporter: Supporter, site: Site) -> None:
    sign(supporter, "de", "fr", "it", "es")
    act(supporter, "confirm")
    assert act(supporter, "disclose", "de", "fr", disclosure="public").status_code == 303
    assert [signatures(site)[code].disclosure for code in ("de", "fr", "it")] == [
        "public",
        "public",
        "delegation",
    ]
    assert act(supporter, "withdraw", "de").status_code == 303
    assert counts(supporter) == {"es": 1, "fr": 1, "it": 1}
    assert act(supporter, "withdraw").status_code == 303
    assert counts(supporter) == {}
    assert "Your signatures are erased" in text(supporter.page())


def test_one_letters_own_page_acts_on_that_letter(supporter: Supporter) -> None:
    sign(supporter, "de", "fr")
    act(supporter, "confirm")
    url = f"/en/signature/{supporter.token}"
    page = supporter.client.get(f"{url}?letter=fr").get_data(as_text=True)
    [shown] = set(re.findall(r'name="shown" value="([^"]*)"', page))

    answer = supporter.client.post(url, data={"action": "withdraw", "shown": shown})
    assert answer.headers["Location"].endswith("done=withdraw&letter=fr")
    supporter.site.snapshots.expire()
    assert counts(supporter) == {"de": 1}


def test_a_button_without_a_letter_does_nothing(supporter: Supporter, site: Site) -> None:
    sign(supporter, "de", "fr")
    before = rows(site)
    answer = act(supporter, "confirm", "", letters=[""])

    assert answer.status_code == 422
    assert "tick at least one letter" in text(answer)
    assert rows(site) == before


@pytest.mark.parametrize("action", ["confirm", "withdraw", "disclose", "replace"])
def test_what_the_page_did_not_show_is_not_touched(supporter: Supporter, site: Site, action: str) -> None:
    sign(supporter, "de", "fr")
    before = rows(site)
    page = supporter.page().get_data(as_text=True)
    shown = re.findall(r'name="shown" value="([^"]*)"', page)
    for sent in (
        {"letters": ["de", "it"], "shown": shown},
        {"letters": ["de"], "shown": [each for each in shown if each.startswith("fr")]},
        {"letters": ["de", "fr"]},
        {"shown": [*shown, "something else"]},
        {"shown": [each.replace("delegation", "public") for each in shown]},
    ):
        data = {"action": action, "disclosure": "delegation"} | sent
        answer = supporter.client.post(f"/en/signature/{supporter.token}", data=data)
        assert answer.status_code == 409, sent
    assert rows(site) == before


@pytest.mark.both_databases
def test_a_letter_that_was_signed_before_gets_the_same_answer_and_is_a_choice_of_its_own(
    supporter: Supporter, site: Site
) -> None:
    sign(supporter, "de", "fr")
    act(supporter, "confirm")
    first = sign(supporter, "it", email="new@example.org")
    again = sign(supporter, "de", "it", residence="PL")
    assert (first.status_code, first.data, first.headers["Location"]) == (
        again.status_code,
        again.data,
        again.headers["Location"],
    )

    page = text(supporter.page())
    assert "You have signed these letters before" in page
    assert act(supporter, "confirm").status_code == 303
    assert counts(supporter) == {"de": 1, "fr": 1, "it": 1}
    assert act(supporter, "replace").status_code == 303
    assert counts(supporter) == {"de": 1, "fr": 1, "it": 1}
    with site.database.reading() as db:
        counting = select(Signature.residence).where(
            Signature.state_code == "de", Signature.withdrawn_on.is_(None)
        )
        assert db.scalars(counting).all() == ["PL"]


@pytest.mark.parametrize("code", ["xx", "kosovo", "../de", "DEU", "\x00"])
def test_a_code_of_no_state_is_an_error(visiting_supporter: Supporter, code: str) -> None:
    answer = sign(visiting_supporter, "de", "fr", code)

    assert answer.status_code == 422
    assert "Choose the other letters from the list" in text(answer)
    assert not signatures(visiting_supporter.site)


def test_the_list_of_letters_is_shown_when_it_is_asked_for_and_keeps_what_was_typed(
    supporter: Supporter, site: Site
) -> None:
    assert 'type="checkbox" name="also"' not in supporter.client.get("/en/letters/de").get_data(as_text=True)
    answer = sign(supporter, "de", "choose", "fr", town="Oldtown")
    page = answer.get_data(as_text=True)

    assert answer.status_code == 200
    assert page.count('type="checkbox" name="also"') == 56
    assert 'value="fr" checked' in page
    assert 'value="Oldtown"' in page
    assert "Read: Kazakhstan" in text(answer).replace("Read : ", "Read: ")
    assert not signatures(site)
    refused = sign(supporter, "de", "", email="mara@")
    assert refused.get_data(as_text=True).count('type="checkbox" name="also"') == 56


def test_a_letter_says_what_it_asks_for(supporter: Supporter) -> None:
    page = text(sign(supporter, "de", "choose"))

    for before, name, after in (
        ("ask for sanctions", "France", "ask for visa bans"),
        ("ask for visa bans", "Holy See", "asks for an investigation"),
        ("asks for an investigation, not for sanctions", "Kazakhstan", "I sign this letter"),
    ):
        part = page[page.index(before) : page.index(after)]
        assert name in part


def test_all_57_letters_are_signed_and_confirmed(supporter: Supporter) -> None:
    sign(supporter, "de", *STATES)
    assert len(supporter.mails()) == 1
    assert act(supporter, "confirm").status_code == 303
    assert supporter.total() == 57
    assert act(supporter, "withdraw").status_code == 303
    assert supporter.total() == 0


def test_a_delegation_that_gets_no_names_gets_none_with_another_letter(
    supporter: Supporter, site: Site
) -> None:
    sign(supporter, "de", "kz", "fr")

    promised = {code: row.organisers_only for code, row in signatures(site).items()}
    assert promised == {"de": False, "kz": True, "fr": False}
    assert text(supporter.page()).count("(no name goes there)") == 1


def test_a_form_that_promised_the_name_to_no_delegation_promised_it_for_all_letters(
    supporter: Supporter, site: Site
) -> None:
    sign(supporter, "kz", "de")

    assert all(row.organisers_only for row in signatures(site).values())


def test_where_names_cannot_be_published_they_cannot_for_any_letter(supporter: Supporter) -> None:
    sign(supporter, "de", "fr", residence="KZ", advised="yes", disclosure="delegation")
    act(supporter, "confirm")

    answer = act(supporter, "disclose", disclosure="public")
    assert answer.status_code == 422
    assert "so we publish none" in text(answer)


def test_the_fifth_mail_opens_further_letters_too(supporter: Supporter) -> None:
    for _ in range(5):
        sign(supporter, "de", "fr")
    last = supporter.token
    sign(supporter, "it", "es")
    supporter.token = last

    assert {"Italy", "Spain"} <= set(text(supporter.page()).split())
    assert act(supporter, "confirm", "it", "es").status_code == 303
    assert counts(supporter) == {"es": 1, "it": 1}


def test_letters_count_once_for_a_network_until_they_are_very_many(
    make_app: Callable[[Settings], Flask], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "FREE_SIGNATURES", Limit(Bounds(3, 3), Bounds(3, 3)))
    monkeypatch.setattr(admission, "MAX_LETTERS", Limit(Bounds(60, 60), Bounds(99, 99)))
    client = make_app(replace(settings, unlimited_networks=())).test_client()

    def post(number: int, also: Sequence[str]) -> int:
        form = FORM | {"email": f"mara{number}@example.org", "also": list(also)}
        return client.post("/en/letters/de", data=form).status_code

    assert [post(1, list(STATES)), post(2, ["fr", "it"]), post(3, ["fr"])] == [303, 303, 429]


def test_a_row_that_was_altered_is_named_and_the_others_can_be_confirmed(
    supporter: Supporter, site: Site
) -> None:
    sign(supporter, "de", "fr", "it")
    with site.database.writing() as db:
        db.execute(update(Signature).where(Signature.state_code == "de").values(held_for="network"))

    page = supporter.page().get_data(as_text=True)
    [altered] = [each for each in page.split("<section") if "This cannot be confirmed" in each]
    assert "Germany" in altered
    assert "Italy" not in altered
    assert 'value="confirm"' not in altered
    assert 'value="withdraw"' in altered
    assert act(supporter, "confirm").status_code == 303
    assert counts(supporter) == {"fr": 1, "it": 1}

    alone = supporter.client.get(f"/en/signature/{supporter.token}?letter=de").get_data(as_text=True)
    assert "Somebody changed this in our database" in alone
    assert "One step left" not in alone
    assert "You can confirm" not in alone
    assert 'value="confirm"' not in alone
    assert act(supporter, "withdraw", "de").status_code == 303
    assert signatures(site)["de"].withdrawn_on is not None


def test_a_group_says_that_delegations_see_the_name_unless_none_of_them_does(supporter: Supporter) -> None:
    sign(supporter, "de", "by")
    page = text(supporter.page())
    assert "Who sees the name The delegation only" in page
    assert "Belarus (no name goes there)" in page
    assert "Germany (no name" not in page

    sign(supporter, "kz", "by", email="tom@example.org")
    assert "Who sees the name The organisers only" in text(supporter.page())
