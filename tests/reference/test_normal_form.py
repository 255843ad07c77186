import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.reference.normal_form import MOST_MARKS, normal_form

MARKS = ["\u0301\u0327", "\u0344\u0327", "\u0f73", "\u0301\uff9e", "\u0f73\u0f75\uff9f"]
"""Marks that Python would sort: in the wrong order, or once they are decomposed."""


@given(st.text(max_size=MOST_MARKS))
def test_a_text_that_anybody_would_type_gets_unicodes_normal_form(text: str) -> None:
    for form in ("NFC", "NFKC", "NFKD"):
        assert normal_form(form, text) == unicodedata.normalize(form, text)


def test_a_long_text_gets_it_too() -> None:
    text = "Vie\u0323\u0302t Nam, Zoe\u0308, नमस्ते, בְּרֵאשִׁית, ปู่, " * 100

    assert normal_form("NFC", text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("marks", MARKS, ids=ascii)
@pytest.mark.parametrize("form", ["NFC", "NFKC", "NFKD"])
def test_a_letter_with_very_many_marks_takes_no_more_time_than_other_text(form: str, marks: str) -> None:
    began = time.thread_time()

    text = normal_form(form, "a" + marks * (100_000 // len(marks)) + "b")  # type: ignore[arg-type]

    assert time.thread_time() - began < 1
    assert len(text) < 5 * MOST_MARKS
    assert text[-1] == "b"
