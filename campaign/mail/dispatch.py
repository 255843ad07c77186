"""Sending what is due in the outbox: many mails over one connection, each settled by itself."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.orm import Session

from campaign.clock import Clock
from campaign.database.session import Database
from campaign.errors import (
    CampaignError,
    MailError,
    TemporaryMailError,
)
from campaign.mail import outbox, retry
from campaign.mail.outbox import OutboxMail
from campaign.mail.prepared import written
from campaign.mail.relay_pause import Patience, takes_mail
from campaign.mail.transport import Transport, open_transport
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings

BATCH = 50
"""Mails claimed at once."""

LINGER_SECONDS = 2.0
"""How long the connection stays open after the last mail, should there be more."""

POLL_SECONDS = 0.2

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Dispatch:
    """Sends mails; no transaction is open while the relay is spoken to."""

    settings: Settings
    database: Database
    keys: ServerKeys
    look_up: Callable[[Session, str, str], None]
    """Puts the mail into the outbox that an address asked for, in a language, if there is one to send."""
    clock: Clock
    lease: timedelta = outbox.LEASE
    _batch: deque[OutboxMail] = field(default_factory=deque, init=False)
    """The mails that this process has claimed and not settled; the first one is in hand."""
    _taken: OutboxMail | None = field(default=None, init=False)
    """The mail that was sent last, until it is settled."""
    _patience: Patience = field(default_factory=Patience, init=False)

    def run(self, stop: threading.Event) -> None:
        """Send until nothing was due for a while, no mail can leave, or *stop* is set."""
        try:
            self._run(stop)
        finally:
            self.database.checkpoint()

    def give_up(self) -> None:
        """Settle what is claimed, for a process that must end while a relay ponders the mail in hand."""
        mails, taken = list(self._batch), self._taken
        if not mails:
            return
        in_hand = mails[0]
        with self.database.writing() as db:
            if taken is not None:
                outbox.delete_sent(db, taken.id)
            outbox.release(db, mails[1:])
            # The relay may yet take it: as after any error that leaves this open, it is put off.
            if outbox.renew_lease(db, in_hand, now=self.clock(), lease=self.lease):
                retry.put_off(db, in_hand.id, code=0, now=self.clock())

    def _run(self, stop: threading.Event) -> None:
        self._patience.begin()
        with open_transport(self.settings) as transport, self.database.autocommit() as settled:
            last, was_full = time.monotonic(), False
            while not (stop.is_set() or self._patience.is_over) and time.monotonic() - last < LINGER_SECONDS:
                if not was_full and not self._is_due():
                    stop.wait(POLL_SECONDS)
                    continue
                try:
                    transport.connect()
                    was_full = self._send_batch(transport, settled, stop)
                except TemporaryMailError as error:
                    log.warning("no mail can leave now: %s", error)
                    return
                last = time.monotonic()

    def _is_due(self) -> bool:
        with self.database.reading() as db:
            return outbox.has_due_mail(db, now=self.clock())

    def _send_batch(self, transport: Transport, settled: Connection, stop: threading.Event) -> bool:
        """Send the mails that are due, or the first of many; say whether there may be more."""
        self._settle(settled)  # what could not be while the database was away: it would be claimed again
        with self.database.writing() as db:
            claimed = outbox.claim(db, limit=BATCH, now=self.clock(), lease=self.lease)
        # Not before they are claimed on disk: otherwise they would be sent, and claimed again.
        self._batch.extend(claimed)
        was_full = len(self._batch) == BATCH
        try:
            self._send_claimed(transport, settled, stop)
        finally:
            if self._batch:
                # Without a relay no mail was tried: none is put off, so all leave as soon as there is one.
                self._write(lambda db: outbox.release(db, self._batch))
                self._batch.clear()
        return was_full

    def _send_claimed(self, transport: Transport, settled: Connection, stop: threading.Event) -> None:
        try:
            while self._batch and not (stop.is_set() or self._patience.is_over):
                transport.connect()
                try:
                    self._send(transport, self._batch[0], settled)
                finally:
                    self._batch.popleft()
        finally:
            self._settle(settled)

    def _send(self, transport: Transport, mail: OutboxMail, settled: Connection) -> None:
        """Send one mail; whatever is wrong with it does not touch the others.

        It is settled when the next one is on its way, or there is none.
        """
        try:
            self._hand_over(transport, mail, settled)
        except _LostClaimError:
            return
        except Exception as error:
            self._settle(settled)
            self._settle_failure(mail, error)
            if self._patience.is_in_doubt:
                self._patience.decide(takes_mail=takes_mail(transport, self.settings))
        else:
            self._settle(settled)
            self._taken = mail

    def _settle(self, settled: Connection) -> None:
        """Forget the mail that was sent last, before the next one is: a kill repeats the one in hand.

        A power cut may repeat a batch, for the disk is waited for once in each, when the next is claimed.
        """
        self._try_to_settle(settled)
        if (taken := self._taken) is not None:
            # The connection broke since the last mail; there may be another one.
            self._write(lambda db: outbox.delete_sent(db, taken.id))
            self._taken = None

    def _try_to_settle(self, settled: Connection) -> None:
        """Do so while the relay answers what is said before the next message: the two waits overlap."""
        if self._taken is None:
            return
        try:
            outbox.delete_sent(settled, self._taken.id)
            settled.commit()
            self._taken = None
        except SQLAlchemyError:
            settled.rollback()

    def _hand_over(self, transport: Transport, mail: OutboxMail, settled: Connection) -> None:
        if mail.purpose == outbox.DECOY:
            return
        content = outbox.content(self.keys, mail)
        if mail.purpose == outbox.LINK_REQUEST:
            with self.database.writing() as db:
                outbox.delete_sent(db, mail.id)
                self.look_up(db, content.recipient, mail.language)
            return
        message = written(
            mail.purpose,
            language=mail.language,
            settings=self.settings,
            recipient=content.recipient,
            params=content.params,
            message_id=mail.id,
        )
        transport.send(
            message,
            purpose=mail.purpose,
            meanwhile=partial(self._try_to_settle, settled),
            before_data=partial(self._keep, mail, settled),
        )
        self._patience.note(None)

    def _keep(self, mail: OutboxMail, settled: Connection) -> None:
        """Make sure that no other worker takes *mail* while a slow relay ponders it."""
        self._settle(settled)
        now = self.clock()
        # More is left than there ever was where the clock was set back: then others may have the mail by now.
        if mail.claimed_until is not None and self.lease >= mail.claimed_until - now > self.lease * 5 / 6:
            return
        with self.database.writing() as db:
            if not outbox.renew_lease(db, mail, now=now, lease=self.lease):
                raise _LostClaimError("another worker has this mail")

    def _settle_failure(self, mail: OutboxMail, error: Exception) -> None:
        # Only the kind of an error and its number are logged: its words may quote the address.
        code = error.code if isinstance(error, MailError) else 0
        log.warning("a mail could not be sent: %s, SMTP status %d", type(error).__name__, code)
        if isinstance(error, MailError):
            self._patience.note(error)
        if retry.is_final(error, attempts=mail.attempts):
            self._write(lambda db: retry.give_up(db, mail.id, code=code))
        else:
            self._write(lambda db: retry.put_off(db, mail.id, code=code, now=self.clock()))

    def _write(self, write: Callable[[Session], None]) -> None:
        """Put on disk what became of mails, waiting for a database that is away: they would leave twice."""
        end = time.monotonic() + self.lease.total_seconds() / 6
        while True:
            try:
                with self.database.writing() as db:
                    write(db)
            except (OperationalError, NoConnectionError):
                if time.monotonic() > end:
                    raise
                time.sleep(POLL_SECONDS)
            else:
                return


class _LostClaimError(CampaignError):
    """The lease of a mail ended, and another worker took it."""
