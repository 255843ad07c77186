"""Emergency erasure: what the destroyed keys achieve, and what the scrub does."""

import os
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database import batch
from campaign.database.fact import Fact, read_fact, save_fact
from campaign.database.session import Database
from campaign.database.table import Base
from campaign.delivery import delegation
from campaign.delivery.delegation import Address, Delegation
from campaign.delivery.model import Delivery, DeliveryRow
from campaign.errors import ErasedError, WrongKeyError
from campaign.guard.proof_of_work import SpentProof
from campaign.mail import daily_limit, outbox
from campaign.operations import start
from campaign.operations.doctor.examine import examine
from campaign.operations.emergency import database_residue, scrub_rows
from campaign.operations.emergency.database_residue import clear_logs
from campaign.operations.emergency.destroy_keys import (
    EMPTIED,
    WRAPPED,
    delete_key_files,
    destroy,
    overwrite_key_files,
)
from campaign.operations.emergency.scrub_rows import finish, is_unfinished
from campaign.organiser import audit_log
from campaign.organiser import session as organiser_session
from campaign.organiser.account import Organiser, Unlocked
from campaign.organiser.audit_log import COMMAND_LINE, AuditEntry
from campaign.organiser.invitation import invite, join
from campaign.organiser.login import unlock
from campaign.organiser.native_check import NativeCheck
from campaign.organiser.organisation import Organisation, organisation, save_organisation
from campaign.organiser.recovery import make_recovery_code
from campaign.organiser.wrong_code import BROWSER, WrongCodes
from campaign.sealing import box as seal
from campaign.sealing import campaign_key
from campaign.sealing.address_digest import AddressDigests
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping
from campaign.sealing.server_key import DIGEST_KEY, ServerKeys
from campaign.settings import Settings
from campaign.signature import count as tally
from campaign.signature import erase as erasing
from campaign.signature.invalidation import Invalidation
from campaign.signature.key_change import setup_code
from campaign.signature.model import Signature, SignatureToken
from campaign.signature.recount import compare
from campaign.signature.sign import Signing, sign
from campaign.worker.job import Run, erase_due
from tests.conftest import NOW
from tests.signature.test_erase import make_many
from tests.support.factories import PASSPHRASE, make_delivery, make_owner

LATER = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "BATCH_ROWS", 3)
    monkeypatch.setattr(erasing, "BATCH_ROWS", 3)


@pytest.fixture
def owner(db: Session, keys: ServerKeys) -> Unlocked:
    """Make a campaign with rows in every table, and return its owner."""
    owner = make_owner(db)
    rows = make_many(db, keys)
    make_delivery(
        db, rows[:4], note="Ms Example of the delegation telephoned.", public_reply="Yours, Ms Example"
    )
    make_recovery_code(db, owner, now=NOW)
    invite(db, owner, "Pavel", now=NOW)
    organiser_session.start(db, owner, keys=keys, now=NOW)
    db.add(WrongCodes(organiser_id=owner.id, place=BROWSER, number=1, next_at=NOW))
    outbox.add(db, keys, purpose="confirm", language="en", recipient="m@example.org", params={}, now=NOW)
    daily_limit.reserve_link_mail(db, daily_limit.MailRequest(os.urandom(32), b"link", None), on=NOW.date())
    db.add(SpentProof(hash=b"\1" * 32, expires_at=LATER))
    db.add(NativeCheck(language="de", part="letter/at", reader="Gerda", checked_on=NOW.date(), digests=""))
    save_organisation(db, Organisation("Letters", "Exampleville", "us@letters.example"))
    save_fact(db, "some_secret", "kept by code that is yet to be written")
    db.commit()
    return owner


def count(db: Session, table: type[Base]) -> int:
    return db.scalar(select(func.count()).select_from(table)) or 0


def scrub(database: Database, *, at_most: int = 1000) -> int:
    """Scrub as the command does, and return the number of steps."""
    steps = 0
    with database.session(writes=True) as db:
        for _rows in scrub_rows.scrub(db):
            db.commit()
            steps += 1
            if steps == at_most:
                return steps
        db.commit()
    return steps


def test_at_once_no_key_opens_and_no_address_can_be_tested(
    db: Session, database: Database, owner: Unlocked
) -> None:
    db.close()
    destroy(database, now=NOW)

    with database.session() as after:
        with pytest.raises(ErasedError):
            campaign_key.current_key(after)
        with pytest.raises(WrongKeyError):
            unlock(after, owner.name, PASSPHRASE)
        assert [table for table in EMPTIED if count(after, table)] == []
        assert set(after.scalars(select(CampaignKey.public_key))) == {b""}
        assert set(after.scalars(select(Fact.name))) == {
            "organisation",
            "safety",
            "erased_at",
            "published_count",
        }
        assert organisation(after).name == "Letters"
        assert is_unfinished(after)


