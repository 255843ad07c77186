"""A shared cache in front of the site: nginx as documented, with a real server behind it."""

import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask
from werkzeug.serving import make_server

from tests.conftest import new_database
from tests.support.docs import OPERATE, commands
from tests.support.program import NGINX, require
from tests.support.relay import free_port
from tests.support.worker import eventually
from tests.web.conftest import FORM, Supporter


@pytest.fixture(autouse=True)
def nginx() -> None:
    require(NGINX)


READERS, READINGS = 4, 60


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of a new SQLite database: the cache works the same with each kind."""
    with new_database("sqlite", request, tmp_path) as url:
        yield url


@contextmanager
def shared_cache(folder: Path, origin: int) -> Iterator[int]:
    """Run nginx in front of *origin*; only paths and ports of the documented lines are replaced."""
    port = free_port()
    lines = [line for line in commands(OPERATE, "Several machines") if line.startswith("proxy_cache")]
    [store, *rules] = [line.replace("/var/cache/nginx/letters", str(folder / "cache")) for line in lines]
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    location = f"location / {{ proxy_pass http://127.0.0.1:{origin}; {' '.join(rules)} }}"
    server = f"server {{ listen 127.0.0.1:{port}; access_log off; {location} }}"
    config = folder / "nginx.conf"
    config.write_text(f"pid {folder}/pid;\nevents {{}}\nhttp {{\n{temporary}{store}\n{server}\n}}\n")
    alone = ["-g", "daemon off; master_process off;", "-e", str(folder / "error.log")]
    with subprocess.Popen([NGINX, "-p", str(folder), "-c", str(config), *alone]) as process:
        try:
            assert eventually(lambda: process.poll() is not None or _answers(port))
            assert process.poll() is None, (folder / "error.log").read_text()
            yield port
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    try:
        return _ask(port, "/nothing")[0] == 404
    except OSError:
        return False


def _ask(port: int, path: str, form: dict[str, str] | None = None) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    body = urlencode(form) if form is not None else None
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    try:
        connection.request("POST" if body else "GET", path, body, kind)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.fixture
def asked(app: Flask) -> Counter[tuple[str, str]]:
    """Count the requests that reach the site, by method and path."""
    seen: Counter[tuple[str, str]] = Counter()
    answer = app.wsgi_app

    def count(environ: dict[str, str], start_response: object) -> object:
        seen[environ["REQUEST_METHOD"], environ["PATH_INFO"]] += 1
        return answer(environ, start_response)  # type: ignore[arg-type]

    app.wsgi_app = count  # type: ignore[assignment, method-assign]
    return seen


@pytest.fixture
def port(app: Flask, asked: Counter[tuple[str, str]], tmp_path: Path) -> Iterator[int]:
    """Run the site, and the cache in front of it; return where the cache listens."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    folder = tmp_path / "nginx"
    folder.mkdir()
    try:
        with shared_cache(folder, server.port) as port:
            yield port
    finally:
        server.shutdown()
        thread.join()


def read_all_at_once(port: int, path: str) -> float:
    """Have many readers reload *path*; return the seconds it took."""
    statuses: set[int] = set()

    def read() -> None:
        for _ in range(READINGS):
            statuses.add(_ask(port, path)[0])

    began = time.monotonic()
    readers = [threading.Thread(target=read) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert statuses == {200}
    return time.monotonic() - began


def test_the_site_gets_one_request_a_second_for_a_public_page_and_all_for_private_pages(
    port: int, asked: Counter[tuple[str, str]], app: Flask, supporter: Supporter
) -> None:
    for path in ("/en/letters/de", "/en/progress", "/counts.json"):
        seconds = read_all_at_once(port, path)
        assert 1 <= asked["GET", path] <= seconds + 2 < READERS * READINGS
    stylesheet = re.search(r'href="(/static/[^"]+\.css)"', _ask(port, "/en/")[1].decode())
    assert stylesheet
    read_all_at_once(port, stylesheet[1])
    assert asked["GET", stylesheet[1]] == 1

    supporter.sign()
    private = f"/en/signature/{supporter.token}"
    for path, status in {private: 200, "/organise/login": 200, "/healthz": 200, "/organise/": 303}.items():
        asked.clear()
        answers = [_ask(port, path) for _ in range(3)]
        assert {answer[0] for answer in answers} == {status}
        assert asked["GET", path] == 3
    asked.clear()
    posts = [_ask(port, "/en/letters/fr", FORM | {"email": f"mara{at}@example.org"}) for at in range(3)]
    assert {status for status, _page in posts} == {303}
    assert asked["POST", "/en/letters/fr"] == 3
    assert _ask(port, private, {"action": "confirm"})[0] == 303
