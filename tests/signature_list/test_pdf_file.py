"""The letter, the cover and the list as PDF, read back with pypdf."""

import io
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from campaign.errors import DeliveryError
from campaign.letter.edition import Version
from campaign.letter.sheet import Items, Letter, Paragraph
from campaign.reference.sprig import BLOSSOMS
from campaign.signature_list import font, pdf_file, pdf_letter, pdf_writer
from campaign.signature_list.cover import Cover
from campaign.signature_list.entry import ListEntry
from campaign.signature_list.pdf_file import Report

LETTER = Letter(
    state_code="de",
    language="en",
    address=("Head of Delegation", "Germany", "OSCE, Vienna"),
    subject="A request about five persons",
    salutation="Excellency,",
    body=(
        Paragraph("The first paragraph reports."),
        Items(("Кәрім Үлгілов, as of March 2021 an official.", "Another Person, as of March 2021 a judge.")),
        Paragraph("The last paragraph asks."),
    ),
    closing=("Yours faithfully,", "the signatories"),
)

COVER = Cover(
    language="en",
    edition=2,
    code="7K3MQ0V9ZB2TN8XH4C6D",
    made_on=date(2026, 11, 23),
    organisation="Example Letters e. V.",
    seat="Wien",
    contact="post@letters.example",
    state_name="Germany",
    total=3,
    named=3,
    by_residence=(("DE", 2), ("AT", 1041)),
    own_residence="DE",
    withdrawn=0,
    removed=0,
    verify_url="https://letters.example/en/verify/7K3M-Q0V9-ZB2T-N8XH-4C6D",
    nonce="9f86d081884c7d659a2feaa0c55ad015",
    names_withheld=False,
)

ENTRY = ListEntry(
    number=1,
    signature_id=UUID(int=1),
    state_code="de",
    name="Anna Muster",
    town="Linz",
    residence="AT",
    words="",
    disclosure="delegation",
    edition=2,
    language="en",
    version=Version(2, "en"),
)

NAMES = [
    "Әсел Жұмабаева",
    "Ғалия Қыдырбекқызы",
    "Іңкәр Өтеуова Һүсейінұлы",
    "Ἀλέξανδρος Ψωμᾶς",
    "Ελένη Νικολάου",
    "Անի Հակոբյան",
    "ნინო გელაშვილი",
    "Łukasz Żółć",
    "Ştefan Țurcanu",
    "Nguyễn Thị Ánh",
    "Þórdís Æsa Ðúadóttir",
    "Ģirts Ķēniņš",
    "Ірина Ґонта-Їжак",
    "Љубица Ђорђевић",
    "Séamus O’Néill",
]


def delivered(rows: Any, **changes: Any) -> tuple[PdfReader, Report]:
    file = io.BytesIO()
    earlier = changes.pop("earlier", {})
    cover = replace(COVER, **changes)
    report = pdf_file.write_delivery(file, LETTER, cover, rows, other_letters=earlier)
    return PdfReader(file), report


def named(*names: str, **fields: Any) -> list[ListEntry]:
    return [replace(ENTRY, number=number, name=name, **fields) for number, name in enumerate(names, start=1)]


def crowd() -> list[str]:
    """Return 150 words that have no letter in common."""
    plain = sorted(character for character in font._plain() if character.isalpha())
    return ["".join(plain[at : at + 10]) for at in range(0, 1500, 10)]


def text(reader: PdfReader) -> str:
    return "\n".join(page.extract_text() for page in reader.pages)


def written_letter(letter: Letter = LETTER, words: str = "") -> PdfReader:
    file = io.BytesIO()
    pdf_letter.write_letter(file, letter, words=words)
    return PdfReader(file)


def in_order(page: str, *parts: str) -> bool:
    at = [page.find(part) for part in parts]
    return -1 not in at and at == sorted(at)


def test_a_letter_reads_from_its_address_to_its_closing():
    assert in_order(
        text(written_letter()),
        *LETTER.address,
        LETTER.subject,
        LETTER.salutation,
        "The first paragraph reports.",
        "Кәрім Үлгілов",
        "Another Person",
        "The last paragraph asks.",
        *LETTER.closing,
    )


