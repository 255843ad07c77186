"""A journal that a copy of the site uses too, that lost lines, or that was away for a while."""

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from campaign.database.journal_file import Journal
from campaign.database.session import Database
from campaign.errors import CampaignError, JournalError
from campaign.operations import start
from campaign.operations.doctor import journal as journal_doctor
from campaign.operations.emergency import destroy_keys
from campaign.operations.restore import Restored, restore
from campaign.sealing import campaign_key
from campaign.settings import Settings
from campaign.signature.withdraw import withdraw
from tests.support.factories import Made
from tests.support.past_site import LATER, WEEK, PastSite

pytestmark = pytest.mark.any_database


def take_back(site: PastSite, made: Made, database: Database | None = None) -> None:
    with (database or site.database).session(writes=True) as db:
        withdraw(db, made.token, now=LATER, **WEEK)
        db.commit()


def copied(site: PastSite, folder: Path) -> Database:
    """Return a copy of the site whose journal is a link to the site's."""
    folder.mkdir()
    (folder / "journal").symlink_to(site.settings.instance / "journal")
    shutil.copy(str(site.database.url.database), folder / "campaign.sqlite")
    settings = Settings(
        instance=folder,
        database_url=f"sqlite:///{folder}/campaign.sqlite",
        secret_key=site.settings.secret_key,
    )
    database = Database.of_site(settings)
    start.prepare(database, settings, site.appeal, now=LATER)
    return database


def texts(database: Database) -> list[str]:
    return [f"{'!' * each.is_serious}{each.text}" for each in journal_doctor.findings(database)]


def findings(site: PastSite) -> str:
    return " ".join(texts(site.database))


def restored(site: PastSite, *journals: Path, with_foreign: bool | None = None) -> Restored:
    site.database.close()
    return restore(
        site.settings,
        site.appeal,
        site.file,
        journals=journals,
        with_foreign=with_foreign,
        replaces=True,
        now=LATER,
    )


def is_withdrawn(site: PastSite, *made: Made) -> list[bool]:
    return [site.row(each).withdrawn_on is not None for each in made]


def restart(site: PastSite) -> None:
    site.database.close()
    site.database = Database.of_site(site.settings)
    site.start()


def test_the_acts_of_a_rehearsal_are_not_replayed_on_the_site(site: PastSite, tmp_path: Path) -> None:
    mara, zoe, ada = site.sign(), site.sign(), site.sign()
    take_back(site, ada)
    site.back_up()
    site.database.close()
    rehearsal = copied(site, tmp_path / "rehearsal")
    take_back(site, mara, rehearsal)
    destroy_keys.destroy(rehearsal, now=LATER)
    rehearsal.close()

    restart(site)

    with site.database.reading() as db:
        assert campaign_key.destroyed_at(db) is None
    assert site.unreviewed() is None
    assert f"2 acts of the database {tmp_path}/rehearsal/campaign.sqlite" in findings(site)
    take_back(site, zoe)
    with pytest.raises(CampaignError, match="--others ignore"):
        restored(site)
    assert restored(site, with_foreign=False).restoration.replayed == {"withdraw": 1}
    assert is_withdrawn(site, mara, zoe, ada) == [False, True, True]


def test_a_site_that_moved_after_the_backup_brings_nobody_back(site: PastSite, tmp_path: Path) -> None:
    mara, zoe = site.sign(), site.sign()
    site.back_up()
    site.database.close()
    moved = copied(site, tmp_path / "moved")
    take_back(site, mara, moved)
    moved.close()

    with pytest.raises(CampaignError, match=r"moved/campaign.sqlite \(1\)"):
        restored(site)
    assert restored(site, with_foreign=True).restoration.missing_lines == 0

    assert is_withdrawn(site, mara, zoe) == [True, False]
    take_back(site, zoe)
    site.back_up()
    assert restored(site).restoration.replayed == {}, "the database knows where it was"


def test_a_copy_knows_the_acts_of_the_site_that_it_was_copied_from(site: PastSite, tmp_path: Path) -> None:
    mara, zoe = site.sign(), site.sign()
    take_back(site, zoe)
    site.back_up()
    take_back(site, mara)
    site.database.close()
    shutil.copy(site.file, str(site.database.url.database))
    moved = copied(site, tmp_path / "moved")  # a backup put into another place by hand

    site.database = moved
    assert is_withdrawn(site, mara) == [True]
    assert site.unreviewed() is not None


@pytest.mark.both_databases
def test_two_machines_with_one_copied_journal_lose_no_act(site: PastSite, tmp_path: Path) -> None:
    mara, zoe, ada, first = (site.sign() for _ in range(4))
    take_back(site, first)
    if site.database.is_sqlite:  # PostgreSQL's tools are not needed for this
        site.back_up()
    other_folder = tmp_path / "instance2"
    shutil.copytree(site.settings.instance, other_folder)
    assert site.database.journal is not None
    other = Database(
        site.settings.database_url, journal=Journal(other_folder / "journal", site.database.journal.location)
    )
    other.info |= site.database.info
    for made, database in ((mara, site.database), (zoe, other), (ada, site.database)):
        take_back(site, made, database)
    other.close()

    journals = [Journal(folder / "journal") for folder in (site.settings.instance, other_folder)]
    ids = [{line.part.id for line in each.lines()} for each in journals]
    assert ids[0] < ids[1], "the second machine went on under an id of its own"
    if site.database.is_sqlite:
        assert restored(site, other_folder / "journal").restoration.missing_journals == 0
        assert is_withdrawn(site, mara, zoe, ada) == [True, True, True]
        return
    second = replace(site.settings, instance=other_folder)
    for is_seen in (True, False):
        with closing(Database.of_site(second)) as database:
            assert ("ends before the database" in " ".join(texts(database))) is is_seen
            start.prepare(database, second, site.appeal, now=LATER)
        assert (site.unreviewed() is not None) is is_seen, "it looks like a file that lost lines, once"
        site.look()
        take_back(site, site.sign())


