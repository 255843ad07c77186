"""The account page: inviting, changing and removing organisers, codes from a phone, the recovery drill."""

import re

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from campaign.organiser.account import Organiser, Unlocked
from campaign.organiser.audit_log import AuditEntry
from campaign.organiser.role import READER, ROLES
from campaign.web.site import Site
from tests.conftest import Clock
from tests.support.factories import PASSPHRASE
from tests.web.conftest import OrganisersBrowser, rows, text

pytestmark = pytest.mark.any_database

CODES = "/organise/account/codes"
DRILL = "/organise/account/recovery-code/drill"
RECOVERY_CODE = r"(?:[0-9A-Z]{4}-){7}[0-9A-Z]{4}"


def account_of(site: Site, name: str) -> Organiser:
    with site.database.reading() as db:
        return db.scalars(select(Organiser).where(Organiser.name == name)).one()


def log(site: Site) -> list[tuple[str, str]]:
    with site.database.reading() as db:
        return [(each.organiser, each.act) for each in db.scalars(select(AuditEntry))]


def switch_on(browser: OrganisersBrowser, clock: Clock, **changes: str) -> tuple[str, int]:
    """Switch codes on with the secret on the page; return the secret and the answer's status."""
    page = browser.get(CODES).text
    secret = re.search(r'name="secret" value="([A-Z2-7]{32})"', page)
    assert secret
    form = {"code": pyotp.TOTP(secret[1]).at(clock()), "passphrase": PASSPHRASE} | changes
    answer = browser.post(f"{CODES}/on", on=CODES, secret=secret[1], **form)
    return secret[1], answer.status_code


@pytest.mark.both_databases
def test_an_invitation_carries_its_role(organiser: OrganisersBrowser, app: Flask) -> None:
    for role in ROLES:
        page = organiser.post("/organise/account/invitations", name=f"Robin {role}", role=role).text
        link = re.search(r"/organise/setup/[0-9A-Z]{20}", page)
        assert link
        browser = OrganisersBrowser(app)
        form = {"passphrase": PASSPHRASE, "passphrase_again": PASSPHRASE}
        answer = browser.post(link[0], on=link[0], **form)

        assert ("can read every name" in page) == (role != READER)
        assert bool(re.search(RECOVERY_CODE, answer.text)) == (role != READER)
        assert browser.get("/organise/").status_code == 200
        assert browser.get("/organise/signatures").status_code == (403 if role == READER else 200)
    assert organiser.post("/organise/account/invitations", name="Robin", role="emperor").status_code == 422


def test_an_owner_changes_a_role_and_the_other_logs_in_again(
    site: Site, organiser: OrganisersBrowser, others: dict[str, OrganisersBrowser]
) -> None:
    url = f"/organise/account/organisers/{account_of(site, 'Robin Organiser').id}"
    assert organiser.post(f"{url}/role", on=url, role="reader").status_code == 303
    assert others["organiser"].get("/organise/").location == "/organise/login"

    assert "Robin Organiser: organiser → reader" in organiser.get("/organise/audit").text
    assert organiser.post(f"{url}/role", on=url, role="emperor").status_code == 422


def test_a_reader_accepts_a_promotion_with_the_code_that_the_owner_was_shown(
    site: Site, organiser: OrganisersBrowser, others: dict[str, OrganisersBrowser]
) -> None:
    url = f"/organise/account/organisers/{account_of(site, 'Robin Reader').id}"
    shown = organiser.post(f"{url}/role", on=url, role="organiser")
    assert "Tell Robin Reader this code" in shown.text
    code = re.search(r'id="code" value="([-0-9A-Z]+)"', shown.text)
    assert code
    browser, page = others[READER], "/organise/account/promotion"
    assert "Enter the code" in text(browser.get("/organise/account"))
    assert browser.get("/organise/signatures").status_code == 403
    for wrong in ({"code": "0" * 20, "passphrase": PASSPHRASE}, {"code": code[1], "passphrase": "wrong"}):
        assert browser.post(page, on=page, **wrong).status_code == 422

    assert browser.post(page, on=page, code=code[1], passphrase=PASSPHRASE).status_code == 303
    assert browser.get("/organise/signatures").status_code == 200
    assert "Robin Reader: reader → organiser – Olga Organiser" in organiser.get("/organise/audit").text
    assert organiser.get(url).status_code == 200


def test_an_owner_removes_somebody(
    site: Site, organiser: OrganisersBrowser, others: dict[str, OrganisersBrowser]
) -> None:
    url = f"/organise/account/organisers/{account_of(site, 'Robin Organiser').id}"
    assert organiser.post(f"{url}/remove", on=url).status_code == 303

    assert others["organiser"].get("/organise/").location == "/organise/login"
    assert "Robin Organiser</bdi>" not in organiser.get("/organise/account").text
    assert organiser.get(url).status_code == 404
    assert organiser.post(f"{url}/remove").status_code == 404


def test_the_last_owner_reads_why_not(site: Site, organiser: OrganisersBrowser) -> None:
    url = f"/organise/account/organisers/{account_of(site, 'Olga Organiser').id}"
    before = rows(site)
    for act in ("role", "remove"):
        answer = organiser.post(f"{url}/{act}", on=url, role="reader")

        assert answer.status_code == 422
        assert "nobody could open the names any more" in answer.text
    assert rows(site) == before


def test_with_codes_the_passphrase_alone_does_not_log_in(
    app: Flask, organiser: OrganisersBrowser, clock: Clock
) -> None:
    secret, status = switch_on(organiser, clock)
    assert status == 303
    clock.forward(seconds=30)
    code = pyotp.TOTP(secret).at(clock())

    assert OrganisersBrowser(app).log_in().status_code == 422
    assert OrganisersBrowser(app).log_in(code=code).status_code == 303
    assert OrganisersBrowser(app).log_in(code=code).status_code == 422