@pytest.mark.any_database
def test_nothing_can_be_signed_afterwards(
    db: Session, database: Database, owner: Unlocked, keys: ServerKeys
) -> None:
    db.close()
    destroy(database, now=NOW)

    for disclosure in ("delegation", "counted"):
        with database.session(writes=True) as after, pytest.raises(ErasedError):
            sign(
                after,
                [
                    Signing(
                        state_code="de",
                        details=seal.Details(name="Mara Example", email="mara@example.org"),
                        digests=AddressDigests.of(keys, "mara@example.org"),
                        residence="FR",
                        disclosure=disclosure,
                        language="en",
                        edition=1,
                    )
                ],
                keys=keys,
                now=NOW,
                confirmation_days=7,
            )


@pytest.mark.any_database
def test_a_second_erasure_changes_nothing(db: Session, database: Database, owner: Unlocked) -> None:
    db.close()
    destroy(database, now=NOW)
    destroy(database, now=LATER)

    with database.session() as after:
        assert campaign_key.destroyed_at(after) == NOW
        acts = after.scalars(select(AuditEntry.act)).all()
    assert acts.count("erase everything personal") == 1


@pytest.mark.any_database
def test_a_start_afterwards_makes_no_key_and_takes_any_secret(
    db: Session, database: Database, settings: Settings, appeal: Appeal, owner: Unlocked
) -> None:
    db.close()
    destroy(database, now=NOW)
    other = Settings(secret_key="another-key-that-is-long-enough-to-be-one", instance=settings.instance)
    started = [start.prepare(database, other, appeal, now=LATER) for _ in range(2)]

    with database.writing() as after:
        assert setup_code(after, now=LATER) is None
        assert count(after, KeyWrapping) == 0
        assert read_fact(after, DIGEST_KEY) is None
    assert started[0].keys.digest != started[1].keys.digest


def test_the_scrub_leaves_no_person_and_every_figure(
    db: Session, database: Database, owner: Unlocked
) -> None:
    total, by_day = tally.total(db), tally.by_day(db)
    rows = set(db.execute(select(Signature.state_code, Signature.id, Signature.confirmed_on)))
    db.add(Invalidation(made_at=NOW, organiser="Olga Organiser", sealed=b"a domain", number=3))
    db.commit()
    db.close()
    destroy(database, now=NOW)
    with database.reading() as after:
        promised = scrub_rows.count_steps(after)
    assert scrub(database) <= promised
    assert finish(database, now=LATER)

    with database.session(writes=True) as after:
        assert not is_unfinished(after)
        for row in after.scalars(select(Signature)):
            assert (row.sealed, row.key_id, row.digest, row.public_name) == (None,) * 4
            assert (row.has_words, row.name_review, row.words_review) == (False, None, None)
        assert count(after, SignatureToken) == count(after, DeliveryRow) == 0
        assert after.scalars(select(Invalidation.sealed)).all() == [None]
        delivery = after.scalars(select(Delivery)).one()
        assert (delivery.note, delivery.public_reply) == ("", "")
        assert (delivery.list_hash, delivery.named) == (b"\2" * 32, 4)
        kept = set(after.execute(select(Signature.state_code, Signature.id, Signature.confirmed_on)))
        assert kept == rows
        assert (tally.total(after), tally.by_day(after)) == (total, by_day)
        assert compare(after) == []


@pytest.mark.any_database
def test_public_names_are_erased_before_sealed_data(db: Session, database: Database, owner: Unlocked) -> None:
    db.close()
    destroy(database, now=NOW)
    scrub(database, at_most=2 + len(scrub_rows.LEFT))

    with database.reading() as after:
        assert after.scalars(select(Signature).where(Signature.public_name.is_not(None))).all() == []
        assert after.scalars(select(Signature.id).where(Signature.sealed.is_not(None))).all() != []


@pytest.mark.any_database
def test_what_a_full_disk_let_the_destruction_leave_is_scrubbed(
    db: Session, database: Database, owner: Unlocked
) -> None:
    db.close()
    destroy(database, now=NOW, emptied=WRAPPED)
    with database.reading() as after:
        assert [count(after, table) for table in WRAPPED] == [0] * len(WRAPPED)
        assert read_fact(after, DIGEST_KEY) is None
        assert all(count(after, table) for table in (outbox.OutboxMail, daily_limit.MailboxDay, SpentProof))
        promised = scrub_rows.count_steps(after)

    assert scrub(database) <= promised

    with database.reading() as after:
        assert [count(after, table) for table in EMPTIED] == [0] * len(EMPTIED)


