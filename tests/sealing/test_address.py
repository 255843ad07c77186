"""Spellings of one mailbox, and addresses that only look alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from campaign.sealing.address import PROVIDERS, canonical_address, domain_of

SAME = [
    ("Mara@Example.org", "mara@example.org"),
    (" mara@example.org ", "mara@example.org"),
    ("mara@bücher.example", "mara@xn--bcher-kva.example"),
    ("mara@BÜCHER.example", "mara@xn--bcher-kva.example"),
    ("mara@пример.рф", "mara@xn--e1afmkfd.xn--p1ai"),
    ("zoe\u0308@example.org", "zoë@example.org"),
    ("m.a.r.a@gmail.com", "mara@gmail.com"),
    ("mara+letters@gmail.com", "mara@gmail.com"),
    ("Mara.Example+a+b@GoogleMail.com", "maraexample@gmail.com"),
    ("mara+letters@hotmail.co.uk", "mara@hotmail.co.uk"),
    ("mara+letters@outlook.com", "mara@outlook.com"),
    ("mara+letters@me.com", "mara@icloud.com"),
    ("mara@mac.com", "mara@icloud.com"),
    ("m_a-r.a+letters@pm.me", "mara@proton.me"),
    ("mara@protonmail.com", "mara@proton.me"),
    ("mara+letters@fastmail.com", "mara@fastmail.com"),
    ("letters@mara.fastmail.com", "mara@fastmail.com"),
    ("any@mara.anonaddy.com", "other@mara.anonaddy.com"),
    ('"a b"@mara.mozmail.com', "other@mara.mozmail.com"),
    ("any@mara.slmail.me", "other@mara.slmail.me"),
    ("any@mara.anonaddy.com", "other@mara.anonaddy.me"),
    ("any+tag@x.mara.aleeas.com", "other@mara.aleeas.com"),
    ('"a b"@mara.fastmail.com', "mara@fastmail.com"),
    ("mara.example@ya.ru", "mara-example@yandex.ru"),
    ("mara-example+letters@yandex.kz", "mara.example@yandex.by"),
    ("mara+letters@zohomail.com", "mara@zohomail.com"),
]

TWO = [
    ("mara@example.org", "mara@example.com"),
    ("m.ara@example.org", "mara@example.org"),
    ("mara+letters@example.org", "mara@example.org"),
    ("m.ara@outlook.com", "mara@outlook.com"),
    ("mara@hotmail.com", "mara@outlook.com"),
    ("m.ara@icloud.com", "mara@icloud.com"),
    ("mara-letters@yahoo.com", "mara@yahoo.com"),
    ("mara+letters@mail.ru", "mara@mail.ru"),
    ("mara@mail.ru", "mara@bk.ru"),
    ("maraexample@yandex.ru", "mara-example@yandex.ru"),
    ("mara@a.b.fastmail.com", "mara@b.fastmail.com"),
    ("mara@notgmail.com", "mara@gmail.com"),
    ("any@mara.mozmail.com", "any@eva.mozmail.com"),
    ("any@mara.mozmail.com", "any@mara.slmail.me"),
    ("mara@anonaddy.me", "any@mara.anonaddy.me"),
    ("mara@mozmail.com", "eva@mozmail.com"),
    ("mara@notanonaddy.com", "eva@notanonaddy.com"),
    ('"m.ara"@gmail.com', "mara@gmail.com"),
    ("\u017fam@gmail.com", "sam@gmail.com"),  # a long s, which casefolding makes an s
    ("stra\u00dfe@example.org", "strasse@example.org"),
    ("\ufb01na@example.org", "fina@example.org"),  # a ligature
    ("\u0130da@example.org", "i\u0307da@example.org"),
    ("МАРА@example.org", "мара@example.org"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_mailbox_have_one_form(one: str, other: str) -> None:
    assert canonical_address(one) == canonical_address(other)


@pytest.mark.parametrize(("one", "other"), TWO)
def test_two_mailboxes_keep_two_forms(one: str, other: str) -> None:
    assert canonical_address(one) != canonical_address(other)


@pytest.mark.parametrize("name", ["+letters", "...", "._-"])
def test_a_name_of_ignored_characters_only_stays_as_it_is(name: str) -> None:
    for provider in PROVIDERS:
        assert not canonical_address(f"{name}@{provider.domains[0]}").startswith("@")


DOMAINS = [domain for provider in PROVIDERS for domain in provider.domains]


@given(some.text(max_size=40), some.sampled_from([*DOMAINS, "example.org", "x.mozmail.com"]))
def test_the_canonical_form_of_any_text_is_stable(name: str, domain: str) -> None:
    form = canonical_address(f"{name}@{domain}")

    assert canonical_address(form) == form


@given(some.text())
def test_any_text_has_a_domain(text: str) -> None:
    assert domain_of(text) == domain_of(f"mara@{domain_of(text)}")


def test_no_domain_belongs_to_two_providers() -> None:
    assert len(DOMAINS) == len(set(DOMAINS))
