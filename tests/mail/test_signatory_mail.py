import re
from email import message_from_string, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaign.appeal import reading
from campaign.errors import PermanentMailError
from campaign.mail.cause import Cause
from campaign.mail.message import new_message
from campaign.mail.signatory_mail import MARK, PURPOSES, render
from campaign.organiser.organisation import Organisation
from campaign.paths import TEMPLATES
from campaign.reference.participating_state import STATES
from campaign.settings import Settings
from tests.conftest import NOW
from tests.support.translated import add_language, english_folder

SETTINGS = Settings(base_url="https://letters.example.org", mail_from="Letters <post@letters.example.org>")
TOKEN = "7K3M9QX2WAB4CDEFGH5J"
PARAMS = {
    "confirm": {"token": TOKEN, "letters": ["nl"], "until": "2026-12-05"},
    "links": {"token": TOKEN, "letters": ["de", "kz"]},
}
ORGANISATION = Organisation("Example Foundation", "Brussels", "hello@example.org")
CAUSE = Cause(reading.load(None), ORGANISATION)

purposes = pytest.mark.parametrize("purpose", PURPOSES)
kinds = pytest.mark.parametrize("kind", ["neutral", "plain"])


def write(purpose: str = "confirm", kind: str = "neutral", **change: object) -> EmailMessage:
    """Render a mail; one of the kind *plain* names its cause."""
    given = {
        "language": "en",
        "settings": SETTINGS,
        "recipient": "mara@example.net",
        "params": PARAMS[purpose] | {"names_cause": kind == "plain"},
        "cause": CAUSE,
        "now": NOW,
    }
    return render(purpose, **(given | change))


def text(message: EmailMessage) -> str:
    return message.get_body(("plain",)).get_content()


def html(message: EmailMessage) -> str:
    return message.get_body(("html",)).get_content()


def received(message: EmailMessage) -> EmailMessage:
    """Return *message* as a mailbox reads it after encoding and decoding."""
    content = message.as_bytes(policy=message.policy.clone(utf8=True))
    return message_from_string(content.decode(), policy=policy.SMTPUTF8)


class Tags(HTMLParser):
    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend((name, value or "") for name, value in attrs)


@kinds
@purposes
def test_the_private_link_stands_alone_on_its_line(purpose, kind):
    lines = text(write(purpose, kind)).splitlines()

    assert f"https://letters.example.org/en/signature/{TOKEN}" in lines
    assert len([line for line in lines if line.startswith("http")]) == 1


@purposes
def test_the_typed_code_is_the_token_in_groups_beside_where_to_type_it(purpose):
    message = write(purpose)

    for content in (text(message), html(message)):
        assert "7K3M-9QX2-WAB4-CDEF-GH5J" in content
        assert re.search(r"https://letters\.example\.org/en/signature\W", content)


def shown(message: EmailMessage) -> str:
    """Return what a mailbox shows, without the addresses of pages."""
    page = re.sub(r"(?s)<style>.*</style>|<[^>]+>", " ", html(message))
    headers = " ".join(f"{name}: {value}" for name, value in message.items() if name != "To")
    return re.sub(r"https://letters\.example\.org\S+", "", " ".join([headers, text(message), page]))


@purposes
def test_a_neutral_mail_does_not_name_its_cause(purpose):
    seen = shown(write(purpose)).lower()

    causes = "kazakh sanction osce petition delegation rights women campaign sign politic foundation brussels"
    named = [cause for cause in causes.split() if re.search(rf"\b{cause}", seen)]
    named += [state.name("en") for state in STATES.values() if state.name("en").lower() in seen]
    named += re.findall(r"\bletters?\b", seen.replace("letters <post@letters.example.org>", ""))
    assert [name for name in named if name != "letters"] == []
    assert write(purpose)["Reply-To"] is None


CAUSES = {
    "fr": "kazakh sanction osce pétition délégation droits femmes campagne sign(?!al) lettre",
    "de": "kasach sanktion osze petition delegation rechte frauen kampagne unter(zeichn|schr) brief",
    "it": "kazak sanzion osce petizion delegazion diritt donne campagna firm lettera",
    "ru": "казах санкц обсе петиц делегац прав(а|о|у)? женщин кампани подпис письм",
    "es": "kazaj sancion osce petici delegaci derechos mujeres campaña firm carta",
    "kk": "қазақ санкция еқыұ өтініш делегация құқы әйел науқан қол қо(й|ю) хат(ы|қа|та)?",
    "uk": "казах санкці обсє петиці делегаці прав(а|о|у)? жінок кампані підпис",
}
"""Beginnings of words that would name the cause; in Ukrainian, a mail and a letter are one word."""


