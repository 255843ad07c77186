"""The letter, held to its sources for each of the 57 states; then its text and its editions."""

import hashlib
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import NoResultFound

from campaign.appeal.content import Appeal, Ask, LetterFile
from campaign.appeal.reading import load
from campaign.database.session import Database
from campaign.errors import AppealError
from campaign.letter.edition import LetterEdition, LetterText, current_edition, stored_letter
from campaign.letter.sheet import Items, Letter, Paragraph, sha256
from campaign.letter.template import compose
from campaign.paths import PACKAGE, TEMPLATES
from campaign.reference.participating_state import STATES

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

EVERY_STATE = pytest.mark.parametrize("code", STATES)

SOURCE_NUMBERS = {"8", "2021", "11", "405", "35", "4"}
"""Of the statement: the meeting's day, 11 other activists, Article 405, at least 35, 4."""

SINCE_NUMBERS = {"5", "8", "17", "18", "24", "25", "29", "2022", "2023", "2024"}
"""Of what changed for the five: days, years, and a sentence of 18 years."""

EU_NUMBERS = {"2020/1999", "2020/1998", "7", "2020", "1"}

NUMBERS = {
    Ask.PROPOSE: EU_NUMBERS,
    Ask.DESIGNATE_UK: {"2020", "2020/680", "2018"},
    Ask.DESIGNATE_US: {"114-328", "13818", "20", "2017"},
    Ask.DESIGNATE_CA: {"2017", "21", "4", "2017-233"},
    Ask.ALIGN: {"2020/1999", "7", "2020"},
    Ask.ALIGN_NATIONAL: {"2020/1999"},
    Ask.OWN_INITIATIVE: {"2020/1999", "25", "4", "2016"},
    Ask.CONSIDER_ADOPTING: {"2020/1999", "22", "2002", "30", "2023"},
    Ask.GENERAL: set(),
    Ask.INVESTIGATE: set(),
}

NATIONAL_NUMBERS = {
    "cz": {"1/2023", "3", "2023"},
    "ee": {"2016", "2018"},
    "lt": {"5", "16", "2017"},
    "lv": {"2016"},
    "no": {"16", "2021"},
    "ua": {"14", "2014"},
    "ad": {"3", "2022"},
    "is": {"466/2021", "68/2023"},
    "li": {"10", "2008", "2009", "41"},
    "mc": {"8.664", "26", "2021", "2022", "1"},
}

NUMBER = re.compile(r"\d(?:[\d/.-]*\d)?")
NUMBER_WORD = re.compile(
    r"\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|\w*hundred\w*"
    r"|thousands?|millions?|dozens?)\b",
    re.IGNORECASE,
)

REQUEST = {
    Ask.PROPOSE: "propose the five persons for listing under the EU Global Human Rights Sanctions Regime "
    "(Council Decision (CFSP) 2020/1999 and Council Regulation (EU) 2020/1998 of 7 December 2020)",
    Ask.DESIGNATE_UK: "designate the five persons under the Global Human Rights Sanctions Regulations 2020 "
    "(SI 2020/680,",
    Ask.DESIGNATE_US: "designate the five persons under the Global Magnitsky Human Rights Accountability Act "
    "(Public Law 114-328, Title XII, Subtitle F, and Executive Order 13818 of 20 December 2017)",
    Ask.DESIGNATE_CA: "list the five persons under the Justice for Victims of Corrupt Foreign Officials Act "
    "(Sergei Magnitsky Law, S.C. 2017, c. 21, section 4, and its Regulations, SOR/2017-233)",
    Ask.ALIGN: "Your State has aligned itself with Council Decision (CFSP) 2020/1999 of 7 December 2020",
    Ask.ALIGN_NATIONAL: "apply that listing under its own law",
    Ask.OWN_INITIATIVE: "examine measures against the five persons on its own initiative",
    Ask.CONSIDER_ADOPTING: "your State consider adopting that listing",
    Ask.GENERAL: "raise these cases in the Permanent Council and in its bilateral relations, and support "
    "visa bans on the five persons as far as its law allows",
    Ask.INVESTIGATE: "asks your delegation for no sanctions",
}


@pytest.fixture(scope="module")
def letters(appeal: Appeal) -> dict[str, Letter]:
    return {code: compose(appeal, state, "en") for code, state in STATES.items()}


def parts(letter: Letter) -> list[str]:
    """Return salutation, paragraphs, items and closing: everything below the subject."""
    texts = [letter.salutation]
    for block in letter.body:
        texts += block.items if isinstance(block, Items) else [block.text]
    return [*texts, *letter.closing]


