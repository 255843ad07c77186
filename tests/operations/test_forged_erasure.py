"""Who writes to the database claims that all was erased: no protection ends, and erasing still erases."""

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.cli.main import campaign as command
from campaign.database.fact import Fact, read_fact
from campaign.database.session import Database
from campaign.disclosure import safety_list
from campaign.disclosure.safety_list import Change
from campaign.errors import WrongKeyError
from campaign.guard.proof_of_work import SpentProof
from campaign.operations import start
from campaign.operations.altered_row import altered
from campaign.operations.doctor import content
from campaign.operations.emergency.destroy_keys import EMPTIED, destroy, destroy_in
from campaign.operations.emergency.scrub_rows import SCRUBBED_AT, is_unfinished
from campaign.organiser.audit_log import AuditEntry
from campaign.organiser.login import unlock
from campaign.organiser.organisation import Organisation, organisation, save_organisation
from campaign.sealing import campaign_key
from campaign.sealing.campaign_key import DESTROYED_AT, CampaignKey, KeyWrapping
from campaign.sealing.server_key import DIGEST_KEY, ServerKeys
from campaign.settings import Settings
from campaign.signature.model import Signature
from campaign.worker.job import Run, erase_due
from tests.conftest import NOW, SECRET
from tests.support.attacker import written
from tests.support.factories import PASSPHRASE, make_owner, make_signature

CLAIM = "erased, but keys are there"


@pytest.fixture(autouse=True)
def _signed(db: Session, keys: ServerKeys) -> None:
    make_owner(db)
    save_organisation(db, Organisation("Example Foundation", "Exampletown", "office@example.org"))
    make_signature(db, keys, name="Mara Example")
    db.commit()


def fact(name: str) -> Any:
    return insert(Fact).values(name=name, content=NOW.isoformat())


def forged_lists() -> Any:
    lists = {"no_names_to": [], "endangered_residences": [], "names_from": {}, "is_edited": True}
    return update(Fact).where(Fact.name == "safety").values(content=json.dumps([json.dumps(lists), "00"]))


def left(db: Session) -> list[str]:
    """Return what an emergency destroys and is there."""
    found = [table.__tablename__ for table in EMPTIED if db.scalar(select(func.count()).select_from(table))]
    found += ["public key"] * bool(db.scalar(select(CampaignKey.id).where(CampaignKey.public_key != b"")))
    return found + [DIGEST_KEY] * (read_fact(db, DIGEST_KEY) is not None)


@pytest.mark.parametrize("only_reads", [True, False])
def test_no_start_signs_forged_lists_of_a_site_that_seems_erased(
    db: Session, database: Database, settings: Settings, appeal: Appeal, only_reads: bool
) -> None:
    written(db, forged_lists(), fact(DESTROYED_AT))

    start.prepare(database, settings, appeal, now=NOW, only_reads=only_reads)
    assert altered(db) == [CLAIM, "safety lists"]
    assert [each.is_serious for each in content.altered_findings(database)] == [True]
    written(db, delete(Fact).where(Fact.name == DESTROYED_AT))
    start.prepare(database, settings, appeal, now=NOW)

    lists = safety_list.current_lists(db, appeal)
    assert lists.is_altered
    assert appeal.no_names_to <= lists.no_names_to


def test_no_start_signs_lists_while_the_keys_are_away(
    db: Session, database: Database, settings: Settings, appeal: Appeal
) -> None:
    """The attacker takes every key out for a moment, and puts all of them back after a start."""
    keys = [dict(row._mapping) for row in db.execute(select(CampaignKey.id, CampaignKey.public_key))]
    wrappings = [dict(row._mapping) for row in db.execute(select(KeyWrapping.__table__))]
    digest_key = read_fact(db, DIGEST_KEY)
    written(
        db,
        forged_lists(),
        fact(DESTROYED_AT),
        delete(KeyWrapping),
        update(CampaignKey).values(public_key=b""),
        delete(Fact).where(Fact.name == DIGEST_KEY),
    )
    start.prepare(database, settings, appeal, now=NOW)
    safety_list.change(db, appeal, Change(), by="Olga", now=NOW)
    written(
        db,
        insert(KeyWrapping.__table__).values(wrappings),  # type: ignore[arg-type]
        update(CampaignKey).where(CampaignKey.id == keys[0]["id"]).values(public_key=keys[0]["public_key"]),
        insert(Fact).values(name=DIGEST_KEY, content=digest_key),
        delete(Fact).where(Fact.name == DESTROYED_AT),
    )
    start.prepare(database, settings, appeal, now=NOW)

    assert safety_list.is_altered(db)


