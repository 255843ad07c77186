"""What a monitor may read, and what its records and a network's log together must not tell."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from campaign.mail import outbox, retry
from campaign.mail.outbox import OutboxMail
from campaign.operations import monitor
from campaign.settings import Settings
from campaign.signature import recount
from campaign.web.serving import metrics
from campaign.web.site import Site
from campaign.worker import tasks
from tests.conftest import NOW, Clock
from tests.web.conftest import FORM, OrganisersBrowser, Supporter

pytestmark = pytest.mark.any_database

Figures = dict[str, float]

STRANGER = {"REMOTE_ADDR": "198.51.100.7"}


@pytest.fixture(autouse=True)
def read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0)


def figures(client: FlaskClient) -> Figures:
    """Return every figure by its name, but for those of the machine."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        sample.name: sample.value
        for family in families
        for sample in family.samples
        if not sample.name.startswith(("process_", "campaign_disk"))
    }


def of_mails(found: Figures) -> Figures:
    return {key: value for key, value in found.items() if key.startswith("campaign_mail")}


def words(client: FlaskClient) -> dict[str, str]:
    """Return what ``/healthz`` says of mails."""
    answer = client.get("/healthz").get_json()
    return {word: answer[word] for word in ("queue", "mail")}


def note_mails(site: Site) -> None:
    """Do what the worker does each minute."""
    with site.database.writing() as db:
        monitor.record_mail_figures(db, now=site.clock())


def moved(before: Figures, after: Figures) -> set[str]:
    """Return the names of the figures that differ."""
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def test_the_machines_figures_are_too_rough_to_show_a_commit_or_a_connection(client: FlaskClient) -> None:
    found = {
        sample.name: sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }

    assert found["campaign_disk_free_bytes"] % 100_000_000 == 0
    assert found["process_resident_memory_bytes"] % 10_000_000 == 0
    assert found["process_open_fds"] % 10 == 0


@pytest.mark.both_databases
def test_the_figures_say_how_the_campaign_is(
    supporter: Supporter, site: Site, db: Session, clock: Clock
) -> None:
    for email in ("mara@example.org", "nia@example.org", "omar@example.org"):
        supporter.sign(email=email)
        supporter.act("confirm")
    supporter.act("withdraw")
    supporter.sign(email="pavla@example.org")
    recount.record(db, recount.compare(db), now=NOW)
    db.commit()
    assert not any(name.startswith("campaign_mail") for name in figures(supporter.client))
    clock.forward(days=1)
    note_mails(site)
    clock.forward(minutes=20)
    found = figures(supporter.client)

    assert found["campaign_database_up"] == 1
    assert found["campaign_signatures"] == 2
    assert found["campaign_signatures_pending"] == 1
    assert found["campaign_mail_waiting"] == 0
    assert found["campaign_mail_oldest_seconds"] == 0, "four mails could be one person's"
    assert found["campaign_mail_noted_age_seconds"] == timedelta(minutes=15).total_seconds()
    assert found["campaign_recount_age_seconds"] == timedelta(days=1, minutes=20).total_seconds()
    assert found["campaign_recount_differences"] == 0


def test_no_figure_tells_the_moment_of_an_act(
    make_app: Callable[[Settings], Flask],
    settings: Settings,
    supporter: Supporter,
    organiser: OrganisersBrowser,
    site: Site,
    clock: Clock,
) -> None:
    supporter.client = make_app(replace(settings, count_minutes=15, count_step=5)).test_client()
    acts: dict[str, Callable[[], object]] = {
        "sign": supporter.sign,
        "come to the next page": lambda: supporter.client.get("/en/check-your-mail?x"),
        "open the private page": lambda: supporter.page(),
        "type it wrongly": lambda: supporter.client.post("/en/letters/de", data=FORM | {"email": "nobody"}),
        "ask for a link": lambda: supporter.client.post("/en/signature", data={"email": "m@example.org"}),
        "work as an organiser": lambda: organiser.get("/organise/signatures"),
        "confirm": lambda: supporter.act("confirm"),
        "withdraw": lambda: supporter.act("withdraw"),
    }
    note_mails(site)
    before = figures(supporter.client)
    for act, do in acts.items():
        do()
        note_mails(site)
        after = figures(supporter.client)
        assert moved(before, after) == set(), act
        before = after
    clock.forward(minutes=14)
    after = figures(supporter.client)
    assert moved(before, after) == set(), "as time goes by"
    clock.forward(minutes=1)
    note_mails(site)
    assert moved(before, figures(supporter.client)) == set(), "at the turn"