def body(letter: Letter) -> str:
    return "\n".join(parts(letter))


@EVERY_STATE
def test_each_number_comes_from_the_source_or_from_the_instrument(
    letters: dict[str, Letter], appeal: Appeal, code: str
) -> None:
    allowed = SOURCE_NUMBERS | SINCE_NUMBERS | NUMBERS[appeal.instruments[code].ask]
    allowed |= NATIONAL_NUMBERS.get(code, set())
    written = letters[code].subject + "\n" + body(letters[code])

    assert set(NUMBER.findall(written)) <= allowed
    words = {word.lower() for word in NUMBER_WORD.findall(written)}
    assert words <= {"one", "two", "five", "eight", "ten", "thousands"}


@EVERY_STATE
def test_figures_are_the_sources_and_are_said_to_be_its(letters: dict[str, Letter], code: str) -> None:
    text = body(letters[code])

    assert (
        "At least 35 women activists were under criminal prosecution, and 4 were political prisoners." in text
    )
    assert "Thousands of women were persecuted in other ways." in text
    assert "Anna Shukeyeva and Raigul Sadyrbayeva, and 11 other activists" in text
    assert "Aizhan Ismakova, Ubolsyn Turdiyeva and Sholpan Dzhanzakova" in text
    assert "Article 405 of the Criminal Code" in text
    assert "On 8 March 2021 ODF’s representative, Maksym Sytnikov," in text
    assert "ODF reported:" in text
    assert "These allegations and figures are ODF’s and describe the situation in March 2021." in text


@EVERY_STATE
def test_each_person_stands_with_a_dated_office_and_what_changed_since(
    letters: dict[str, Letter], appeal: Appeal, code: str
) -> None:
    lists = [block.items for block in letters[code].body if isinstance(block, Items)]
    items = next(items for items in lists if items[0].startswith("Karim Massimov"))

    assert len(items) == 5
    for person, item in zip(appeal.persons, items, strict=True):
        assert item == f"{person.name}, {person.office} as of March 2021. Since then: {person.since}"
        assert re.search(r"\b20\d\d\b", person.since)
        assert person.since.endswith(".")
        assert person.since.count(". ") == 0


@EVERY_STATE
def test_no_act_is_ascribed_to_any_of_the_five(letters: dict[str, Letter], appeal: Appeal, code: str) -> None:
    for person in appeal.persons:
        surname = person.name.split()[-1]
        assert [part for part in parts(letters[code]) if surname in part] == [
            part for part in parts(letters[code]) if part.startswith(f"{person.name}, ")
        ]
    assert "ties no particular act to any one of the five" in body(letters[code])


@EVERY_STATE
def test_the_request_fits_the_instrument_and_there_is_no_other(
    letters: dict[str, Letter], appeal: Appeal, code: str
) -> None:
    text = body(letters[code])
    ask = appeal.instruments[code].ask

    assert REQUEST[ask] in text
    assert [other for other in Ask if other != ask and REQUEST[other] in text] == []
    assert text.count("lay one request before your authorities") == 1
    assert (appeal.instruments[code].citation or "") in text
    assert (appeal.instruments[code].national or "") in text


def test_members_of_the_eu_are_given_the_grounds_with_their_condition(letters: dict[str, Letter]) -> None:
    for code, state in STATES.items():
        assert ("Article 1(1)(c)(v) of the Decision" in body(letters[code])) == state.is_eu_member
        if state.is_eu_member:
            assert "widespread, systematic or otherwise of serious concern" in body(letters[code])


def test_the_united_kingdoms_letter_rests_on_the_beatings_and_the_searches_only(
    letters: dict[str, Letter],
) -> None:
    text = body(letters["gb"])

    assert "our request rests on one only: freedom from torture and from cruel, inhuman or degrading" in text
    assert "founded on the beatings, and on the treatment of women during body searches" in text
    assert "arbitrary" not in text
    assert "freedom of opinion" not in text


@EVERY_STATE
def test_a_states_name_stands_in_the_address_only(letters: dict[str, Letter], code: str) -> None:
    text = letters[code].subject + "\n" + body(letters[code])
    for state in STATES.values():
        forms = {*state.names.values(), state.osce_name, state.sentence_form, state.long_name} - {
            "Kazakhstan"
        }
        for form in forms:
            assert not re.search(rf"\b{re.escape(form)}\b", text), form
    assert letters[code].address == ("Head of Delegation", STATES[code].name("en"), "OSCE, Vienna")


