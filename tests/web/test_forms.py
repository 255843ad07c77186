from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel
from werkzeug.datastructures import MultiDict

from campaign.web.organise.delivery_form import SendDeliveryForm
from campaign.web.organise.login_form import LoginForm, NewPassphraseForm
from campaign.web.supporter.find_form import FindDeliveryForm, FindSignatureForm
from campaign.web.supporter.form import SignatureForm

FILLED = {
    "name": "Oksana Muster",
    "email": "oksana@example.org",
    "residence": "PL",
    "disclosure": "delegation",
    "consent": "y",
}


@pytest.fixture(autouse=True)
def in_a_request() -> Iterator[None]:
    app = Flask("forms")
    app.config.update(SECRET_KEY="made-up", WTF_CSRF_ENABLED=False)
    Babel(app)
    with app.test_request_context():
        yield


def filled(**typed: Any) -> SignatureForm:
    return SignatureForm(MultiDict({k: v for k, v in (FILLED | typed).items() if v is not None}))


def wrong(form: SignatureForm) -> set[str]:
    form.validate()
    return set(form.errors)


def test_a_filled_form_is_taken():
    assert wrong(filled()) == set()


def test_an_empty_form_names_every_required_field():
    assert wrong(SignatureForm(MultiDict({}))) == {"name", "email", "residence", "consent"}


def test_consent_is_never_preset():
    assert not SignatureForm(formdata=None).consent.data
    assert wrong(filled(consent=None)) == {"consent"}


def test_the_disclosure_to_the_delegation_is_preset():
    assert SignatureForm(formdata=None).disclosure.data == "delegation"


def test_only_the_counted_need_no_name():
    assert wrong(filled(name="", disclosure="counted")) == set()
    assert wrong(filled(name=" \u200b ", disclosure="public")) == {"name"}


@pytest.mark.parametrize("disclosure", ["", "all", "PUBLIC", None])
def test_an_unknown_disclosure_is_refused(disclosure: str | None):
    form = filled(disclosure=disclosure)

    assert wrong(form) == ({"disclosure"} if disclosure is not None else set())


@pytest.mark.parametrize(
    "name",
    [
        "a\0b",
        "evil\u202etxt",
        "x\u2066y\u2069",
        "two\nlines",
        "bell\x07",
        "\ud800",
        "tag\U000e0041",
        "…",
        "🙂",
        "\u3164",
        "\u115f\u1160\uffa0",
        "x" * 201,
    ],
)
def test_a_name_that_cannot_be_printed_is_refused(name: str):
    assert wrong(filled(name=name)) == {"name"}


@pytest.mark.parametrize(
    "name",
    ["=Jan", "+Ana", "-Ola", "@Eli", "Әсел Жұмабаева", "Nguyễn", "张伟", "O’Neill", "Ana 🙂", "x" * 200],
)
def test_a_name_may_be_written_in_any_alphabet(name: str):
    form = filled(name=name)

    assert wrong(form) == set()
    assert form.name.data == name


def test_a_name_is_composed_and_single_spaced():
    form = filled(name="  Lucja\u00ad \t Zo\u0301łta  ")

    assert wrong(form) == set()
    assert form.details().name == "Lucja Zółta"


@pytest.mark.parametrize(
    "email",
    [
        "",
        "oksana",
        "a b@example.org",
        "a@b@example.org",
        "a@example",
        "a\n@example.org",
        "a@ex\x00ample.org",
        f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 63}.org",
    ],
)
def test_an_invalid_address_is_refused(email: str):
    assert wrong(filled(email=email)) == {"email"}


@pytest.mark.parametrize("email", ["a+b@example.org", "a@bücher.example.org", '"a b"@example.org'])
def test_every_kind_of_address_is_taken(email: str):
    form = filled(email=f" {email} ")

    assert wrong(form) == set()
    assert form.details().email == email


@pytest.mark.parametrize("residence", ["", "pl", "XX", "Poland", "EU"])
def test_a_residence_is_one_of_the_list(residence: str):
    assert wrong(filled(residence=residence)) == {"residence"}


def test_a_residence_may_be_unstated():
    assert wrong(filled(residence="ZZ")) == set()


def test_words_are_counted_as_the_reader_sees_them():
    assert wrong(filled(words="x\r\n" * 749 + "xx\r\n\r\n\r\n")) == set()
    assert wrong(filled(words="x" * 1_501)) == {"words"}


def test_words_have_paragraphs():
    form = filled(words=" One.  \r\n\r\n\r\n\r\nTwo.\u2028Three. ")

    assert wrong(form) == set()
    assert form.details().words == "One.\n\nTwo.\nThree."


def test_an_error_says_by_how_much_text_is_too_long():
    form = filled(town="x" * 103)
    form.validate()

    assert form.town.errors == ["This is 3 characters too long; there is room for 100."]


def test_the_hidden_field_reveals_robots():
    assert filled(website="https://example.org").is_from_a_robot
    assert not filled().is_from_a_robot


@pytest.mark.parametrize(
    "typed", ["7K3M-9QXT-2ADH-5NWP-Z8RC", "7k3m 9qxt2adh5nwpz8rc", "7K3M9QXT2ADH5NWPZ8RC"]
)
def test_a_code_may_be_typed_in_any_way(typed: str):
    for kind in (FindSignatureForm, FindDeliveryForm):
        form = kind(MultiDict({"code": typed}))

        assert form.validate()
        assert form.code.data == "7K3M9QXT2ADH5NWPZ8RC"


def test_looking_for_a_signature_takes_a_code_or_an_address():
    assert not FindSignatureForm(MultiDict({})).validate()
    assert not FindSignatureForm(MultiDict({"code": "7K3M"})).validate()
    assert FindSignatureForm(MultiDict({"email": "a@example.org"})).validate()


def test_a_refused_login_does_not_say_which_of_the_two_was_wrong():
    form = LoginForm(MultiDict({"name": "Ola", "passphrase": "made up"}))
    assert form.validate()

    form.refuse()

    assert list(form.errors) == ["passphrase"]
    assert "Name and passphrase" in str(form.passphrase.errors[0])


@pytest.mark.parametrize(
    ("passphrase", "again"), [("short", "short"), ("four words for her", ""), ("x" * 16, "x" * 17)]
)
def test_a_new_passphrase_is_long_and_typed_twice(passphrase: str, again: str):
    assert not NewPassphraseForm(MultiDict({"passphrase": passphrase, "passphrase_again": again})).validate()


def test_a_doubtful_delivery_needs_a_tick():
    doubtful = {"nonce": "n", "seen": "address_old"}

    assert SendDeliveryForm(MultiDict({"nonce": "n"})).validate()
    assert not SendDeliveryForm(MultiDict(doubtful)).validate()
    assert SendDeliveryForm(MultiDict(doubtful | {"holds": "y"})).validate()
