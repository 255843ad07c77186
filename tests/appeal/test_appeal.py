import shutil
from datetime import date
from pathlib import Path

import pytest

from campaign.appeal.content import Appeal, Ask
from campaign.appeal.reading import load
from campaign.errors import AppealError
from campaign.paths import PACKAGE, TEMPLATES
from campaign.reference.participating_state import STATES
from campaign.reference.residence import RESIDENCES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a copy of the shipped appeal in English."""
    folder = tmp_path / "appeal"
    folder.joinpath("letters").mkdir(parents=True)
    for name in ("appeal", "persons", "claims", "instruments"):
        shutil.copy(PACKAGE / "data" / "appeal" / f"{name}.toml", folder)
    shutil.copy(TEMPLATES / "letters" / "en.txt", folder / "letters")
    return folder


def line_of(path: Path, text: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return 1 + next(at for at, line in enumerate(lines) if text in line)


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def refusal(folder: Path) -> str:
    with pytest.raises(AppealError) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{folder}/")


def test_the_shipped_appeal_names_the_five_in_the_sources_order(appeal: Appeal) -> None:
    assert [(person.id, person.name, person.office) for person in appeal.persons] == [
        ("massimov", "Karim Massimov", "Chairman of the National Security Committee"),
        ("abish", "Samat Abish", "First Deputy of the Chairman of the National Security Committee"),
        ("turgumbayev", "Yerlan Turgumbayev", "Interior Minister"),
        ("nurdauletov", "Gizat Nurdauletov", "Prosecutor General"),
        ("nazarbayev", "Nursultan Nazarbayev", "Chairman of the Security Council and First President"),
    ]
    assert {person.office_as_of for person in appeal.persons} == {date(2021, 3, 8)}


def test_every_statement_about_a_person_has_a_source(appeal: Appeal) -> None:
    for person in appeal.persons:
        assert person.changes
        for part in (person, *person.changes):
            assert all(source.startswith(("https://", "http://")) for source in part.sources)


def test_a_name_that_no_source_confirms_is_left_empty(appeal: Appeal) -> None:
    assert {person.id: person.name_kk for person in appeal.persons}["nurdauletov"] == ""


def test_nothing_unconfirmed_is_shown(appeal: Appeal) -> None:
    for path in (PACKAGE / "data").rglob("*.*"):
        assert "unverified" not in path.read_text(encoding="utf-8").lower()
    assert "1644" not in str(appeal.instruments["ua"])
    assert "946.231" not in str(appeal.instruments["ch"])


def test_every_state_has_one_instrument(appeal: Appeal) -> None:
    assert list(appeal.instruments) == list(STATES)
    assert all(code == instrument.state_code for code, instrument in appeal.instruments.items())


def test_the_request_follows_from_the_instrument(appeal: Appeal) -> None:
    expected = {
        Ask.PROPOSE: "at be bg cy cz de dk ee es fi fr gr hr hu ie it lt lu lv mt nl pl pt ro se si sk",
        Ask.DESIGNATE_UK: "gb",
        Ask.DESIGNATE_US: "us",
        Ask.DESIGNATE_CA: "ca",
        Ask.ALIGN: "al am ba ge me mk no rs ua",
        Ask.ALIGN_NATIONAL: "ad is li mc",
        Ask.OWN_INITIATIVE: "md",
        Ask.CONSIDER_ADOPTING: "ch",
        Ask.GENERAL: "az by kg mn ru sm tj tm tr uz va",
        Ask.INVESTIGATE: "kz",
    }
    for ask in Ask:
        states = {code for code, instrument in appeal.instruments.items() if instrument.ask == ask}
        assert states == set(expected[ask].split()), ask
    nationals = {code for code, instrument in appeal.instruments.items() if instrument.national}
    assert nationals == {"cz", "ee", "lt", "lv", "no", "ua"}


def test_an_instrument_based_on_the_eu_framework_expires_with_it(appeal: Appeal) -> None:
    for code, instrument in appeal.instruments.items():
        is_based_on_it = instrument.ask not in {
            Ask.DESIGNATE_UK, Ask.DESIGNATE_US, Ask.DESIGNATE_CA, Ask.GENERAL, Ask.INVESTIGATE,
        }  # fmt: skip
        assert instrument.valid_until == (date(2026, 12, 8) if is_based_on_it else None), code


def test_a_note_says_that_the_united_states_rarely_act_on_events_older_than_five_years(
    appeal: Appeal,
) -> None:
    assert "older than five years" in appeal.instruments["us"].organiser_note


def test_the_accused_state_and_its_neighbours_get_no_names(appeal: Appeal) -> None:
    assert appeal.accused_state == "kz"
    assert appeal.no_names_to == {"kz", "by", "kg", "ru", "tj", "tm", "uz"}
    assert appeal.endangered_residences == {"KZ"}
    assert appeal.endangered_residences <= RESIDENCES


def test_figures_are_quoted_exactly_from_the_source(appeal: Appeal) -> None:
    figures = {claim.id: claim.figure for claim in appeal.claims}

    assert figures["prosecuted"] == "at least 35"
    assert figures["political-prisoners"] == "4"
    assert figures["persecuted"] == "thousands"
    assert figures["financing"] == "11 other activists"
    assert figures["femina-virtute"] == "Article 405"


def test_another_folder_replaces_data_and_letters(folder: Path) -> None:
    change(folder / "appeal.toml", "The Women’s Call", "Another Call")
    change(folder / "letters" / "en.txt", "Excellency,", "Madam, Sir,")

    own = load(folder)

    assert own.title == "Another Call"
    assert own.letters["en"].path == folder / "letters" / "en.txt"
    assert "Madam, Sir," in own.letters["en"].text


def test_an_instrument_is_replaced_by_editing_one_line(folder: Path) -> None:
    change(folder / "instruments.toml", "valid_until = 2026-12-08", "valid_until = 2029-12-08")

    assert load(folder).instruments["de"].valid_until == date(2029, 12, 8)


BROKEN = [
    # file, old text, new text, text of the line in the error, words of the error
    ("appeal.toml", 'accused_state = "kz"', 'accused_state = "zz"', "accused_state =", "“zz” is no"),
    ("appeal.toml", '["kz", "by",', '["by",', "no_names_to =", "“kz” must be in “no_names_to”"),
    ("appeal.toml", '["kz", "by",', '["kz", "xx",', "no_names_to =", "“xx” is no participating state"),
    ("appeal.toml", '["KZ"]', '["Kazakhstan"]', "endangered_residences =", "“Kazakhstan” is no residence"),
    ("appeal.toml", "[source]", "[sauce]", "[sauce]", "there is no field “sauce”"),
    ("appeal.toml", "short_name =", "shortname =", "shortname =", "there is no field “shortname”"),
    ("appeal.toml", 'title = "The Women’s Call"', "title = The Women’s Call", "title =", "Invalid value"),
    ("persons.toml", '[[person]]\nid = "abish"', "[[person]] # who?", "# who?", "“id” is missing"),
    ("persons.toml", 'office = "Prosecutor General"', 'office = " "', 'office = " "', "“office” is empty"),
    ("persons.toml", 'office = "Prosecutor General"', "office = 7", "office = 7", "must be text"),
    ("persons.toml", 'id = "abish"', 'id = "massimov"#', '"massimov"#', "is used in line 8 already"),
    ("persons.toml", "2021-03-08", '"8 March 2021"', '"8 March 2021"', "a day such as"),
    ("persons.toml", "2021-03-08", "2021-02-30", "2021-02-30", "Invalid date"),
    ("persons.toml", 'when = "8 January 2022"', 'wenn = "8 January 2022"', "wenn", "no field “wenn”"),
    ("persons.toml", 'when = "September 2023"', 'when = ""#2', 'when = ""#2', "“when” is empty"),
    ("persons.toml", 'name_ru = "Гизат', 'name_xx = "Гизат', "name_xx", "there is no field “name_xx”"),
    ("persons.toml", "sources = [\n", "sources = []\nx = [\n", "x = [", "there is no field “x”"),
    ("claims.toml", 'kind = "figure"', 'kind = "number"', 'kind = "number"', "“number” is no kind"),
    ("claims.toml", 'id = "searches"', 'id = "violence"#', '"violence"#', "is used in line"),
    ("instruments.toml", 'id = "uk"', 'id = "eu"#', 'id = "eu"#', "is used in line 10 already"),
    ("instruments.toml", '[[instrument]]\nid = "uk"', "[[instrument]] #", "t]] #", "“id” is missing"),
    ("instruments.toml", 'ask = "align"', 'ask = "plead"', 'ask = "plead"', "“plead” is no ask"),
    ("instruments.toml", '["us"]', '["us", "gb"]', '["us", "gb"]', "“gb” has an instrument already"),
    ("instruments.toml", '["us"]', '["usa"]', '["usa"]', "“usa” is no participating state"),
    ("instruments.toml", '["us"]', '"us"', 'states = "us"', "must be a list of texts"),
    ("instruments.toml", '"az", "kg"', '"az"', "# Under which law", "no instrument is given for kg"),
    ("instruments.toml", 'ask = "investigate"', 'ask = "general"#', '"general"#', "accused state"),
    ("instruments.toml", 'ask = "designate_us"', 'ask = "investigate"#', '"investigate"#', "accused state"),
    ("instruments.toml", "national.cz]", "national.us]", "states = [", "“us” has a national measure"),
    ("instruments.toml", "valid_until = 2026-12-08", "valid_until = 2026", "valid_until = 2026", "a day"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "at", "words"), BROKEN)
def test_a_broken_folder_is_refused_with_file_and_line(
    folder: Path, file: str, old: str, new: str, at: str, words: str
) -> None:
    change(folder / file, old, new)

    name, line, sentence = refusal(folder).split(":", 2)

    assert words in sentence
    assert name == file
    assert int(line) == line_of(folder / file, at)


def test_a_missing_field_is_reported_at_the_header_of_its_entry(folder: Path) -> None:
    change(folder / "persons.toml", 'office = "Prosecutor General"\n', "")

    header = line_of(folder / "persons.toml", 'id = "nurdauletov"') - 1

    assert refusal(folder) == f"persons.toml:{header}: “office” is missing"


def test_an_unterminated_text_is_reported_at_the_end_of_the_file(folder: Path) -> None:
    path = folder / "claims.toml"
    path.write_text(path.read_text(encoding="utf-8") + '\n[[claim]]\nid = "x"\nstatement = """endless\n')

    name, line, _sentence = refusal(folder).split(":", 2)

    assert name == "claims.toml"
    assert int(line) >= len(path.read_text(encoding="utf-8").splitlines()) - 1


