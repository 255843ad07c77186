"""Arbitrary text, imports and settings: each is accepted whole or refused with a message."""

import base64
import csv
import io
import json
import re
import shutil
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.appeal.reading import load
from campaign.delivery import address_file, delegation
from campaign.errors import AppealError, DelegationError, ProofError, SettingsError, WrongCodeError
from campaign.guard import mail_domain, network, proof_of_work
from campaign.letter.edition import Version
from campaign.letter.sheet import Letter
from campaign.letter.template import compose
from campaign.organiser.second_factor import TypedCode
from campaign.paths import PACKAGE, TEMPLATES
from campaign.reference.participating_state import STATES
from campaign.sealing import box, passphrase_key
from campaign.sealing.address import domain_of
from campaign.sealing.code import CROCKFORD, grouped, read_code
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.settings import load as load_settings
from campaign.signature_list import csv_file, pdf_file
from campaign.signature_list.cover import Cover
from campaign.signature_list.entry import ListEntry
from campaign.web import field
from tests.conftest import NOW, SECRET
from tests.support.factories import address_digest
from tests.support.hostile_input import any_text, broken_text, words
from tests.support.hostile_input import typed as anything

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

KEYS = ServerKeys.from_secret("made up for this test, and long enough for it")

ENTRY = ListEntry(
    number=1,
    signature_id=UUID(int=1),
    state_code="de",
    name="Anna Muster",
    town="Linz",
    residence="AT",
    words="",
    disclosure="delegation",
    edition=1,
    language="en",
    version=Version(1, "en"),
)

COVER = Cover(
    language="en",
    edition=1,
    code="",
    made_on=date(2026, 11, 23),
    organisation="Example Letters",
    seat="Vienna",
    contact="post@letters.example",
    state_name="Germany",
    total=1,
    named=1,
    by_residence=(("AT", 1),),
    own_residence="DE",
    withdrawn=0,
    removed=0,
    verify_url="https://letters.example/en/verify/x",
    nonce="0" * 32,
    names_withheld=False,
)

FORMULA = re.compile(r'[\s"\u200c\u200d]*[=+\-@−＝＋－＠\t\r]')

FILES = ("appeal.toml", "persons.toml", "claims.toml", "instruments.toml", "letters/en.txt")

TEXT = {path: (PACKAGE / "data" / "appeal" / path).read_text() for path in FILES[:-1]}
TEXT["letters/en.txt"] = (TEMPLATES / "letters" / "en.txt").read_text()

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(anything | broken_text)
def test_cleaning_what_was_typed_never_fails_and_cleans_it_whole(text: str) -> None:
    for clean in (field.one_line, field.paragraphs):
        once = clean(text)

        assert clean(once) == once
        assert once == once.strip()


@given(anything | broken_text)
@example("LAURA@EXAMPLE.ORG")
@example("a@ß.example")
@example("İ@İ.example")
def test_an_address_has_one_digest_however_it_is_cased_and_spaced(text: str) -> None:
    assume(text.isprintable())
    address = f"{text.replace('@', '')[:60] or 'x'}@example.org"
    digest = address_digest(KEYS, "de", address)

    assert len(digest) == 32
    assert address_digest(KEYS, "de", f" {address} ") == digest
    assert address_digest(KEYS, "de", address.replace("example.org", "EXAMPLE.ORG")) == digest


@given(anything)
def test_an_address_that_is_no_address_breaks_no_digest(text: str) -> None:
    for address in (text, f"a@{text}", f"{text}@example.org"):
        assert len(address_digest(KEYS, "de", address)) == 32


@given(anything | broken_text | st.text(CROCKFORD + "oilOIL- ", min_size=18, max_size=30))
def test_any_text_is_read_as_a_code_or_as_none(text: str) -> None:
    code = read_code(text)

    if code is not None:
        assert len(code) == 20
        assert set(code) <= set(CROCKFORD)
        assert read_code(grouped(code).lower()) == code


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def answers(draw: st.DrawFn) -> str:
    """Draw a program's answer to a puzzle: a valid one with some parts replaced."""
    challenge = json.loads(proof_of_work.puzzle(KEYS.proof, now=NOW))
    places = [challenge, challenge["parameters"], challenge["parameters"]["data"]]
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.sampled_from(places))
        place[draw(st.sampled_from(sorted(place)))] = draw(json_like)
    solution = draw(st.just({"counter": 1, "derivedKey": "00"}) | json_like)
    answer = draw(st.just({"challenge": challenge, "solution": solution}) | json_like)
    return base64.b64encode(json.dumps(answer).encode()).decode()


