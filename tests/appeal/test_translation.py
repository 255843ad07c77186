"""The appeal's texts in other languages."""

from pathlib import Path

import pytest

from campaign.appeal.content import Appeal
from campaign.appeal.reading import load
from campaign.errors import AppealError
from campaign.reference.language import LANGUAGES
from tests.support.translated import add_language, english_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a campaign in English and German."""
    folder = english_folder(tmp_path / "appeal")
    add_language(folder, "de")
    return folder


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_every_text_is_translated(folder: Path) -> None:
    own = load(folder)
    german = own.in_language("de")

    assert german.title == "de: The Women’s Call"
    assert german.source.date == "de: March 2021"
    assert german.source.url == own.source.url
    for part in (*german.persons, *german.claims, *german.named, *german.instruments.values()):
        for field in (
            "name",
            "office",
            "since",
            "statement",
            "quote",
            "figure",
            "grounds",
            "national",
            "as_of",
        ):
            text = getattr(part, field, "")
            assert not text or text.startswith("de: "), (part, field)
    assert german.persons[0].changes[0].when == "de: 5 January 2022"
    assert list(german.instruments) == list(own.instruments)
    assert german.instruments["cz"].national.startswith("de: the Sanctions Law")
    assert german.instruments["de"].national == ""
    assert german.instruments["us"].organiser_note.startswith("de: It is reported")


def test_a_campaign_in_english_only_needs_no_translation(tmp_path: Path) -> None:
    own = load(english_folder(tmp_path / "appeal"))

    assert own.languages == (LANGUAGES["en"],)
    assert own.in_language("de") is own


def test_a_language_is_offered_with_both_its_texts_and_its_letter(folder: Path) -> None:
    assert load(folder).languages == (LANGUAGES["en"], LANGUAGES["de"])

    (folder / "letters" / "de.txt").rename(folder / "letters" / "fr.txt")

    assert load(folder).languages == (LANGUAGES["en"],)


BROKEN = [
    # old text, new text, text of the line in the error, words of the error
    ("[appeal]", "[appal]", "[appal]", "there is no field “appal”"),
    ('title = "de: The', 'titel = "de: The', "titel =", "there is no field “titel”"),
    ('call = "de: Ask', '#call = "', "[appeal]", "“call” is missing"),
    ("[person.abish]", "[person.abisch]", "[person.abisch]", "there is no field “abisch”"),
    ("[source]", "[claim.source]", "[appeal]", "the table [source] is missing"),
    ('office = "de: Interior Minister"', 'office = ""', 'office = ""', "“office” is empty"),
    ('[[person.abish.change]]\nwhen = "de: September 2023"', "[[named]] #", "abish.change]]", "are 2"),
    ('figure = "de: 4"', 'figure = "de: 4"\nquote = "four"', 'quote = "four"', "there is no field “quote”"),
    ("[[named]]", "[[women]]", "[[women]]", "there is no field “women”"),
    ("[instrument.kz]", "[instrument.kazakhstan]", "kazakhstan]", "there is no field “kazakhstan”"),
    ("[instrument.eu.national]", "[instrument.eu.nationals]", "nationals]", "no field “nationals”"),
    ('cz = "de: the', 'sk = "de: the', 'sk = "de: the', "there is no field “sk”"),
    ('ee = "de: the', '#ee = "de: the', "[instrument.eu.national]", "“ee” is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "at", "words"), BROKEN)
def test_a_broken_translation_is_refused_with_file_and_line(
    folder: Path, old: str, new: str, at: str, words: str
) -> None:
    path = folder / "de.toml"
    change(path, old, new)

    with pytest.raises(AppealError) as caught:
        load(folder)

    name, line, sentence = str(caught.value).removeprefix(f"{folder}/").split(":", 2)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert words in sentence
    assert name == "de.toml"
    assert at in lines[int(line) - 1]


def test_no_break_spaces_are_kept(folder: Path) -> None:
    change(folder / "de.toml", "de: Ask", "«\u00a0Ask\u202f!")

    assert load(folder).in_language("de").call.startswith("«\u00a0Ask\u202f!")


def test_every_shipped_language_is_complete(appeal: Appeal) -> None:
    assert appeal.languages[0] == LANGUAGES["en"]
    for language in appeal.languages:
        translated = appeal.in_language(language.code)
        assert len(translated.persons) == len(appeal.persons)
        assert list(translated.instruments) == list(appeal.instruments)
