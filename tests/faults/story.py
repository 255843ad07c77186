"""A whole campaign over HTTP, with a canary in every field that a person fills in."""

import csv
import io
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import pyotp

from campaign.mail.daily_limit import MAILS_A_DAY
from tests.faults.canary import Canaries
from tests.faults.serving import Browser, Server, mail_to
from tests.support.relay import Relay
from tests.support.worker import eventually

ORGANISER, DELEGATION = "Olga Organiser", "de@missions.example.org"

BAD_FORMS: tuple[dict[str, str], ...] = (
    {"email": "{} {}@example.org"},
    {"email": "{}"},
    {"name": "{}" * 20},
    {"name": "{}\0"},
    {"town": "{}\u202e"},
    {"words": "{}" * 100},
    {"residence": "{}"},
    {"disclosure": "{}"},
    {"consent": ""},
    {"website": "{}"},
)
"""Changes that make a form invalid, with canaries in place of the brackets."""


@dataclass
class Story:
    """A campaign's history, with the secrets that only its participants know."""

    site: Server
    relay: Relay
    canaries: Canaries
    published: str
    """The one name that was approved for publication."""
    passphrase: str = ""
    recovery_code: str = ""
    phone: str = ""
    """The organiser's TOTP secret."""
    cookie: str = ""
    tokens: list[str] = field(default_factory=list)
    """Tokens of every mail that was sent."""
    downloads: list[bytes] = field(default_factory=list)
    signed: list[dict[str, str]] = field(default_factory=list)
    readable: list[dict[str, str]] = field(default_factory=list)
    """Unconfirmed submissions that the server can read: their mails wait, or none was sent."""

    def sign(self, state: str = "de", *, confirm: bool = True, **changes: str) -> str:
        """Sign with a canary in every field; return the token of the mail."""
        form = self.person() | changes
        assert self.site.browser().sign(state, **form).is_done
        self.signed.append(form)
        token = mail_to(self.relay, form["email"])
        if confirm:
            assert self.site.browser().act(token, "confirm").is_done
        return token

    def person(self) -> dict[str, str]:
        latin, cyrillic = self.canaries.latin, self.canaries.cyrillic
        return {
            "name": f"{latin()} {cyrillic()}",
            "email": f"{latin()}@{latin().lower()}.example",
            "town": cyrillic(),
            "words": f"{latin()} {cyrillic()}\n\n{latin()}",
        }


Breaking = Callable[[], AbstractContextManager[None]]
"""Returns a block in which storing a signature fails."""


def live(site: Server, relay: Relay, canaries: Canaries, broken: Breaking) -> Story:
    """Run the whole campaign."""
    story = Story(site, relay, canaries, published=f"{canaries.latin()} {canaries.cyrillic()}")
    story.sign()
    # The second start has another setup link, and seals to another pair.
    site.kill()
    site.start()
    supporters(story)
    mistakes(story, broken)
    unlucky_mails(story)
    browser = first_organiser(story)
    carry_a_phone(story, browser)
    deliver(story, browser)
    set_right(story, browser)
    story.sign()
    story.sign(confirm=False)
    story.cookie = browser.cookie
    # As bytes: text beyond ASCII would become base64 in a string.
    content = b"\n".join(mail.as_bytes() for mail in relay.received).decode()
    story.tokens = re.findall(r"/signature/([0-9A-Z]{20})\b", content)
    return story


def supporters(story: Story) -> None:
    """Sign with every disclosure, confirm, repeat often, request links, withdraw and hide names."""
    canaries, browser = story.canaries, story.site.browser()
    story.sign(disclosure="public", name=story.published)
    story.sign(disclosure="public")
    story.sign(disclosure="counted")
    story.sign(disclosure="counted", name="")
    story.sign("kz")
    story.sign(confirm=False)
    story.sign(email=f"{canaries.cyrillic()}@{canaries.latin()}.example")
    story.sign(also="fr")
    leaving, hiding, moving = story.sign(), story.sign(), story.sign(disclosure="public")
    assert browser.act(leaving, "withdraw").is_done
    assert browser.act(hiding, "disclose", disclosure="counted").is_done
    assert browser.act(moving, "disclose", disclosure="delegation").is_done

    twice = story.signed[0]["email"]
    assert browser.sign(**story.person() | {"email": twice.upper()}).is_done
    for address in (twice, f"{canaries.latin()}@example.org"):
        assert browser.post("/en/signature", email=address).is_done
    mail_to(story.relay, twice, at=1)
    assert browser.get(f"/en/signature/{moving}").status == 200

    often = story.person()["email"]
    for _ in range(MAILS_A_DAY + 1):
        beyond = story.person() | {"email": often}
        assert browser.sign(**beyond).is_done
    story.readable.append(beyond)


def mistakes(story: Story, broken: Breaking) -> None:
    """Send invalid forms, request unknown pages, and sign while storing fails."""
    canaries, browser = story.canaries, story.site.browser()
    for changes in BAD_FORMS:
        typed = {name: re.sub("{}", lambda _found: canaries.latin(), text) for name, text in changes.items()}
        answer = browser.sign(**story.person() | typed)
        assert answer.status == (303 if "website" in changes else 422), changes
    assert browser.post("/en/signature", code=canaries.latin()).status == 422
    for path in ("/{}", "/en/letters?state={}", "/en/signature/{}", "/en/verify?code={}", "/organise/{}"):
        assert browser.get(path.format(canaries.latin())).status in {303, 404, 422}, path
    with broken():
        assert browser.sign(**story.person()).status == 500


