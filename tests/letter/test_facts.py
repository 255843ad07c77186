"""The letters in every language of the campaign, compared with the facts and with the English letter."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaign.appeal.content import Appeal, Ask
from campaign.letter.sheet import WIDTH, Items, Letter
from campaign.letter.template import compose
from campaign.reference.participating_state import STATES
from tests.support import typography

FACTS = Path(__file__).parent / "facts"
"""What the campaign's facts say, in the columns that these tests need."""

NUMBER = re.compile(r"\d(?:[\d/.-]*\d)?")

WOMEN = ("shukeyeva", "shevchuk", "sadyrbayeva", "ismakova", "turdiyeva", "dzhanzakova")

SANCTION = re.compile(r"sanction|sanktion|sanzion|sancion|санкц", re.IGNORECASE)

LISTING = re.compile(
    r"2020/1999|\bvisas?\b|visado|visto|\bвиза|виз[аоу]|візов|listing|liste|elenco|\blista\b|списо?к|тізім|magni",
    re.IGNORECASE,
)
"""What a letter that asks for no sanctions has no reason to name: instruments, lists, visas."""

INSTRUMENTS = {
    "de": ("eu_regime", "eu_citation"),
    "al": ("eu_regime",),
    "gb": ("uk_regulations", "uk_citation", "uk_ground"),
    "us": ("us_act", "us_citation", "us_ground"),
    "ca": ("ca_act", "ca_citation", "ca_ground"),
    "cz": ("cz_act",),
    "ee": ("ee_entry_ban",),
    "lt": ("lt_amendment",),
    "lv": ("lv_act",),
    "no": ("no_act",),
    "ad": ("ad_law",),
    "is": ("is_regulation",),
    "li": ("li_act",),
    "mc": ("mc_ordinance",),
    "md": ("md_law",),
    "ch": ("ch_act",),
}
"""Names in ``instrument_names.csv`` that the letter to a State has."""

REPEATED = {"gb": Counter({"2020": 1, "2018": 1})}
"""Numbers that are in an English title too, which translations may add in brackets."""

QUOTES, INNER_QUOTES = {"en": "“”", **typography.QUOTES}, {"en": "‘’", **typography.INNER_QUOTES}

BAD_TYPOGRAPHY = re.compile(r"[\"']|\.\.\.| {2,}| - |[ \u00a0][,.]|\w —\w|\w– ")


def facts(file: str, key: str, value: str) -> dict[tuple[str, str], str]:
    with (FACTS / file).open(encoding="utf-8", newline="") as rows:
        return {(row[key], row["lang"]): row[value] for row in csv.DictReader(rows)}


TERMS = facts("terms.csv", "term", "form")
NAMES = facts("person_names.csv", "id", "name")
INSTRUMENT_NAMES = facts("instrument_names.csv", "key", "name")


@pytest.fixture(scope="module")
def every_letter(appeal: Appeal) -> dict[tuple[str, str], Letter]:
    """Return all letters, by language and state."""
    return {
        (language.code, code): compose(appeal, state, language.code)
        for language in appeal.languages
        for code, state in STATES.items()
    }


def parts(letter: Letter) -> Iterator[str]:
    """Yield subject, salutation, paragraphs and items, and the closing."""
    yield letter.subject
    yield letter.salutation
    for block in letter.body:
        yield from block.items if isinstance(block, Items) else [block.text]
    yield from letter.closing


def text(letter: Letter) -> str:
    return "\n".join(parts(letter))


def without_brackets(name: str) -> str:
    return re.sub(r" \([^()0-9]*\)", "", name)


def numbers(*texts: str) -> Counter[str]:
    return Counter(NUMBER.findall(" ".join(texts)))


def test_every_letter_has_the_paragraphs_items_and_numbers_of_the_english_one(
    every_letter: dict[tuple[str, str], Letter],
) -> None:
    for (language, code), letter in every_letter.items():
        english = every_letter["en", code]
        shape, expected = (
            [len(block.items) if isinstance(block, Items) else 0 for block in each.body]
            for each in (letter, english)
        )
        assert shape == expected, (language, code)
        found, wanted = numbers(text(letter)), numbers(text(english))
        more = found - wanted
        assert not wanted - found, (language, code)
        assert not more - REPEATED.get(code, Counter()), (language, code, more)


def test_the_texts_of_the_site_have_the_numbers_of_the_english_ones(appeal: Appeal) -> None:
    for language in appeal.languages:
        texts = appeal.in_language(language.code)
        for english, person in zip(appeal.persons, texts.persons, strict=True):
            assert numbers(person.since, person.confirmed_to) == numbers(english.since, english.confirmed_to)
            for before, change in zip(english.changes, person.changes, strict=True):
                expected = numbers(before.when, before.statement)
                assert numbers(change.when, change.statement) == expected, (language.code, change)
        for claim, translated in zip(appeal.claims, texts.claims, strict=True):
            expected = numbers(claim.figure, claim.statement)
            assert numbers(translated.figure, translated.statement) == expected, (language.code, translated)