def test_kazakhstans_letter_asks_to_investigate_and_for_no_sanctions(
    letters: dict[str, Letter], appeal: Appeal
) -> None:
    letter = letters["kz"]
    text = letter.subject + "\n" + body(letter)

    assert all(person.name in text for person in appeal.persons)
    assert "“the women’s call to impose personal sanctions”" in text
    assert "be investigated promptly, thoroughly and impartially" in text
    assert "the prosecutions which ODF described be ended" in text
    assert "honour its OSCE commitments" in text
    for word in ("propose", "designate", "listing", "visa", "align", "evidence"):
        assert word not in text


def test_delegations_that_are_told_no_names_read_why(letters: dict[str, Letter], appeal: Appeal) -> None:
    told = {code for code, letter in letters.items() if "Our names are not given" in body(letter)}

    assert told == appeal.no_names_to


@EVERY_STATE
def test_the_wording_holds_for_one_signatory_and_for_many(letters: dict[str, Letter], code: str) -> None:
    assert "We, the undersigned," in body(letters[code])
    assert letters[code].closing[-1] == "The undersigned"
    assert not re.search(r"\b(I|my|me|mine)\b", body(letters[code]))


@EVERY_STATE
def test_the_letter_keeps_to_the_osces_terms_and_to_good_typography(
    letters: dict[str, Letter], code: str
) -> None:
    text = letters[code].text()

    assert "Member State" not in text
    assert "country" not in text
    assert not re.search(r"['\"]|  +\S| $|\t|\{|\}", text.replace("\n  ", "\n"), re.MULTILINE)
    assert max(len(line) for line in text.splitlines()) <= 72
    assert 550 <= len(text.split()) <= 760


def test_text_gives_each_part_its_own_block(letters: dict[str, Letter]) -> None:
    letter = letters["va"]
    blocks = letter.text().split("\n\n")

    assert blocks[0] == "Head of Delegation\nHoly See\nOSCE, Vienna"
    assert blocks[1].replace("\n", " ") == letter.subject
    assert blocks[2] == "Excellency,"
    assert sum(block.startswith("- ") for block in blocks) == 2
    assert blocks[-1].splitlines()[-1] == "The undersigned"
    assert letter.text().endswith("undersigned\n")


def test_own_words_stand_under_their_own_heading_and_outside_the_hash(letters: dict[str, Letter]) -> None:
    letter = letters["de"]
    words = "My aunt was held for a night.\n\nI was nine.\n- propose nothing " + "and more " * 20

    text = letter.text(words)

    assert text.index("delivers this letter.") < text.index("In the signatory’s own words:")
    assert text.index("own words:\n\n    My aunt was held") < text.index("    I was nine.")
    assert text.index("    I was nine.") < text.index("Please accept, Excellency")
    own = text[text.index("own words:") + 11 : text.index("Please accept")]
    assert all(line.startswith("    ") for line in own.splitlines() if line)
    assert letter.text("  \n ") == letter.text()
    assert hashlib.sha256(letter.text().encode()).digest() == sha256(letter)


def test_a_line_never_ends_inside_a_citation(letters: dict[str, Letter]) -> None:
    citation = "SOR/2017-233-as-amended"

    assert all(citation in letters["ca"].text("x" * width + f" {citation} y") for width in range(40, 68))


def test_a_letter_kept_as_json_comes_back_the_same(letters: dict[str, Letter]) -> None:
    for letter in letters.values():
        again = Letter.from_json(letter.to_json())
        assert again == letter
        assert again.to_json() == letter.to_json()
        assert sha256(again) == sha256(letter)


def rewritten(appeal: Appeal, old: str, new: str) -> Appeal:
    """Return *appeal* with another wording of its English letter."""
    file = appeal.letters["en"]
    assert old in file.text
    return replace(appeal, letters={"en": LetterFile(file.path, file.text.replace(old, new, 1))})


BROKEN = [
    ("Excellency,", "{% if %}", "{% if %}", "Expected an expression"),
    ("Excellency,", "{{ sate }}", "{{ sate }}", "'sate' is undefined"),
    ("{{ person.name }}", "{{ person.nam }}", "person.nam }}", "has no attribute 'nam'"),
    ("{% endfor %}", "", None, "Unexpected end of template"),
    ("Excellency,", "{{ state.__class__.__mro__ }}", "__mro__", "unsafe"),
    ("Excellency,", "{{ 1 / 0 }}", "1 / 0", "division by zero"),
    ("Subject: Women", "Betreff: Women", 1, "must begin with “Subject:”"),
    ("reported:\n\n- At", "reported:\n- At", 1, "leave an empty line before the list"),
]


