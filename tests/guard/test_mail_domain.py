"""Suspicious mail domains."""

import pytest

from campaign.guard.mail_domain import _LIST, PUBLIC, is_disposable, owned_domain


@pytest.mark.parametrize(
    ("domain", "is_so"),
    [
        ("mailinator.com", True),
        ("any.name.mailinator.com", True),
        ("mailinator.example", False),
        ("com", False),
        ("example.org", False),
    ],
)
def test_a_disposable_domain_is_known_with_what_lies_below_it(domain: str, is_so: bool) -> None:
    assert is_disposable(domain) == is_so


def test_no_public_provider_is_called_disposable() -> None:
    assert [domain for domain in PUBLIC if is_disposable(domain)] == []


@pytest.mark.parametrize(
    ("domain", "owned"),
    [
        ("evil.example", "evil.example"),
        ("a.b.c.evil.example", "evil.example"),
        ("a.evil.co.uk", "evil.co.uk"),
        ("evil.com.kz", "evil.com.kz"),
        ("a.evil.kz", "evil.kz"),
        ("localhost", "localhost"),
    ],
)
def test_names_below_a_domain_count_as_the_domain(domain: str, owned: str) -> None:
    assert owned_domain(domain) == owned


def test_public_providers_of_the_states_concerned_are_no_organisations() -> None:
    central_asian = {"mail.kg", "mail.tj", "umail.uz", "mail.am", "tut.by"}
    european = {
        "abv.bg",
        "freemail.hu",
        "azet.sk",
        "siol.net",
        "net.hr",
        "mailo.com",
        "hotmail.se",
        "zoho.eu",
    }
    for_those_in_danger = {"autistici.org", "systemli.org", "keemail.me", "kolabnow.com"}

    assert central_asian | european | for_those_in_danger | {"att.net", "hey.com", "naver.com"} <= PUBLIC


def test_no_forwarding_service_is_a_public_provider() -> None:
    assert PUBLIC.isdisjoint(
        {"duck.com", "privaterelay.appleid.com", "mozmail.com", "simplelogin.com", "addy.io"}
    )


def test_the_list_is_in_order_and_names_each_domain_once() -> None:
    listed = [line for line in _LIST.read_text().splitlines() if not line.startswith("#")]

    assert listed == sorted({*listed})
    assert not [domain for domain in listed if domain != domain.lower() or "." not in domain]
