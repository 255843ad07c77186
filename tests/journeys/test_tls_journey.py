"""The documented deployment, as it is written: its settings, and nginx with its server blocks."""

import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.client import HTTPSConnection

import pytest
from playwright.sync_api import Browser, Page

from campaign.operations.doctor.address import address_findings
from campaign.settings import Settings
from tests.journeys.browser import PUBLIC_HOST, visiting
from tests.journeys.people import Organiser, Supporter
from tests.journeys.server import Site, serving
from tests.journeys.tls_end import documented_settings, tls_end
from tests.support.program import NGINX, require
from tests.support.relay import Relay

MONITOR = "127.0.0.77"
"""An address on loopback that is not the visitors'."""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(
    chromium: Browser, mails: Relay, tls_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    require(NGINX)
    example = documented_settings()
    settings = {name: example[name] for name in ("base_url", "mail_from", "trusted_proxies")}
    settings["metrics_networks"] = MONITOR
    folder, nginx_folder = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("nginx")
    with (
        serving(folder, mails, **settings) as running,
        tls_end(nginx_folder, port=tls_port, site_port=running.port),
    ):
        yield running


@pytest.fixture
def visitor(chromium: Browser, site: Site) -> Iterator[Page]:
    with visiting(chromium, site.url, ignore_https_errors=True) as opened:
        yield opened


def test_a_supporter_signs_confirms_and_withdraws_over_tls(visitor: Page, site: Site) -> None:
    supporter = Supporter(visitor)
    supporter.choose("Germany")
    supporter.fill(your_name="Mara Example", your_e_mail_address="mara@example.org")
    supporter.live_in("France")
    supporter.consent()
    supporter.press("Sign")
    supporter.reads("Now check your e-mail")

    mail = site.mail("mara@example.org")
    assert mail.link.startswith(f"https://{PUBLIC_HOST}/en/signature/")
    visitor.goto(mail.link)
    supporter.press("Confirm my signature")
    supporter.reads("Thank you. Your signature is confirmed.")
    assert supporter.sees_count(1)

    visitor.goto(mail.link)
    supporter.withdraw()
    supporter.reads("Your signature is withdrawn")
    assert supporter.sees_count(0)
    assert visitor.context.cookies() == []


def test_an_organiser_makes_an_account_and_logs_in_over_tls(visitor: Page, site: Site) -> None:
    organiser = Organiser(visitor)
    organiser.make_account(site.setup_link)
    organiser.enter_organisation()
    [cookie] = visitor.context.cookies()
    organiser.log_out()
    organiser.log_in()

    assert cookie["name"] == "__Host-organiser"
    assert cookie["secure"]
    assert cookie["path"] == "/"
    assert cookie["domain"] == PUBLIC_HOST


def test_every_answer_over_tls_asks_for_tls_from_then_on(visitor: Page) -> None:
    answer = visitor.goto("/en/")

    assert answer is not None
    assert answer.request.url.startswith("https://")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_only_the_monitors_address_gets_to_the_figures_through_the_proxy(site: Site, tls_port: int) -> None:
    def status(address: str, path: str) -> int:
        unchecked = ssl._create_unverified_context()  # noqa: S323 -- the certificate was made a moment ago
        connection = HTTPSConnection("127.0.0.1", tls_port, context=unchecked, source_address=(address, 0))
        connection.request("GET", path, headers={"Host": PUBLIC_HOST})
        with closing(connection):
            return connection.getresponse().status

    assert status(MONITOR, "/metrics") == 200
    assert status("127.0.0.1", "/metrics") == 404
    assert status("127.0.0.1", "/healthz") == 200


def test_through_the_documented_proxy_no_header_forges_an_address(site: Site, tls_port: int) -> None:
    unchecked = ssl._create_unverified_context()  # noqa: S323 -- the certificate was made a moment ago
    settings = Settings(
        base_url=f"https://{PUBLIC_HOST}",
        secret_key=(site.instance / "secret_key").read_text(),
        trusted_proxies=1,
    )
    connect = partial(HTTPSConnection, "127.0.0.1", tls_port, context=unchecked, timeout=30)

    assert list(address_findings(settings, connect)) == []


@pytest.mark.parametrize(
    ("version", "ciphers", "is_accepted"),
    [
        (ssl.TLSVersion.TLSv1_3, "DEFAULT", True),
        (ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM", True),
        (ssl.TLSVersion.TLSv1_2, "AES256-GCM-SHA384", False),
        (ssl.TLSVersion.TLSv1_2, "ECDHE+SHA384:ECDHE+SHA256", False),
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0", False),
    ],
)
def test_no_connection_can_be_read_later_with_the_certificates_key(
    site: Site, tls_port: int, version: ssl.TLSVersion, ciphers: str, is_accepted: bool
) -> None:
    assert accepts(tls_port, version, ciphers) is is_accepted


def accepts(port: int, version: ssl.TLSVersion, ciphers: str) -> bool:
    """Whether nginx accepts a connection with this version of TLS and one of these ciphers."""
    client = ssl._create_unverified_context()  # noqa: S323 -- the certificate was made a moment ago
    client.set_ciphers(ciphers)
    with warnings.catch_warnings(action="ignore"):  # the version is deprecated, as it should be
        client.minimum_version = client.maximum_version = version
    try:
        with client.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=30)):
            return True
    except ssl.SSLError:
        return False
