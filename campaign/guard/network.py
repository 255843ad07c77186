"""The network of a client's address; neither is ever stored."""

import ipaddress
from collections.abc import Iterable

from campaign.setting_reader import Network

IPV6_PREFIX = 48
"""Bits. Hosting providers and tunnel brokers give anybody a whole /48, which is 65,536 networks of /64;
at a mobile carrier a /48 holds as many people as one IPv4 address. Of IPv4 the whole address counts: one
costs money, and the /24 around a carrier's address would be a town."""

UNKNOWN = b""
"""The network of every client whose address is not known: they share one limit."""


def prefix(address: str | None) -> bytes:
    """Return the network of *address* as bytes, for comparing only."""
    parsed = _parsed(address)
    if parsed is None:
        return UNKNOWN
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
    # The same client, whether the server listens on IPv4 only or on both.
    return getattr(parsed, "ipv4_mapped", None) or parsed