@given(answers() | anything | broken_text)
@example(base64.b64encode(b"[" * 900).decode())
@example("=" * 4_000)
def test_an_invalid_proof_is_refused_with_a_message(answer: str) -> None:
    assert words(lambda: proof_of_work.read(KEYS.proof, answer, now=NOW), (ProofError,))


@given(anything | broken_text | st.from_regex(r"[0-9]{1,40}\.[0-9a-f]{64}", fullmatch=True))
def test_an_invalid_ticket_is_refused_with_a_message(given: str) -> None:
    assert words(lambda: proof_of_work.ticket_wait(KEYS.proof, given, b"mailbox", now=NOW), (ProofError,))


@given(anything | st.from_regex(r"\w{6}", fullmatch=True))
def test_an_invalid_code_of_a_phone_is_refused_with_a_message(digits: str) -> None:
    code = TypedCode(digits, NOW)
    said = words(lambda: code.step("A" * 32), (WrongCodeError,))

    assert said or digits.strip().isdigit()


@given(anything | st.ip_addresses().map(str))
def test_a_client_of_any_address_belongs_to_some_network(address: str) -> None:
    assert len(network.prefix(address)) in {0, 4, 6}
    assert network.is_within(address, []) is False


@given(anything)
def test_any_domain_can_be_checked(text: str) -> None:
    for name in (text, f"{text}.example.org", f"a.{text}"):
        assert mail_domain.owned_domain(name).count(".") <= 2
        assert mail_domain.is_disposable(name) in {True, False}
        assert len(domain_of(f"a@{name}")) >= 0


def as_spreadsheets_read(file: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.removeprefix("\ufeff"), newline="")))


@given(anything, anything, anything)
def test_a_list_has_every_name_as_text_and_never_as_a_formula(name: str, town: str, own: str) -> None:
    row = replace(ENTRY, name=name, town=town, words=own)
    file = "".join(csv_file.lines([row]))
    heads, *rows = as_spreadsheets_read(file)

    assert len(rows) == 1
    cells = dict(zip(heads, rows[0], strict=True))
    for typed_in, column in ((name, "name"), (town, "town"), (own, "words")):
        assert not FORMULA.match(cells[column]), cells[column]
        # No visible character is lost, and only the escape is added.
        assert _seen(cells[column]).replace("'", "") == _seen(typed_in).replace("'", "")
    # With the semicolon as separator, as on many machines, a spreadsheet splits the lines elsewhere.
    for line in csv.reader(io.StringIO(file, newline=""), delimiter=";"):
        assert not [cell for cell in line if FORMULA.match(cell)], line


def _seen(text: str) -> str:
    return "".join(character for character in text if character.isprintable() and not character.isspace())


@settings(max_examples=25)
@given(anything, anything, anything, anything)
def test_a_document_can_be_made_of_any_names_and_words(
    letter: Letter, name: str, town: str, own: str, organisation: str
) -> None:
    file = io.BytesIO()
    rows = [
        replace(ENTRY, name=name[:300] or "x", town=town[:150], words=own[:1500]),
        replace(ENTRY, number=2),
    ]
    cover = replace(COVER, organisation=organisation[:200], seat=town[:200])
    report = pdf_file.write_delivery(file, letter, cover, rows, other_letters={})

    assert report.names == 2
    assert len(PdfReader(file).pages) == report.pages


@given(anything)
def test_own_words_change_nothing_of_the_campaigns(letter: Letter, own: str) -> None:
    with_words, plain = letter.text(own), letter.text()
    before, closing = plain.rsplit("\n\n", 1)

    assert with_words.startswith(before)
    assert with_words.endswith(closing)
    between = with_words[len(before) : -len(closing)].strip("\n").splitlines()
    assert all(line.startswith("    ") or not line for line in between[1:]), "words are indented"