def test_organisers_become_numbers_the_same_ones_everywhere(db: Session, database: Database) -> None:
    # The third one's name is the first one's replacement, and the second's name begins like the first's.
    names = ["Olga", "Olga Organiser", "organiser 1"]
    for hour, name in enumerate(names):
        audit_log.record(db, name, "join", "organiser", now=NOW + timedelta(hours=hour))
    for name in names:
        audit_log.record(db, COMMAND_LINE, "remove organiser", name, now=LATER)
    audit_log.record(db, "Olga", "change role", "Olga Organiser reader", now=LATER)
    audit_log.record(db, "Olga", "download list", "de csv", now=LATER)
    make_delivery(db, [], organiser="Olga Organiser")
    address = Address("de", "de@missions.example.org", "a call", NOW.date())
    delegation.save(db, address, by="organiser 1", now=NOW)
    db.add(Invalidation(made_at=NOW, organiser="Olga", undone_by="Nobody Known", number=1))
    db.commit()
    db.close()
    destroy(database, now=LATER)
    scrub(database)
    scrub(database)

    with database.reading() as after:
        log = after.execute(select(AuditEntry.organiser, AuditEntry.act, AuditEntry.about)).all()
        assert set(log) == {
            ("organiser 1", "join", "organiser"),
            ("organiser 2", "join", "organiser"),
            ("organiser 3", "join", "organiser"),
            (COMMAND_LINE, "remove organiser", "organiser 1"),
            (COMMAND_LINE, "remove organiser", "organiser 2"),
            (COMMAND_LINE, "remove organiser", "organiser 3"),
            ("organiser 1", "change role", "organiser 2 reader"),
            ("organiser 1", "download list", "de csv"),
            (COMMAND_LINE, "erase everything personal", ""),
        }
        assert not after.scalars(select(AuditEntry.mac).where(AuditEntry.mac.is_not(None))).all()
        assert after.scalars(select(Delivery.organiser)).all() == ["organiser 2"]
        assert after.scalars(select(Delegation.entered_by)).all() == ["organiser 3"]
        invalidation = after.scalars(select(Invalidation)).one()
        assert (invalidation.organiser, invalidation.undone_by) == ("organiser 1", "organiser 4")


@pytest.mark.parametrize("at_most", [1, 12])
def test_the_worker_finishes_an_interrupted_scrub(
    db: Session, database: Database, settings: Settings, owner: Unlocked, at_most: int
) -> None:
    db.close()
    destroy(database, now=NOW)
    assert scrub(database, at_most=at_most) == at_most
    with database.reading() as after:
        assert is_unfinished(after)

    with database.session(writes=True) as session:
        erase_due(Run(settings=settings, database=database, db=session, now=LATER))
        session.commit()

    with database.reading() as after:
        assert not is_unfinished(after)
        assert after.scalars(select(Signature.id).where(Signature.sealed.is_not(None))).all() == []
        assert count(after, SignatureToken) == 0


@pytest.mark.any_database
def test_the_doctor_says_that_all_is_erased_and_whether_the_scrub_is_over(
    db: Session, database: Database, settings: Settings, appeal: Appeal, owner: Unlocked
) -> None:
    db.close()
    destroy(database, now=NOW)

    def findings() -> dict[str, bool]:
        found = examine(settings, appeal, database, now=NOW)
        return {each.text: each.is_serious for each in found if "rased" in each.text or "crub" in each.text}

    assert list(findings().values()) == [False, True]
    scrub(database)
    finish(database, now=NOW)
    assert list(findings().values()) == [False]
    assert "no organiser yet" not in str(examine(settings, appeal, database, now=NOW))


def test_a_wrapping_that_is_made_at_this_moment_does_not_survive(
    db: Session, database: Database, owner: Unlocked
) -> None:
    campaign_key.current_key(db)  # what is read now is written below
    thread = threading.Thread(target=destroy, args=[database], kwargs={"now": NOW})
    thread.start()
    try:
        if not database.is_sqlite:
            assert _is_waited_for(database)
        make_recovery_code(db, owner, now=NOW)
        db.commit()
    finally:
        db.close()
        thread.join()

    with database.reading() as after:
        assert count(after, KeyWrapping) == 0
        assert campaign_key.destroyed_at(after) == NOW


def _is_waited_for(database: Database) -> bool:
    from tests.support.worker import eventually

    def waits() -> bool:
        query = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
        with database.reading() as db:
            return bool(db.scalar(text(f"{query} WHERE datname = current_database() AND NOT granted")))

    return eventually(waits)


