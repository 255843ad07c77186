"""Take the README's pictures of a site with made-up signatories.

    python -m tests.pictures

Writes the home page, a letter's page, the organisers' overview and the cover of a delivery
to ``.github/docs/pictures``.
Needs Chromium, and ``pdftoppm`` from Debian's poppler-utils.
"""

import email
import os
import subprocess
import sys
import tempfile
from email import policy
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.journeys import browser
from tests.journeys.people import Organiser
from tests.journeys.server import Site, serving
from tests.support.docs import ROOT
from tests.support.relay import free_port

PICTURES = ROOT / ".github" / "docs" / "pictures"

SIGNATURES = 4000

WIDTH, HEIGHT = 1280, 860


def main() -> None:
    """Start a site, fill it, deliver one letter, and take the pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        chromium = browser.launch(playwright, free_port())
        with serving(Path(folder)) as site:
            fill(site)
            take(chromium, site)
        chromium.close()


def fill(site: Site) -> None:
    """Add made-up signatories to *site*."""
    environment = os.environ | {"CAMPAIGN_INSTANCE": str(site.instance)}
    command = [sys.executable, "-m", "campaign", "demo", "--signatures", str(SIGNATURES)]
    subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def take(chromium: Browser, site: Site) -> None:
    """Take the four pictures."""
    size = {"width": WIDTH, "height": HEIGHT}
    with browser.visiting(chromium, site.url, viewport=size) as page:
        page.goto("/en/")
        picture(page, "home")
        page.goto("/en/letters/de")
        picture(page, "letter")
        organiser = Organiser(page)
        organiser.make_account(site.setup_link)
        organiser.enter_organisation()
        organiser.import_addresses(de="delegation@example.org", fr="mission@example.org")
        organiser.prepare("Germany")
        organiser.send()
        page.goto("/organise/")
        picture(page, "overview")
    [mail] = sorted((site.instance / "mail").glob("*-letter.eml"))
    draw_cover(delivered(mail), PICTURES / "cover.png")


def picture(page: Page, name: str) -> None:
    """Save what the browser's window shows."""
    page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=PICTURES / f"{name}.png")


def delivered(mail: Path) -> bytes:
    """Return the PDF that *mail* carries."""
    message = email.message_from_bytes(mail.read_bytes(), policy=policy.default)
    [attachment] = [part for part in message.iter_attachments() if part.get_filename("").endswith(".pdf")]
    content: bytes = attachment.get_content()
    return content


def draw_cover(document: bytes, target: Path) -> None:
    """Draw the page after the letter, which is the cover of the list."""
    page = first_page_with(document, "Signatures by residence")
    command = ["pdftoppm", "-png", "-singlefile", "-r", "96", "-f", str(page), "-l", str(page), "-"]
    subprocess.run([*command, str(target.with_suffix(""))], input=document, check=True)


def first_page_with(document: bytes, words: str) -> int:
    """Return the number of the first page on which *words* stand, from 1."""
    text = subprocess.run(["pdftotext", "-layout", "-", "-"], input=document, capture_output=True, check=True)
    pages = text.stdout.decode().split("\f")
    return next(number for number, page in enumerate(pages, 1) if words in page)


if __name__ == "__main__":
    main()
