"""How a relay has answered lately: one that puts off mail after mail wants to be left alone for a while.

A recipient may be put off by the relay, which has had enough of us, or by the server that has the mailbox;
no reply tells for certain, and a hostile one could give any, to hold up everybody's mail. So when some
recipients were put off, the relay is asked whether it would take a mail to ourselves.
"""

import time
from contextlib import suppress

from campaign.errors import CampaignError, MailError, PermanentMailError, RecipientMailError
from campaign.mail.message import addressed
from campaign.mail.transport import Transport
from campaign.settings import Settings

ENOUGH = 5
"""Mails put off one after another: one alone may be the message's doing."""

QUIET_SECONDS = 50
"""How long the relay is left alone then; less than a minute, so that the next sweep tries again."""


class Patience:
    """Counts the mails that were put off since the relay last took one, on one errand."""

    def __init__(self) -> None:
        self._by_relay = self._by_recipient = 0
        self._quiet_until = 0.0

    def begin(self) -> None:
        """Begin an errand: a mail alone that is put off again and again means nothing."""
        self._by_relay = self._by_recipient = 0

    def note(self, error: MailError | None) -> None:
        """Note that the relay took a mail, or refused it with *error*."""
        if error is None:
            self.begin()
        elif isinstance(error, RecipientMailError):
            self._by_recipient += 1
        elif not isinstance(error, PermanentMailError):
            self._by_relay += 1
            if self._by_relay >= ENOUGH:
                self._leave_alone()

    @property
    def is_in_doubt(self) -> bool:
        """Whether so many recipients were put off that it may be the relay's doing: it is to be asked."""
        return self._by_recipient >= ENOUGH

    def decide(self, *, takes_mail: bool) -> None:
        """Note what the relay said when it was asked."""
        self._by_recipient = 0
        if not takes_mail:
            self._leave_alone()

    @property
    def is_over(self) -> bool:
        """Whether the relay is to be left alone now."""
        return time.monotonic() < self._quiet_until

    def _leave_alone(self) -> None:
        self.begin()
        self._quiet_until = time.monotonic() + QUIET_SECONDS


def takes_mail(transport: Transport, settings: Settings) -> bool:
    """Ask whether a mail to ourselves would be accepted now, and send none."""
    try:
        # That nobody knows our address, as where replies are never read, is an answer too.
        with suppress(_AcceptedError, PermanentMailError):
            transport.send(addressed(settings, settings.mail_from), before_data=_say_no_more)
    except MailError:
        return False
    return True


def _say_no_more() -> None:
    raise _AcceptedError("the recipient was accepted")


class _AcceptedError(CampaignError):
    """All that was to be known is known, and nothing is to be handed over."""
