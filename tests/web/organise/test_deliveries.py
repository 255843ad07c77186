import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.delivery.delegation import Address, save
from campaign.delivery.model import Delivery
from campaign.delivery.plan import languages
from campaign.organiser.organisation import Organisation, save_organisation
from campaign.reference.language import LANGUAGES
from campaign.reference.participating_state import STATES, states_in_order
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.web.site import Site
from tests.conftest import NOW, Clock
from tests.journeys.mailbox import Document
from tests.support.factories import make_signature
from tests.support.relay import Relay, relay
from tests.web.conftest import OrganisersBrowser, text
from tests.web.organise.test_again import answer

pytestmark = pytest.mark.any_database

PAGE = "/organise/deliveries/new/us"


@pytest.fixture
def post_office() -> Iterator[Relay]:
    with relay() as server:
        yield server


@pytest.fixture
def app(make_app: Callable[[Settings], Flask], settings: Settings, post_office: Relay) -> Flask:
    return make_app(replace(settings, smtp_url=post_office.url, mail_from="letters@example.org"))


@pytest.fixture
def ready(db: Session, keys: ServerKeys, organiser: OrganisersBrowser) -> OrganisersBrowser:
    """Return an organiser's browser, with everything ready for two deliveries."""
    save_organisation(db, Organisation("Example Foundation", "Exampletown", "office@example.org"))
    for state in ("us", "de"):
        address = Address(state, f"{state}@missions.example.org", "a call", NOW.date())
        save(db, address, by="Olga", now=NOW)
        make_signature(db, keys, state=state, name="Mara Example")
    return organiser


def hidden(browser: OrganisersBrowser, preview: str = PAGE) -> dict[str, Any]:
    """Return the hidden fields of a preview that is opened now."""
    page = browser.get(preview).get_data(as_text=True)
    return {
        name: (re.search(rf'name="{name}" value="([^"]*)"', page) or [None, ""])[1]
        for name in ("letter", "nonce", "seen", "latest", "shown")
    }


@pytest.mark.both_databases
def test_a_delivery_is_sent_and_its_page_shows_the_outcome(
    ready: OrganisersBrowser, post_office: Relay
) -> None:
    answer = ready.post(PAGE, on=PAGE, **hidden(ready), holds="y")

    assert answer.status_code == 303
    assert len(post_office.received) == 1
    page = ready.get(answer.location).get_data(as_text=True)
    assert "accepted" in page
    assert "us@missions.example.org" in page


def test_a_delivery_goes_out_in_german_with_signatories_in_three_languages(
    db: Session, keys: ServerKeys, ready: OrganisersBrowser, appeal: Appeal, post_office: Relay
) -> None:
    preview = PAGE.replace("us", "de")
    make_signature(db, keys, state="de", name="Aïcha Exemple", language="fr")
    make_signature(db, keys, state="de", name="Mia Beispiel", language="de")
    offered = {each.code for each in languages(appeal, STATES["de"])}
    for code in LANGUAGES:
        assert ready.get(f"{preview}?letter={code}").status_code == (200 if code in offered else 404)
    url = f"{preview}?letter=de"

    answer = ready.post(preview, on=url, **hidden(ready, url), holds="y")

    assert answer.status_code == 303
    assert [each.language for each in db.scalars(select(Delivery))] == ["de"]
    [message] = post_office.received
    assert message["Content-Language"] == "de"
    [attachment] = message.iter_attachments()
    text = Document(attachment.get_content()).text
    at = 0
    # Signatories of the delivered text come first, then the other languages, each under its own text.
    for part in (
        "Exzellenz,",
        "Mia Beispiel",
        "Sprache: Englisch",
        "Excellency,",
        "Mara Example",
        "Sprache: Französisch",
        "Excellence,",
        "Aïcha Exemple",
    ):
        at = text.index(part, at)


def test_a_delivery_that_waits_for_the_passphrase_keeps_its_language(
    db: Session, ready: OrganisersBrowser, clock: Clock, post_office: Relay
) -> None:
    preview = PAGE.replace("us", "de")
    form = hidden(ready, f"{preview}?letter=de") | {"holds": "y"}
    clock.forward(minutes=29)
    token = ready.token()
    clock.forward(minutes=2)
    asked = ready.client.post(preview, data={"csrf_token": token, **form})
    assert asked.status_code == 422
    assert "Language of letter, cover and list German" in text(asked)

    sent = answer(ready, asked)

    assert sent.status_code == 303
    assert [each.language for each in db.scalars(select(Delivery))] == ["de"]
    assert [each["Content-Language"] for each in post_office.received] == ["de"]
    db.rollback()
    page = urlsplit(sent.location).path
    ready.post(f"{page}/bounce", on=page)
    assert f'<a href="{preview}?letter=de">Prepare it again</a>' in ready.get(page).text