def test_a_transaction_left_open_does_not_delay_the_emergency(
    db: Session, database: Database, owner: Unlocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.is_sqlite:
        pytest.skip("in SQLite no reader holds up a writer")
    monkeypatch.setattr(database_residue, "WAIT_SECONDS", 1)
    db.commit()
    campaign_key.current_key(db)

    destroy(database, now=NOW)

    with database.reading() as after:
        assert count(after, KeyWrapping) == 0
    with pytest.raises(Exception, match=r"terminat|closed"):
        db.execute(text("SELECT 1"))
    db.invalidate()


@pytest.fixture
def secrets(db: Session, settings: Settings, owner: Unlocked) -> dict[str, bytes]:
    """Return every stored secret that opens or identifies something, by its name."""
    # Enough rows for several pages, which SQLite rearranges.
    for number in range(15):
        code = invite(db, owner, f"Olga {number}", now=NOW)
        join(db, code, PASSPHRASE, now=NOW)
        invite(db, owner, "Pavel", now=NOW)
        db.commit()
    found: dict[str, bytes] = {"digest key": (read_fact(db, DIGEST_KEY) or "").encode()}
    for column in (
        KeyWrapping.wrapped,
        Organiser.wrapped_private_key,
        Organiser.salt,
        organiser_session.OrganiserSession.sealed_key,
        outbox.OutboxMail.sealed,
        daily_limit.MailboxDay.digest,
    ):
        found |= {f"{column} {number}": each for number, each in enumerate(db.scalars(select(column)))}
    (settings.instance / "secret_key").write_text("a-made-up-key-in-a-file")
    (settings.instance / "mail").mkdir()
    (settings.instance / "mail" / "0001-confirm.eml").write_text("To: a-made-up-address@example.org")
    db.commit()
    return found | {"file": b"a-made-up-key-in-a-file", "mail": b"a-made-up-address@example.org"}


def lying(secrets: dict[str, bytes], folders: list[Path]) -> set[str]:
    """Return the *secrets* that are found in the files of *folders*."""
    files = [path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {name for name, secret in secrets.items() if any(secret in content for content in files)}


def test_no_secret_is_in_any_file_afterwards(
    db: Session,
    database: Database,
    settings: Settings,
    tmp_path: Path,
    secrets: dict[str, bytes],
) -> None:
    folders = [tmp_path] if database.is_sqlite else [tmp_path, _files_of(database)]
    assert lying(secrets, folders) == set(secrets), "all of it is there before"
    db.close()

    destroy(database, now=NOW)
    overwrite_key_files(settings)
    delete_key_files(settings)
    assert clear_logs(database)

    assert lying(secrets, folders) == set()
    assert not (settings.instance / "secret_key").exists()


def _files_of(database: Database) -> Path:
    """Make PostgreSQL write tables and statistics to disk, and return the folder of its tables."""
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")
        row = connection.execute(
            "SELECT current_setting('data_directory'), oid FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()
    assert row
    return Path(row[0]) / "base" / str(row[1])


def test_deleted_content_between_rows_is_gone_after_the_scrub(
    db: Session, database: Database, tmp_path: Path, owner: Unlocked
) -> None:
    """SQLite does not overwrite content in rearranged pages; here such content is left on purpose."""
    if not database.is_sqlite:
        pytest.skip("the other test's rows lie in PostgreSQL's gaps anyway")
    db.commit()
    with closing(sqlite3.connect(database.url.database or "", isolation_level=None)) as careless:
        careless.execute("PRAGMA secure_delete = OFF")
        careless.execute("INSERT INTO site VALUES ('gap', 'left-in-a-gap')")
        careless.execute("DELETE FROM site WHERE name = 'gap'")
    database.checkpoint()
    gap = {"gap": b"left-in-a-gap"}
    assert lying(gap, [tmp_path]) == {"gap"}
    db.close()

    assert finish(database, now=NOW)

    assert lying(gap, [tmp_path]) == set()


def test_no_public_name_is_in_any_file_after_the_scrub(
    db: Session, database: Database, tmp_path: Path, owner: Unlocked
) -> None:
    clear = {
        "published": b"Mara Example",
        "organiser": b"Olga Organiser",
        "note": b"Ms Example",
    }
    folders = [tmp_path] if database.is_sqlite else [_files_of(database)]
    assert lying(clear, folders) == set(clear)
    boxes = {str(number): box for number, box in enumerate(db.scalars(select(Signature.sealed))) if box}
    db.close()
    destroy(database, now=NOW)
    scrub(database)
    assert finish(database, now=LATER)

    assert lying(clear | boxes, folders) == set()
