"""No page, mail or document has words that no translator was asked for: see tests/support/pseudo.py."""

import io
import re
from collections.abc import Callable, Iterator
from itertools import product

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from campaign.delivery.document import NO_CODE
from campaign.delivery.message import delivery_message
from campaign.delivery.plan import plan
from campaign.delivery.unsealed_document import build_unsealed
from campaign.letter.template import compose
from campaign.mail.cause import Cause
from campaign.mail.signatory_mail import PURPOSES, render
from campaign.organiser.organisation import Organisation
from campaign.reference import language
from campaign.reference.language import ENGLISH, LANGUAGES, wording
from campaign.reference.participating_state import STATES
from campaign.settings import Settings
from campaign.web.organise.reauthentication import ASKS
from tests.conftest import SECRET, Clock, new_database
from tests.support import pseudo
from tests.support.factories import make_signature
from tests.support.pseudo import untranslated, untranslated_on
from tests.web.conftest import FORM
from tests.web.filled_site import LOOPBACK, PRIVATE, PUBLISHED, FilledSite, run_filled_site

ORGANISATION = ("Example Foundation", "Exampletown", "office@example.org")

DATA = (
    *PRIVATE,
    PUBLISHED,
    *ORGANISATION,
    "Pavel",
    "Rita",
    "Ines",
    "Mallory",
    "Mara Example",
    "a call",
    "%(name)s",
)
"""What people typed; it has no mark of its own where a whole sentence or a title holds it."""

NAMES = {"CSV", "English", "JSON", "Linux", "PDF", "Telegram", "UTC", "WhatsApp", "Windows", "XLSX", "macOS"}

LOGS_OUT = {"organise.log_out", "organise.end_other_sessions", "organise.change_key"}

EMPTY = {"csrf_token": ""}

ANY_CODE = re.compile(r"\b[A-Z]{2}\b|\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3,}\b")
"""Of a State or a delivery."""

ADDRESS = re.compile(r"[^\s«»<>\"]*(?:://|@|localhost)[^\s«»<>\"]*|[\w.-]+\.(?:com|org|uz)\b")

FILLED = (
    ("/ru/letters/de", FORM),
    ("/ru/letters/de", FORM | {"residence": "KZ"}),
    ("/ru/letters/de", FORM | {"also": "choose"}),
    ("/ru/letters/kz", {"advised": "show", "residence": "KZ"}),
    ("/ru/letters/de", FORM | {"email": "mara@gmial.com", "name": "www.example.org", "words": "x" * 1600}),
    ("/ru/letters/de", FORM | {"email": "a@mailinator.com", "town": "a@b.org", "residence": "??"}),
    ("/ru/signature", {"code": "7K3M-9QXT-2ADH-5NWP-Z8RC"}),
    ("/ru/signature", {"email": "mara@example.org"}),
    ("/organise/checks/find", {"state": "de", "residence": "FR", "stage": "confirmed"}),
    ("/organise/checks/find", {"held_for": "any", "signed_from": "2026-01-01"}),
    ("/organise/signatures/search", {"query": "Quill"}),
    ("/organise/requests", {"email": PRIVATE[1]}),
    ("/organise/delegations/de", {"email": "nobody", "source": "", "checked_on": "2030-01-01"}),
    ("/organise/safety", {"no_names_to": ["kz", "de"], "endangered": ["KZ"], "more": "FR"}),
    ("/organise/deliveries/new/fr/test", {"email": "test@example.org"}),
    ("/organise/account/invitations", {"name": "Mallory", "role": "owner"}),
    ("/organise/account/organisation", {"name": "x" * 300, "seat": "a\u202eb", "contact": "nobody"}),
)

CARRIED = {
    "act": "invalidate",
    "held_for": "any",
    "name": "Mallory",
    "no_names_to": "de",
    "protect": "FR",
    "role": "owner",
    "scope": "all",
    "stage": "pending",
    "state": "de",
    "withhold": "de",
}
"""A form that waits for a passphrase: choices that the page shows in words."""


@pytest.fixture(scope="module")
def filled_site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FilledSite]:
    """Give a filled site in the made-up language, whose forms need no token."""
    folder = tmp_path_factory.mktemp("pseudo")
    with pytest.MonkeyPatch.context() as patch, new_database("sqlite", request, folder) as url:
        patch.setattr(language, "CATALOGUES", folder / "catalogues")
        pseudo.write_catalogue(folder / "catalogues")
        settings = Settings(
            instance=folder,
            database_url=url,
            secret_key=SECRET,
            appeal=pseudo.write_folder(folder / "appeal"),
            unlimited_networks=(LOOPBACK,),
        )
        with run_filled_site(settings, Clock(), WTF_CSRF_ENABLED=False) as filled_site:
            yield filled_site
    wording.cache_clear()


def browser(filled_site: FilledSite) -> FlaskClient:
    """Return the owner's browser, just logged in, which prefers the made-up language."""
    client = filled_site.browser(filled_site.cookie(unlock=filled_site.session()))
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = pseudo.CODE
    return client


