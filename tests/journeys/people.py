"""A supporter and an organiser at a browser; each step is what they do with mouse and keyboard."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from playwright.sync_api import Download, Page, expect

from campaign.reference.language import wording
from campaign.reference.participating_state import STATES
from tests.support.worker import eventually

STATE_BY_NAME = {state.name("en"): state for state in STATES.values()}


class Supporter:
    """A person on the supporters' pages, in their own language; steps name messages by their English."""

    def __init__(self, page: Page, language: str = "en") -> None:
        self.page = page
        self.language = language

    def word(self, english: str, **values: str) -> str:
        """Return a message, or the name of a state, in this person's language."""
        if english in STATE_BY_NAME:
            return STATE_BY_NAME[english].name(self.language)
        words = wording(self.language)
        one = words.gettext(english)
        text = one if one != english else words.ngettext(english, english, 1)
        return text % {key: self.word(value) for key, value in values.items()} if values else text

    def choose(self, state: str) -> None:
        """Choose a participating state on the home page, and open its letter."""
        self.page.goto("/")
        picker = self.page.get_by_label(self.word("Whose delegation will you write to?"))
        if picker.evaluate("picker => picker.localName") == "select":
            picker.select_option(label=self.word(state))
        else:
            picker.fill(self.word(state))
            picker.press("Enter")
        self.press("Read the letter")

    def fill(self, **typed: str) -> None:
        """Fill in the fields with these labels, such as ``your_name``."""
        for label, text in typed.items():
            words = label.replace("_", " ").replace("e mail", "e-mail").capitalize()
            labels = (self.word(words), self.word(f"{words} (optional)"))
            box = self.page.get_by_label(re.compile(f"^({'|'.join(map(re.escape, labels))})$"))
            if not box.is_visible():  # town and words are folded in
                self.page.get_by_text(self.word("Add your town or your own words")).click()
            box.fill(text)

    def live_in(self, residence: str) -> None:
        """Tap the button of this residence, or choose it from the list of all others."""
        button = self.page.get_by_role("radio", name=self.word(residence), exact=True)
        if button.count():
            button.check()
        else:
            self.page.get_by_role("radio", name=self.word("Somewhere else")).check()
            others = self.page.get_by_label(self.word("The place where you live"))
            others.select_option(label=self.word(residence))

    def show_name_to(self, choice: str) -> None:
        """Choose who may see the name: "Everyone", "The delegation only", or "No one"."""
        self.page.get_by_role("radio", name=re.compile(f"^{self.word(choice)}")).check()

    def consent(self) -> None:
        self.page.locator("[name=consent]").check()

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=self.word(button), exact=True).click()

    def unfold(self, summary: str) -> None:
        """Open a folded part of a private page."""
        self.page.locator("summary").get_by_text(self.word(summary), exact=True).click()

    def withdraw(self) -> None:
        self.unfold("Withdraw my signature")
        self.press("Withdraw for good")

    def count(self) -> int:
        """Return the published count."""
        answer = self.page.goto("/counts.json")
        assert answer is not None
        return int(answer.json()["total"])

    def sees_count(self, number: int) -> bool:
        """Wait until *number* is published, which may take a second; the page asks, and stays."""
        ask = "async () => (await (await fetch('/counts.json')).json()).total"
        return eventually(lambda: self.page.evaluate(ask) == number)

    def reads(self, heading: str, **values: str) -> None:
        """Wait for the page with this *heading*."""
        expect(self.page.locator("html")).to_have_attribute("lang", self.language)
        expect(self.page.get_by_role("heading", level=1)).to_have_text(self.word(heading, **values))
        self.page.wait_for_load_state()


