"""The text of the letter to each of the 57 states, compared with its sources."""

import re

import pytest

from campaign.appeal.content import Appeal, Ask
from campaign.letter.sheet import Items, Letter
from campaign.reference.participating_state import STATES

EVERY_STATE = pytest.mark.parametrize("code", STATES)

SOURCE_NUMBERS = {"8", "2021", "11", "405", "35", "4"}
"""In the statement: the day of the meeting, 11 other activists, Article 405, at least 35, 4."""

SINCE_NUMBERS = {"5", "8", "17", "18", "24", "25", "29", "2022", "2023", "2024"}
"""In the later changes of the five persons: days, years, and a sentence of 18 years."""

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
def test_figures_are_those_of_the_source_and_attributed_to_it(letters: dict[str, Letter], code: str) -> None:
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
def test_each_person_has_a_dated_office_and_later_changes(
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
def test_the_only_request_is_that_of_the_instrument(
    letters: dict[str, Letter], appeal: Appeal, code: str
) -> None:
    text = body(letters[code])
    ask = appeal.instruments[code].ask

    assert REQUEST[ask] in text
    assert [other for other in Ask if other != ask and REQUEST[other] in text] == []
    assert text.count("lay one request before your authorities") == 1
    assert (appeal.instruments[code].citation or "") in text
    assert (appeal.instruments[code].national or "") in text


def test_letters_to_the_eu_state_the_grounds_with_their_condition(letters: dict[str, Letter]) -> None:
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
def test_the_name_of_a_state_is_in_the_address_only(letters: dict[str, Letter], code: str) -> None:
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


def test_letters_without_names_give_the_reason(letters: dict[str, Letter], appeal: Appeal) -> None:
    told = {code for code, letter in letters.items() if "Our names are not given" in body(letter)}

    assert told == appeal.no_names_to


@EVERY_STATE
def test_the_wording_fits_one_signatory_and_many(letters: dict[str, Letter], code: str) -> None:
    assert "We, the undersigned," in body(letters[code])
    assert letters[code].closing[-1] == "The undersigned"
    assert not re.search(r"\b(I|my|me|mine)\b", body(letters[code]))


@EVERY_STATE
def test_the_letter_uses_the_terms_of_the_osce_and_good_typography(
    letters: dict[str, Letter], code: str
) -> None:
    text = letters[code].text()

    assert "Member State" not in text
    assert "country" not in text
    assert not re.search(r"['\"]|  +\S| $|\t|\{|\}", text.replace("\n  ", "\n"), re.MULTILINE)
    assert max(len(line) for line in text.splitlines()) <= 72
    assert 550 <= len(text.split()) <= 760
