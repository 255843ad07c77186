"""A page's cost does not grow with the campaign: no statement scans a large table."""

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from campaign.disclosure.published_name import Cursor
from campaign.operations.monitor import record_mail_figures
from campaign.signature.link import send_links
from campaign.signature.withdraw import withdraw
from campaign.web.site import Site
from tests.conftest import NOW, Clock, new_database
from tests.support.factories import make_delivery, make_signature
from tests.web.conftest import OrganisersBrowser, Supporter

LARGE = "signature|signature_token|delivery_row|outbox|mailbox_day"

# Partial indexes with few rows, however many signatures there are.
FEW = "ix_signature_(awaiting|aside|to_strike|published)"

OWN_QUERY = "ORDER BY outbox.created_at, outbox.id"
"""The query by which this test itself reads the outbox."""

TOO_FAR = re.compile(
    rf"SCAN ({LARGE})(?! USING (COVERING )?INDEX {FEW})|(PRIMARY KEY|INDEX \w+) \(state_code=\?\)", re.ASCII
)
"""A scan of a large table, or of all signatures of one letter."""


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: object) -> Iterator[str]:
    """Return the URL of a new SQLite database; its planner does not depend on the contents of tables."""
    with new_database("sqlite", request, tmp_path) as url:  # type: ignore[arg-type]
        yield url


@pytest.fixture
def statements(site: Site) -> set[tuple[str, int]]:
    """Give the executed statements, each with its number of parameters."""
    seen: set[tuple[str, int]] = set()

    def note(
        _connection: object, _cursor: object, statement: str, given: object, _: object, many: bool
    ) -> None:
        first = given[0] if many else given  # type: ignore[index]
        seen.add((statement, len(first)))

    event.listen(site.database.engine, "before_cursor_execute", note)
    return seen


def query_plan(site: Site, statement: str, parameters: int) -> list[str]:
    with site.database.engine.connect() as connection:
        cursor = connection.connection.cursor()
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", ["?"] * parameters)
        return [row[-1] for row in cursor.fetchall()]


PAGES = ("", "account", "signatures", "signatures?kind=words", "checks", "deliveries", "notices")


def test_no_action_and_no_page_scans_a_large_table(
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
        send_links(db, "mara@example.org", language="en", keys=site.keys, is_sensitive=bool, now=clock())
        record_mail_figures(db, now=clock())
    older = f"/en/progress?after={Cursor(max(each.row.id for each in made)).wrap(site.keys)}"
    assert client.get(older).status_code == 302, "it is the last name"
    for path in ("/en/", "/en/letters/de", "/en/progress", "/counts.json", "/healthz", "/metrics"):
        assert client.get(path).status_code == 200
    for page in PAGES:
        assert organiser.get(f"/organise/{page}").status_code == 200

    asked = {
        each
        for each in statements
        if each[0].startswith(("SELECT", "UPDATE", "DELETE")) and OWN_QUERY not in each[0]
    }
    assert len(asked) > 30
    found = {statement: query_plan(site, statement, parameters) for statement, parameters in asked}
    too_far = {each: way for each, way in found.items() if any(TOO_FAR.search(step) for step in way)}
    told = "\n".join(f"{each}\n  {way}" for each, way in too_far.items())
    assert not too_far, told