class Organiser:
    """A person on the organisers' pages."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.passphrase = ""
        self.recovery_code = ""

    def make_account(self, link: str, name: str = "Olga Organiser") -> str:
        """Make an account with the offered passphrase, and return the recovery code."""
        self.join(link, name)
        self.reads("Your recovery code")
        self.recovery_code = self.page.locator("[translate=no]").inner_text()
        return self.recovery_code

    def join(self, link: str, name: str = "") -> None:
        """Make an account with the offered passphrase; *name* is for the first one."""
        self.page.goto(link)
        self.passphrase = self.page.locator("[translate=no]").inner_text()
        their_name = self.page.get_by_label("Name of your account")
        if their_name.is_editable():  # the first account; others were given a name
            their_name.fill(name)
        self.page.get_by_label("Passphrase", exact=True).fill(self.passphrase)
        self.page.get_by_label("The same passphrase again").fill(self.passphrase)
        self.press("Make the account")

    def log_in(self, name: str = "Olga Organiser", code: str = "") -> None:
        self.try_to_log_in(name, code)
        self.reads("Overview")

    def try_to_log_in(self, name: str, code: str) -> None:
        self.page.goto("/organise/login")
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Passphrase", exact=True).fill(self.passphrase)
        self.page.get_by_label("Six-digit code (if you use one)").fill(code)
        self.press("Log in")

    def invite(self, name: str = "Pavel Organiser", role: str = "Organiser") -> str:
        """Return the invitation link for a new organiser with *name* and *role*."""
        self.page.goto("/organise/account")
        self.page.get_by_label("Their name").fill(name)
        self.page.get_by_role("radio", name=role, exact=True).check()
        self.press("Make the invitation")
        return self.page.get_by_label(f"Link for {name}").input_value()

    def enter_organisation(self) -> None:
        self.page.goto("/organise/account")
        self.page.get_by_label("Name of the organisation").fill("Made-up Letters Society")
        self.page.get_by_label("Seat").fill("Exampleville")
        self.page.get_by_label("Contact address").fill("office@letters.example")
        self.press("Save")
        self.sees_message("Organisation saved.")

    def import_addresses(self, **addresses: str) -> None:
        """Import a CSV file with an address for each state's code."""
        today = datetime.now(UTC).date()
        lines = [f"{code},{email},https://example.org/{code},{today}" for code, email in addresses.items()]
        file = "\n".join(["state,email,source,checked_on", *lines])
        self.page.goto("/organise/delegations")
        self.page.get_by_label("CSV file").set_input_files(
            {"name": "addresses.csv", "mimeType": "text/csv", "buffer": file.encode()}
        )
        self.press("Import")
        self.sees_message(f"{len(addresses)} addresses imported.")

    def approve(self, kind: str, name: str) -> None:
        """Approve the public name, or the own words, of the signatory with *name*."""
        self.page.goto("/organise/")
        self.page.get_by_role("link", name="Approvals").click()
        self.page.get_by_role("link", name=re.compile(f"^{kind} \\(")).click()
        self.page.get_by_role("checkbox", name=name, exact=True).check()
        self.press("Approve the chosen")
        self.sees_message("1 entry approved.")

    def take_off_the_count(self, name: str, *, reason: str) -> None:
        """Find the signatures of the letter to France, and take the one by *name* off the count."""
        self.page.goto("/organise/checks")
        self.page.get_by_label("Letter to").select_option(label="France")
        self.press("Find")
        self.page.get_by_role("checkbox", name=name, exact=True).check()
        self.page.get_by_label("Your reason").fill(reason)
        self.press("Take off the count")
        self.sees_message("1 signature was taken off the count.")

    def download(self, link: str) -> Download:
        """Download a file from the overview."""
        self.page.goto("/organise/")
        with self.page.expect_download() as waiting:
            self.page.get_by_role("link", name=link, exact=True).click()
        return waiting.value

    def prepare(self, state: str) -> None:
        """Open the preview of the delivery to *state*, and confirm its cautions."""
        self.page.goto("/organise/deliveries")
        self.page.get_by_role("link", name=f"Ready: look and send {state}").click()
        self.reads(state)
        # There is a box only if there are cautions, such as an expired instrument.
        for box in self.page.get_by_label("I have read the notes above").all():
            box.check()

    def send_test(self, address: str) -> None:
        self.page.get_by_label("Your own e-mail address").fill(address)
        self.press("Send the test")
        expect(self.page.get_by_role("status")).to_contain_text("The test was sent.")

    def send(self, *, clicks: int = 1, after_clicks: Callable[[], None] = lambda: None) -> str:
        """Click the button that sends, wait until the relay accepted, and return the delivery's address.

        Args:
            clicks: How often to click; each click is a request of its own.
            after_clicks: Called when the request of the last click is on its way.
        """
        button = self.page.get_by_role("button", name=re.compile("^Send letter and"))
        button.scroll_into_view_if_needed()
        box = button.bounding_box()
        assert box is not None
        for _ in range(clicks):
            # Chromium merges clicks that come before the request of the first.
            with self.page.expect_request(lambda each: each.method == "POST"):
                self.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        after_clicks()
        self.page.wait_for_url(re.compile(r"/deliveries/[0-9a-f-]{36}$"))
        # After a double click the second answer may show the first one's delivery, which is not accepted yet.
        accepted = self.page.get_by_role("heading", level=1).get_by_text("accepted")
        assert eventually(lambda: accepted.count() or self.page.reload() is None)
        return self.page.url

    def note_reply(self, note: str, *, for_everyone: str) -> None:
        self.page.get_by_label("What it says").fill(note)
        self.page.get_by_label("What everyone may read of it").fill(for_everyone)
        self.press("Save")
        self.sees_message("Reply noted.")

    def log_out(self) -> None:
        self.page.get_by_role("button", name="Log out").click()
        self.reads("Log in")

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()

    def sees_message(self, message: str) -> None:
        expect(self.page.get_by_role("status")).to_have_text(message)

    def reads(self, heading: str) -> None:
        """Wait for the page with this *heading*."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)
        self.page.wait_for_load_state()
