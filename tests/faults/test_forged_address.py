"""Clients that forge their address, over a real socket, and what the doctor finds by asking the site."""

from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from campaign.operations.doctor.address import PROBE_PATH, address_findings
from campaign.settings import Settings
from tests.conftest import SECRET
from tests.faults.serving import Server, serving
from tests.support.relay import Relay, free_port, relay

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module", params=["0", "1", "2"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a site that nothing stands in front of, with no, one or two proxies configured."""
    folder: Path = tmp_path_factory.mktemp("site")
    mails: Relay
    with (
        relay() as mails,
        serving(folder, smtp_url=mails.url, trusted_proxies=request.param, secret_key=SECRET) as running,
    ):
        yield running


def settings_of(site: Server) -> Settings:
    hops = int(site.environment["CAMPAIGN_TRUSTED_PROXIES"])
    return Settings(base_url=site.url, secret_key=SECRET, trusted_proxies=hops)


def status(site: Server, *headers: tuple[str, str]) -> int:
    """Ask for the figures, which are for this machine, with *headers* in this order."""
    connection = HTTPConnection("127.0.0.1", site.port, timeout=30)
    connection.putrequest("GET", "/metrics")
    for name, text in headers:
        connection.putheader(name, text)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_no_header_makes_a_client_this_machine(site: Server) -> None:
    visitor, forged = ("X-Forwarded-For", "198.51.100.7"), ("X_Forwarded_For", "127.0.0.1")
    assert status(site, visitor) == 404
    assert status(site, visitor, forged) == 404
    assert status(site, forged, visitor) == 404
    assert status(site, forged) == 404
    assert status(site, visitor, ("X-Real-IP", "127.0.0.1"), ("Forwarded", "for=127.0.0.1")) == 404
    assert status(site, visitor, visitor, ("X_Forwarded_For", "127.0.0.1, 127.0.0.1")) == 404
    is_direct = site.environment["CAMPAIGN_TRUSTED_PROXIES"] == "0"
    assert status(site) == (200 if is_direct else 404)


def test_the_doctor_says_when_a_visitor_can_choose_an_address(site: Server) -> None:
    found = [(each.text, each.is_serious) for each in address_findings(settings_of(site))]

    hops = settings_of(site).trusted_proxies
    if hops == 0:
        assert found == []
    elif hops == 1:
        [(believed, is_serious), (unknown, _)] = found
        assert "in the header X-Forwarded-For, X_Forwarded_For: visitors pass every limit" in believed
        assert is_serious
        assert "does not learn its clients' addresses" in unknown
    else:
        [(unknown, is_serious)] = found
        assert "does not learn its clients' addresses" in unknown
        assert is_serious


def test_a_site_that_does_not_answer_is_said_and_nobody_else_is_told_an_address(site: Server) -> None:
    silent = Settings(base_url=f"http://127.0.0.1:{free_port()}", secret_key=SECRET)
    other = Settings(base_url=site.url, secret_key="another-key-of-a-stranger-0123456789")

    for settings in (silent, other):
        [finding] = address_findings(settings)
        assert "could not be asked" in finding.text
        assert not finding.is_serious
    connection = HTTPConnection("127.0.0.1", site.port, timeout=30)
    connection.request("GET", f"{PROBE_PATH}?client=0")
    assert b"127.0.0.1" not in connection.getresponse().read()
    connection.close()
