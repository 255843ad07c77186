"""Guessing names, passphrases and codes at the login reveals nothing, and is slow."""

import re
from collections.abc import Callable
from dataclasses import replace

import pyotp
import pytest
from flask import Flask
from sqlalchemy.orm import Session

from campaign.organiser import second_factor, wrong_code
from campaign.organiser.account import Unlocked
from campaign.organiser.audit_log import entries
from campaign.organiser.login import check_passphrase
from campaign.organiser.second_factor import TypedCode
from campaign.organiser.wrong_code import FREE_CODES
from campaign.sealing import argon2, passphrase_key
from campaign.sealing.argon2 import Cost
from campaign.settings import Settings
from campaign.web.site import Site
from tests.conftest import NOW, Clock
from tests.support.factories import PASSPHRASE
from tests.web.conftest import OrganisersBrowser, rows

pytestmark = pytest.mark.any_database

DRILL = "/organise/account/recovery-code/drill"


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[Cost]:
    """Return passes and memory of every stretching of a passphrase."""
    taken: list[Cost] = []
    derive = argon2.derive

    def counted(secret: bytes, salt: bytes, cost: Cost) -> bytes:
        taken.append(cost)
        return derive(secret, salt, cost)

    monkeypatch.setattr(argon2, "derive", counted)
    return taken


@pytest.fixture
def secret(db: Session, owner: Unlocked) -> str:
    """Switch codes on for the owner, with the present code, which is then used."""
    made = second_factor.new_secret()
    account, stretched = check_passphrase(db, owner.id, PASSPHRASE)
    code = TypedCode(pyotp.TOTP(made).at(NOW), NOW)
    second_factor.switch_on(db, account, stretched, made, code)
    db.commit()
    return made


def attempts(secret: str) -> list[dict[str, str]]:
    """Return the form of each kind of wrong login."""
    next_code = pyotp.TOTP(secret).at(NOW, counter_offset=1)
    return [
        {"name": "Nobody", "passphrase": PASSPHRASE, "code": next_code},
        {"name": "Olga Organiser", "passphrase": "not this one at all", "code": next_code},
        {"name": "Olga Organiser", "passphrase": PASSPHRASE, "code": "000000"},
        {"name": "Olga Organiser", "passphrase": PASSPHRASE, "code": pyotp.TOTP(secret).at(NOW)},
        {"name": "Olga Organiser", "passphrase": PASSPHRASE, "code": ""},
    ]


def without_what_was_typed(page: str) -> str:
    return re.sub(r'value="[^"]*"', "", page)


def test_every_wrong_login_takes_the_same_work_and_gets_the_same_answer(
    app: Flask, db: Session, secret: str, work: list[Cost]
) -> None:
    pages, figures = set(), []
    for typed in attempts(secret):
        work.clear()
        answer = OrganisersBrowser(app).log_in(**typed)
        pages.add((answer.status_code, without_what_was_typed(answer.text)))
        figures.append(list(work))

    assert len(pages) == 1
    assert figures == [[passphrase_key.COST]] * len(figures)


def test_a_right_login_takes_that_work_too(app: Flask, secret: str, clock: Clock, work: list[Cost]) -> None:
    clock.forward(seconds=30)
    answer = OrganisersBrowser(app).log_in(code=pyotp.TOTP(secret).at(clock()))

    assert answer.status_code == 303
    assert work == [passphrase_key.COST]


def recover(browser: OrganisersBrowser) -> int:
    new = f"{PASSPHRASE} again"
    form = {"code": "0" * 32, "passphrase": new, "passphrase_again": new}
    return browser.post("/organise/recover", on="/organise/recover", **form).status_code


def test_a_wrong_recovery_code_costs_next_to_nothing(app: Flask, owner: Unlocked, work: list[Cost]) -> None:
    assert recover(OrganisersBrowser(app)) == 422
    assert work == []


def posts(app: Flask) -> list[str]:
    """Return a URL for each endpoint of the organisers that takes posts."""
    values = {"state": "de", "token": "0" * 20, "translation": "de"}
    nobody = "00000000-0000-0000-0000-000000000000"
    return [
        re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values.get(found.group(1), nobody), rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("organise.") and "POST" in (rule.methods or set())
    ]


