"""The code field reads what people paste or type: a whole link, words around the code, other keyboards."""

import pytest

from campaign.sealing.code import grouped
from tests.web.conftest import Supporter, text

pytestmark = pytest.mark.any_database

FULL_WIDTH = {number: number + 0xFEE0 for number in range(0x21, 0x7F)}
CYRILLIC = str.maketrans("ABEKMHPCTX", "АВЕКМНРСТХ")

SHAPES = {
    "a whole link": "https://letters.example/en/signature/{code}",
    "a link with what sticks to it": "<https://letters.example/en/signature/{code}>.",
    "a link to one letter": "https://letters.example/en/signature/{code}?letter=de&done=confirm",
    "a link that a mail program split": "https://letters.example/en/signature/{start}=\r\n{end}",
    "a full stop after it": "{printed}.",
    "dots": "{dotted}",
    "a label": "code: {printed}",
    "a label without a colon": "Code {printed}",
    "groups with spaces among other words": "my own: {spaced}, so it says",
    "in brackets": "({printed})",
    "in quotation marks": "„{printed}“",
    "en dashes": "{en_dashed}",
    "full-width letters": "{full_width}",
    "spaces": "{spaced}",
    "no-break spaces": "{no_break}",
    "residue of quoted-printable": "{printed}=0D",
    "an encoded space": "{code}%20",
    "zero-width spaces": "{zero_width}",
    "O and I for 0 and 1": "{confused}",
    "small letters": "{small}",
    "a Cyrillic keyboard": "{cyrillic}",
    "the whole message": "https://letters.example/en/signature/{code} Or type this code: {printed}",
}


def shaped(shape: str, code: str) -> str:
    printed = grouped(code)
    return shape.format(
        code=code,
        start=code[:7],
        end=code[7:],
        printed=printed,
        dotted=printed.replace("-", "."),
        spaced=printed.replace("-", " "),
        en_dashed=printed.replace("-", "–"),
        no_break=printed.replace("-", "\u00a0"),
        full_width=printed.translate(FULL_WIDTH),
        zero_width=printed.replace("-", "\u200b-\u200b") + "\ufeff",
        confused=printed.replace("0", "O").replace("1", "l"),
        small=printed.lower(),
        cyrillic=printed.translate(CYRILLIC),
    )


def test_a_code_is_read_in_any_shape(supporter: Supporter) -> None:
    supporter.sign()
    for shape in SHAPES.values():
        answer = supporter.client.post("/en/signature", data={"code": shaped(shape, supporter.token)})

        assert answer.status_code == 303, shape
        assert answer.location == f"/en/signature/{supporter.token}", shape


@pytest.mark.parametrize("shape", ["{printed}", "https://letters.example/en/signature/{code}."])
def test_a_code_in_the_field_for_the_address_is_read_too(supporter: Supporter, shape: str) -> None:
    supporter.sign()
    answer = supporter.client.post("/en/signature", data={"email": shaped(shape, supporter.token)})

    assert answer.location == f"/en/signature/{supporter.token}"


def test_an_address_in_the_field_for_the_code_is_sent_where_it_belongs(visiting_supporter: Supporter) -> None:
    answer = visiting_supporter.client.post("/en/signature", data={"code": "mara@example.org"})

    assert answer.status_code == 422
    assert "This is an e-mail address. Enter it below" in text(answer)


@pytest.mark.parametrize("typed", ["7K3M", "not a code", "7K3M-7K3M-7K3M-7K3M-7K3M-7K3M", "U" * 20])
def test_what_is_no_code_is_named_kindly(visiting_supporter: Supporter, typed: str) -> None:
    answer = visiting_supporter.client.post("/en/signature", data={"code": typed})

    assert answer.status_code == 422
    assert "20 letters and digits" in text(answer)


def test_a_cover_s_code_is_read_in_any_shape(visiting_supporter: Supporter) -> None:
    for shape in SHAPES.values():
        typed = shaped(shape, "7K3M9ABCDEFGHJKMNPQR")
        answer = visiting_supporter.client.get("/en/verify", query_string={"code": typed})

        assert answer.location == "/en/verify/7K3M9ABCDEFGHJKMNPQR", shape