@pytest.mark.parametrize("language", CAUSES)
def test_a_neutral_mail_names_its_cause_in_no_language_and_has_one_first_line(language):
    causes = [rf"\b{each}" + r"\b" * each.endswith("?") for each in CAUSES[language].split()]
    for purpose in PURPOSES:
        message = write(purpose, language=language)
        seen, said = shown(message).lower(), shown(write(purpose, "plain", language=language)).lower()
        assert [each for each in causes if re.search(each, seen)] == [], purpose
        assert sum(bool(re.search(each, said)) for each in causes) > 3, "the words are the language's"
        names = (state.name(language).lower() for state in STATES.values())
        assert [name for name in names if name in seen] == []
        assert language == "kk" or "kk" not in re.findall(r"\w+", html(message)), "in its style sheet"
    mails = [write(purpose, kind, language=language) for purpose in PURPOSES for kind in ("neutral", "plain")]
    assert len({mail["Subject"] for mail in mails}) == 1
    assert len({text(mail).split("\n\n")[0] for mail in mails}) == 1


@purposes
def test_a_plain_mail_says_which_letter_what_it_is_about_and_who_sends_it(purpose):
    message = write(purpose, "plain")

    for content in (text(message), html(message)):
        seen = " ".join(re.sub(r"<[^>]+>", " ", content).split())
        assert "OSCE delegation" in seen
        assert "Women’s rights in Kazakhstan: the call of March 2021 for personal sanctions" in seen
        assert "Sent by: Example Foundation, Brussels" in seen
    assert message["Reply-To"] == "hello@example.org"


def test_a_plain_mail_asks_to_confirm_the_letter_or_the_letters():
    one = write("confirm", "plain")
    several = write("confirm", params=PARAMS["confirm"] | {"letters": ["de", "fr"], "names_cause": True})

    assert "One step left: confirm your letter to the Netherlands\n" in text(one)
    assert "One step left: confirm your 2 letters\n" in text(several)
    assert "Letters to the OSCE delegations: Germany, France\n" in text(several)
    assert "press “Confirm my signature”. Only then does it" in text(one)
    assert "press “Confirm my signatures”. Only then do they" in text(several)


@pytest.mark.parametrize("contact", ["", "правда@example.org"])
def test_without_a_contact_that_any_relay_takes_a_mail_says_that_nobody_reads_replies(contact):
    organisation = Organisation("Example Foundation", "Brussels", contact)
    message = write("confirm", "plain", cause=Cause(CAUSE.appeal, organisation))

    assert message["Reply-To"] is None
    assert "Nobody reads replies to this mail" in text(message)


def test_subject_and_first_line_tell_not_even_whether_the_owner_signed():
    messages = [write(purpose, kind) for purpose in PURPOSES for kind in ("neutral", "plain")]

    assert len({message["Subject"] for message in messages}) == 1
    [first] = {text(message).splitlines()[0] for message in messages}
    assert len(first) <= 72
    pages = [html(message).partition("<body>")[2] for message in messages]
    assert {re.sub(r"<[^>]+>", "", page).strip().splitlines()[0] for page in pages} == {first}


@kinds
@purposes
def test_a_mail_loads_nothing_and_links_nowhere_else(purpose, kind):
    message = write(purpose, kind)
    content = html(message)
    page = Tags(content)

    assert not {"script", "link", "iframe", "object", "form", "base"} & set(page.tags)
    assert not re.search(r"url\(|@import|expression", content)
    links = [value for name, value in page.attributes if name in {"href", "background", "action", "srcset"}]
    assert links
    assert all(link.startswith("https://letters.example.org/en/signature/") for link in links)
    assert set(re.findall(r"https?://([^/\"'<\s]+)", content)) == {"letters.example.org"}
    pictures = [value for name, value in page.attributes if name == "src"]
    assert pictures == ([f"cid:{MARK}"] if kind == "plain" else [])


@purposes
def test_text_and_html_are_alternatives_of_one_message(purpose):
    message = received(write(purpose))

    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert 'lang="en"' in html(message)


@purposes
def test_the_mark_comes_with_a_plain_mail_as_a_small_picture_beside_its_page(purpose):
    message = received(write(purpose, "plain"))
    [_, related] = message.iter_parts()
    [page, picture] = related.iter_parts()

    assert (related.get_content_type(), page.get_content_type()) == ("multipart/related", "text/html")
    assert (picture.get_content_type(), picture["Content-ID"]) == ("image/png", f"<{MARK}>")
    assert picture.get_content_disposition() == "inline"
    assert len(picture.get_content()) < 6_000
    assert list(message.iter_attachments()) == []