@pytest.mark.parametrize(("old", "new", "at", "words"), BROKEN)
def test_a_broken_letter_is_refused_with_file_and_line(
    appeal: Appeal, old: str, new: str, at: str | int | None, words: str
) -> None:
    broken = rewritten(appeal, old, new)
    if "Subject" in old:
        broken = rewritten(broken, old, new)

    with pytest.raises(AppealError) as caught:
        compose(broken, STATES["de"], "en")

    file = broken.letters["en"]
    line, sentence = str(caught.value).removeprefix(f"{file.path}:").split(":", 1)
    lines = file.text.splitlines()
    if isinstance(at, str):
        at = 1 + next(number for number, text in enumerate(lines) if at in text)
    assert words in sentence
    assert int(line) == at if at else int(line) > 40


def test_a_letter_without_its_parts_is_refused(appeal: Appeal) -> None:
    file = LetterFile(appeal.letters["en"].path, "{{ state }}\n\nSubject: Something\n\nExcellency,\n")

    with pytest.raises(AppealError, match=r"en\.txt:1: a letter needs address, subject"):
        compose(replace(appeal, letters={"en": file}), STATES["de"], "en")


def test_a_letter_without_lists_or_conditions_is_a_letter_too(appeal: Appeal) -> None:
    plain = (
        "Head of Delegation\n{{ state }}\n\nSubject: A\n  request\n\nExcellency,\n\nWe ask.\n\nYours,\nWe\n"
    )
    file = LetterFile(Path("en.txt"), plain)

    letter = compose(replace(appeal, letters={"en": file}), STATES["fr"], "en")

    assert letter == Letter(
        state_code="fr",
        language="en",
        address=("Head of Delegation", "France"),
        subject="A request",
        salutation="Excellency,",
        body=(Paragraph("We ask."),),
        closing=("Yours,", "We"),
    )


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


def test_another_comma_is_another_edition_and_the_earlier_one_stays_readable(
    database: Database, appeal: Appeal
) -> None:
    changed = rewritten(appeal, "Excellency,\n", "Excellency\n")
    with database.writing() as db:
        before = current_edition(db, appeal, now=NOW)
        after = current_edition(db, changed, now=NOW)
        back = current_edition(db, appeal, now=NOW)

    assert (before, after, back) == (1, 2, 1)
    with database.reading() as db:
        assert stored_letter(db, before, "en", "de").salutation == "Excellency,"
        assert stored_letter(db, after, "en", "de").salutation == "Excellency"


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
    folder = tmp_path / "appeal"
    shutil.copytree(PACKAGE / "data" / "appeal", folder)
    shutil.copytree(TEMPLATES / "letters", folder / "letters")
    with database.writing() as db:
        before = current_edition(db, load(folder), now=NOW)
    text = (folder / file).read_text(encoding="utf-8")
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    with database.writing() as db:
        assert current_edition(db, load(folder), now=NOW) == before + 1


def test_an_edition_keeps_every_letter_in_full(
    database: Database, appeal: Appeal, letters: dict[str, Letter]
) -> None:
    with database.writing() as db:
        number = current_edition(db, appeal, now=NOW)

    with database.reading() as db:
        for code, letter in letters.items():
            assert stored_letter(db, number, "en", code) == letter
        assert db.scalar(select(func.count()).select_from(LetterText)) == 57


def test_an_edition_without_a_language_answers_in_english(database: Database, appeal: Appeal) -> None:
    with database.writing() as db:
        number = current_edition(db, appeal, now=NOW)

    with database.reading() as db:
        assert stored_letter(db, number, "fr", "be").language == "en"
        with pytest.raises(NoResultFound):
            stored_letter(db, number + 1, "en", "be")


def test_processes_that_start_together_agree_on_one_edition(database: Database, appeal: Appeal) -> None:
    changed = rewritten(appeal, "We should be grateful", "We would be grateful")
    together = Barrier(8)

    def start() -> int:
        own = Database(database.url.render_as_string(hide_password=False))
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


def test_two_new_letters_at_the_same_moment_get_two_numbers(database: Database, appeal: Appeal) -> None:
    changes = [rewritten(appeal, "Excellency,\n", f"Excellency{mark}\n") for mark in ("", ".", ":", "!")]
    together = Barrier(len(changes))

    def start(changed: Appeal) -> int:
        own = Database(database.url.render_as_string(hide_password=False))
        together.wait()
        try:
            with own.writing() as db:
                return current_edition(db, changed, now=NOW)
        finally:
            own.close()

    with ThreadPoolExecutor(len(changes)) as pool:
        numbers = list(pool.map(start, changes))

    assert sorted(numbers) == [2, 3, 4, 5]
