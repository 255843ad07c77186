"""What was typed under a letter goes along to the page in another language."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from campaign.settings import Settings
from campaign.web.site import Site
from tests.support.translated import add_language, english_folder
from tests.web.conftest import FORM, rows

pytestmark = pytest.mark.any_database

TYPED = FORM | {"town": "Exampletown", "words": "My words.", "also": ["", "fr"], "residence": "AU"}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Offer German beside English."""
    folder = english_folder(tmp_path / "appeal")
    add_language(folder, "de")
    return replace(settings, appeal=folder)


def test_what_was_typed_goes_to_the_other_language_and_nothing_is_signed(
    client: FlaskClient, site: Site
) -> None:
    before = rows(site)
    form = client.get("/en/letters/de").text.partition('class="signature-form"')[2]
    first, *others = re.findall(r"<button (?![^>]*form=)[^>]*>", form)
    assert "name" not in first, "Enter presses the first button: it signs"
    assert 'name="carried" value="choose"' in others[-1]

    asked = client.post("/en/letters/de", data=TYPED | {"carried": "choose"})
    assert 'value="y" formaction="/de/letters/de#sign" lang="de"' in asked.text
    answer = client.post("/de/letters/de", data=TYPED | {"carried": "y"})

    assert answer.status_code == 200
    assert '<html lang="de">' in answer.text
    assert "Location" not in answer.headers
    for name in ("name", "email", "town"):
        assert re.search(rf'<input[^>]* name="{name}"[^>]* value="{TYPED[name]}"', answer.text), name
    assert ">\r\nMy words.</textarea>" in answer.text
    assert re.search(r"<option value=AU[^>]* selected", answer.text)
    assert 'name="also" value="fr" checked' in answer.text
    assert "consent" in answer.text
    assert not re.search(r'name="consent"[^>]* checked', answer.text), "the other letter is a text of its own"
    assert rows(site) == before


def test_the_safer_form_stays_the_safer_form(client: FlaskClient) -> None:
    safer = FORM | {"residence": "KZ", "advised": "yes", "disclosure": "counted", "carried": "y"}
    page = client.post("/de/letters/de", data=safer).text

    assert 'name="advised" type="hidden" value="yes"' in page
    assert re.search(r'value="counted"[^>]* checked|checked[^>]* value="counted"', page)


def chosen(page: str) -> list[str]:
    """Return the choices of who may see the name that are ticked."""
    radios = [each for each in re.findall(r"<input[^>]*>", page) if 'name="disclosure"' in each]
    return [value for each in radios if " checked" in each for value in re.findall(r'value="(\w+)"', each)]


def test_without_scripts_too_the_advice_comes_with_no_one_chosen(client: FlaskClient) -> None:
    for way in ({"carried": "y"}, {"carried": "choose"}, {"also": "choose"}):
        for disclosure in ("public", "delegation"):
            sent = FORM | {"residence": "KZ", "disclosure": disclosure} | way
            page = client.post("/de/letters/de", data=sent).text
            assert 'name="advised" type="hidden" value="yes"' in page
            assert chosen(page) == ["counted"], (way, disclosure)

    after_the_advice = FORM | {"residence": "KZ", "advised": "yes", "carried": "y"}
    assert chosen(client.post("/de/letters/de", data=after_the_advice).text) == ["delegation"]


def test_a_question_about_the_address_is_asked_again_in_the_other_language(client: FlaskClient) -> None:
    misspelt = FORM | {"email": "mara@gmial.com"}
    assert 'value="gmail.com"' in client.post("/en/letters/de", data=misspelt).text

    carried = client.post("/de/letters/de", data=misspelt | {"spelling": "gmial.com", "carried": "y"}).text

    assert 'name="spelling"' not in carried
    assert 'value="gmail.com"' in client.post("/de/letters/de", data=misspelt | {"spelling": ""}).text
    corrected = client.post("/de/letters/de", data=misspelt | {"spelling": "gmail.com", "carried": "y"}).text
    assert re.search(r'name="spelling"[^>]* value="gmail.com"', corrected)


def test_another_site_cannot_send_a_form_along(client: FlaskClient) -> None:
    answer = client.post(
        "/de/letters/de", data=TYPED | {"carried": "y"}, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert answer.status_code == 403
