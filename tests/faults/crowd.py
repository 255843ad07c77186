"""Supporters who sign, confirm and withdraw continuously, and record what was acknowledged."""

import itertools
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from tests.faults.serving import UNREACHED, Answer, Browser, Server, token_in
from tests.support.private_page import press
from tests.support.relay import Relay

SIGNING, CONFIRMING = 3, 2
"""Threads that sign, and threads that read mails."""

STATES = ("de", "fr", "kz")

LEAVING = 10
"""One supporter in this number withdraws after confirming."""

MAILS_AHEAD = 60
"""Most signatures ahead of the mails, so that signing, sending and confirming go on at the same time."""

PAUSE_SECONDS = 0.05
"""Pause before a retry."""


class Crowd:
    """Supporters who sign until *wanted* signatures were acknowledged, and follow the link in every mail."""

    def __init__(self, site: Server, post_office: Relay, *, wanted: int) -> None:
        self.site = site
        self.post_office = post_office
        self.wanted = wanted
        self.signed: list[tuple[str, str]] = []
        """State and address of every signature that was acknowledged."""
        self.confirmed: set[str] = set()
        """The addresses whose confirmation was acknowledged."""
        self.withdrawn: set[str] = set()
        self.refused = 0
        """Number of 503 answers."""
        self.faults: list[str] = []
        """Answers that should not occur."""
        self._numbers = itertools.count()
        self._followed = [0] * CONFIRMING
        self._pages: dict[tuple[str, str], dict[str, str]] = {}
        """What each button sends: who got no answer presses it again on the page that is still open."""
        self._stop = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Run all threads while the block lasts."""
        threads = [threading.Thread(target=self._sign) for _ in range(SIGNING)]
        threads += [threading.Thread(target=self._follow_mails, args=[place]) for place in range(CONFIRMING)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def has_signed(self, number: int) -> bool:
        return len(self.signed) >= number

    def has_followed_all(self) -> bool:
        """Whether every mail was read, and what it led to was acknowledged."""
        return min(self._followed) >= len(self.post_office.received)

    def sign(self, browser: Browser) -> bool:
        """Sign once with a new address; return whether that was acknowledged."""
        number = next(self._numbers)
        state, address = STATES[number % len(STATES)], f"mara{number}@house{number}.example"
        if self._is_done("signing", lambda: browser.sign(state, email=address)):
            self.signed.append((state, address))
            return True
        return False

    def _sign(self) -> None:
        browser = self.site.browser()
        while not self._stop.is_set() and not self.has_signed(self.wanted):
            is_ahead = len(self.signed) > len(self.post_office.received) + MAILS_AHEAD
            if is_ahead or not self.sign(browser):
                self._stop.wait(PAUSE_SECONDS)

    def _follow_mails(self, place: int) -> None:
        browser = self.site.browser()
        while not self._stop.is_set():
            at = self._followed[place]
            is_new = at < len(self.post_office.received)
            if is_new and self._follow(browser, self.post_office.received[at], place):
                self._followed[place] += 1
            else:
                self._stop.wait(PAUSE_SECONDS)

    def _follow(self, browser: Browser, mail: EmailMessage, place: int) -> bool:
        """Confirm and, for some, withdraw; return whether *mail* is finished with."""
        address = str(mail["To"])
        # All mails to one address are read by one thread.
        number, reader = divmod(zlib.crc32(address.encode()), CONFIRMING)
        if reader != place:
            return True
        if address not in self.confirmed:
            token = token_in(mail)
            if not self._is_done("confirming", lambda: self._press(browser, address, token, "confirm")):
                return False
            self.confirmed.add(address)
        if number % LEAVING or address in self.withdrawn:
            return True
        token = token_in(mail)
        if self._is_done("withdrawing", lambda: self._press(browser, address, token, "withdraw")):
            self.withdrawn.add(address)
        return address in self.withdrawn

    def _press(self, browser: Browser, address: str, token: str, action: str) -> Answer:
        link = f"/en/signature/{token}"
        if (address, action) not in self._pages:
            page = browser.get(link)
            if page.status != 200:
                return page
            self._pages[address, action] = press(page.text, action)
        return browser.post(link, **self._pages[address, action])

    def _is_done(self, what: str, act: Callable[[], Answer]) -> bool:
        try:
            answer = act()
        except UNREACHED:
            return False
        if answer.is_done:
            return True
        if answer.status != 503:
            self.faults.append(f"{what} was answered {answer.status}")
        elif not int(answer.headers.get("Retry-After", "0")):
            self.faults.append(f"{what} was not told when to come back")
        self.refused += 1
        return False
