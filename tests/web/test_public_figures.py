"""Someone who polls every public page does not see when one person signs."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from campaign.settings import Settings
from campaign.web.site import Site
from campaign.worker import job
from campaign.worker.job import Run
from tests.conftest import Clock
from tests.web.conftest import OrganisersBrowser, Supporter

pytestmark = pytest.mark.any_database

POLLED = (
    "/en/",
    "/en/letters/de",
    "/en/letters/fr",
    "/en/letters/de.atom",
    "/en/progress",
    "/en/updates.atom",
    "/en/embed/de",
    "/counts.json",
    "/healthz",
    "/en/check-your-mail",
    "/share/en/de.png",
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, count_minutes=15, count_step=5)


@pytest.fixture
def work(site: Site, clock: Clock) -> Callable[[], None]:
    """Do what the worker does each minute."""

    def work() -> None:
        for each in (job.publish_count, job.note_mails):
            with site.database.writing() as db:
                each(Run(settings=site.settings, database=site.database, db=db, now=clock()))
        site.snapshots.expire()

    return work


def poll(client: FlaskClient) -> dict[str, bytes]:
    """Return what a stranger sees, ETags included, and what a monitor reads of the campaign."""
    answers = {path: client.get(path) for path in POLLED}
    seen = {path: answer.headers.get("ETag", "").encode() + answer.data for path, answer in answers.items()}
    lines = [
        line
        for line in client.get("/metrics").text.splitlines()
        if not line.startswith(("process_", "campaign_disk"))
    ]
    return seen | {"/metrics": "\n".join(lines).encode()}


def count_of(page: str, key: str) -> str:
    return re.findall(f'data-count="{key}">([^<]+)<', page)[0]


@pytest.mark.both_databases
def test_a_poller_sees_no_single_act(
    client: FlaskClient, supporter: Supporter, clock: Clock, work: Callable[[], None]
) -> None:
    work()
    before = poll(client)
    for at in range(6):
        supporter.sign(email=f"mara{at}@example.org")
        assert poll(client) == before
        supporter.act("confirm")
        clock.forward(seconds=40)
        work()
        assert poll(client) == before
    supporter.act("withdraw")
    clock.forward(seconds=40)
    work()
    assert poll(client) == before

    clock.forward(minutes=12)
    work()

    assert client.get("/counts.json").get_json() == {
        "total": 5,
        "states": {"de": 5},
        "as_of": "2026-11-23T12:15:00+00:00",
    }
    assert count_of(client.get("/en/progress").text, "de") == "5"
    assert "campaign_signatures 5.0" in client.get("/metrics").text


def test_one_mailbox_that_signs_and_withdraws_again_and_again_moves_no_figure(
    client: FlaskClient, supporter: Supporter, clock: Clock, work: Callable[[], None]
) -> None:
    work()
    for _again in range(3):  # six acts
        supporter.sign()
        supporter.act("confirm")
        supporter.act("withdraw")
    supporter.sign(email="somebody@example.org")
    supporter.act("confirm")
    clock.forward(minutes=15)
    work()

    assert client.get("/counts.json").get_json()["total"] == 0
    assert "campaign_signatures 0.0" in client.get("/metrics").text


def test_a_signatory_who_polls_the_private_page_sees_no_single_act(
    client: FlaskClient, supporter: Supporter, clock: Clock, work: Callable[[], None]
) -> None:
    supporter.sign()
    supporter.act("confirm")
    page, token = supporter.page().data, supporter.token
    supporter.sign(email="another@example.org")
    supporter.act("confirm")
    clock.forward(minutes=15)
    work()
    supporter.token = token

    assert page == supporter.page().data


def test_the_page_after_confirming_says_when_the_figure_may_include_it(
    supporter: Supporter, clock: Clock
) -> None:
    supporter.sign()
    clock.forward(minutes=20)

    answer = supporter.client.post(
        supporter_url(supporter), data={"action": "confirm"}, follow_redirects=True
    )

    assert "with yours at 12:30 UTC at the earliest, and tomorrow at the latest" in answer.text
    assert "at the earliest" not in supporter.page().text


def supporter_url(supporter: Supporter) -> str:
    return f"/en/signature/{supporter.token}"


def test_a_page_says_as_of_which_turn_and_how_figures_move(
    make_app: Callable[[Settings], Flask], settings: Settings, client: FlaskClient, clock: Clock
) -> None:
    clock.forward(minutes=7)
    page = client.get("/en/progress").text
    at_once = (
        make_app(replace(settings, count_minutes=0, count_step=1)).test_client().get("/en/progress").text
    )

    assert "12:00 UTC" in page
    assert "every 15 minutes at the earliest, by 5 signatures or more" in page
    assert "12:07 UTC" in at_once
    assert "at the earliest" not in at_once


def test_organisers_see_the_exact_count(supporter: Supporter, organiser: OrganisersBrowser) -> None:
    supporter.sign()
    supporter.act("confirm")

    assert 'data-exact-count="total">1<' in organiser.get("/organise/").text


def test_a_shared_cache_may_answer_until_the_next_turn_but_a_minute_at_most(
    client: FlaskClient, clock: Clock, site: Site
) -> None:
    def seconds(path: str) -> str:
        site.snapshots.expire()
        return client.get(path).headers["Cache-Control"]

    assert seconds("/en/letters/de") == "public, max-age=0, s-maxage=60"
    assert seconds("/counts.json") == "public, max-age=0, s-maxage=60"
    assert seconds("/en/progress") == "public, max-age=0, s-maxage=1"
    clock.forward(minutes=14, seconds=35)
    assert seconds("/en/letters/de") == "public, max-age=0, s-maxage=25"
    clock.forward(minutes=3)
    assert seconds("/en/letters/de") == "public, max-age=0, s-maxage=1", "the worker is late"


def test_a_page_is_rendered_once_for_each_figure(
    app: Flask, client: FlaskClient, supporter: Supporter, clock: Clock, work: Callable[[], None]
) -> None:
    rendered: list[str] = []

    @app.before_request
    def note() -> None:
        from flask import request

        rendered.append(request.path)

    for _minute in range(14):
        client.get("/en/letters/de")
        clock.forward(minutes=1)
        work()
    assert rendered == ["/en/letters/de"]
    clock.forward(minutes=1)
    work()
    client.get("/en/letters/de")
    assert rendered == ["/en/letters/de"] * 2
