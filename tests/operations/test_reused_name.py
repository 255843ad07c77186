"""A database's name that an earlier one had, and erasures that a journal tells of."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from campaign.cli.erase import _print_remaining_steps
from campaign.database import journal
from campaign.database.journal_file import Journal
from campaign.database.restoration import review, unreviewed
from campaign.database.session import Database
from campaign.errors import CampaignError, JournalError
from campaign.operations import start
from campaign.operations.copy import copy
from campaign.operations.emergency import destroy_keys
from campaign.operations.restore import Restored, restore
from campaign.organiser import membership
from campaign.organiser.account import all_accounts
from campaign.sealing import campaign_key
from campaign.settings import Settings
from campaign.signature.model import Signature
from campaign.signature.withdraw import withdraw
from tests.support.factories import Made, make_organiser
from tests.support.past_site import LATER, WEEK, PastSite

pytestmark = pytest.mark.any_database


@contextmanager
def started(site: PastSite, settings: Settings) -> Iterator[Database]:
    with closing(Database.of_site(settings)) as database:
        start.prepare(database, settings, site.appeal, now=LATER)
        yield database


def rehearse(site: PastSite, *, emergency: bool = False) -> tuple[Settings, Made]:
    """Practise a restoration with the site's journal, drop its database, and return its settings."""
    mara = site.sign()
    with site.writing() as db:
        pavel = make_organiser(db, site.owner)
        db.commit()
    site.back_up()
    site.database.close()
    there = site.file.with_name("letters_restored.sqlite")
    settings = replace(site.settings, database_url=f"sqlite:///{there}")
    restore(settings, site.appeal, site.file, now=LATER)
    with started(site, settings) as database:
        with database.writing() as db:
            withdraw(db, mara.token, now=LATER, **WEEK)
            membership.remove(db, pavel.id, now=LATER)
        if emergency:
            destroy_keys.destroy(database, now=LATER)
    for each in there.parent.glob(f"{there.name}*"):
        each.unlink()
    site.start()
    site.back_up()
    site.database.close()
    return settings, mara


def state(database: Database) -> tuple[int, bool]:
    with database.reading() as db:
        return len(all_accounts(db)), campaign_key.destroyed_at(db) is not None


def again(site: PastSite, settings: Settings, **how: bool) -> Restored:
    return restore(settings, site.appeal, site.file, now=LATER, **how)


@pytest.mark.parametrize("emergency", [False, True])
def test_a_rehearsal_under_the_same_name_is_not_replayed_by_a_restoration(
    site: PastSite, emergency: bool
) -> None:
    settings, mara = rehearse(site, emergency=emergency)

    with pytest.raises(CampaignError, match=r"does not know: .*letters_restored.sqlite \([23]\)"):
        again(site, settings)
    with pytest.raises(CampaignError, match="another name"):
        again(site, settings, with_foreign=False)

    settings = replace(settings, database_url=settings.database_url.replace("restored", "again"))
    assert again(site, settings, with_foreign=False).restoration.replayed == {}
    for _ in range(2):
        with started(site, settings) as database:
            assert state(database) == (2, False)
    assert not site.row(mara).withdrawn_on


def test_a_rehearsal_under_the_same_name_is_not_replayed_on_a_copy(site: PastSite) -> None:
    settings, _mara = rehearse(site)
    with (
        closing(Database(settings.database_url)) as target,
        closing(Database(site.settings.database_url)) as source,
    ):
        copy(source, target, now=LATER)

    with pytest.raises(JournalError, match="another name"), started(site, settings):
        pass

    with closing(Database(settings.database_url)) as target:
        assert state(target) == (2, False)


def test_who_restores_or_erases_hears_of_the_database_before(
    site: PastSite, capsys: pytest.CaptureFixture[str]
) -> None:
    """In PostgreSQL it stays when the site is restored to another one, and nothing erases it."""
    site.back_up()
    site.database.close()
    settings = replace(
        site.settings, database_url=f"sqlite:///{site.file.with_name('letters_restored.sqlite')}"
    )
    before = str(site.database.url.database)

    assert again(site, settings).earlier == [before]

    with started(site, settings) as database:
        _print_remaining_steps(settings, database)
    assert f"in the database {before} before" in capsys.readouterr().out


def test_a_site_that_moved_to_the_name_of_a_rehearsal_brings_nobody_back(site: PastSite) -> None:
    """The database at this name was the site, which an older backup cannot know."""
    settings, _mara = rehearse(site)

    found = again(site, settings, with_foreign=True).restoration

    assert found.replayed == {"withdraw": 1, "remove organiser": 1}


