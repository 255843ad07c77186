"""nginx in front of the site, configured as the operator's document says."""

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.docs import OPERATE, file_in_commands
from tests.support.program import NGINX
from tests.support.relay import free_port
from tests.support.worker import eventually


def documented_settings() -> dict[str, str]:
    """Return the settings of the documented ``/etc/letters.env``, without the prefix of their names."""
    written = file_in_commands(OPERATE, "Deploy", "/etc/letters.env")
    return {
        name.lower(): text for name, text in re.findall(r"^CAMPAIGN_(\w+)='(.*)'$", written, re.MULTILINE)
    }


def documented_servers() -> str:
    """Return the documented ``server`` blocks for nginx."""
    return file_in_commands(OPERATE, "Deploy", "/etc/nginx/sites-enabled/letters")


@contextmanager
def tls_end(folder: Path, *, port: int, site_port: int, http_port: int = 0) -> Iterator[None]:
    """Run nginx on *port* of loopback with a certificate made for it; only ports and paths are replaced.

    Args:
        folder: For nginx's files, and the certificate.
        port: Of HTTPS.
        site_port: Where the site listens.
        http_port: Of plain HTTP; any free one by default.
    """
    _make_certificate(folder)
    server = documented_servers()
    for example, here in {
        "listen 443": f"listen 127.0.0.1:{port}",
        "listen 80": f"listen 127.0.0.1:{http_port or free_port()}",
        "/etc/letsencrypt/live/letters.example.org/": f"{folder}/",
        "http://127.0.0.1:8000": f"http://127.0.0.1:{site_port}",
    }.items():
        assert server.count(example) >= 1, example
        server = server.replace(example, here)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    config = folder / "nginx.conf"
    config.write_text(f"pid {folder}/pid;\nevents {{}}\nhttp {{\n{temporary}{server}}}\n")
    log = folder / "error.log"
    # A single process needs no privileges and leaves no child behind.
    alone = ["-g", "daemon off; master_process off;", "-e", str(log)]
    with subprocess.Popen([NGINX, "-p", str(folder), "-c", str(config), *alone]) as process:
        try:
            assert eventually(lambda: process.poll() is not None or _listens(port))
            assert process.poll() is None, log.read_text()
            yield
        finally:
            process.terminate()


def _make_certificate(folder: Path) -> None:
    made_for = ["-subj", "/CN=letters.example.org", "-days", "2"]
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *made_for, *files],
        check=True,
        capture_output=True,
    )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