@pytest.mark.parametrize("undone_on", ["this", "other"])
def test_a_decision_that_another_machine_undid_does_not_return(
    site: PastSite, tmp_path: Path, undone_on: str
) -> None:
    mara, zoe = site.sign(), site.sign()
    site.back_up()
    decision, second = uuid4(), uuid4()
    present = site.database.journal
    assert present is not None
    other = Journal(tmp_path / "journal-b", present.location)
    made, undone = (other, present) if undone_on == "this" else (present, other)
    both, one = ([[each.row.state_code, each.row.id] for each in some] for some in ((mara, zoe), (mara,)))
    made.append(made.part(), 8, [{"act": "invalidate", "decision": decision, "signatures": both}])
    undone.append(undone.part(), 8, [{"act": "undo decision", "decision": decision}])
    made.append(made.part(), 9, [{"act": "invalidate", "decision": second, "signatures": one}])

    restored(site, other.path)

    assert [site.row(each).invalidation_id for each in (mara, zoe)] == [second, None]
    site.assert_counts_equal_rows()


def test_a_restoration_merges_journals_line_by_line_and_reports_gaps(site: PastSite, tmp_path: Path) -> None:
    made = [site.sign() for _ in range(4)]
    site.back_up()
    for each in made:
        take_back(site, each)
    path = site.settings.instance / "journal"
    whole = path.read_bytes().splitlines(keepends=True)
    head, lines = b"".join(whole[:-4]), whole[-4:]
    other = tmp_path / "other.journal"
    path.write_bytes(head + lines[0] + lines[2])
    other.write_bytes(head + lines[0] + lines[1].replace(b'"state": "de"', b'"state": "fr"') + lines[3])

    found = restored(site).restoration
    assert (found.missing_lines, is_withdrawn(site, *made)) == (1, [True, False, True, False])

    found = restored(site, other).restoration
    assert (found.missing_lines, found.conflicting_lines) == (0, 0)
    assert is_withdrawn(site, *made) == [True, False, True, True], "line 2 is about another letter"
    path.write_bytes(head + b"".join(lines))
    found = restored(site, other).restoration
    assert (found.missing_lines, found.conflicting_lines) == (0, 1)
    assert is_withdrawn(site, *made) == [True, True, True, True]


def test_an_older_journal_closes_the_site_until_an_owner_has_looked(site: PastSite) -> None:
    mara, zoe = site.sign(), site.sign()
    site.back_up()
    take_back(site, mara)
    path = site.settings.instance / "journal"
    older = path.read_bytes()
    take_back(site, zoe)
    path.write_bytes(older)
    assert "! ends before the database" in findings(site).replace(f"!{path}", "!")

    restart(site)

    found = site.unreviewed()
    assert found is not None
    assert found.missing_lines == 1
    site.look()
    restart(site)
    assert site.unreviewed() is None
    assert "!" not in findings(site)
    assert restored(site).restoration.missing_lines == 1, "an older backup still lacks it"


@pytest.mark.parametrize("way", ["start", "act"])
def test_a_journal_that_was_away_is_not_replayed_from_its_beginning(
    site: PastSite, tmp_path: Path, way: str
) -> None:
    ada, mara, zoe = site.sign(), site.sign(), site.sign()
    site.back_up()
    take_back(site, ada)
    path, away, between = site.settings.instance / "journal", tmp_path / "away", tmp_path / "between"
    path.rename(away)
    if way == "start":
        restart(site)
        assert site.unreviewed() is not None
        site.look()
    take_back(site, mara)
    path.rename(between)
    away.rename(path)

    restart(site)

    found = site.unreviewed()
    assert found is not None
    assert (found.replayed, found.missing_journals) == ({}, 1)
    site.look()
    take_back(site, zoe)
    restart(site)
    assert site.unreviewed() is None
    assert restored(site).restoration.missing_journals == 1
    assert is_withdrawn(site, ada, mara, zoe) == [True, False, True]
    assert restored(site, between).restoration.missing_journals == 0
    assert is_withdrawn(site, ada, mara, zoe) == [True, True, True]


def test_a_journal_whose_disk_is_not_mounted_stops_the_start(site: PastSite, tmp_path: Path) -> None:
    mara = site.sign()
    take_back(site, mara)
    path, disk = site.settings.instance / "journal", tmp_path / "disk"
    disk.mkdir()
    path.rename(tmp_path / "kept")
    path.symlink_to(disk / "journal")

    with pytest.raises(JournalError, match="mount its disk"):
        restart(site)
    assert "mount its disk" in findings(site)
    (disk / "journal").touch()
    restart(site)

    found = site.unreviewed()
    assert found is not None
    assert found.missing_journals == 1
