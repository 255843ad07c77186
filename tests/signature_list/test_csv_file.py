"""The list as CSV."""

import csv
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from campaign.letter.edition import Version
from campaign.signature_list import csv_file
from campaign.signature_list.entry import ListEntry

ENTRY = ListEntry(
    number=1,
    signature_id=UUID(int=1),
    state_code="de",
    name="Әсел Жұмабаева",
    town="Алматы",
    residence="KZ",
    words="",
    disclosure="delegation",
    edition=2,
    version=Version(2, "en"),
    language="kk",
)


def opened(*entries: ListEntry) -> list[dict[str, str]]:
    """Read the file back as a spreadsheet does."""
    text = "".join(csv_file.lines(entries)).encode().decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def test_every_column_comes_back_as_it_was():
    row = replace(ENTRY, name='Анна "Аня" Müller, Łódź', words="Act; do not wait, please.")

    assert opened(row) == [
        {
            "number": "1",
            "state": "de",
            "name": 'Анна "Аня" Müller, Łódź',
            "town": "Алматы",
            "residence": "KZ",
            "disclosure": "delegation",
            "language": "kk",
            "edition": "2",
            "words": "Act; do not wait, please.",
        }
    ]


def test_the_file_begins_with_one_byte_order_mark_and_ends_each_line_as_the_standard_says():
    text = "".join(csv_file.lines(replace(ENTRY, number=number) for number in range(1, 1001)))

    assert text.startswith("\ufeffnumber,state,")
    assert text.count("\ufeff") == 1
    assert text.count("\r\n") == text.count("\n") == 1001
    assert text.endswith("\r\n")


def test_a_list_without_signatures_still_has_its_heads():
    assert "".join(csv_file.lines([])) == "\ufeff" + ",".join(csv_file.COLUMNS) + "\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "=HYPERLINK(0)",
        "+1",
        "-1+1",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\tAnna",
        "   =1",
        "\u00a0=1",
        "\u200b=1",
        "\u202e=1",
        "\x00=1",
        "\ufeff=1",
        '"=1"',
        "＝1",
        "＋1",
        "－1",
        "＠SUM",
        "−1",
    ],
)
@pytest.mark.parametrize("field", ["name", "town", "words"])
def test_no_cell_begins_like_a_formula(field, text):
    [row] = opened(replace(ENTRY, **{field: text}))

    assert row[field].startswith("'")


@pytest.mark.parametrize("text", ["Anna;=1+1", 'Anna; "=1+1"', "Anna;\x00=1", ";=1"])
def test_no_formula_hides_behind_another_separator(text):
    written = "".join(csv_file.lines([replace(ENTRY, name=text)]))

    cells = written.splitlines()[1].split(";")[1:]
    assert cells
    assert all(cell.startswith("'") for cell in cells)


@pytest.mark.parametrize("text", ["Jean-Luc", "O'Neill", "a = b", "Ana + Eva", "post@example.org", "Ḱ-1"])
def test_a_sign_inside_a_text_is_left_alone(text):
    assert opened(replace(ENTRY, name=text))[0]["name"] == text


def test_one_signature_is_one_line_whatever_its_words():
    words = "First.\r\n\r\nSecond.\u2028Third.\x0b\x1bFourth.\x00"

    text = "".join(csv_file.lines([replace(ENTRY, words=words)]))

    assert len(text.splitlines()) == 2
    assert opened(replace(ENTRY, words=words))[0]["words"] == "First. Second. Third. Fourth."


def test_nothing_turns_the_direction_of_writing_round():
    assert opened(replace(ENTRY, name="Anna\u202egnaW"))[0]["name"] == "AnnagnaW"


def test_joiners_inside_names_stay():
    assert opened(replace(ENTRY, name="علی\u200cرضا"))[0]["name"] == "علی\u200cرضا"


def test_a_lone_surrogate_does_not_stop_the_file():
    assert opened(replace(ENTRY, name="Anna\ud800"))[0]["name"] == "Anna"


def test_a_long_list_is_written_in_flat_memory_and_read_as_it_is_written():
    read = 0

    def rows() -> Iterator[ListEntry]:
        nonlocal read
        for number in range(1, 20_001):
            read = number
            yield replace(ENTRY, number=number, words="x" * 200)

    chunks = csv_file.lines(rows())
    next(chunks)
    assert read <= 1000
    tracemalloc.start()
    written = sum(len(chunk) for chunk in chunks)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert written > 4_000_000
    assert peak < 1_000_000