@pytest.fixture(scope="session")
def letter(appeal: Appeal) -> Letter:
    return compose(appeal, STATES["de"], "en")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a copy of the shipped appeal, for tests to break."""
    folder = tmp_path_factory.mktemp("appeal")
    shutil.copytree(PACKAGE / "data" / "appeal", folder, dirs_exist_ok=True)
    shutil.copytree(TEMPLATES / "letters", folder / "letters")
    return folder


values = st.sampled_from(
    ['""', '"x"', "1", "1.5", "true", "2021-03-08", "[]", '["kz"]', "{}", "{a = 1}", "["]
)


@st.composite
def broken(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a file of the appeal with an error: a part missing, repeated, or of another type."""
    path = draw(st.sampled_from(FILES))
    text = TEXT[path]
    lines = text.splitlines(keepends=True)
    at = draw(st.integers(0, len(lines) - 1))
    how = draw(st.sampled_from(["value", "drop", "twice", "insert", "cut", "heading", "whole"]))
    if how == "value":
        lines[at] = lines[at].partition("=")[0] + "= " + draw(values) + "\n"
    elif how == "drop":
        del lines[at : at + draw(st.integers(1, 5))]
    elif how == "twice":
        lines.insert(at, lines[at])
    elif how == "heading":
        lines.insert(at, draw(st.sampled_from(["[x]\n", "[[person]]\n", "[[instrument]]\n", "[source]\n"])))
    elif how == "whole":
        return path, draw(anything)
    elif how == "cut":
        return path, text[: draw(st.integers(0, len(text)))]
    else:
        lines.insert(at, draw(anything))
    return path, "".join(lines)


@given(broken())
@example(("letters/en.txt", "{{ persons[99].name }}"))
@example(("letters/en.txt", "{{ ''.__class__.__mro__ }}"))
@example(("letters/en.txt", "{% include '/etc/passwd' %}"))
@example(("letters/en.txt", "{{ 10 ** 10 ** 'x' }}"))
@example(("letters/en.txt", "{{ state | nothing }}"))
def test_a_broken_appeal_is_refused_with_file_and_line(folder: Path, changed: tuple[str, str]) -> None:
    path, text = changed
    (folder / path).write_bytes(text.encode())
    try:
        said = words(lambda: compose(load(folder), STATES["de"], "en"), (AppealError,))
        assert not said or re.match(rf"{re.escape(str(folder))}/\S+:\d+: .", said), said
    finally:
        (folder / path).write_text(TEXT[path])


cells = st.one_of(
    anything,
    st.sampled_from(["de", "DE", "uk", "de@missions.example.org", "a call", "2026-03-08", "8.3.2026"]),
    st.from_regex(r"[0-9]{0,30}\.[0-9]{0,3}\.[0-9]{0,30}", fullmatch=True),
)


@st.composite
def imports(draw: st.DrawFn) -> bytes:
    """Draw a CSV file of addresses, in which some cells, heads or bytes are replaced."""
    heads = list(address_file.COLUMNS)
    if draw(st.booleans()):
        heads[draw(st.integers(0, 3))] = draw(cells)
    rows = draw(st.lists(st.lists(cells, max_size=6), max_size=4))
    good = ["de", "de@missions.example.org", "a call", "2026-03-08"]
    good[draw(st.integers(0, 3))] = draw(cells)
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=draw(st.sampled_from(",;")))
    writer.writerows([heads, good, *rows])
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff"])) + file.getvalue().encode()


@in_one_folder
@given(imports() | st.binary(max_size=300))
@example(b"state,email,source,checked_on\nde,de@example.org,a call,1.1.99999999999999999999\n")
def test_an_import_is_accepted_whole_or_refused_with_a_message(db: Session, content: bytes) -> None:
    before = delegation.delegations(db)
    number = 0

    def bring_in() -> None:
        nonlocal number
        number = delegation.import_csv(db, content, by="Olga", now=NOW)
        db.flush()

    said = words(bring_in, (DelegationError,))
    after = delegation.delegations(db)
    db.rollback()

    assert bool(said) == (number == 0)
    assert (after == before) == bool(said)


@in_one_folder
@given(st.sampled_from([each.name for each in fields(Settings) if each.name != "instance"]), anything)
def test_a_setting_works_or_stops_the_start_with_a_line_that_names_it(
    tmp_path: Path, name: str, text: str
) -> None:
    environment: dict[str, Any] = {"CAMPAIGN_INSTANCE": str(tmp_path), "CAMPAIGN_SECRET_KEY": SECRET}
    variable = f"CAMPAIGN_{name.upper()}"
    said = words(lambda: load_settings(environment | {variable: text}), (SettingsError,))

    assert not said or said.startswith("CAMPAIGN_")


@settings(max_examples=15)
@given(any_text, any_text)
def test_a_passphrase_may_be_of_any_characters(passphrase: str, other: str) -> None:
    assume(passphrase != other)
    salt = passphrase_key.new_salt()
    wrapped = box.wrap(b"key", passphrase_key.stretch(passphrase, salt, passphrase_key.COST), "of")

    stretched = passphrase_key.stretch(passphrase, salt, passphrase_key.COST)
    assert box.unwrap(wrapped, stretched, "of") == b"key"
