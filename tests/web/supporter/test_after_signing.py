"""After the button "Sign": where the mail comes from, and sharing without exposing anybody."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from campaign.mail.cause import Cause
from campaign.mail.signatory_mail import render
from campaign.web.site import Site
from tests.conftest import Clock
from tests.web.conftest import Supporter, text

pytestmark = pytest.mark.any_database

LETTER = "http://127.0.0.1:8000/en/letters/nl"


def test_the_page_after_signing_names_sender_and_subject_of_the_mail(
    client: FlaskClient, site: Site, clock: Clock
) -> None:
    mail = render(
        "confirm",
        language="en",
        settings=site.settings,
        recipient="mara@example.org",
        params={"token": "0" * 20},
        cause=Cause(site.appeal),
        now=clock(),
    )

    page = text(client.get("/en/check-your-mail"))

    assert mail["From"].addresses[0].addr_spec in page
    assert mail["Subject"] in page


def links(page: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'href="((?:https:|mailto:)[^"]*)"', page)]


def test_the_thanks_offer_to_share_the_public_letter_and_nothing_about_the_signatory(
    supporter: Supporter,
) -> None:
    supporter.sign("nl", town="Lyon", words="Please.")
    supporter.act("confirm")
    page = supporter.page().get_data(as_text=True)

    whatsapp, telegram, email = links(page)

    assert LETTER in parse_qs(urlsplit(whatsapp).query)["text"][0]
    assert parse_qs(urlsplit(telegram).query)["url"] == [LETTER]
    assert email.startswith("mailto:?subject=Letter%20to%20the%20delegation%20of%20the%20Netherlands&body=")
    assert f'data-share="{LETTER}"' in page
    for link in (whatsapp, telegram, email):
        for private in (supporter.token, "Mara", "example.org", "Lyon", "Please"):
            assert private not in link


@pytest.mark.parametrize("residence", ["KZ", "BY", "ZZ"])
def test_nobody_whom_it_could_expose_is_asked_to_share(supporter: Supporter, residence: str) -> None:
    supporter.sign("nl", residence=residence, advised="yes", disclosure="counted", name="")
    supporter.act("confirm")

    page = supporter.page().get_data(as_text=True)

    assert "Thank you" in page or "Your signature is confirmed" in page
    assert links(page) == []
    assert LETTER not in page
    assert "Share this letter" not in page