def test_the_same_letter_is_the_same_file():
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        pdf_letter.write_letter(file, LETTER, words="Mine.")

    assert files[0].getvalue() == files[1].getvalue()


@pytest.mark.parametrize("state_code", ["de", "va"])
def test_the_letterhead_opens_the_blossom_of_the_addressed_state_alone(state_code: str):
    drawn = written_letter(replace(LETTER, state_code=state_code)).pages[0].get_contents()
    assert drawn is not None
    fills = re.findall(
        r"^([\d. ]+) rg.*?^([\d.]+) ([\d.]+) m", drawn.get_data().decode("latin-1"), re.M | re.S
    )
    opened = {(x, y) for colour, x, y in fills if colour.startswith(".960784 .772549")}
    blossom = BLOSSOMS[state_code]

    assert len(fills) > len(BLOSSOMS) // 2
    assert {(float(x) - blossom.radius * 1.5, float(y)) for x, y in opened} == {(blossom.x, blossom.y)}


def test_a_letter_says_its_title_and_language_to_the_reader():
    reader = written_letter(replace(LETTER, language="kk", subject="Қазақстан: өтініш"))

    assert reader.metadata is not None
    assert reader.metadata.title == "Қазақстан: өтініш"
    assert reader.root_object["/Lang"] == "kk"


def test_own_words_stand_before_the_closing_and_are_called_the_signatorys():
    page = text(written_letter(words="I was there.\n\nI ask you to act."))

    assert in_order(page, "asks.", "In the signatory’s own words", "I was there.", "I ask you", "Yours")


def test_a_long_letter_goes_on_and_every_page_says_which_it_is():
    long = replace(LETTER, body=tuple(Paragraph(f"Paragraph {n}. " + "A sentence. " * 60) for n in range(12)))

    pages = [page.extract_text() for page in written_letter(long).pages]

    assert len(pages) > 2
    for number, page in enumerate(pages, start=1):
        assert re.search(rf"\b{number}\s*/ {len(pages)}\b", page)
    assert all(f"Paragraph {n}." in "".join(pages) for n in range(12))


def test_letter_cover_and_list_come_in_this_order():
    reader, report = delivered(named("Anna Muster"))

    assert in_order(text(reader), "Excellency,", "List of signatories\n", "Signatories\n", "Anna Muster")
    assert report == Report(pages=3, names=1, romanised=0)


def test_the_cover_says_who_sends_what_and_where_to_check_it():
    reader, _ = delivered([], total=1043, named=1040, withdrawn=31, removed=1)
    cover = " ".join(reader.pages[1].extract_text().split())

    for part in (
        "1,043",
        "1,040 with a name on this list, 3 whose name is not on it",
        "Example Letters e. V., Wien",
        "post@letters.example",
        "23 November 2026",
        "signatures, not people",
        "31 signatures were withdrawn",
        "1 signature was removed",
        "https://letters.example/en/verify/7K3M-Q0V9-ZB2T-N8XH-4C6D",
        "Code: 7K3M-Q0V9-ZB2T-N8XH-4C6D",
        "9f86d081884c7d659a2feaa0c55ad015",
    ):
        assert part in cover
    assert in_order(cover, "Signatures by residence", "Germany 2", "Austria 1,041")


def test_every_name_comes_out_as_it_was_written():
    # Letters of many alphabets need several font subsets: a name's letters then come from more than one.
    reader, report = delivered(named(*crowd(), *NAMES))

    lines = text(reader).splitlines()
    assert [name for name in [*crowd(), *NAMES] if name not in lines] == []
    assert report.romanised == 0


def test_a_row_holds_number_name_town_and_residence_and_no_date():
    reader, _ = delivered([replace(ENTRY, number=4711, residence="ZZ")])
    page = reader.pages[2].extract_text()

    assert in_order(page, "4711", "Anna Muster", "Linz", "Not stated")
    assert "2026" not in page


def test_a_name_of_300_letters_is_printed_whole():
    name = "Xy" * 150

    reader, _ = delivered(named(name))

    assert name in re.sub(r"\s", "", reader.pages[2].extract_text())