def unlucky_mails(story: Story) -> None:
    """Sign with addresses that the relay rejects permanently and temporarily, in replies that quote them."""
    for code in ("550 5.1.1", "450 4.2.0"):
        person = story.person()
        story.relay.refuse[person["email"]] = f"{code} <{person['email']}> is not here"
        assert story.site.browser().sign(**person).is_done
        noted = f"SMTP status {code[:3]}"
        assert eventually(lambda noted=noted: noted in story.site.console.read_text()), code
    story.readable.append(person)


def first_organiser(story: Story) -> Browser:
    """Create the first organiser, log out and in, and enter organisation and delegation."""
    canaries, browser = story.canaries, story.site.browser()
    story.passphrase = " ".join(canaries.latin() for _ in range(4))
    first_link, link = story.site.setup_links()
    setup_url = f"/organise/setup/{link}"
    form = {"name": ORGANISER, "passphrase": story.passphrase, "passphrase_again": story.passphrase}
    assert (
        browser.post(setup_url, on=setup_url, **form | {"passphrase_again": canaries.latin()}).status == 422
    )
    welcome = browser.post(setup_url, on=setup_url, **form)
    [story.recovery_code] = re.findall(r"(?:[0-9A-Z]{4}-){7}[0-9A-Z]{4}", welcome.text)
    assert browser.post("/organise/logout", on="/organise/account").is_done
    for passphrase, status in ((canaries.latin(), 422), (story.passphrase, 303)):
        login = {"name": ORGANISER, "passphrase": passphrase}
        assert browser.post("/organise/login", on="/organise/login", **login).status == status
    posts: dict[str, dict[str, str]] = {
        "account/adopt": {"link": first_link},
        "account/organisation": {"name": "Example", "seat": "Exampletown", "contact": "us@example.org"},
        "delegations/de": {"email": DELEGATION, "source": "a call", "checked_on": "2026-11-20"},
    }
    for path, form in posts.items():
        assert browser.post(f"/organise/{path}", on="/organise/account", **form).is_done, path
    # Its link stays in the browser: the wrapping under it is there to be tried.
    invitation = {"name": "Ina Invited", "role": "organiser"}
    assert browser.post("/organise/account/invitations", on="/organise/account", **invitation).status == 200
    return browser


def carry_a_phone(story: Story, browser: Browser) -> None:
    """Switch on the second factor."""
    page = "/organise/account/codes"
    [hidden] = [tag for tag in re.findall(r"<input[^>]*>", browser.get(page).text) if 'name="secret"' in tag]
    story.phone = attribute("value", hidden)
    code = pyotp.TOTP(story.phone).now()
    form = {"secret": story.phone, "code": code, "passphrase": story.passphrase}
    assert browser.post(f"{page}/on", on=page, **form).is_done


def set_right(story: Story, browser: Browser) -> None:
    """Invalidate one domain's signatures, and erase one on request."""
    canaries = story.canaries
    domain = f"{canaries.latin().lower()}.example"
    for _ in range(2):
        story.sign(email=f"{canaries.latin()}@{domain}")
    rule = {"act": "invalidate", "scope": "all", "domain": domain, "reason": canaries.cyrillic()}
    checks = "/organise/checks"
    assert browser.post(f"{checks}/find", on=checks, domain=domain).status == 200
    assert browser.post(checks, on=checks, **rule).is_done
    assert rule["reason"] in browser.get(checks).text

    story.sign()
    requests, email = "/organise/requests", story.signed[-1]["email"]
    found = browser.post(requests, on=requests, email=email).text
    assert story.signed[-1]["name"] in found
    [key] = set(re.findall(r'value="(de:[0-9a-f]{32})"', found))
    asked = {"email": email, "keys": key, "found": key, "sure": "y"}
    assert browser.post(f"{requests}/erase", on=requests, **asked).is_done


def deliver(story: Story, browser: Browser) -> None:
    """Approve one name, search, download every list, send a test message and the delivery."""
    canaries, published = story.canaries, story.published
    entries = browser.get("/organise/signatures?kind=names").text.split("<tr>")
    [entry] = [each for each in entries if published in each]
    [row] = re.findall(r'value="(de:[0-9a-f]{32})"', entry)
    approval = {"kind": "names", "act": "approve", "shown": "waiting", "keys": row}
    assert browser.post("/organise/signatures", on="/organise/account", **approval).is_done
    search = {"kind": "names", "query": canaries.latin()}
    assert browser.post("/organise/signatures/search", on="/organise/account", **search).status == 200
    assert published in browser.get("/en/progress").text

    files = [f"{state}.{kind}" for state in ("de", "all") for kind in ("csv", "pdf")]
    story.downloads = [browser.get(f"/organise/lists/{file}").body for file in files]
    named = [row["name"] for row in csv.DictReader(io.StringIO(story.downloads[2].decode("utf-8-sig")))]
    assert {story.signed[0]["name"], published} <= set(named), "the story's people are on the list"

    preview = "/organise/deliveries/new/de"
    assert browser.post(f"{preview}/test", on=preview, email=f"{canaries.latin()}@example.org").is_done
    [form] = [each for each in browser.get(preview).text.split("<form") if 'name="nonce"' in each]
    hidden = [tag for tag in re.findall(r"<input[^>]*>", form) if 'type="hidden"' in tag]
    filled = {attribute("name", tag): attribute("value", tag) for tag in hidden}
    assert browser.post(preview, on=preview, **filled | {"holds": "y"}).is_done
    assert DELEGATION in story.relay.recipients


def attribute(name: str, tag: str) -> str:
    found = re.search(rf'\s{name}="([^"]*)"', tag)
    return found.group(1) if found else ""