def test_whichever_process_is_asked_none_tells_when_a_mail_was_made_left_or_failed(
    make_app: Callable[[Settings], Flask],
    settings: Settings,
    supporter: Supporter,
    site: Site,
    db: Session,
    clock: Clock,
) -> None:
    acts: dict[int, Callable[[UUID], None]] = {
        36: lambda mail: outbox.delete_sent(db, mail),
        68: lambda mail: retry.give_up(db, mail, code=550),
    }
    several = monitor.SEVERAL
    changes: dict[int, dict[str, str]] = {}
    told, before = words(supporter.client), figures(supporter.client)
    for minute in range(90):
        clock.time = NOW + timedelta(minutes=minute, seconds=20)
        note_mails(site)
        clock.forward(seconds=10)
        if minute in {4, 66}:
            for number in range(several):
                supporter.sign(email=f"mara{number}.{minute}@example.org")
        if act := acts.get(minute):
            for mail in db.scalars(select(OutboxMail.id)).all():
                act(mail)
            db.commit()
        now, after = words(supporter.client), figures(supporter.client)
        if now != told:
            changes[minute] = now
        assert minute % 15 == 0 or moved(before, after) == set(), minute
        if minute in {4, 36, 66, 68}:
            clock.forward(seconds=10)
            new = make_app(settings).test_client()
            assert (words(new), of_mails(figures(new))) == (now, of_mails(after)), "started right after that"
        told, before = now, after

    # Made after 4 minutes, they are no sign of trouble before 19; sent after 36; others refused after 68.
    assert changes == {
        30: {"queue": "stuck", "mail": "ok"},
        45: {"queue": "ok", "mail": "ok"},
        75: {"queue": "ok", "mail": "failing"},
    }
    clock.forward(minutes=15)
    assert words(supporter.client) == {"queue": "ok", "mail": "failing"}
    clock.forward(minutes=1)
    assert words(supporter.client) == {"queue": "stuck", "mail": "failing"}, "no worker notes any more"


def test_a_client_that_may_not_read_them_cannot_tell_that_they_exist(client: FlaskClient) -> None:
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        there, nowhere = (
            client.open(path, method=method, environ_base=STRANGER) for path in ("/metrics", "/metricx")
        )

        assert there.status_code == nowhere.status_code == 404, method
        assert there.data.replace(b"metrics", b"metricx") == nowhere.data, method
        assert dict(there.headers) == dict(nowhere.headers), method
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "::1"}).status_code == 200


def test_behind_a_proxy_it_is_the_visitor_who_counts_not_the_proxy(
    make_app: Callable[[Settings], Flask], settings: Settings, client: FlaskClient
) -> None:
    def status(client: FlaskClient, visitor: str) -> int:
        return client.get("/metrics", headers={"X-Forwarded-For": visitor}).status_code

    networks = (ip_network("203.0.113.0/24"),)
    behind = make_app(replace(settings, trusted_proxies=1)).test_client()
    allowed = make_app(replace(settings, trusted_proxies=1, metrics_networks=networks)).test_client()

    two = make_app(replace(settings, trusted_proxies=2, metrics_networks=networks)).test_client()

    assert status(behind, "198.51.100.7") == 404
    assert behind.get("/metrics").status_code == 404, "a proxy that names nobody is not this machine"
    assert status(behind, "127.0.0.1") == 404
    assert status(two, "203.0.113.9") == 404, "a proxy too few"
    assert status(allowed, "203.0.113.9") == 200
    assert status(allowed, "198.51.100.7") == 404
    assert status(allowed, "203.0.113.9, 198.51.100.7") == 404
    assert status(client, "198.51.100.7") == 404, "an unknown proxy hides the visitor's address"
    assert client.get("/metrics", headers={"Forwarded": "for=198.51.100.7"}).status_code == 404


@pytest.mark.both_databases
def test_a_database_that_does_not_answer_is_reported_beside_the_other_figures(
    client: FlaskClient, db: Session
) -> None:
    db.execute(text("DROP TABLE state_count"))
    db.commit()
    found = figures(client)

    assert found["campaign_database_up"] == 0
    assert "campaign_signatures" not in found
    assert found["campaign_failures_total"] == 0
    for answered in (0, 10):
        for _request in range(9 if not answered else 1):
            assert client.get("/counts.json").status_code in {500, 503}
        assert figures(client)["campaign_failures_total"] == answered, "in tens"


def test_however_often_they_are_read_the_database_is_asked_once_a_second(
    client: FlaskClient, site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 1)
    asked = []
    event.listen(site.database.engine, "begin", asked.append)
    for _ in range(20):
        client.get("/metrics")
    assert len(asked) == 1

    clock.forward(seconds=1)
    client.get("/metrics")
    assert len(asked) == 2


def test_the_queues_length_is_told_in_tens(client: FlaskClient, site: Site) -> None:
    for number, told in ((1, 0), (9, 0), (12, 10)):
        while site.tasks.waiting() < number:
            site.tasks._send_task()
        assert figures(client)["campaign_queue_tasks"] == told
    assert tasks.QUEUE_LIMIT == 20
