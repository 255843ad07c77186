"""How fast a delivery's PDF is written, against a bare loop of ReportLab drawing the same texts.

Run ``python -m tests.bench.list_pdf [ROWS]``. Each is measured in a process of its own on one core, so
that its memory is its own. The third figure includes unsealing the names, which the floor does not do.
"""

import io
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from uuid import UUID

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from campaign.letter.edition import Version
from campaign.letter.sheet import Letter, Paragraph
from campaign.reference import residence
from campaign.sealing import box
from campaign.sealing.box import Details, Opener
from campaign.signature_list import font, pdf_file
from campaign.signature_list.cover import Cover
from campaign.signature_list.entry import ListEntry
from tests.bench import report, server
from tests.bench.report import RUNS, Figure

GIVEN = ("Әсел", "Łukasz", "Ελένη", "Marie-Claire", "Айгүл", "Anna", "Ştefan", "Nguyễn", "Անի", "ნინო")
FAMILY = ("Жұмабаева", "Żółć", "Νικολάου", "d’Aubigné", "Серікова", "Müller", "Ţurcanu", "Ánh")
TOWNS = ("Berlin", "Алматы", "", "Saint-Denis", "თბილისი", "Kraków", "Wien")
RESIDENCES = ("DE", "KZ", "FR", "GE", "PL", "AT", "BA")

NO_ID = UUID(int=0)

LETTER = Letter(
    state_code="de",
    language="en",
    address=("Head of Delegation", "Germany", "OSCE, Vienna"),
    subject="Germany: a letter for a measurement",
    salutation="Excellency,",
    body=(Paragraph("This letter measures."),),
    closing=("Yours faithfully,",),
)


def entries(count: int) -> Iterator[ListEntry]:
    """Yield made-up entries."""
    for at in range(count):
        yield ListEntry(
            number=at + 1,
            signature_id=NO_ID,
            state_code="de",
            name=f"{GIVEN[at % len(GIVEN)]} {FAMILY[at % len(FAMILY)]}",
            town=TOWNS[at % len(TOWNS)],
            residence=RESIDENCES[at % len(RESIDENCES)],
            words="",
            disclosure="delegation",
            edition=1,
            language="en",
            version=Version(1, "en"),
        )


def drawn(listed: Iterator[ListEntry], count: int) -> int:
    """Write letter, cover and list."""
    file = io.BytesIO()
    cover = Cover(
        language="en",
        edition=1,
        code="0" * 20,
        made_on=date(2026, 11, 1),
        organisation="Measurement",
        seat="Vienna",
        contact="post@example.org",
        state_name="Germany",
        total=count,
        named=count,
        by_residence=(("DE", count),),
        own_residence="DE",
        withdrawn=0,
        removed=0,
        verify_url="https://letters.example.org/en/verify/0",
        nonce="0" * 32,
        names_withheld=False,
    )
    pdf_file.write_delivery(file, LETTER, cover, listed, other_letters={})
    return file.tell()


def ours(count: int) -> int:
    """Write letter, cover and list."""
    return drawn(entries(count), count)


def bare(count: int) -> int:
    """Draw only number, name, town and residence of each entry."""
    file = io.BytesIO()
    names = {code: residence.name(code, "en") for code in RESIDENCES}
    main = font.regular().main
    canvas = Canvas(file, pagesize=A4, pageCompression=1)
    y = 0.0
    for row in entries(count):
        if y < 80:
            canvas.showPage()
            canvas.setFont(main, 9)
            y = 760
        canvas.drawString(70, y, str(row.number))
        canvas.drawString(117, y, row.name)
        canvas.drawString(299, y, row.town)
        canvas.drawString(413, y, names[row.residence])
        y -= 15.5
    canvas.save()
    return file.tell()


CONTEXT = "de 0123456789abcdef0123456789abcdef FR 2026-11-23 1 delegation"


def unsealed(count: int) -> int:
    """Write the same after unsealing each name."""
    private_key, boxes = sealed()
    opener = Opener(private_key)
    names = (replace(row, name=opener.details(boxes[row.name], CONTEXT).name) for row in entries(count))
    return drawn(names, count)


@cache
def sealed() -> tuple[bytes, dict[str, bytes]]:
    """Return a private key, and a box for each name."""
    private_key, public_key = box.new_pair()
    names = {row.name for row in entries(len(GIVEN) * len(FAMILY))}
    return private_key, {
        name: box.seal(Details(name=name, town="Town"), public_key, CONTEXT) for name in names
    }


def measured(write: Callable[[int], int], count: int) -> tuple[float, float, float]:
    """Return processor seconds, peak MiB and size in MiB of *write*, in a process of its own."""
    server.pin(server.CLIENT_CORES)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (write, count))


def _measure(write: Callable[[int], int], count: int) -> tuple[float, float, float]:
    write(10)  # fonts are read once in a process, not once for each list
    # Processor time, so that other work of the machine does not count.
    begun = time.process_time()
    size = write(count)
    seconds = time.process_time() - begun
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, size / 2**20


def main() -> None:
    """Measure them in turn, and print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    writers = (bare, ours, unsealed)
    runs = [[measured(write, count) for write in writers] for _ in range(RUNS)]
    report.heading(f"Rows of a PDF per second, {count:,} rows", "one process, one core")
    figures = [
        Figure(
            name,
            [count / seconds for seconds, _peak, _size in results],
            f"peak {max(peak for _s, peak, _size in results):,.0f} MiB, file {results[0][2]:.1f} MiB",
        )
        for name, results in zip(
            ("bare ReportLab loop", "list, drawn", "list, unsealed and drawn"),
            zip(*runs, strict=True),
            strict=True,
        )
    ]
    report.compare("rows/busy s", *figures)


if __name__ == "__main__":
    main()