def requests(filled_site: FilledSite) -> Iterator[tuple[str, str]]:
    """Yield each method and address: first those that change nothing."""

    def url(rule: Rule) -> str:
        return filled_site.url(rule).replace("/en/", f"/{pseudo.CODE}/")

    rules = [each for each in filled_site.app.url_map.iter_rules() if each.endpoint not in LOGS_OUT]
    for method in ("GET", "POST"):
        yield from ((method, url(rule)) for rule in rules if method in (rule.methods or ()))


def read(answer: TestResponse) -> set[str]:
    """Return the words without a message in an answer that people read."""
    text = answer.get_data().decode(errors="replace")
    answer.close()
    assert answer.status_code < 500, answer.request.path
    if answer.mimetype == "text/html":
        return without_data(text, untranslated_on)
    if answer.mimetype == "application/atom+xml":
        machine_readable = r"<(?:id|updated|link|author)\b.*?(?:/>|</\w+>)"
        return without_data(re.sub(machine_readable, "", text, flags=re.DOTALL), untranslated_on)
    if answer.mimetype == "text/plain" and answer.request.path != "/metrics":
        return without_data(text)
    return set()


def without_data(text: str, words: Callable[[str], set[str]] = untranslated) -> set[str]:
    """Return the *words* of *text* that are neither data nor names."""
    for data in DATA:
        text = text.replace(data, "")
    return words(ANY_CODE.sub(" ", ADDRESS.sub(" ", text))) - NAMES


def test_pages_say_nothing_without_a_message(filled_site: FilledSite) -> None:
    found = {}
    for method, url in requests(filled_site):
        found[method, url] = read(browser(filled_site).open(url, method=method, data=EMPTY))
    for url, form in FILLED:
        found[url, str(form)] = read(browser(filled_site).post(url, data=form | EMPTY, follow_redirects=True))

    assert {where: words for where, words in found.items() if words} == {}


def test_a_page_that_asks_for_the_passphrase_says_nothing_without_a_message(filled_site: FilledSite) -> None:
    late = browser(filled_site)
    filled_site.clock.forward(minutes=29)
    late.get("/organise/")
    filled_site.clock.forward(minutes=2)
    rules = [each for each in filled_site.app.url_map.iter_rules() if each.endpoint in ASKS]
    for rule in rules:
        method = "POST" if "POST" in (rule.methods or ()) else "GET"
        url = filled_site.url(rule)
        asked = late.open(url, method=method, data=CARRIED | EMPTY, follow_redirects=True)

        assert "«Your passphrase once more»" in asked.text, url
        assert read(asked) == set(), url


def test_mails_say_nothing_without_a_message(filled_site: FilledSite) -> None:
    site = filled_site.site
    cause = Cause(site.appeal, Organisation(*ORGANISATION))
    for purpose, names_cause, is_last in product(PURPOSES, (True, False), (True, False)):
        params = {"token": "7K3M9QX2WAB4CDEFGH5J", "letters": ["de", "fr"], "until": "2026-12-05"}
        message = render(
            purpose,
            language=pseudo.CODE,
            settings=site.settings,
            recipient="mara@example.org",
            params=params | {"names_cause": names_cause, "is_last": is_last},
            cause=cause,
            now=filled_site.clock(),
        )
        texts = {kind: message.get_body((kind,)) for kind in ("plain", "html")}
        assert texts["plain"]
        assert texts["html"]

        assert without_data(message["Subject"]) == set()
        assert without_data(texts["plain"].get_content()) == set(), purpose
        assert without_data(texts["html"].get_content(), untranslated_on) == set(), purpose


def test_documents_say_nothing_without_a_message(filled_site: FilledSite) -> None:
    site, now, state, owner = filled_site.site, filled_site.clock(), STATES["de"], filled_site.owner
    letter = browser(filled_site).get(f"/{pseudo.CODE}/letters/de.pdf").data
    with site.database.session(writes=True) as db:
        make_signature(db, site.keys, language=pseudo.CODE, residence="DE")
        db.commit()
        planned = plan(
            db, site.appeal, state, edition=site.edition, today=now.date(), language=LANGUAGES[pseudo.CODE]
        )
        given = {"base_url": site.settings.base_url, "now": now}
        documents = [
            build_unsealed(db, planned, owner, site.database, code=code, **given)
            for code in (NO_CODE, filled_site.delivery.code)
        ]
    for document in documents:
        message = delivery_message(site.settings, planned, document, recipient="de@example.org", now=now)
        text = message.get_body(("plain",))
        assert text
        assert without_data(message["Subject"]) | without_data(text.get_content()) == set()
    signed_in_english = untranslated(compose(site.appeal, state, ENGLISH.code).text())
    for pdf in (letter, *(each.pdf for each in documents)):
        text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
        assert "«" in text
        assert without_data(text) - signed_in_english == set()
