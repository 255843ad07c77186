"""In which language a page answers, and where its other languages are."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from campaign.settings import Settings
from tests.support.translated import add_language, english_folder

pytestmark = pytest.mark.any_database


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Offer German and Russian beside English."""
    folder = english_folder(tmp_path / "appeal")
    for code in ("de", "ru"):
        add_language(folder, code)
    return replace(settings, appeal=folder)


def test_the_home_page_is_in_a_language_that_the_browser_lists(client: FlaskClient) -> None:
    for accepted, chosen in {
        "de-AT,de;q=0.9,en;q=0.8": "de",
        "en;q=0.3,ru;q=0.9": "ru",
        "be,ru;q=0.8,en;q=0.6": "ru",
        "be,en;q=0.8": "en",
        "ky": "en",
        "ru-KZ,en-US;q=0.7,en;q=0.3": "ru",
        "en-GB,ru-RU": "en",
        "ja,*;q=0.1": "en",
        "ru;q=0,de;q=0.1": "de",
    }.items():
        answer = client.get("/", headers={"Accept-Language": accepted})

        assert answer.location == f"/{chosen}/", accepted
        assert "Accept-Language" in answer.vary


def test_a_page_leads_to_itself_in_each_language(client: FlaskClient) -> None:
    page = client.get("/de/letters/fr")
    assert page.headers["Content-Language"] == "de"
    assert '<html lang="de">' in page.text
    found = re.findall(r'<link rel="alternate" hreflang="([^"]+)" href="https?://[^/]+([^"]*)"', page.text)
    assert found == [
        *((code, f"/{code}/letters/fr") for code in ("en", "de", "ru")),
        ("x-default", "/en/letters/fr"),
    ]
    assert '<a href="/ru/letters/fr" lang="ru" hreflang="ru">Русский</a>' in page.text
    # Not cached with the query of its first reader, while a page that reads its query keeps it.
    assert "utm" not in client.get("/de/privacy?utm=1").text
    assert "/ru/progress?order=signatures" in client.get("/de/progress?order=signatures").text


def test_a_query_leads_the_links_to_other_languages_nowhere_else(client: FlaskClient) -> None:
    plain = client.get("/de/progress").text
    for query in ("_scheme=javascript&_external=1", "_method=POST", "endpoint=x", "_anchor=x", "language=ru"):
        answer = client.get(f"/de/progress?{query}")
        assert answer.status_code == 200, query
        links = re.findall(r"<a [^>]*hreflang[^>]*>|<link [^>]*hreflang[^>]*>", answer.text)
        assert links == re.findall(r"<a [^>]*hreflang[^>]*>|<link [^>]*hreflang[^>]*>", plain), query


def test_organisers_choose_their_language_without_an_account(client: FlaskClient) -> None:
    german = {"Accept-Language": "de"}
    page = client.get("/organise/login", headers=german)
    assert '<html lang="de">' in page.text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found
    form = {"csrf_token": found[1], "language": "ru", "back": "/organise/login"}

    answer = client.post("/organise/language", data=form, headers=german)

    assert (answer.status_code, answer.location) == (303, "/organise/login")
    assert "Path=/organise" in answer.headers["Set-Cookie"]
    assert '<html lang="ru">' in client.get("/organise/login", headers=german).text
    elsewhere = client.post("/organise/language", data=form | {"back": "//example.org/organise/"})
    assert elsewhere.location == "/organise/"
    assert '<html lang="de">' in client.get("/de/", headers=german).text, "no cookie on supporters' pages"


def test_a_page_that_does_not_exist_answers_in_the_language_of_its_address(client: FlaskClient) -> None:
    answer = client.get("/ru/letter/fr", headers={"Accept-Language": "de"})
    assert answer.status_code == 404
    assert '<html lang="ru">' in answer.text
    assert '<html lang="de">' in client.get("/fr/letter/fr", headers={"Accept-Language": "de"}).text
