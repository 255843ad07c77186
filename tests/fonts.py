"""Make the fonts of the pages from Source Serif 4 and Source Sans 3.

    pip install fonttools==4.68.0 brotli==1.2.1 fontpkg-source-serif-4==4.4 fontpkg-source-sans-3==3.52
    python -m tests.fonts

A page in Latin letters loads two files, which have what its language needs; a page in Cyrillic letters
loads one. Run it in an environment of its own: neither the site nor its tests need these packages.
"""

import io
from importlib.resources import files
from pathlib import Path
from string import ascii_letters, digits

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.ttLib.scaleUpem import scale_upem
from fontTools.varLib import instancer

FONTS = Path(__file__).parents[1] / "static" / "fonts"

SOURCES = {
    "serif": ("fontpkg_source_serif_4", "SourceSerif4[opsz,wght].ttf", {"opsz": 20, "wght": (400, 600)}),
    "sans": ("fontpkg_source_sans_3", "SourceSans3[wght].ttf", {"wght": (400, 600)}),
}

UNITS_PER_EM, LEAST_KERNING = 500, 30
"""Half of the sources' precision, and twice 30 of their units: what nobody sees on a page costs a tenth."""

TOLERANCE = 1
"""How many of these units a point of the semibold may miss, so that fewer points need one of their own."""

TABLES_THAT_NOBODY_MISSES = ["BASE", "DSIG", "GSUB", "HVAR", "MVAR", "STAT", "avar", "gasp", "meta", "prep"]

SIGNS = " !'(),-./:;?@\u00a0·×–—’…"

LANGUAGES = {
    "en": "&‘“”",
    "de": "ÄÖÜäöß„“",
    "fr": "ÀÇÈÉÊÎÔàâçèéêëîïôœùû«»\u202f",
    "it": "ÀÈÉÌÒÙàèéìòù«»º",
    "es": "ÁÉÍÑÓÚáéíñóú¿¡«»",
}
"""What each language writes besides :data:`SIGNS`, ``ü`` (Türkiye), digits and the letters from A to Z."""

RUSSIAN = "".join(map(chr, range(0x410, 0x450))) + "Ёё"
UKRAINIAN = "ЄІЇҐєіїґ"
KAZAKH = "ӘҒҚҢӨҰҮҺәғқңөұүһ"

COMMON = SIGNS + "ü" + digits + ascii_letters
LATIN = "".join(map(chr, [*range(0x21, 0x7F), *range(0xA1, 0x100)])) + "ıŒœˆ˚˜‘“”‚„•‹›€™−"
LATIN_EXTENDED = "".join(
    map(chr, [*range(0x100, 0x180), 0x192, *range(0x218, 0x21C), *range(0x1E80, 0x1E86), 0x1E9E])
)

CHARACTERS = {
    **{code: COMMON + letters for code, letters in LANGUAGES.items()},
    "latin": "".join(sorted(set(LATIN) - set(COMMON))),
    "latin-ext": "".join(sorted(set(LATIN_EXTENDED) - set(LATIN))),
    "cyrillic": SIGNS + "«»„“№" + digits + RUSSIAN + UKRAINIAN + KAZAKH,
}


def main() -> None:
    """Write each file, and print the line of the style sheet that names it."""
    for name, (package, file, axes) in SOURCES.items():
        source = TTFont(str(files(package) / "files" / file), recalcTimestamp=False)
        whole = reread(instancer.instantiateVariableFont(source, axes))
        for part, characters in CHARACTERS.items():
            if (name, part) == ("sans", "cyrillic"):
                continue
            path = FONTS / f"letter-{name}-{part}.woff2"
            font = cut(reread(whole), f"Letter {name.title()}", characters)
            font.save(path)
            print(face(name, part, sorted(font.getBestCmap())))


def cut(font: TTFont, family: str, characters: str) -> TTFont:
    """Return *font* with *characters* alone, with kerning and without hints."""
    options = subset.Options(layout_features=["kern"], hinting=False, name_IDs=[1, 2, 6], notdef_outline=True)
    options.drop_tables += TABLES_THAT_NOBODY_MISSES
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=characters)
    subsetter.subset(font)
    scale_upem(font, UNITS_PER_EM)
    font = reread(font)
    thin(font)
    simplify(font)
    # “Source” is a reserved font name.
    font["name"].names = [each for each in font["name"].names if each.platformID == 3]
    for record in font["name"].names:
        record.string = (
            "Regular" if record.nameID == 2 else family.replace(" ", "-" * (record.nameID == 6) or " ")
        )
    font.flavor = "woff2"
    return font


def thin(font: TTFont) -> None:
    """Round the kerning between classes of letters, and leave out what nobody sees."""
    for lookup in font["GPOS"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            pairs = getattr(table, "ExtSubTable", table)
            if pairs.LookupType == 2 and pairs.Format == 1:
                for each in pairs.PairSet:
                    each.PairValueRecord = [
                        r for r in each.PairValueRecord if abs(advance(r)) >= LEAST_KERNING
                    ]
                    each.PairValueCount = len(each.PairValueRecord)
            elif pairs.LookupType == 2:
                for record in (second for first in pairs.Class1Record for second in first.Class2Record):
                    if record.Value1 is not None:
                        seen = abs(advance(record)) >= LEAST_KERNING
                        record.Value1.XAdvance = 5 * round(advance(record) / 5) if seen else 0
                        record.Value1.__dict__.pop("XAdvDevice", None)


def simplify(font: TTFont) -> None:
    """Leave out how a point moves from regular to semibold, where its neighbours tell."""
    for name, variations in font["gvar"].variations.items():
        points, control = font["glyf"]._getCoordinatesAndControls(name, font["hmtx"].metrics)
        for each in variations:
            each.calcInferredDeltas(points, control.endPts)
            each.roundDeltas()
            is_composite = control.numberOfContours == -1
            each.optimize(points, control.endPts, tolerance=TOLERANCE, isComposite=is_composite)


def advance(record: object) -> int:
    return getattr(record.Value1, "XAdvance", 0)


def reread(font: TTFont) -> TTFont:
    """Return *font* as it is read from a file, with its date: some tables change their form only then."""
    content = io.BytesIO()
    font.save(content)
    content.seek(0)
    return TTFont(content, recalcTimestamp=False)


def face(name: str, part: str, codes: list[int]) -> str:
    """Return the rule of the style sheet for a file: a browser loads it for a character that it has."""
    family = f"Letter {name.title()}"
    if part in LANGUAGES:
        family += f" {part}"
    elif part == "cyrillic":
        family = "Letter Cyrillic"
    return (
        f'@font-face {{ font-family: "{family}"; '
        f'src: url("fonts/letter-{name}-{part}.woff2") format("woff2"); '
        f"font-weight: 400 600; font-display: swap; unicode-range: {ranges(codes)}; }}"
    )


def ranges(codes: list[int]) -> str:
    found: list[list[int]] = []
    for code in codes:
        if found and code == found[-1][1] + 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return ", ".join(f"U+{a:X}" if a == b else f"U+{a:X}-{b:X}" for a, b in found)


if __name__ == "__main__":
    main()
