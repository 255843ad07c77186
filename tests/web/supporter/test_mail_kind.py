"""Mails say plainly what they are about, unless that could harm their reader; as a relay gets them."""

import re
from collections.abc import Callable
from dataclasses import replace
from email.message import EmailMessage

import pytest

from campaign.mail import dispatch
from campaign.organiser.organisation import Organisation, save_organisation
from campaign.settings import Settings
from campaign.web.site import Site
from campaign.worker.tasks import Tasks
from tests.conftest import Clock
from tests.support.relay import relay
from tests.web.conftest import Supporter, text

pytestmark = pytest.mark.any_database

ABOUT = "Women’s rights in Kazakhstan"

Send = Callable[[], dict[str, EmailMessage]]


@pytest.fixture(autouse=True)
def no_idling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "IDLE_SECONDS", 0.02)
    monkeypatch.setattr(dispatch, "POLL_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def organisation(site: Site) -> None:
    with site.database.writing() as db:
        save_organisation(db, Organisation("Example Foundation", "Brussels", "hello@example.org"))


@pytest.fixture
def send(settings: Settings, site: Site, clock: Clock) -> Send:
    """Send what waits through a relay, and return it by the address that it went to."""

    def send() -> dict[str, EmailMessage]:
        with relay() as server:
            tasks = Tasks(replace(settings, smtp_url=server.url), site.database, clock=clock)
            tasks.send_due_mail()
            tasks.close()
        return {str(message["To"]): message for message in server.received}

    return send


def body(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return " ".join(str(part.get_content()).split())


def test_the_residence_and_the_mail_provider_decide_whether_a_mail_says_what_it_is_about(
    supporter: Supporter, send: Send
) -> None:
    for residence, email in (
        ("FR", "paris@example.org"),
        ("RU", "wary@example.org"),
        ("ZZ", "unstated@example.org"),
        ("FR", "paris@mail.example.kz"),
    ):
        assert supporter.sign(residence=residence, email=email).status_code == 303
    for residence, email in (("KZ", "endangered@example.org"), ("FR", "safer@example.org")):
        answer = supporter.sign(residence=residence, email=email, disclosure="counted", advised="yes")
        assert answer.status_code == 303

    sent = send()

    assert {address for address, message in sent.items() if ABOUT in body(message)} == {"paris@example.org"}
    assert len({message["Subject"] for message in sent.values()}) == 1
    assert sent["paris@example.org"]["Reply-To"] == "hello@example.org"
    for address, message in sent.items():
        assert "30 November 2026, 23:59 UTC" in body(message), address
        if address != "paris@example.org":
            seen = body(message) + body(message, "html") + str(message)
            assert not any(word in seen for word in ("Kazakh", "OSCE", "Germany", "Foundation", "hello@"))


def test_a_repeated_signature_gets_the_mail_of_a_first(supporter: Supporter, send: Send) -> None:
    supporter.sign()
    first = send()["mara@example.org"]
    supporter.act("confirm")
    supporter.sign()
    second = send()["mara@example.org"]

    token = r"[0-9A-Z]{20}|([0-9A-Z]{4}-){4}[0-9A-Z]{4}"
    for kind in ("plain", "html"):
        assert re.sub(token, "", body(first, kind)) == re.sub(token, "", body(second, kind))


def test_a_link_sent_again_opens_every_letter_and_its_mail_names_them_only_if_no_signature_forbids_it(
    supporter: Supporter, send: Send
) -> None:
    supporter.sign("de", email="both@example.org")
    supporter.sign("nl", email="both@example.org")
    supporter.sign("de", email="careful@example.org")
    supporter.sign("nl", email="careful@example.org", residence="ZZ")
    supporter.sign("de", email="counted@example.org")
    supporter.sign("nl", email="counted@example.org", disclosure="counted")
    send()

    for email in ("both@example.org", "careful@example.org", "counted@example.org"):
        assert supporter.client.post("/en/signature", data={"email": email}).status_code == 303
    sent = {email: body(message) for email, message in send().items()}

    assert "Letters to the OSCE delegations: Germany, The Netherlands About:" in sent["both@example.org"]
    for careful in (sent["careful@example.org"], sent["counted@example.org"]):
        assert not any(word in careful for word in (ABOUT, "Germany", "Netherlands"))
    for mail in sent.values():
        [path] = re.findall(r"https?://[^/]+(/en/signature/[0-9A-Z]{20})", mail)
        page = text(supporter.client.get(path))
        assert "Germany" in page
        assert "The Netherlands" in page
