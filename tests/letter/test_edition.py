from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import func, select

from campaign.appeal.content import Appeal
from campaign.appeal.reading import load
from campaign.database.session import Database
from campaign.errors import AlteredError
from campaign.letter.edition import LetterEdition, LetterText, current_edition, stored_letters
from campaign.letter.sheet import Letter
from tests.letter.test_template import rewritten
from tests.support.translated import add_language, english_folder

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Appeal:
    """Return the appeal in English alone: its editions have 57 letters and not 456."""
    return load(english_folder(tmp_path_factory.mktemp("english") / "appeal"))


def editions(database: Database) -> int:
    with database.reading() as db:
        return db.scalar(select(func.count()).select_from(LetterEdition)) or 0


def test_the_same_letter_is_the_same_edition(database: Database, appeal: Appeal) -> None:
    with database.writing() as db:
        first = current_edition(db, appeal, now=NOW)
    with database.writing() as db:
        again = current_edition(db, load(), now=NOW + timedelta(days=1))

    assert first == again == 1
    assert editions(database) == 1


def test_another_comma_is_another_edition_and_the_earlier_one_remains(
    database: Database, english: Appeal
) -> None:
    changed = rewritten(english, "Excellency,\n", "Excellency\n")
    with database.writing() as db:
        before = current_edition(db, english, now=NOW)
        after = current_edition(db, changed, now=NOW)
        back = current_edition(db, english, now=NOW)

    assert (before, after, back) == (2, 3, 2)
    with database.reading() as db:
        assert stored_letters(db, before, "de")["en"].salutation == "Excellency,"
        assert stored_letters(db, after, "de")["en"].salutation == "Excellency"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("persons.toml", "arrested on 8 January 2022", "arrested on 9 January 2022"),
        ("instruments.toml", "Act No. 1/2023", "Act No. 2/2023"),
    ],
)
def test_a_change_to_what_a_letter_states_is_another_edition(
    database: Database, tmp_path: Path, file: str, old: str, new: str
) -> None:
    folder = english_folder(tmp_path / "appeal")
    with database.writing() as db:
        before = current_edition(db, load(folder), now=NOW)
    text = (folder / file).read_text(encoding="utf-8")
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    with database.writing() as db:
        assert current_edition(db, load(folder), now=NOW) == before + 1


def test_an_edition_stores_every_letter_in_full(
    database: Database, appeal: Appeal, letters: dict[str, Letter]
) -> None:
    with database.writing() as db:
        number = current_edition(db, appeal, now=NOW)

    with database.reading() as db:
        for code, letter in letters.items():
            assert stored_letters(db, number, code)["en"] == letter
        assert db.scalar(select(func.count()).select_from(LetterText)) == 57 * len(appeal.languages)


def test_an_edition_has_the_languages_of_its_day_and_one_that_was_removed_has_none(
    database: Database, tmp_path: Path
) -> None:
    with database.writing() as db:
        number = current_edition(db, load(english_folder(tmp_path / "appeal")), now=NOW)

    with database.reading() as db:
        assert set(stored_letters(db, number, "be")) == {"en"}
        with pytest.raises(AlteredError):
            stored_letters(db, number + 1, "be")


def test_a_further_language_is_another_edition_with_the_letters_in_both(
    database: Database, tmp_path: Path
) -> None:
    folder = english_folder(tmp_path / "appeal")
    with database.writing() as db:
        before = current_edition(db, load(folder), now=NOW)
    add_language(folder, "de")

    with database.writing() as db:
        after = current_edition(db, load(folder), now=NOW)

    assert after == before + 1
    with database.reading() as db:
        assert stored_letters(db, after, "be")["de"].body[0].text.startswith("de: We, the")  # type: ignore[union-attr]
        assert stored_letters(db, after, "be")["en"] == stored_letters(db, before, "be")["en"]


def test_processes_that_start_together_agree_on_one_edition(database: Database, english: Appeal) -> None:
    changed = rewritten(english, "We should be grateful", "We would be grateful")
    together = Barrier(8)

    def start() -> int:
        own = Database(database.url.render_as_string(hide_password=False))
        own.info.update(database.info)
        together.wait()
        try:
            with own.writing() as db:
                return current_edition(db, changed, now=NOW)
        finally:
            own.close()

    with ThreadPoolExecutor(8) as pool:
        numbers = [each.result() for each in [pool.submit(start) for _ in range(8)]]

    assert set(numbers) == {2}
    assert editions(database) == 2


def test_two_simultaneous_editions_get_two_numbers(database: Database, english: Appeal) -> None:
    changes = [rewritten(english, "Excellency,\n", f"Excellency{mark}\n") for mark in ("", ".", ":", "!")]
    together = Barrier(len(changes))

    def start(changed: Appeal) -> int:
        own = Database(database.url.render_as_string(hide_password=False))
        own.info.update(database.info)
        together.wait()
        try:
            with own.writing() as db:
                return current_edition(db, changed, now=NOW)
        finally:
            own.close()

    with ThreadPoolExecutor(len(changes)) as pool:
        numbers = list(pool.map(start, changes))

    assert sorted(numbers) == [2, 3, 4, 5]