def test_the_page_shows_the_secret_as_qr_code_and_text_and_keeps_it_after_a_mistake(
    organiser: OrganisersBrowser, clock: Clock
) -> None:
    first, other = (re.findall(r'name="secret" value="(\w+)"', organiser.get(CODES).text) for _ in "12")
    answer = organiser.post(f"{CODES}/on", on=CODES, secret=first[0], code="000000", passphrase=PASSPHRASE)

    assert first != other
    assert answer.status_code == 422
    assert f'name="secret" value="{first[0]}"' in answer.text
    assert " ".join(re.findall("....", first[0])) in answer.text
    assert 'class="qr is-large"' in answer.text
    assert "style=" not in answer.text


@pytest.mark.both_databases
def test_codes_are_switched_on_with_the_passphrase_and_a_right_code_alone(
    site: Site, organiser: OrganisersBrowser, clock: Clock
) -> None:
    for wrong in ({"passphrase": "not this one"}, {"passphrase": ""}, {"code": "000000"}, {"code": ""}):
        _secret, status = switch_on(organiser, clock, **wrong)
        assert status == 422, wrong

    assert account_of(site, "Olga Organiser").second_factor is None


def test_codes_are_switched_off_with_passphrase_and_code(
    app: Flask, organiser: OrganisersBrowser, clock: Clock, site: Site
) -> None:
    secret, _status = switch_on(organiser, clock)
    clock.forward(minutes=6)
    assert organiser.post(f"{CODES}/off", on=CODES).status_code == 422
    assert account_of(site, "Olga Organiser").second_factor
    answer = {"passphrase": PASSPHRASE, "code": pyotp.TOTP(secret).at(clock())}
    assert organiser.post("/organise/again", **answer).status_code == 303
    assert organiser.post(f"{CODES}/off", on=CODES).status_code == 303

    assert OrganisersBrowser(app).log_in().status_code == 303
    assert {("Olga Organiser", "switch codes on"), ("Olga Organiser", "switch codes off")} <= set(log(site))


def test_a_reader_may_have_codes_too(others: dict[str, OrganisersBrowser], clock: Clock) -> None:
    _secret, status = switch_on(others[READER], clock)

    assert status == 303


def test_the_drill_tries_the_code_without_using_it_up(
    app: Flask, organiser: OrganisersBrowser, site: Site, clock: Clock
) -> None:
    code = re.search(RECOVERY_CODE, organiser.post("/organise/account/recovery-code").text)
    assert code
    assert "never tested" in organiser.get("/organise/").text
    assert "Never tested" in organiser.get("/organise/account").text
    for _ in range(2):
        assert organiser.post(DRILL, on=DRILL, code=code[0].lower()).status_code == 303

    assert "it opens the names" in organiser.get("/organise/account").text
    assert "Last tested on 23 November 2026" in organiser.get("/organise/account").text
    assert "Test your recovery code" not in organiser.get("/organise/").text
    assert ("Olga Organiser", "try recovery code") in log(site)
    clock.forward(days=181)
    organiser.log_in()
    assert "last tested on 23 Nov 2026" in organiser.get("/organise/").text
    new = f"{PASSPHRASE} again"
    used = OrganisersBrowser(app).post(
        "/organise/recover", on="/organise/recover", code=code[0], passphrase=new, passphrase_again=new
    )
    assert used.status_code == 200


def test_the_drill_says_no_to_what_opens_nothing_and_to_anothers_code(
    organiser: OrganisersBrowser, others: dict[str, OrganisersBrowser], site: Site
) -> None:
    first = re.search(RECOVERY_CODE, organiser.post("/organise/account/recovery-code").text)
    other = re.search(RECOVERY_CODE, others["owner"].post("/organise/account/recovery-code").text)
    organiser.post("/organise/account/recovery-code")
    assert first
    assert other

    for code in (first[0], other[0], "0" * 32, "short"):
        answer = organiser.post(DRILL, on=DRILL, code=code)
        assert answer.status_code == 422
        assert "This is not your recovery code" in answer.text
    assert not any(row.tested_on for row in rows(site)["key_wrapping"])


def test_an_organiser_without_a_recovery_code_reads_so(owner: Unlocked, organiser: OrganisersBrowser) -> None:
    assert "you have none" in organiser.get("/organise/").text
    assert "You have none." in organiser.get("/organise/account").text
    assert "You have no recovery code" in organiser.get(DRILL).text


def test_a_weak_passphrase_is_refused_in_plain_words_and_a_strong_one_offered(
    organiser: OrganisersBrowser, app: Flask
) -> None:
    page = organiser.post("/organise/account/invitations", name="Olga Two").text
    link = re.search(r"/organise/setup/[0-9A-Z]{20}", page)
    assert link
    for typed, why in (
        ("olga organiser 2026", "This holds your name"),
        ("the women’s call!", "what this campaign is known for"),
        ("turgumbayev 2021", "what this campaign is known for"),
        ("zxcvbnm,./asdfghjkl;", "Keys that lie side by side"),
    ):
        form = {"passphrase": typed, "passphrase_again": typed}
        answer = OrganisersBrowser(app).post(link[0], on=link[0], **form)

        assert answer.status_code == 422
        assert why in answer.text
        assert "Take the seven words that we offer." in answer.text
        assert 'class="passphrase"' in answer.text
        assert typed not in answer.text
    assert OrganisersBrowser(app).get(link[0]).status_code == 200