def test_signatures_that_are_not_listed_by_name_are_counted():
    rows = [
        ENTRY,
        replace(ENTRY, number=2, name="", town="Hidden Town"),
        replace(ENTRY, number=3, name="Eva Beispiel"),
    ]

    reader, report = delivered(rows, total=1203)

    assert report.names == 2
    assert "Hidden Town" not in text(reader)
    assert in_order(text(reader), "Eva Beispiel", "and 1,201 signatures whose names are not on this list")


def test_signatories_of_another_edition_come_last_under_the_text_they_signed():
    other = replace(LETTER, body=(Paragraph("What the first edition said."),))
    rows = [
        replace(ENTRY, name="Early Bird", version=Version(1, "en")),
        replace(ENTRY, number=2, name="Late Comer"),
    ]

    reader, report = delivered(rows, earlier={Version(1, "en"): other})

    assert report.names == 2
    assert in_order(text(reader), "Late Comer", "edition: 1", "What the first edition said.", "Early Bird")


def test_signatories_in_another_language_come_under_the_text_they_signed():
    french, early = Version(2, "fr"), Version(1, "fr")
    rows = [ENTRY, replace(ENTRY, name="Zoé", version=french), replace(ENTRY, name="Léa", version=early)]
    texts = {french: "Ce que dit la lettre.", early: "Ce que disait la lettre."}
    letters = {version: replace(LETTER, body=(Paragraph(said),)) for version, said in texts.items()}

    reader, report = delivered(rows, earlier=letters)

    assert report.names == 3
    assert in_order(text(reader), "Anna Muster", "in another language: French", texts[french], "Zoé")
    assert in_order(text(reader), "Zoé", "(1) in another language: French", texts[early], "Léa")


def test_own_words_in_another_language_say_which():
    words = replace(ENTRY, number=2, words="Ma sœur.", language="fr", version=Version(2, "en"))

    reader, _report = delivered([replace(ENTRY, words="My aunt."), words])

    assert in_order(text(reader), "My aunt.", "Language: French", "Ma sœur.")
    assert text(reader).count("Language:") == 1


def test_an_edition_without_its_text_stops_the_document():
    with pytest.raises(DeliveryError, match="edition 1"):
        delivered([replace(ENTRY, version=Version(1, "en"))])


def test_own_words_come_under_their_numbers_as_the_signatories_own():
    rows = [ENTRY, replace(ENTRY, number=2, name="Eva Beispiel", words="My sister\nis one of them.")]

    page = text(delivered(rows)[0])

    assert in_order(
        page, "Eva Beispiel", "In the signatories’ own words", "not the campaign’s", "2\nMy sister"
    )


def test_a_delegation_that_gets_no_names_gets_the_count_and_the_reason():
    def rows() -> Iterator[ListEntry]:
        raise AssertionError("no row may be opened for this delegation")
        yield ENTRY

    reader, report = delivered(
        rows(), names_withheld=True, state_name="Kazakhstan", own_residence="KZ", by_residence=(("KZ", 2),)
    )

    assert report == Report(pages=2, names=0, romanised=0)
    cover = reader.pages[1].extract_text()
    assert in_order(cover, "Kazakhstan", "3\nconfirmed signatures", "no name, town")
    assert "residence" not in cover


def test_every_page_names_the_state_and_the_code_and_those_of_the_list_are_confidential():
    reader, report = delivered(named(*["Anna Muster"] * 200))

    for number, page in enumerate(reader.pages, start=1):
        shown = page.extract_text()
        assert "Germany" in shown
        assert "7K3M-Q0V9-ZB2T-N8XH-4C6D" in shown
        assert re.search(rf"\b{number}\n.*/ {report.pages}\b", shown, re.DOTALL)
        assert ("confidential: for the delegation only" in shown) == (number > 1)
        assert ("Residence" in shown) == (number > 2)