def test_a_second_click_sends_nothing(ready: OrganisersBrowser, post_office: Relay) -> None:
    form = hidden(ready)
    first = ready.post(PAGE, on=PAGE, **form, holds="y")
    second = ready.post(PAGE, on=PAGE, **form, holds="y")

    assert first.location == second.location
    assert len(post_office.received) == 1


def test_a_second_click_needs_no_confirmation_of_the_first_delivery(
    ready: OrganisersBrowser, post_office: Relay
) -> None:
    preview = PAGE.replace("us", "de")  # this letter has no caution before the first delivery
    form = hidden(ready, preview)
    first = ready.post(preview, on=preview, **form)
    second = ready.post(preview, on=preview, **form)

    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert len(post_office.received) == 1


def test_without_the_tick_nothing_is_sent(ready: OrganisersBrowser, post_office: Relay) -> None:
    answer = ready.post(PAGE, on=PAGE, **hidden(ready))

    assert answer.status_code == 422
    assert post_office.received == []


@pytest.mark.both_databases
def test_two_previews_open_at_once_send_one_letter(ready: OrganisersBrowser, post_office: Relay) -> None:
    first, second = hidden(ready), hidden(ready)
    ready.post(PAGE, on=PAGE, **first, holds="y")
    answer = ready.post(PAGE, on=PAGE, **second, holds="y")

    assert answer.location == PAGE
    assert len(post_office.received) == 1


def test_a_second_letter_is_sent_if_the_organiser_confirms_it(
    ready: OrganisersBrowser, post_office: Relay
) -> None:
    for _ in range(2):
        assert ready.post(PAGE, on=PAGE, **hidden(ready), holds="y").location != PAGE

    assert len(post_office.received) == 2


def another_recipient(db: Session, _site: Site) -> None:
    save(db, Address("us", "elsewhere@missions.example.org", "a call", NOW.date()), by="Pavel", now=NOW)
    db.commit()


def another_sender(db: Session, _site: Site) -> None:
    save_organisation(db, Organisation("Another Foundation", "Exampletown", "office@example.org"))
    db.commit()


def another_letter(_db: Session, site: Site) -> None:
    content = site.snapshots.content
    english = content.letters["en"]
    other = replace(english, text=english.text.replace("Excellency", "Your Excellency"))
    site.snapshots.content = replace(content, letters={**content.letters, "en": other})
    site.snapshots.expire()


@pytest.mark.parametrize("change", [another_recipient, another_sender, another_letter])
def test_nothing_is_sent_but_what_the_preview_showed(
    db: Session,
    ready: OrganisersBrowser,
    site: Site,
    post_office: Relay,
    change: Callable[[Session, Site], None],
) -> None:
    form = hidden(ready)
    change(db, site)

    answer = ready.post(PAGE, on="/organise/account", **form, holds="y")

    assert answer.location == PAGE
    assert "something changed since this page was shown" in ready.get(PAGE).text
    assert post_office.received == []
    assert ready.post(PAGE, on=PAGE, **hidden(ready), holds="y").location != PAGE
    assert len(post_office.received) == 1


def test_with_an_edition_that_somebody_removed_or_altered_nothing_is_sent(
    ready: OrganisersBrowser, db: Session, keys: ServerKeys, post_office: Relay
) -> None:
    form = hidden(ready)
    make_signature(db, keys, state="us", name="Signed Another", edition=2)
    db.commit()
    page = ready.get(PAGE)
    answer = ready.post(PAGE, on="/organise/account", **form, holds="y")

    assert page.status_code == 200
    assert "Somebody changed an earlier edition of the letter" in page.get_data(as_text=True)
    assert answer.status_code == 303
    assert answer.location == PAGE
    assert post_office.received == []


@pytest.mark.parametrize("page", ["/organise/", "/organise/deliveries"])
def test_states_stand_in_the_order_of_their_names_in_the_readers_language(
    organiser: OrganisersBrowser, page: str
) -> None:
    shown = organiser.client.get(page, headers={"Accept-Language": "de"}).get_data(as_text=True)

    in_order = [each.code for each in states_in_order(LANGUAGES["de"])]
    assert re.findall(r"/deliveries/new/(..)\"", shown) == in_order