def test_every_letter_is_addressed_greeted_and_closed_as_its_language_does(
    every_letter: dict[tuple[str, str], Letter],
) -> None:
    for (language, code), letter in every_letter.items():
        head, vienna = "Head of Delegation (address line)", "OSCE, Vienna (address line)"
        expected = (TERMS[head, language], STATES[code].name(language), TERMS[vienna, language])
        assert letter.address == expected
        assert letter.salutation == TERMS["salutation", language]
        assert letter.closing == (TERMS["closing", language], TERMS["The undersigned", language])


def test_each_person_is_named_with_office_month_and_what_changed_since(
    every_letter: dict[tuple[str, str], Letter], appeal: Appeal
) -> None:
    for (language, code), letter in every_letter.items():
        texts = appeal.in_language(language)
        lists = [block.items for block in letter.body if isinstance(block, Items)]
        items = next(items for items in lists if len(items) == 5 and texts.persons[0].name in items[0])
        for person, item in zip(texts.persons, items, strict=True):
            assert person.name == NAMES.get((person.id, language), person.name)
            assert person.office == TERMS[f"office: {person.id}", language]
            assert item.startswith(person.name), (language, code)
            assert f"{person.office} " in item
            assert TERMS["March 2021 (month filter)", language] in item, (language, item)
            assert item.endswith(f": {person.since}")
            assert re.search(r"\b20\d\d\b", person.since)
            assert [part for part in parts(letter) if person.name.split()[-1] in part] == [item]


def test_the_women_are_named_in_the_same_items_as_in_english(
    every_letter: dict[tuple[str, str], Letter], appeal: Appeal
) -> None:
    english = [each.name for each in appeal.named]
    for (language, code), letter in every_letter.items():
        names = [NAMES.get((key, language), name) for key, name in zip(WOMEN, english, strict=True)]
        assert [each.name for each in appeal.in_language(language).named] == names
        pairs = list(zip(parts(letter), parts(every_letter["en", code]), strict=True))
        for name, known in zip(names, english, strict=True):
            assert [name in ours for ours, _theirs in pairs] == [known in theirs for _ours, theirs in pairs]


def test_instruments_are_named_and_cited_as_the_facts_do(
    every_letter: dict[tuple[str, str], Letter], appeal: Appeal
) -> None:
    for language in {language for language, _code in every_letter} - {"en"}:
        for code, keys in INSTRUMENTS.items():
            for key in keys:
                name, written = INSTRUMENT_NAMES[key, language], text(every_letter[language, code])
                # Translations may add an original title in brackets.
                assert without_brackets(name) in written + without_brackets(written), (language, key)
        for code, instrument in appeal.in_language(language).instruments.items():
            assert instrument.citation in text(every_letter[language, code])
            assert instrument.national in text(every_letter[language, code])


def test_no_name_of_a_state_is_written_or_inflected_below_the_address(
    every_letter: dict[tuple[str, str], Letter],
) -> None:
    for language in {language for language, _code in every_letter}:
        names = [state.name(language) for state in STATES.values() if state.code != "kz"]
        # A name in another case begins in the same way; names of several words are made of common ones.
        stems = [re.escape(name[:-2] if len(name) > 6 else name[:-1]) for name in names if name.isalpha()]
        pattern = re.compile(rf"\b(?:{'|'.join(stem for stem in stems if len(stem) > 3)})\w*")
        for code in STATES:
            assert pattern.findall(text(every_letter[language, code])) == [], (language, code)


def test_kazakhstan_is_asked_for_no_sanctions(every_letter: dict[tuple[str, str], Letter]) -> None:
    for language in {language for language, _code in every_letter}:
        letter = every_letter[language, "kz"]
        assert len(SANCTION.findall(text(letter))) == 2, language  # the call, and "no sanctions"
        assert not SANCTION.search(letter.subject)
        assert not LISTING.search(text(letter)), (language, LISTING.findall(text(letter)))


def test_only_letters_under_the_eu_regime_cite_it(
    every_letter: dict[tuple[str, str], Letter], appeal: Appeal
) -> None:
    without = {Ask.DESIGNATE_UK, Ask.DESIGNATE_US, Ask.DESIGNATE_CA, Ask.GENERAL, Ask.INVESTIGATE}
    for (language, code), letter in every_letter.items():
        cites = appeal.instruments[code].ask not in without
        assert ("2020/1999" in text(letter)) == cites, (language, code)
        assert bool(re.search(r"\((CFSP|PESC|GASP)\)", text(letter))) == cites, (language, code)
        assert ("SI 2020/680" in text(letter)) == (code == "gb")


def test_every_letter_has_the_typography_of_its_language(
    every_letter: dict[tuple[str, str], Letter],
) -> None:
    for (language, code), letter in every_letter.items():
        written = text(letter)
        assert not BAD_TYPOGRAPHY.search(written), (language, code, BAD_TYPOGRAPHY.findall(written))
        allowed = set(QUOTES[language] + INNER_QUOTES[language])
        assert set(re.findall(r"[“”„‟«»‹›]", written)) <= allowed
        if language == "fr":
            assert not re.search(r"«(?!\u00a0)|(?<!\u00a0)»|(?<![\u00a0\u202f])[;!?]|(?<!\u00a0):", written)
        assert max(map(len, letter.text().splitlines())) <= WIDTH, (language, code)