@pytest.mark.parametrize("names_withheld", [True, False])
def test_a_working_copy_is_for_organisers_only_and_says_so_on_every_page_of_the_list(names_withheld):
    reader, report = delivered(named("Anna Muster"), code="", names_withheld=names_withheld)

    assert report.pages == (2 if names_withheld else 3)
    for page in reader.pages[1:]:
        assert "Working copy – for organisers only" in page.extract_text()
    assert "for the delegation only" not in text(reader)


def test_several_delegations_documents_fit_into_one_file():
    file = io.BytesIO()
    pdf = pdf_writer.PdfWriter(file, title="Lists", language="en")
    for state in ("Germany", "France"):
        if state == "France":
            pdf.next_page()
        cover, letter = (
            replace(COVER, state_name=state, by_residence=()),
            replace(LETTER, address=("To", state)),
        )
        pdf_file.lay_out(pdf, letter, cover, [ENTRY], other_letters={})
    pdf.close()

    pages = [page.extract_text() for page in PdfReader(file).pages]
    assert ["Germany" in page for page in pages[:3]] == [True] * 3
    assert ["France" in page for page in pages] == [False] * 3 + [True] * 3
    assert ["confidential" in page for page in pages] == [False, True, True] * 2


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("王伟", "‹Wang Wei›*"),
        ("김민준", "‹Gim Min Jun›*"),
        ("Anna 王 Müller", "Anna ‹Wang›* Müller"),
        ("حسن رضا", "‹hsn rd›*"),
        ("Eva 😀", "Eva ‹:grinning:›*"),
        ("A\u0301\u0300\u0302\u0303\u0304\u0306nna", "‹A›*nna"),
        ("\U000f0000", "‹U+F0000›*"),
    ],
)
def test_a_script_that_no_font_covers_is_romanised_marked_and_reported(name, shown):
    reader, report = delivered([*named(*["Anna Muster"] * 60), replace(ENTRY, number=61, name=name)])

    first, last = reader.pages[2].extract_text(), reader.pages[-1].extract_text()
    assert shown in last.splitlines()
    assert report.romanised == 1
    assert "What stands between ‹ and ›" in last
    assert "romanised" not in first


def test_nothing_invisible_reaches_the_page():
    reader, report = delivered(
        [replace(ENTRY, name="An\u202ena\x00 M\u200bus\tter\u2066\ufeff", town="Li\nnz\u0007")]
    )

    lines = reader.pages[2].extract_text().splitlines()
    assert "Anna Mus ter" in lines
    assert "Li nz" in lines
    assert report.romanised == 0


def test_letters_typed_with_separate_accents_are_joined():
    reader, report = delivered(named("Ne\u0301met E\u0301va", "Ӱ\u0301"))

    assert "Német Éva" in text(reader).splitlines()
    assert report.romanised == 0


def test_only_embedded_fonts_are_used():
    reader, _ = delivered(named(*NAMES))

    fonts = {name: each for page in reader.pages for name, each in page["/Resources"]["/Font"].items()}
    assert len(fonts) >= 4
    for each in fonts.values():
        assert "/FontFile2" in each.get_object()["/FontDescriptor"]


def test_documents_written_at_the_same_time_do_not_mix():
    def written(_: int) -> bytes:
        file = io.BytesIO()
        rows = named(*crowd())
        pdf_file.write_delivery(file, LETTER, COVER, rows, other_letters={})
        return file.getvalue()

    alone = written(0)
    patience = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as threads:
            together = set(threads.map(written, range(8)))
    finally:
        sys.setswitchinterval(patience)

    assert together == {alone}


@given(st.text())
def test_whatever_was_typed_becomes_printable(typed):
    shown = font.printable(typed)

    assert shown.isprintable() or "\u00a0" in shown
    assert font.printable(shown) == shown
    assert "".join(run for _, run in font.regular().runs(shown)) == shown
    assert font.regular().width(shown, 9) >= 0


@given(st.text(alphabet="abcW -иұаა ", max_size=80), st.floats(20, 200))
def test_a_wrapped_text_loses_nothing_and_fits(typed, width):
    lines = pdf_writer.wrap(font.printable(typed), font.regular(), 9, width)

    assert re.sub(" ", "", "".join(lines)) == typed.replace(" ", "")
    assert all(font.regular().width(line, 9) <= width for line in lines)
