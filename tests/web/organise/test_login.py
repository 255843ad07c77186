"""Login, setup and recovery: the answers to invalid links, codes and passphrases."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from campaign.signature.key_change import setup_code
from campaign.web.site import Site
from tests.conftest import Clock
from tests.support.factories import PASSPHRASE
from tests.web.conftest import OrganisersBrowser

pytestmark = pytest.mark.any_database

FRESH = "seven fresh words for olga today"

OFFERED = 'class="passphrase"'


@pytest.fixture
def setup_url(site: Site, clock: Clock) -> str:
    with site.database.writing() as db:
        return f"/organise/setup/{setup_code(db, now=clock())}"


def posted(client: FlaskClient, url: str, **form: str) -> tuple[Any, dict[str, str]]:
    """Post *form* with the token of its page; return the answer and the posted fields."""
    page = client.get(url).get_data(as_text=True)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    sent = {"csrf_token": found.group(1), **form}
    return client.post(url, data=sent), sent


def account(**changes: str) -> dict[str, str]:
    return {"name": "Olga", "passphrase": PASSPHRASE, "passphrase_again": PASSPHRASE} | changes


def test_faults_are_listed_in_the_order_of_the_fields(client: FlaskClient, setup_url: str) -> None:
    answer, _sent = posted(client, setup_url, **account(name="", passphrase="short"))
    page = answer.get_data(as_text=True)

    assert re.findall(r'<li><a href="#(\w+)">', page) == ["name", "passphrase", "passphrase_again"]


def test_words_that_were_written_down_are_not_replaced_by_others(client: FlaskClient, setup_url: str) -> None:
    assert OFFERED in client.get(setup_url).get_data(as_text=True)
    answer, _sent = posted(client, setup_url, **account(name=""))

    assert OFFERED not in answer.get_data(as_text=True)
    assert "Keep the words you wrote down" in answer.get_data(as_text=True)


def test_after_too_short_a_passphrase_one_is_offered(client: FlaskClient, setup_url: str) -> None:
    answer, _sent = posted(client, setup_url, **account(passphrase="short", passphrase_again="short"))

    assert OFFERED in answer.get_data(as_text=True)


def test_spaces_too_many_make_no_other_passphrase(app: Flask, setup_url: str) -> None:
    words = PASSPHRASE.split()
    answer, _sent = posted(
        app.test_client(),
        setup_url,
        **account(passphrase="  ".join(words), passphrase_again=f"{' '.join(words)} "),
    )

    assert answer.status_code == 200
    assert OrganisersBrowser(app).log_in("Olga").status_code == 303


def test_a_used_link_says_so(app: Flask, setup_url: str) -> None:
    posted(app.test_client(), setup_url, **account())
    answer = app.test_client().get(setup_url)

    assert answer.status_code == 404
    assert "This link was used already, or has run out." in answer.get_data(as_text=True)


NOT_GIVEN = ["olga  ORGANISER", "Olga Оrganiser", "Command line", ""]


def test_an_owner_learns_that_a_name_cannot_be_given(organiser: OrganisersBrowser) -> None:
    for name in NOT_GIVEN:
        answer = organiser.post("/organise/account/invitations", name=name)

        assert answer.status_code == 422
        assert 'href="#invited-name"' in answer.get_data(as_text=True)
        assert "/organise/setup/" not in answer.get_data(as_text=True)


def test_the_first_organiser_learns_that_a_name_is_reserved(client: FlaskClient, setup_url: str) -> None:
    answer, _sent = posted(client, setup_url, **account(name="Sуstem"))  # with a Cyrillic у

    assert answer.status_code == 422
    assert "could be taken for the tool itself" in answer.get_data(as_text=True)


def test_reloading_the_page_with_the_recovery_code_does_not_show_it_again(
    client: FlaskClient, setup_url: str
) -> None:
    first, sent = posted(client, setup_url, **account())
    code = re.search(r"(?:[0-9A-Z]{4}-){7}[0-9A-Z]{4}", first.get_data(as_text=True))
    assert code
    again = client.post(setup_url, data=sent)

    assert again.status_code == 410
    assert "was shown once" in again.get_data(as_text=True)
    assert code.group() not in again.get_data(as_text=True)
    assert "/organise/account#recovery" in again.get_data(as_text=True)


def test_reloading_after_a_recovery_does_not_show_the_next_code_again(
    organiser: OrganisersBrowser, app: Flask
) -> None:
    page = organiser.post("/organise/account/recovery-code").get_data(as_text=True)
    code = re.search(r"(?:[0-9A-Z]{4}-){7}[0-9A-Z]{4}", page)
    assert code
    client = app.test_client()
    new = {"passphrase": FRESH, "passphrase_again": FRESH}
    first, sent = posted(client, "/organise/recover", code=code.group(), **new)
    assert first.status_code == 200

    assert client.post("/organise/recover", data=sent).status_code == 410
    stranger, _sent = posted(app.test_client(), "/organise/recover", code=code.group(), **new)
    assert stranger.status_code == 422
    assert "not a recovery code of ours" in stranger.get_data(as_text=True)


def test_a_form_without_its_token_is_refused(client: FlaskClient, setup_url: str) -> None:
    assert client.post(setup_url, data=account()).status_code == 400