def test_a_restoration_that_is_repeated_asks_nothing(site: PastSite) -> None:
    site.back_up()
    site.database.close()
    there = site.file.with_name("letters_restored.sqlite")
    settings = replace(site.settings, database_url=f"sqlite:///{there}")
    for _ in range(2):
        again(site, settings)
        there.unlink()
    again(site, settings)
    with started(site, settings) as database, database.writing() as db:
        review(db)
    with started(site, settings) as database, database.reading() as db:
        assert unreviewed(db) is None


def test_another_machine_does_not_replay_what_was_practised_on_it(site: PastSite, tmp_path: Path) -> None:
    """The first machine started the site under a name at which the second one had practised."""
    second = replace(site.settings, instance=tmp_path / "second")
    second.instance.mkdir()
    with started(site, second):
        pass
    settings, _mara = rehearse(site)
    shutil.copy(site.settings.instance / "journal", second.instance / "practised")
    (site.settings.instance / "journal").unlink()
    with (
        closing(Database(settings.database_url)) as target,
        closing(Database(site.settings.database_url)) as source,
    ):
        copy(source, target, now=LATER)
    with started(site, settings):
        pass
    (second.instance / "practised").rename(second.instance / "journal")

    moved = replace(second, database_url=settings.database_url)
    with pytest.raises(JournalError, match="another name"), started(site, moved):
        pass


def test_an_erasure_is_replayed_at_a_word_only(site: PastSite) -> None:
    site.sign()
    site.back_up()
    destroy_keys.destroy(site.database, now=LATER)

    with pytest.raises(
        CampaignError, match=r"--erasures replay .* no name can ever be opened .* --erasures ignore"
    ):
        site.restore()
    assert site.restore(erases=False).restoration.replayed == {}
    site.start()
    assert state(site.database) == (1, False)
    assert site.restore(erases=True).restoration.replayed == {"destroy keys": 1}
    assert state(site.database) == (0, True)


@pytest.mark.parametrize("erasure", [journal.ERASE, journal.DESTROY])
def test_a_signature_that_is_put_back_after_an_erasure_stops_the_site_for_no_longer_than_a_question(
    site: PastSite, erasure: str
) -> None:
    mara = site.sign()
    site.back_up()
    with site.writing() as db:
        withdraw(db, mara.token, now=LATER, **WEEK)
        journal.record(db, erasure, on=LATER.date(), closes_on=LATER.date())
        db.commit()
    site.restore(erases=False)
    with site.writing() as db:
        db.execute(update(Signature).values(withdrawn_on=None))
        db.commit()

    if erasure == journal.DESTROY:
        with pytest.raises(JournalError, match="campaign restore"):
            site.start()
        site.back_up()
        site.restore(erases=False)
    site.start()

    assert site.row(mara).withdrawn_on
    assert state(site.database) == (1, False)


def test_an_emergency_that_failed_destroys_nothing_later(
    site: PastSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.sign()
    site.back_up()
    with monkeypatch.context() as full:
        full.setattr(site.database.engine.dialect, "do_commit", _full_disk)
        with pytest.raises(OperationalError):
            destroy_keys.destroy(site.database, now=LATER)

    site.start()

    assert site.restore().restoration.replayed == {}


def _full_disk(*_about: object) -> None:
    raise OperationalError("commit", {}, Exception("database or disk is full"))


def test_a_start_notes_an_emergency_that_the_journal_lacks(
    site: PastSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.back_up()
    with monkeypatch.context() as broken:
        broken.setattr(Journal, "append", _no_journal)
        destroy_keys.destroy(site.database, now=LATER)
    assert "destroy keys" not in lines(site)

    for _ in range(2):
        site.start()

    assert lines(site).count("destroy keys") == 1
    assert site.unreviewed() is None, "nobody is left who could look"
    assert site.restore(erases=True).restoration.replayed == {"destroy keys": 1}


def _no_journal(*_about: object) -> None:
    raise JournalError("no space")


def lines(site: PastSite) -> str:
    return (site.settings.instance / "journal").read_text()


def test_an_emergency_whose_line_was_not_committed_lets_the_site_start(site: PastSite) -> None:
    destroy_keys.destroy(site.database, now=LATER)
    with site.writing() as db:
        [part] = journal.positions(db)
        journal.set_position(db, part, 0)
        db.commit()

    site.start()

    assert state(site.database) == (0, True)
