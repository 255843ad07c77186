"""Ask the running site, through its public address, whether it believes a forged client address."""

import hmac
import http.client
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import urlsplit

from campaign.operations.doctor.finding import Finding
from campaign.settings import Settings

Connect = Callable[[], http.client.HTTPConnection]

PROBE_PATH = "/healthz"

FORGED = "192.0.2.77"
"""An address for documentation (RFC 5737), which no client has."""

FORGED_HEADERS = ("X-Forwarded-For", "X_Forwarded_For", "X-Real-IP", "Forwarded")

SECONDS = 5
"""How long an answer may take."""


def probe_query(secret_key: str) -> str:
    """Return the query that asks the site for the client's address; only the server's key makes it."""
    mac = hmac.digest(secret_key.encode(), b"as whom the site sees this client", "sha256")
    return f"client={mac.hex()}"


def address_findings(settings: Settings, connect: Connect | None = None) -> Iterator[Finding]:
    """Yield the headers by which a visitor can choose an address.

    Args:
        settings: With the site's public address.
        connect: Opens another connection than to that address, for tests.
    """
    connect = connect or (lambda: _connection(settings))
    try:
        seen = _ask(settings, "", connect)
        believed = [each for each in FORGED_HEADERS if FORGED in _ask(settings, each, connect)]
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = type(error).__name__
        yield Finding(
            f"The site could not be asked at {settings.base_url} ({reason}) whether it believes forged"
            " client addresses."
        )
        return
    if believed:
        yield Finding(
            f"The site believes a client's address in the header {', '.join(believed)}: visitors pass every"
            " limit. Let the proxy set X-Forwarded-For to the client's address and drop headers with"
            " underscores, and count only your own proxies in CAMPAIGN_TRUSTED_PROXIES.",
            is_serious=True,
        )
    if settings.trusted_proxies and seen == "client=":
        yield Finding(
            "The site does not learn its clients' addresses: all visitors may count as one network. Is"
            " CAMPAIGN_TRUSTED_PROXIES the number of proxies, and does each add to X-Forwarded-For?",
            is_serious=True,
        )


def _connection(settings: Settings) -> http.client.HTTPConnection:
    parts = urlsplit(settings.base_url)
    kind = http.client.HTTPSConnection if settings.is_secure else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=SECONDS)


def _ask(settings: Settings, header: str, connect: Connect) -> str:
    """Return the site's answer, ``client=`` and the address that it sees.

    Raises:
        ValueError: Something else answered.
    """
    headers = {"Host": urlsplit(settings.base_url).netloc}
    if header:
        headers[header] = f"for={FORGED}" if header == "Forwarded" else FORGED
    with closing(connect()) as connection:
        connection.request("GET", f"{PROBE_PATH}?{probe_query(settings.secret_key)}", headers=headers)
        text = connection.getresponse().read(200).decode("latin-1")
    if not text.startswith("client="):
        raise ValueError("not this site")
    return text
