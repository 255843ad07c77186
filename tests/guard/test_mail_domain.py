"""Suspicious mail domains."""

import pytest

from campaign.guard.mail_domain import PUBLIC, is_disposable, owned_domain


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
