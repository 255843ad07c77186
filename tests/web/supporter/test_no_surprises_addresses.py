"""An e-mail address is read as it is copied from a link, an address book or a sentence."""

import pytest

from tests.web.conftest import Supporter

pytestmark = pytest.mark.any_database

COPIED = [
    "anna@example.org.",
    "anna@example.org,",
    "anna@example.org;",
    "(anna@example.org)",
    "<anna@example.org>",
    "'anna@example.org'",
    "„anna@example.org“",
    "mailto:anna@example.org",
    "mailto:anna@example.org?subject=Letter",
    "Anna Example <anna@example.org>",
    '"Example, Anna" <anna@example.org>;',
    "anna＠example.org",
    "anna@example.org\u200b",
    "anna@example.org\u00a0",
]


def test_a_copied_address_is_read(supporter: Supporter) -> None:
    for number, copied in enumerate(COPIED):
        typed = copied.replace("anna", f"anna{number}")
        assert supporter.sign(email=typed).status_code == 303, copied
        assert supporter.client.post("/en/signature", data={"email": typed}).status_code == 303, copied
    mails = supporter.mails()
    assert {mail.recipient for mail in mails} == {f"anna{at}@example.org" for at in range(len(COPIED))}


@pytest.mark.parametrize(
    "typed",
    ["anna", "anna@", "@example.org", "anna@example.org tom@example.org", "anna@example.org,tom@example.org"],
)
def test_what_is_no_address_or_two_is_asked_for_again(visiting_supporter: Supporter, typed: str) -> None:
    assert visiting_supporter.sign(email=typed).status_code == 422


@pytest.mark.parametrize("typed", ["o'hara@example.org", '"anna b"@example.org', "anna+letters@example.org"])
def test_signs_that_belong_to_an_address_stay(supporter: Supporter, typed: str) -> None:
    assert supporter.sign(email=typed).status_code == 303
    [mail] = supporter.mails()
    assert mail.recipient == typed
