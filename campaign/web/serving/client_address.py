"""The client's address: the last one that a trusted proxy vouches for, or none.

An address that is not certain is empty: such clients share one rate limit and have no privilege. WSGI joins
``X-Forwarded-For`` and ``X_Forwarded_For`` in one name, where the later one wins, so the proxy has to drop
names with underscores, as nginx does; ``campaign doctor`` asks the site whether it does.
"""

import hmac
from collections.abc import Callable, Iterable
from typing import Any

from campaign.operations.doctor.address import PROBE_PATH, probe_query

FORWARDING = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")
"""Headers that show a proxy in front; only the first one is ever read."""

UNKNOWN = ""


class ClientAddress:
    """WSGI middleware that sets ``REMOTE_ADDR``."""

    def __init__(self, app: Callable[..., Iterable[bytes]], *, hops: int, secret_key: str) -> None:
        """Wrap *app*.

        Args:
            app: The application.
            hops: Number of our own proxies; each adds the address of its client to ``X-Forwarded-For``.
            secret_key: The server's; who has it may ask as whom the site sees a client.
        """
        self._app = app
        self._hops = hops
        self._probe = probe_query(secret_key)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer the doctor, or pass the request on with the client's address."""
        address = environ["REMOTE_ADDR"] = self._address(environ)
        if environ.get("PATH_INFO") == PROBE_PATH and hmac.compare_digest(
            environ.get("QUERY_STRING", "").encode(), self._probe.encode()
        ):
            start_response("200 OK", [("Content-Type", "text/plain"), ("Cache-Control", "no-store")])
            return [f"client={address}".encode()]
        return self._app(environ, start_response)

    def _address(self, environ: dict[str, Any]) -> str:
        if self._hops == 0:
            # A proxy that the settings do not know: every visitor would seem to come from its machine.
            return UNKNOWN if any(name in environ for name in FORWARDING) else environ.get("REMOTE_ADDR", "")
        vouched = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
        return vouched[-self._hops].strip() if len(vouched) >= self._hops else UNKNOWN
