"""The schema and the code allow PostgreSQL partitions of the signatures by state."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from uuid import uuid4

import psycopg
import pytest
from flask import Flask
from sqlalchemy import MetaData, select, text
from sqlalchemy.dialects import postgresql

from campaign import create_app
from campaign.database.session import Database
from campaign.database.table import Base
from campaign.delivery import notice
from campaign.disclosure.approval import Outcome, approve_names
from campaign.sealing.key_ring import key_ring
from campaign.settings import Settings
from campaign.signature.erase import erase_personal_data, erase_unconfirmed
from campaign.signature.model import Signature, SignatureToken
from campaign.signature.recount import compare
from campaign.signature.select import in_list_order
from campaign.web.site import Site
from tests.conftest import Clock, _postgresql_url
from tests.database.test_migration import marks, next_version
from tests.support.factories import make_delivery, make_owner
from tests.web.conftest import OrganisersBrowser, Supporter

__all__ = ["next_version"]

OWN_PARTITIONS = ("de", "fr", "kz")
"""States that have a partition each; all others share one."""


@pytest.fixture
def database_url(postgresql: str) -> Iterator[str]:
    """Return the URL of a new database with partitioned signatures."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    database = Database(_postgresql_url(postgresql, name))
    make_partitioned(database)
    database.close()
    yield _postgresql_url(postgresql, name)
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def names_on(listed: bytes) -> list[str]:
    return sorted(row["name"] for row in csv.DictReader(io.StringIO(listed.decode("utf-8-sig"))))


def make_partitioned(database: Database) -> None:
    tables = MetaData(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.sorted_tables:
        table.to_metadata(tables)
    tables.tables["signature"].dialect_options["postgresql"]["partition_by"] = "LIST (state_code)"
    with database.engine.begin() as connection:
        tables.create_all(connection)
        for code in OWN_PARTITIONS:
            connection.execute(
                text(f"CREATE TABLE signature_{code} PARTITION OF signature FOR VALUES IN ('{code}')")
            )
        connection.execute(text("CREATE TABLE signature_others PARTITION OF signature DEFAULT"))
        connection.execute(
            text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        )
        at_first = text("INSERT INTO alembic_version VALUES (:revision)")
        connection.execute(at_first, {"revision": "0001"})


@pytest.fixture
def app(settings: Settings, clock: Clock) -> Iterator[Flask]:
    app = create_app(replace(settings, unlimited_networks=(ip_network("127.0.0.0/8"),)), clock=clock)
    yield app
    app.extensions["campaign"].close()


def partitions(site: Site) -> dict[str, int]:
    with site.database.engine.connect() as connection:
        rows = connection.execute(text("SELECT tableoid::regclass::text, count(*) FROM signature GROUP BY 1"))
        return dict(rows.all())  # type: ignore[arg-type]


def partitions_of(site: Site, query: str) -> set[str]:
    """Return the partitions that PostgreSQL reads for *query*."""
    with site.database.engine.connect() as connection:
        plan = "\n".join(connection.scalars(text(f"EXPLAIN {query}")))
    return set(re.findall(r"on (signature_\w+)", plan))


def test_a_campaign_from_signing_to_erasure_works_with_partitions(app: Flask, clock: Clock) -> None:
    site: Site = app.extensions["campaign"]
    with site.database.session(writes=True) as db:
        owner = make_owner(db, now=clock())
    organiser, supporter = OrganisersBrowser(app), Supporter(app.test_client(), site)
    assert organiser.log_in().status_code == 303

    tokens = {}
    for state, disclosure in (
        ("de", "public"),
        ("de", "delegation"),
        ("fr", "delegation"),
        ("va", "counted"),
    ):
        name = f"{disclosure}.{state}"
        for _again in range(2):  # two submissions of one mailbox; confirming one deletes the other
            assert supporter.sign(state, name=name, email=f"{name}@example.org", disclosure=disclosure)
        assert supporter.act("confirm").status_code == 303
        tokens[name] = supporter.token
    assert supporter.total() == 4
    assert partitions(site) == {"signature_de": 2, "signature_fr": 1, "signature_others": 1}
    assert supporter.sign("de", name="public.de", email="public.de@example.org").status_code == 303
    assert supporter.purpose == "confirm"

    with site.database.session(writes=True) as db:
        listed = list(db.scalars(in_list_order("de")))
        public = next(each for each in listed if each.disclosure == "public")
        assert (
            approve_names(db, [("de", public.id)], key_ring(db, owner.campaign_private_key), shown=None)[
                Outcome.DECIDED
            ]
            == 1
        )
        make_delivery(db, listed)
    clock.forward(seconds=2)
    assert b"public.de" in supporter.client.get("/en/progress").data
    assert names_on(organiser.get("/organise/lists/de.csv").data) == ["delegation.de", "public.de"]
    for page in ("", "signatures", "checks", "deliveries", "notices"):
        assert organiser.get(f"/organise/{page}").status_code == 200

    supporter.token = tokens["delegation.de"]
    assert supporter.act("withdraw").status_code == 303
    with site.database.session(writes=True) as db:
        assert [len(each.numbers) for each in notice.pending(db)] == [1]
        assert compare(db) == []
        db.commit()

    clock.forward(days=400)
    with site.database.session(writes=True) as db:
        for erasure in (erase_unconfirmed(db, now=clock(), confirmation_days=7), erase_personal_data(db)):
            for _rows in erasure:
                db.commit()
        left = db.scalars(select(Signature)).all()
        assert {(each.sealed, each.digest, each.public_name) for each in left} == {(None, None, None)}
        assert db.scalars(select(SignatureToken)).all() == []
        assert len(left) == 4
        assert compare(db) == []


def test_the_list_of_a_letter_reads_only_its_own_partition(app: Flask) -> None:
    site: Site = app.extensions["campaign"]
    whole = in_list_order("de").limit(500)
    query = str(whole.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))

    assert partitions_of(site, query) == {"signature_de"}
    assert partitions_of(
        site, "SELECT 1 FROM signature WHERE state_code = 'va' AND id = gen_random_uuid()"
    ) == {"signature_others"}
    assert len(partitions_of(site, "SELECT count(*) FROM signature")) == len(OWN_PARTITIONS) + 1


@pytest.mark.usefixtures("next_version")
def test_a_partitioned_table_is_migrated(app: Flask) -> None:
    database: Database = app.extensions["campaign"].database

    database.migrate()
    database.migrate("0001", back=True)
    database.migrate()

    assert marks(database) == []

    assert partitions_of(
        app.extensions["campaign"], "SELECT count(*) FROM signature WHERE state_code = 'de'"
    ) == {"signature_de"}
