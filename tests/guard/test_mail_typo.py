"""Misspelt domains of well-known mail providers."""

import pytest
from disposable_email_domains import blocklist

from campaign.guard.mail_domain import PUBLIC
from campaign.guard.mail_typo import USUAL, is_misspelt, meant_domain


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gmail.con", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("gmail.ru", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("gmial.com", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("gnail.com", "gmail.com"),
        ("hotmail.con", "hotmail.com"),
        ("hotmail.co", "hotmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("outlok.com", "outlook.com"),
        ("yahho.com", "yahoo.com"),
        ("icloud.cm", "icloud.com"),
        ("proton.em", "proton.me"),
        ("mial.ru", "mail.ru"),
        ("rambelr.ru", "rambler.ru"),
        ("seznam.zc", "seznam.cz"),
    ],
)
def test_a_domain_one_step_away_from_a_provider_means_it(typed: str, meant: str) -> None:
    assert meant_domain(typed) == meant


@pytest.mark.parametrize(
    "domain",
    [
        "example.org",
        "mail.by",
        "hotmail.ee",
        "bac.com",
        "list.rs",
        "gmail.example.org",
        "x.com",
        "localhost",
        "",
    ],
)
def test_a_rare_domain_means_itself(domain: str) -> None:
    assert meant_domain(domain) is None
    assert not is_misspelt(domain)


def test_no_provider_is_taken_for_another() -> None:
    assert [domain for domain in PUBLIC if meant_domain(domain)] == []
    assert set(USUAL) <= PUBLIC


def test_of_the_disposable_services_only_slips_of_the_fingers_are_misspelt() -> None:
    assert {domain for domain in blocklist if is_misspelt(domain)} == {
        "gmial.com",
        "hotmai.com",
        "hotmial.com",
    }
    assert meant_domain("amail.com") == "gmail.com"
