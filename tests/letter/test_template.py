"""Templates of the letter, and the composed letter as text and JSON."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from campaign.appeal.content import Appeal, LetterFile
from campaign.errors import AppealError
from campaign.letter.sheet import Letter, Paragraph, sha256
from campaign.letter.template import compose
from campaign.reference.participating_state import STATES


def test_text_gives_each_part_its_own_block(letters: dict[str, Letter]) -> None:
    letter = letters["va"]
    blocks = letter.text().split("\n\n")

    assert blocks[0] == "Head of Delegation\nHoly See\nOSCE, Vienna"
    assert blocks[1].replace("\n", " ") == letter.subject
    assert blocks[2] == "Excellency,"
    assert sum(block.startswith("- ") for block in blocks) == 2
    assert blocks[-1].splitlines()[-1] == "The undersigned"
    assert letter.text().endswith("undersigned\n")


def test_own_words_have_their_own_heading_and_are_not_hashed(letters: dict[str, Letter]) -> None:
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


def test_a_letter_survives_json(letters: dict[str, Letter]) -> None:
    for letter in letters.values():
        again = Letter.from_json(letter.to_json())
        assert again == letter
        assert again.to_json() == letter.to_json()
        assert sha256(again) == sha256(letter)


def rewritten(appeal: Appeal, old: str, new: str) -> Appeal:
    """Return *appeal* with a change in its English letter."""
    file = appeal.letters["en"]
    assert old in file.text
    return replace(
        appeal, letters={**appeal.letters, "en": LetterFile(file.path, file.text.replace(old, new, 1))}
    )


BROKEN = [
    ("Excellency,", "{% if %}", "{% if %}", "Expected an expression"),
    ("Excellency,", "{{ sate }}", "{{ sate }}", "'sate' is undefined"),
    ("{{ person.name }}", "{{ person.nam }}", "person.nam }}", "has no attribute 'nam'"),
    ("{% endfor %}", "", None, "Unexpected end of template"),
    ("Excellency,", "{{ state.__class__.__mro__ }}", "__mro__", "unsafe"),
    ("Excellency,", "{{ 1 / 0 }}", "1 / 0", "division by zero"),
    (
        "Subject: Women",
        "Betreff: Women",
        "Betreff: Women’s rights in Kazakhstan: the call of March 2021 for",
        "must begin with “Subject:”",
    ),
    ("reported:\n\n- At", "reported:\n- At", "ODF reported:", "leave an empty line before the list"),
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

    with pytest.raises(AppealError, match=r"en\.txt:5: a letter needs address, subject"):
        compose(replace(appeal, letters={"en": file}), STATES["de"], "en")


def test_a_letter_needs_neither_lists_nor_conditions(appeal: Appeal) -> None:
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