def test_no_post_is_taken_without_its_own_sessions_token(
    app: Flask, site: Site, organiser: OrganisersBrowser, others: dict[str, OrganisersBrowser]
) -> None:
    before, foreign = rows(site), others["owner"].token()
    assert len(posts(app)) > 20
    for url in posts(app):
        for token in ({}, {"csrf_token": ""}, {"csrf_token": foreign}, {"csrf_token": "a.b.c"}):
            answer = organiser.client.post(url, data={"role": "owner", "name": "x"} | token)

            # 410 for the pages that show a code once, because an organiser may reload them.
            is_reloaded = url.startswith(("/organise/setup", "/organise/recover"))
            assert answer.status_code == (410 if is_reloaded else 400), (url, token)
    assert rows(site) == before


def test_a_login_is_not_taken_with_anothers_token(
    app: Flask, owner: Unlocked, others: dict[str, OrganisersBrowser]
) -> None:
    """Otherwise another site could log a visitor in as somebody else, unnoticed."""
    form = {"csrf_token": others["owner"].token(), "name": "Olga Organiser", "passphrase": PASSPHRASE}
    client = app.test_client()
    client.get("/organise/login")

    assert client.post("/organise/login", data=form).status_code == 400
    assert client.get("/organise/").status_code == 303


def test_the_cookie_is_for_this_host_alone_and_out_of_reach_for_scripts(
    make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    flags = ["HttpOnly", "Path=/", "SameSite=Strict"]
    for base_url, name, expected in (
        ("http://127.0.0.1:8000", "organiser", flags),
        ("https://letters.example.org", "__Host-organiser", ["Secure", *flags]),
    ):
        app = make_app(replace(settings, base_url=base_url))
        answer = app.test_client().get("/organise/login", base_url=base_url)
        found, *others = answer.headers["Set-Cookie"].split("; ")

        assert found.partition("=")[0] == name
        assert sorted(others) == sorted(expected)


def test_every_cookie_has_a_name_over_tls_that_plain_http_cannot_set(
    make_app: Callable[[Settings], Flask], settings: Settings, owner: Unlocked
) -> None:
    base_url = "https://letters.example.org"
    client = make_app(replace(settings, base_url=base_url)).test_client()
    page = client.get("/organise/login", base_url=base_url).text
    typed = {"csrf_token": re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)[0], "language": "ru"}
    typed |= {"name": "Olga Organiser", "passphrase": PASSPHRASE, "code": ""}
    set_ = []
    for path in ("language", "login"):
        came_from = {"Referer": f"{base_url}/organise/login"}
        answer = client.post(f"/organise/{path}", data=typed, base_url=base_url, headers=came_from)
        assert answer.status_code == 303
        set_ += [
            (each.partition("=")[0], "; Secure" in each) for each in answer.headers.getlist("Set-Cookie")
        ]

    assert sorted(set(set_)) == [
        ("__Host-organiser", True),
        ("__Secure-known-browser", True),
        ("__Secure-organiser-language", True),
    ]
    page = client.get("/organise/login", base_url=base_url, follow_redirects=True)
    assert '<html lang="ru">' in page.text


def test_a_wrong_code_after_the_right_passphrase_is_recorded_and_counted(
    app: Flask, db: Session, secret: str, clock: Clock
) -> None:
    for _ in range(FREE_CODES + 1):
        assert OrganisersBrowser(app).log_in(code="000000").status_code == 422
    clock.forward(seconds=29)  # the wait after the third is half a minute
    assert OrganisersBrowser(app).log_in(code=pyotp.TOTP(secret).at(clock())).status_code == 422

    assert [entry.act for entry in entries(db)].count(wrong_code.ACT) == FREE_CODES + 1
    db.rollback()  # a session that may write would keep the site waiting
    clock.forward(seconds=1)
    assert OrganisersBrowser(app).log_in(code=pyotp.TOTP(secret).at(clock())).status_code == 303
