"""Networks: what of a client's address is looked at, and never kept."""

import ipaddress
from collections.abc import Iterable

from campaign.settings import Network

IPV6_PREFIX = 48
"""Bits. Hosts and tunnel brokers give a whole /48 to anybody, which as /64s would be 65,536 networks;
of a mobile carrier it holds as many people as one IPv4 address does. Of IPv4 the whole address counts:
one costs money, and the /24 around a carrier's would be a town."""

NOWHERE = b""
"""Of a client whose address is not known: all of them share one limit."""


def prefix(address: str | None) -> bytes:
    """Return what stands for the network of *address*; of no use but to be compared."""
    parsed = _parsed(address)
    if parsed is None:
        return NOWHERE
    if parsed.version == 4:
        return parsed.packed
    return parsed.packed[: IPV6_PREFIX // 8]


def is_within(address: str | None, networks: Iterable[Network]) -> bool:
    """Whether *address* belongs to one of *networks*."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


def _parsed(address: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    # One client, whether the server listens on IPv4 alone or on both.
    return getattr(parsed, "ipv4_mapped", None) or parsed
