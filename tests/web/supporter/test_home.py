"""The home page: the call and the picker first, then the women, then the officials."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from campaign.appeal import reading
from campaign.reference.participating_state import STATES
from campaign.settings import Settings
from tests.conftest import NOW
from tests.web.conftest import Supporter

pytestmark = pytest.mark.any_database


def test_the_women_come_before_the_officials_and_each_with_what_was_reported(visitor: FlaskClient) -> None:
    page, appeal = visitor.get("/en/").text, reading.load()
    places = [page.index(each.name) for each in (*appeal.named, *appeal.persons)]

    assert len(appeal.named) == 6
    assert places == sorted(places)
    assert all(each.statement in page for each in appeal.named)
    assert page.count("Office in March 2021") == 1


def test_each_of_the_57_has_a_tile_that_leads_to_its_letter(visitor: FlaskClient) -> None:
    page = visitor.get("/en/").text
    tiles = re.findall(r'<li class="y\d x\d+">.*?</li>', page, re.DOTALL)

    assert len(tiles) == 57
    assert {re.findall(r'href="/en/letters/(\w\w)"', tile)[0] for tile in tiles} == set(STATES)
    assert "0 signatures" in tiles[0]


def test_a_small_count_is_not_shown_as_a_large_number(supporter: Supporter, client: FlaskClient) -> None:
    supporter.sign()
    supporter.act("confirm")

    page = client.get("/en/").text

    assert "Be among the first to sign." in page
    assert "data-count" not in page
    assert "1 signature" in page  # in words, at the State's tile


def test_the_closing_day_stands_on_the_page_before_it_comes(
    make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    soon = replace(settings, closes_on=NOW.date() + timedelta(days=3))

    page = make_app(soon).test_client().get("/en/").text

    assert re.search(r"The letters can be signed until \d+ \w+ \d{4}, 23:59 UTC\.", page)


@pytest.mark.parametrize("typed", ["Германия", "allemagne", "ALEMANIA", "Німеччина", "Deutschland"])
def test_the_picker_knows_a_state_by_its_name_in_every_language(visitor: FlaskClient, typed: str) -> None:
    assert visitor.get("/en/letters", query_string={"state": typed}).location == "/en/letters/de"


def test_no_name_leads_to_two_states() -> None:
    seen: dict[str, str] = {}
    for state in STATES.values():
        for name in state.known_as:
            assert seen.setdefault(name.casefold(), state.code) == state.code, name


def test_the_names_of_all_states_are_there_for_the_picker(visitor: FlaskClient) -> None:
    answer = visitor.get("/state-names.json")

    assert {"Germany", "Allemagne", "Германия"} <= set(answer.get_json()["de"])
    assert "max-age=0" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
