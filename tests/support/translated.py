"""A campaign's folder with a made-up translation of each text."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from campaign.appeal.content import Texts
from campaign.appeal.reading import load
from campaign.paths import PACKAGE, TEMPLATES

ENGLISH_FILES = ("appeal", "persons", "claims", "instruments")


def english_folder(folder: Path) -> Path:
    """Copy the shipped appeal in English into *folder*."""
    (folder / "letters").mkdir(parents=True)
    for name in ENGLISH_FILES:
        shutil.copy(PACKAGE / "data" / "appeal" / f"{name}.toml", folder)
    shutil.copy(TEMPLATES / "letters" / "en.txt", folder / "letters")
    return folder


def add_language(folder: Path, code: str) -> None:
    """Add the language *code*: each English text with the code before it, and a letter likewise."""
    add_texts(folder, code, lambda text: f"{code}: {text}")
    letter = (folder / "letters" / "en.txt").read_text(encoding="utf-8")
    (folder / "letters" / f"{code}.txt").write_text(
        letter.replace("We, the undersigned", f"{code}: We, the undersigned"), encoding="utf-8"
    )


def add_texts(folder: Path, code: str, translated: Callable[[str], str]) -> None:
    """Add the texts of the language *code*: what *translated* makes of the English ones."""
    (folder / f"{code}.toml").write_text("\n".join(_lines(load(folder), translated)), encoding="utf-8")


def _lines(english: Texts, translated: Callable[[str], str]) -> Iterator[str]:
    def fields(part: object, names: str) -> Iterator[str]:
        texts: Mapping[str, str] = part if isinstance(part, Mapping) else vars(part)
        for name in names.split():
            if texts[name]:
                yield f"{name} = {json.dumps(translated(texts[name]), ensure_ascii=False)}"

    yield "[appeal]"
    yield from fields(english, "title call summary why_now person_note")
    yield "[source]"
    yield from fields(english.source, "organisation short_name title date")
    for person in english.persons:
        yield f"[person.{person.id}]"
        yield from fields(person, "name office since confirmed_to")
        for change in person.changes:
            yield f"[[person.{person.id}.change]]"
            yield from fields(change, "when statement")
    for claim in english.claims:
        yield f"[claim.{claim.id}]"
        yield from fields(claim, "statement quote figure")
    for named in english.named:
        yield "[[named]]"
        yield from fields(named, "name statement")
    for instrument in {each.id: each for each in english.instruments.values()}.values():
        yield f"[instrument.{instrument.id}]"
        yield from fields(
            {**vars(instrument), "note": instrument.organiser_note}, "name citation grounds as_of note"
        )
        sharing = [each for each in english.instruments.values() if each.id == instrument.id]
        nationals = {each.state_code: each.national for each in sharing if each.national}
        if nationals:
            yield f"[instrument.{instrument.id}.national]"
            yield from fields(nationals, " ".join(nationals))