@pytest.mark.parametrize(
    "forged", [(DESTROYED_AT,), (DESTROYED_AT, SCRUBBED_AT), (DESTROYED_AT, "no digest key")]
)
def test_the_emergency_erases_although_the_site_seems_erased(
    db: Session, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, forged: tuple[str]
) -> None:
    written(db, *(fact(name) for name in forged))
    if "no digest key" in forged:
        written(db, delete(Fact).where(Fact.name.in_((DIGEST_KEY, DESTROYED_AT))))
    assert left(db)
    db.close()
    monkeypatch.setenv("CAMPAIGN_INSTANCE", str(settings.instance))
    monkeypatch.setenv("CAMPAIGN_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("CAMPAIGN_SECRET_KEY", SECRET)

    result = CliRunner().invoke(command, ["erase", "--everything-personal", "--yes"], catch_exceptions=False)

    assert result.exit_code == 0
    with database.reading() as after:
        assert left(after) == []
        with pytest.raises(WrongKeyError):
            unlock(after, "Olga Organiser", PASSPHRASE)
        assert after.scalars(select(Signature.sealed)).all() == [None]
        acts = after.scalars(select(AuditEntry.act)).all()
        assert acts.count("erase everything personal") == 1
        assert altered(after) == []
    assert '"destroy keys"' in (settings.instance / "journal").read_text()


def test_a_second_erasure_destroys_what_came_after_the_first(db: Session, database: Database) -> None:
    destroy_in(db, NOW)
    db.add(SpentProof(hash=b"\1" * 32, expires_at=NOW))
    db.commit()
    assert campaign_key.destroyed_at(db) == NOW
    assert left(db) == [SpentProof.__tablename__]
    db.close()

    destroy(database, now=NOW + timedelta(days=1))

    with database.reading() as after:
        assert left(after) == []
        assert campaign_key.destroyed_at(after) == NOW
        acts = after.scalars(select(AuditEntry.act)).all()
    assert acts.count("erase everything personal") == 1


def test_the_hourly_worker_scrubs_nothing_while_a_key_is_left(
    db: Session, database: Database, settings: Settings
) -> None:
    for key_left in ("wrapping", "public key", DIGEST_KEY):
        written(db, delete(Fact).where(Fact.name == DESTROYED_AT), fact(DESTROYED_AT))
        if key_left != "wrapping":
            written(db, delete(KeyWrapping))
        if key_left == DIGEST_KEY:
            written(db, update(CampaignKey).values(public_key=b""))
        assert not is_unfinished(db)

        erase_due(Run(settings=settings, database=database, db=db, now=NOW))
        db.commit()

        assert None not in db.scalars(select(Signature.sealed)).all()


def test_the_chain_of_the_log_is_checked_and_the_organisation_is_not_believed(
    db: Session, database: Database, settings: Settings
) -> None:
    forged = json.dumps([json.dumps({"name": "Eve", "seat": "Eve", "contact": "eve@example.org"}), "00"])
    written(
        db,
        fact(DESTROYED_AT),
        update(AuditEntry).values(act="something else"),
        update(Fact).where(Fact.name == "organisation").values(content=forged),
    )

    assert [each.is_serious for each in content.audit_findings(settings, database)] == [True]
    assert not organisation(db).is_set
    assert altered(db) == [CLAIM, "organisation"]


def test_a_claim_that_is_no_date_breaks_nothing(
    db: Session, database: Database, settings: Settings, appeal: Appeal
) -> None:
    written(db, insert(Fact).values(name=DESTROYED_AT, content="x"))

    start.prepare(database, settings, appeal, now=NOW)

    assert campaign_key.destroyed_at(db) is None
    assert altered(db) == [CLAIM]
