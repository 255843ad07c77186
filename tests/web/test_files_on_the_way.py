"""Nothing that is in clear on its way through the server is ever written to a file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import encode_multipart

from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.web.application import LARGEST_POST
from tests.support.factories import make_signature
from tests.web.conftest import FORM, OrganisersBrowser

pytestmark = pytest.mark.any_database

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC | getattr(os, "O_TMPFILE", 0)

_watched: list[list[str]] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watched:
        return
    if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike) and arguments[2] & WRITING:
        _watched[-1].append(os.fsdecode(arguments[0]))
    elif event.startswith("tempfile."):
        _watched[-1].append(f"{event} {arguments[0]}")


# Python tells of every file that it opens; once asked, it goes on telling until it ends.
sys.addaudithook(_note)


@contextmanager
def written() -> Iterator[list[str]]:
    """Give the list of files that are opened for writing while the block lasts."""
    _watched.append([])
    try:
        yield _watched[-1]
    finally:
        _watched.pop()


@pytest.fixture
def listed(db: Session, keys: ServerKeys, organiser: OrganisersBrowser) -> OrganisersBrowser:
    for number in range(40):
        make_signature(db, keys, name=f"Mara {number}", words="Own words.\n\n" * 60)
    return organiser


def test_the_watch_sees_a_file_however_it_is_opened(tmp_path: Path) -> None:
    import tempfile

    with written() as files:
        (tmp_path / "a").write_text("a")
        os.close(os.open(tmp_path / "b", os.O_WRONLY | os.O_CREAT))
        with tempfile.TemporaryFile(), tempfile.SpooledTemporaryFile(max_size=1) as spooled:
            spooled.write(b"more than one")
        (tmp_path / "a").read_text()

    assert files[:2] == [str(tmp_path / "a"), str(tmp_path / "b")]
    assert len(files) >= 4
    assert all(str(tmp_path / "a") != file for file in files[1:]), "reading is not writing"


def test_a_downloaded_list_passes_through_memory_alone(listed: OrganisersBrowser) -> None:
    with written() as files:
        for file in ("de.csv", "all.csv", "de.pdf", "all.pdf"):
            assert len(listed.get(f"/organise/lists/{file}").data) > 1_000

    assert files == []


def test_signing_writes_to_the_database_alone(client: FlaskClient) -> None:
    with written() as files:
        assert client.post("/en/letters/de", data=FORM).status_code == 303

    assert files == []


@pytest.mark.parametrize("tells_its_length", [True, False])
def test_no_upload_of_any_size_is_put_aside_in_a_file(
    organiser: OrganisersBrowser, settings: Settings, tells_its_length: bool
) -> None:
    for size in (1_000, LARGEST_POST - 2_000, LARGEST_POST, 600_000, 3_000_000):
        content = b"state,email,source,checked_on\n" + b"Mara Example," * (size // 13)
        # Made here, since the test's own browser puts large bodies into a file.
        boundary, body = encode_multipart({"file": (BytesIO(content), "mara.csv"), **FORM})
        sent: dict[str, Any] = {"content_type": f"multipart/form-data; boundary={boundary}"}
        for url in ("/organise/delegations/import", "/en/letters/de", "/organise/login"):
            how = {"data": body} if tells_its_length else endless(body)
            with written() as files:
                answer = organiser.client.post(url, **sent, **how)

            assert files == []
            assert answer.status_code in {303, 400, 413, 422}, url
            assert len(body) <= LARGEST_POST or answer.status_code == 413, (url, size)
    assert not any(settings.instance.rglob("*.csv"))


def endless(body: bytes) -> dict[str, Any]:
    """Return how *body* is sent in chunks, whose number nobody knows before the end."""
    return {"input_stream": BytesIO(body), "environ_overrides": {"wsgi.input_terminated": True}}
