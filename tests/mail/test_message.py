import re
from email import message_from_string, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaign.errors import PermanentMailError
from campaign.mail.message import PURPOSES, new_message, render
from campaign.paths import TEMPLATES
from campaign.reference.participating_state import STATES
from campaign.settings import Settings
from tests.conftest import NOW

SETTINGS = Settings(base_url="https://letters.example.org", mail_from="Letters <post@letters.example.org>")
TOKEN, OTHER = "7K3M9QX2WAB4CDEFGH5J", "0123456789ABCDEFGHJK"
PARAMS = {
    "confirm": {"token": TOKEN},
    "links": {"links": [["de", TOKEN], ["kz", OTHER]]},
}

purposes = pytest.mark.parametrize("purpose", PURPOSES)


def write(purpose: str = "confirm", **change: object) -> EmailMessage:
    given = {
        "language": "en",
        "settings": SETTINGS,
        "recipient": "mara@example.net",
        "params": PARAMS[purpose],
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


@purposes
def test_the_private_link_stands_alone_on_its_line(purpose):
    lines = text(write(purpose)).splitlines()

    assert f"https://letters.example.org/en/signature/{TOKEN}" in lines
    alone = [line for line in lines if line.startswith("http")]
    assert len(alone) == (2 if purpose == "links" else 1)


@purposes
def test_the_typed_code_is_the_token_in_groups_beside_where_to_type_it(purpose):
    message = write(purpose)

    for content in (text(message), html(message)):
        assert "7K3M-9QX2-WAB4-CDEF-GH5J" in content
        assert "https://letters.example.org/en/signature " in content


@purposes
def test_a_mail_does_not_name_its_cause(purpose):
    message = write(purpose)
    page = re.sub(r"(?s)<style>.*</style>", "", html(message))
    seen = " ".join([str(message["Subject"]), text(message), page])
    # The URL of the page is the one place that has to contain the word.
    seen = seen.replace("https://letters.example.org/en/signature", "").lower()

    causes = "kazakh sanction osce petition letter delegation rights women campaign sign politic"
    named = [cause for cause in causes.split() if re.search(rf"\b{cause}", seen)]
    named += [state.name("en") for state in STATES.values() if state.name("en").lower() in seen]
    assert named == []


def test_subject_and_first_lines_tell_not_even_whether_the_owner_signed():
    shown = {
        (
            message["Subject"],
            *text(message).splitlines()[:3],
            *html(message).partition("<h1>")[2].split("\n")[:2],
        )
        for message in (write(purpose, params=PARAMS[purpose]) for purpose in PURPOSES)
    }

    assert len(shown) == 1


def _first_lines(page: str) -> list[str]:
    return page.partition("<h1>")[2].split("\n")[:2]


@purposes
def test_a_mail_loads_nothing_and_links_nowhere_else(purpose):
    content = html(write(purpose))
    page = Tags(content)

    assert not {"img", "script", "link", "iframe", "object", "form", "base"} & set(page.tags)
    assert not re.search(r"url\(|@import|expression", content)
    links = [value for name, value in page.attributes if name in {"href", "src", "background", "action"}]
    assert links
    assert all(link.startswith("https://letters.example.org/en/signature/") for link in links)
    assert re.findall(r"https?://[^/\"'<\s]+", content + text(write(purpose)))
    assert set(re.findall(r"https?://([^/\"'<\s]+)", content)) == {"letters.example.org"}


@purposes
def test_text_and_html_are_alternatives_of_one_message(purpose):
    message = received(write(purpose))

    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert 'lang="en"' in html(message)


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


def test_a_mail_says_how_long_its_link_is_valid():
    def after(days: int) -> str:
        settings = Settings(base_url="https://a.example", mail_from="a@a.example", confirmation_days=days)
        return text(write(settings=settings))

    assert "within 1 day." in after(1)
    assert "within 12 days." in after(12)


def test_a_single_link_is_not_called_several():
    message = write("links", params={"links": [["de", TOKEN]]})

    assert "1." not in text(message)


def test_links_are_numbered_and_name_no_state():
    content = text(write("links"))

    assert "1.\nhttps" in content
    assert "2.\nhttps" in content
    assert "/de" not in content
    assert "/kz" not in content


def test_html_escapes_its_values():
    assert "<script>" not in html(write(params={"token": "<script>alert(1)</script>"}))


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


def test_every_purpose_has_its_two_templates():
    folders = {path.name for path in Path(TEMPLATES / "email").iterdir() if path.is_dir()}

    assert folders == set(PURPOSES)
    for purpose in PURPOSES:
        assert {path.name for path in (TEMPLATES / "email" / purpose).iterdir()} == {
            "body.txt",
            "body.html",
        }
