"""What a page costs does not grow with the campaign: no statement reads a large table from end to end."""

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from campaign.disclosure.published_name import Cursor
from campaign.operations.monitor import note_mails
from campaign.signature.withdraw import withdraw
from campaign.web.site import Site
from tests.conftest import NOW, Clock, new_database
from tests.support.factories import make_delivery, make_signature
from tests.web.conftest import OrganisersBrowser, Supporter

LARGE = "signature|signature_token|delivery_row|outbox|mailbox_day"

# Partial indexes of what was not looked at yet, or fell away: few, whatever the number of signatures.
FEW = "ix_signature_(awaiting|aside|to_strike|published)"

LOOKED = "ORDER BY outbox.created_at, outbox.id"
"""This test looks into the outbox, too."""

TOO_FAR = re.compile(
    rf"SCAN ({LARGE})(?! USING (COVERING )?INDEX {FEW})|(PRIMARY KEY|INDEX \w+) \(state_code=\?\)", re.ASCII
)
"""A way through all rows of a large table, or through all of one letter."""


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: object) -> Iterator[str]:
    """Return the address of a new database of SQLite's, which plans without looking at what tables hold."""
    with new_database("sqlite", request, tmp_path) as url:  # type: ignore[arg-type]
        yield url


@pytest.fixture
def statements(site: Site) -> set[tuple[str, int]]:
    """Give every statement that was executed, with its number of parameters."""
    seen: set[tuple[str, int]] = set()

    def note(
        _connection: object, _cursor: object, statement: str, given: object, _: object, many: bool
    ) -> None:
        first = given[0] if many else given  # type: ignore[index]
        seen.add((statement, len(first)))

    event.listen(site.database.engine, "before_cursor_execute", note)
    return seen


def ways(site: Site, statement: str, parameters: int) -> list[str]:
    with site.database.engine.connect() as connection:
        cursor = connection.connection.cursor()
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", ["?"] * parameters)
        return [row[-1] for row in cursor.fetchall()]


PAGES = ("", "account", "signatures", "signatures?kind=words", "checks", "deliveries", "notices")


def test_no_act_and_no_page_reads_a_large_table_from_end_to_end(
    client: FlaskClient,
    site: Site,
    supporter: Supporter,
    organiser: OrganisersBrowser,
    statements: set[tuple[str, int]],
    clock: Clock,
) -> None:
    with site.database.session(writes=True) as db:
        made = [make_signature(db, site.keys, disclosure="public", words="Mine.") for _ in range(3)]
        make_delivery(db, [each.row for each in made])
        withdraw(db, made[0].token, now=NOW, confirmation_days=7)
        db.commit()
    statements.clear()

    assert supporter.sign(email="mara@example.org").status_code == 303
    assert supporter.sign(email="mara@example.org").status_code == 303
    assert supporter.act("confirm").status_code == 303
    with site.database.writing() as db:
        site.tasks.look_up(db, "mara@example.org", "en")
        note_mails(db, now=clock())
    older = f"/en/progress?after={Cursor(NOW.date(), made[0].row.id).wrap(site.keys)}"
    assert client.get(older).status_code == 302, "nobody is behind it"
    for path in ("/en/", "/en/letters/de", "/en/progress", "/counts.json", "/healthz", "/metrics"):
        assert client.get(path).status_code == 200
    for page in PAGES:
        assert organiser.get(f"/organise/{page}").status_code == 200

    asked = {
        each
        for each in statements
        if each[0].startswith(("SELECT", "UPDATE", "DELETE")) and LOOKED not in each[0]
    }
    assert len(asked) > 30
    found = {statement: ways(site, statement, parameters) for statement, parameters in asked}
    too_far = {each: way for each, way in found.items() if any(TOO_FAR.search(step) for step in way)}
    told = "\n".join(f"{each}\n  {way}" for each, way in too_far.items())
    assert not too_far, told
