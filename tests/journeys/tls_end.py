"""nginx before the site, set up as the README says."""

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.journeys.server import ROOT
from tests.support.worker import eventually

NGINX = "/usr/sbin/nginx"


def readme_settings() -> dict[str, str]:
    """Return the settings of the README's example, without the prefix of their names."""
    found = re.findall(r"^ {7}CAMPAIGN_(\w+)=(\S+)$", _deploy(), re.MULTILINE)
    return {name.lower(): text for name, text in found}


def readme_server() -> str:
    """Return the README's ``server`` block for nginx."""
    found = re.search(r"^ {7}server \{\n.*?^ {7}\}\n", _deploy(), re.MULTILINE | re.DOTALL)
    assert found, "the README's example for nginx is gone"
    return found[0]


@contextmanager
def tls_end(folder: Path, *, port: int, site_port: int) -> Iterator[None]:
    """Run nginx on *port* of loopback with a certificate made for it; only ports and paths are replaced."""
    _make_certificate(folder)
    server = readme_server()
    for example, here in {
        "listen 443": f"listen 127.0.0.1:{port}",
        "/etc/ssl/": f"{folder}/",
        "http://127.0.0.1:8000": f"http://127.0.0.1:{site_port}",
    }.items():
        assert server.count(example) >= 1, example
        server = server.replace(example, here)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    config = folder / "nginx.conf"
    config.write_text(f"pid {folder}/pid;\nevents {{}}\nhttp {{\n{temporary}{server}}}\n")
    log = folder / "error.log"
    # One process, for whoever runs the tests: it needs no rights and leaves no child behind.
    alone = ["-g", "daemon off; master_process off;", "-e", str(log)]
    with subprocess.Popen([NGINX, "-p", str(folder), "-c", str(config), *alone]) as process:
        try:
            assert eventually(lambda: process.poll() is not None or _listens(port))
            assert process.poll() is None, log.read_text()
            yield
        finally:
            process.terminate()


def _deploy() -> str:
    return (ROOT / "README.md").read_text().partition("\n## Deploy\n")[2].partition("\n## ")[0]


def _make_certificate(folder: Path) -> None:
    made_for = ["-subj", "/CN=letters.example.org", "-days", "2"]
    files = ["-keyout", str(folder / "letters.key"), "-out", str(folder / "letters.pem")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *made_for, *files],
        check=True,
        capture_output=True,
    )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
