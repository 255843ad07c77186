"""How fast a delivery's PDF is written, against a bare loop of ReportLab drawing the same texts.

Run ``python -m tests.bench.list_pdf [ROWS]``. Each of the two is measured in a process of its own,
so that neither's memory is counted as the other's.
"""

import io
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from campaign import residence
from campaign.letter import Letter, Paragraph
from campaign.signature_list import font, pdf_file
from campaign.signature_list.cover import Cover
from campaign.signature_list.rows import Row

GIVEN = ("Әсел", "Łukasz", "Ελένη", "Marie-Claire", "Айгүл", "Anna", "Ştefan", "Nguyễn", "Անի", "ნინო")
FAMILY = ("Жұмабаева", "Żółć", "Νικολάου", "d’Aubigné", "Серікова", "Müller", "Ţurcanu", "Ánh")
TOWNS = ("Berlin", "Алматы", "", "Saint-Denis", "თბილისი", "Kraków", "Wien")
RESIDENCES = ("DE", "KZ", "FR", "GE", "PL", "AT", "BA")

LETTER = Letter(
    state_code="de",
    language="en",
    address=("Head of Delegation", "Germany", "OSCE, Vienna"),
    subject="Germany: a letter for a measurement",
    salutation="Excellency,",
    body=(Paragraph("This letter measures."),),
    closing=("Yours faithfully,",),
)


def rows(count: int) -> Iterator[Row]:
    """Yield made-up signatories."""
    for at in range(count):
        yield Row(
            number=at + 1,
            state_code="de",
            name=f"{GIVEN[at % len(GIVEN)]} {FAMILY[at % len(FAMILY)]}",
            town=TOWNS[at % len(TOWNS)],
            residence=RESIDENCES[at % len(RESIDENCES)],
            words="",
            disclosure="delegation",
            edition=1,
            language="en",
            confirmed_on=date(2026, 11, 1),
        )


def ours(count: int) -> int:
    """Write the delivery, and return its size in bytes."""
    file = io.BytesIO()
    cover = Cover(
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
    pdf_file.write_delivery(file, LETTER, cover, rows(count), edition=1, earlier={}, language="en")
    return file.tell()


def bare(count: int) -> int:
    """Draw number, name, town and residence of each row, and nothing else."""
    file = io.BytesIO()
    names = {code: residence.name(code, "en") for code in RESIDENCES}
    main = font.regular().main
    canvas = Canvas(file, pagesize=A4, pageCompression=1)
    y = 0.0
    for row in rows(count):
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


def measured(write: Callable[[int], int], count: int) -> tuple[float, float, float]:
    """Return processor seconds, peak MiB and size in MiB of *write*, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (write, count))


def _measure(write: Callable[[int], int], count: int) -> tuple[float, float, float]:
    write(10)  # fonts are read once in a process, not once a list
    # Processor time, so that what else the machine does is not counted.
    begun = time.process_time()
    size = write(count)
    seconds = time.process_time() - begun
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, size / 2**20


def main() -> None:
    """Print both, and their ratio."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    results = {write.__name__: measured(write, count) for write in (bare, ours)}
    for name, (seconds, peak, size) in results.items():
        speed = count / seconds
        print(f"{name:5} {speed:9,.0f} rows/s  {seconds:6.2f} s  peak {peak:5.0f} MiB  file {size:5.1f} MiB")
    print(f"ratio {results['ours'][0] / results['bare'][0]:.2f} times the bare loop's time, {count:,} rows")


if __name__ == "__main__":
    main()
