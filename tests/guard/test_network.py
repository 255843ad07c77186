"""Networks of clients' addresses."""

from ipaddress import ip_network

import pytest

from campaign.guard import network


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8:1::1", "2001:db8:1:ffff::2", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        (None, "nonsense", True),
    ],
)
def test_a_network_is_an_ipv4_address_or_a_48(one: str | None, other: str, is_same: bool) -> None:
    assert (network.prefix(one) == network.prefix(other)) == is_same


@pytest.mark.parametrize(
    ("address", "is_there"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("198.51.100.1", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        (None, False),
        ("", False),
        ("unknown", False),
    ],
)
def test_only_addresses_of_the_networks_that_were_named_are_unlimited(
    address: str | None, is_there: bool
) -> None:
    networks = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))

    assert network.is_within(address, networks) == is_there
