"""Whom the site takes a client for."""

from typing import Any

import pytest

from campaign.operations.doctor.address import PROBE_PATH, probe_query
from campaign.web.serving.client_address import ClientAddress
from tests.conftest import SECRET


def seen(hops: int, peer: str = "127.0.0.1", **headers: str) -> str:
    """Return the address that the application gets."""
    got: list[str] = []

    def app(environ: dict[str, Any], _start: Any) -> list[bytes]:
        got.append(environ["REMOTE_ADDR"])
        return []

    environ = {"REMOTE_ADDR": peer, "PATH_INFO": "/"} | {
        f"HTTP_{name}": text for name, text in headers.items()
    }
    ClientAddress(app, hops=hops, secret_key=SECRET)(environ, lambda *_: None)
    return got[0]


def test_without_a_proxy_the_peer_counts_unless_a_header_shows_a_proxy() -> None:
    assert seen(0, "198.51.100.7") == "198.51.100.7"
    assert seen(0) == "127.0.0.1"
    for header in ("X_FORWARDED_FOR", "FORWARDED", "X_REAL_IP", "VIA"):
        assert seen(0, **{header: "127.0.0.1"}) == "", header


def test_only_the_entry_that_the_outermost_of_our_proxies_added_counts() -> None:
    assert seen(1, X_FORWARDED_FOR="192.0.2.1, 198.51.100.7") == "198.51.100.7"
    assert seen(2, X_FORWARDED_FOR="192.0.2.1, 198.51.100.7,10.0.0.1") == "198.51.100.7"
    assert seen(1, X_REAL_IP="192.0.2.1", FORWARDED="for=192.0.2.1") == ""


@pytest.mark.parametrize("hops", [1, 2, 5])
def test_with_fewer_entries_than_proxies_the_client_is_unknown_and_never_this_machine(hops: int) -> None:
    for entries in range(hops):
        assert seen(hops, X_FORWARDED_FOR=",".join(["192.0.2.1"] * entries)) == ""
    assert seen(hops) == ""


def test_only_who_has_the_servers_key_is_told_as_whom_the_site_sees_a_client() -> None:
    def answer(query: str) -> bytes:
        environ = {"REMOTE_ADDR": "198.51.100.7", "PATH_INFO": PROBE_PATH, "QUERY_STRING": query}
        wrapped = ClientAddress(lambda *_: [b"the site"], hops=0, secret_key=SECRET)
        return b"".join(wrapped(environ, lambda *_: None))

    assert answer(probe_query(SECRET)) == b"client=198.51.100.7"
    for query in ("", "client=", probe_query(f"another {SECRET}"), f"{probe_query(SECRET)}&more", "ä"):
        assert answer(query) == b"the site"