def test_out_of_office_replies_are_suppressed():
    message = write()

    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"


def test_number_and_date_tell_nothing_about_the_machine():
    message = write()

    assert re.fullmatch(r"<[0-9a-f-]{36}@letters\.example\.org>", message["Message-ID"])
    assert message["Date"] == "Mon, 23 Nov 2026 12:00:00 +0000"


def test_a_second_attempt_carries_the_same_number():
    number = uuid4()

    assert write(message_id=number)["Message-ID"] == write(message_id=number)["Message-ID"]
    assert write()["Message-ID"] != write()["Message-ID"]


@kinds
def test_a_mail_names_the_last_day_to_confirm(kind):
    message = write("confirm", kind)

    for content in (text(message), html(message)):
        assert "You can confirm until 5 December 2026, 23:59 UTC." in " ".join(content.split())


def test_lines_of_the_text_are_no_wider_than_mail_programs_show():
    for purpose in PURPOSES:
        for kind in ("neutral", "plain"):
            lines = text(write(purpose, kind)).splitlines()
            assert [line for line in lines if len(line) > 72 and "://" not in line] == []


def test_html_escapes_its_values():
    assert "<script>" not in html(write(params={"token": "<script>alert(1)</script>", "until": "2026-12-05"}))


@pytest.mark.parametrize(
    "recipient",
    [
        "mara@example.net\nBcc: eve@example.com",
        "mara@example.net\r\n\r\nHello",
        "mara@example.net, eve@example.com",
        "mara @example.net",
        "mara@exa mple.net",
        "mara@example.net\x00",
        "mara",
        "@example.net",
        "mara@",
        "",
        "mära\n@example.net",
        "Mara <mara@example.net>\nBcc: eve@example.com",
    ],
)
def test_an_invalid_address_is_refused_without_repeating_it(recipient):
    with pytest.raises(PermanentMailError) as caught:
        write(recipient=recipient)

    assert "mara" not in str(caught.value)
    assert "example" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.text(max_size=80) | st.from_regex(r"\A[^@]{1,9}@[^@]{1,9}\Z"))
@example("a@b\rBcc: c@d")
@example('"a\r\nBcc: c@d"@b')
@example("=?utf-8?q?a?=@b")
def test_no_address_adds_a_header_or_a_recipient(recipient):
    try:
        message = new_message(SETTINGS, recipient, now=NOW)
    except PermanentMailError:
        return

    sent = received(message)
    assert sorted(sent.keys()) == ["Date", "From", "Message-ID", "To"]
    assert len(sent["To"].addresses) == 1


@pytest.mark.parametrize(
    ("recipient", "shown"),
    [
        ("mara+tag@example.net", "mara+tag@example.net"),
        ("Mara@Example.NET", "Mara@Example.NET"),
        ('"mara example"@example.net', '"mara example"@example.net'),
        ("mara@bücher.example", "mara@xn--bcher-kva.example"),
        ("мара@пример.example", "мара@xn--e1afmkfd.example"),
        ("a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".example", None),
    ],
)
def test_unusual_addresses_arrive_whole(recipient, shown):
    message = write(recipient=recipient)
    sent = received(message)

    assert sent["To"].addresses[0].addr_spec == (shown or recipient)


def test_every_language_has_its_mail():
    assert text(write(language="uk")).count("https://letters.example.org/uk/signature/") == 1
    assert write(language="uk")["Content-Language"] == "uk"


def test_a_plain_mail_is_in_the_language_of_signing_and_in_english_where_the_letter_is_not(tmp_path):
    folder = english_folder(tmp_path / "appeal")
    add_language(folder, "de")
    appeal = reading.load(folder)

    for language, title in (("de", "de: The Women’s Call"), ("fr", "The Women’s Call")):
        message = write("confirm", "plain", language=language, cause=Cause(appeal, ORGANISATION))
        assert message["Content-Language"] == language
        assert title in html(message)
        assert f"/{language}/signature/" in text(message)


def test_every_purpose_has_its_two_templates():
    folders = {path.name for path in Path(TEMPLATES / "email").iterdir() if path.is_dir()}

    assert folders == set(PURPOSES)
    for purpose in PURPOSES:
        assert {path.name for path in (TEMPLATES / "email" / purpose).iterdir()} == {
            "body.txt",
            "body.html",
        }
