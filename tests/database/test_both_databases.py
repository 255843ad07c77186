import psycopg
import pytest

from campaign.database.fact import read_fact, save_fact
from campaign.database.session import Database
from tests.conftest import _postgresql_url
from tests.support.postgresql_pool import DatabasePool


def test_a_reused_database_has_its_original_rows_whatever_a_test_changed(
    postgresql: str, postgresql_pool: DatabasePool
) -> None:
    with postgresql_pool.borrowed() as name:
        database = Database(_postgresql_url(postgresql, name))
        with database.writing() as db:
            salt = read_fact(db, "digest_key")
            save_fact(db, "digest_key", "another")
            save_fact(db, "left", "behind")
        # A test may leave a row locked.
        held = psycopg.connect(postgresql, dbname=name)
        held.execute("UPDATE site SET content = 'held'")
    held.close()
    database.close()

    with postgresql_pool.borrowed() as again:
        database = Database(_postgresql_url(postgresql, again))
        with database.reading() as db:
            assert (again, read_fact(db, "digest_key"), read_fact(db, "left")) == (name, salt, None)
        database.close()


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE left_behind ()",
        "DROP TABLE signature_token",
        "ALTER TABLE outbox ADD COLUMN left_behind int",
        "DROP INDEX ix_signature_aside",
        "CREATE FUNCTION left_behind() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$",
        "ALTER TABLE delivery_row DISABLE TRIGGER ALL",
        "DELETE FROM letter_text WHERE state_code = 'de'",
        "UPDATE letter_edition SET number = number + 1",
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET lock_timeout = 1', current_database()); END$$",
    ],
)
def test_a_database_is_not_reused_after_other_changes_of_a_test(
    postgresql: str, postgresql_pool: DatabasePool, change: str
) -> None:
    with (
        postgresql_pool.borrowed() as name,
        psycopg.connect(postgresql, dbname=name, autocommit=True) as connection,
    ):
        connection.execute("SET session_replication_role = replica")
        connection.execute(change)

    with postgresql_pool.borrowed() as other:
        assert other != name