@pytest.mark.parametrize("file", ["appeal.toml", "persons.toml", "claims.toml", "instruments.toml"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()

    assert refusal(folder).startswith(f"{file}:1: ")


def test_a_missing_letter_is_named(folder: Path) -> None:
    (folder / "letters" / "en.txt").unlink()

    assert refusal(folder).startswith("letters/en.txt:1: the letter in English")


@pytest.mark.parametrize("file", ["persons.toml", "letters/en.txt"])
def test_another_encoding_is_reported_at_its_first_invalid_line(folder: Path, file: str) -> None:
    path = folder / file
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_bytes("\n".join([*lines[:2], "# caf"]).encode() + b"\xe9\n")

    assert refusal(folder).startswith(f"{file}:3: this is not UTF-8")


def test_a_byte_order_mark_is_ignored(folder: Path) -> None:
    for path in (folder / "appeal.toml", folder / "letters" / "en.txt"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    assert load(folder).letters["en"].text.startswith("{#")


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "https://", "https:/example.org", "http://a:b@example.org/",
             "https://example.org/a b", "//example.org", "data:text/html,x", "http://[::1", "http://x:99999/"]
)  # fmt: skip
def test_a_link_that_cannot_work_is_refused(folder: Path, link: str) -> None:
    change(folder / "persons.toml", "https://rferl.org/amp/", f'{link}", "https://rferl.org/amp/')
    assert "is neither a web address" in refusal(folder)

    change(folder / "persons.toml", f'{link}", "', "")
    change(folder / "appeal.toml", 'url = "https://en.odf', f'url = "{link}"#')
    assert "is no web address" in refusal(folder)


@pytest.mark.parametrize(
    "source", ["Human rights: a report, 2021", "Vlast, print edition", "HTTPS://example.org/x"]
)
def test_a_source_may_be_printed(folder: Path, source: str) -> None:
    change(
        folder / "persons.toml",
        "https://rferl.org/amp/kazakhstan-kudebaev-prison-nazarbaev/32383796.html",
        source,
    )

    assert source in load(folder).persons[0].sources


@pytest.mark.parametrize(
    "name", ["K. Massimov", "massimov/karim", "Massimov", "масимов", "-", "a" * 41, "../x"]
)
@pytest.mark.parametrize("file", ["persons.toml", "claims.toml"])
def test_an_id_that_cannot_be_part_of_an_address_is_refused(folder: Path, file: str, name: str) -> None:
    old = {"persons.toml": 'id = "abish"', "claims.toml": 'id = "searches"'}[file]
    change(folder / file, old, f'id = "{name}"')

    found, line, sentence = refusal(folder).split(":", 2)

    assert (found, int(line)) == (file, line_of(folder / file, f'"{name}"'))
    assert "cannot be part of a page’s address" in sentence
