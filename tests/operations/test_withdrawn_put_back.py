"""Somebody puts a withdrawn signature back in the database: it is said, and a start withdraws it again."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import update
from sqlalchemy.orm import Session

from campaign.cli.main import campaign as command
from campaign.database import journal
from campaign.database.journal_file import Journal
from campaign.operations.altered_row import altered
from campaign.operations.doctor import journal as findings
from campaign.operations.put_back import count_put_back
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature
from campaign.signature.withdraw import withdraw
from campaign.worker.job import Run, compare_counts
from tests.conftest import NOW, SECRET
from tests.support.attacker import columns
from tests.support.factories import make_signature
from tests.support.past_site import WEEK, PastSite


def put_back(db: Session, row: dict[str, Any]) -> None:
    db.execute(update(Signature).where(Signature.id == row["id"]).values(**row))
    db.commit()


def test_a_withdrawn_row_that_was_put_back_is_counted(db: Session, keys: ServerKeys, tmp_path: Path) -> None:
    present = Journal(tmp_path / "journal", "here")
    journal.use(db, present)
    made, kept = make_signature(db, keys), make_signature(db, keys)
    earlier = columns(made.row)
    withdraw(db, made.token, now=NOW, confirmation_days=7)
    db.commit()
    assert count_put_back(db, present) == 0
    put_back(db, earlier)

    assert count_put_back(db, present) == 1
    assert count_put_back(db, None) == 0
    assert kept.row.withdrawn_on is None


@pytest.mark.any_database
def test_night_and_doctor_say_that_it_is_back_until_a_start_withdraws_it(
    site: PastSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = site.sign()
    earlier = columns(site.row(made))
    with site.writing() as db:
        withdraw(db, made.token, now=NOW, **WEEK)
        db.commit()
        put_back(db, earlier)

    def night() -> list[str]:
        with site.writing() as db:
            compare_counts(Run(settings=site.settings, database=site.database, db=db, now=NOW))
            db.commit()
            return altered(db)

    assert night() == ["1 withdrawn signatures that were put back"]
    assert "1 signatures that were withdrawn are back" in str(list(findings.findings(site.database)))
    for name, value in {
        "INSTANCE": str(site.settings.instance),
        "DATABASE_URL": site.settings.database_url,
        "SECRET_KEY": SECRET,
    }.items():
        monkeypatch.setenv(f"CAMPAIGN_{name}", value)
    said = CliRunner().invoke(command, ["recount"])
    assert (said.exit_code, "1 withdrawn signatures were put back" in said.output) == (1, True)

    site.start()

    assert site.row(made).withdrawn_on is not None
    with site.writing() as db:
        assert altered(db) == []
    assert night() == []
