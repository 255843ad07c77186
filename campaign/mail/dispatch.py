"""Sends the due mails of the outbox, many over one connection, and records the outcome of each."""

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

from campaign.appeal.content import Appeal
from campaign.clock import Clock
from campaign.database.session import Database
from campaign.errors import CampaignError, MailError, TemporaryMailError
from campaign.mail import outbox, relay_ability, retry
from campaign.mail.cause import Cause
from campaign.mail.outbox import OutboxMail
from campaign.mail.random_wait import SPREAD
from campaign.mail.relay_pause import RelayPause
from campaign.mail.signatory_mail import render
from campaign.mail.transport import Transport, open_transport
from campaign.organiser.organisation import organisation
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings

BATCH = 50
"""Mails claimed at once."""

IDLE_SECONDS = 2.0
"""How long the connection stays open without a due mail."""

POLL_SECONDS = 0.2
"""Between two looks for due mails, and between two attempts to write to a database that does not answer."""

MAX_DECOY_SECONDS = 5.0
"""The longest pause for a mail that is not sent, shorter than a stopping worker waits."""

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Dispatch:
    """Sends mails; no transaction is open during the dialogue with the relay."""

    settings: Settings
    database: Database
    keys: ServerKeys
    send_links: Callable[[Session, str, str], None]
    """Stores the mail with the links of an address, in a language, in the outbox, if it signed anything."""
    link_all: Callable[[Session, str, str], None]
    """Lets the token in the day's last mail to an address open all that was made with that."""
    appeal: Appeal
    clock: Clock
    lease: timedelta = outbox.LEASE
    _claimed: deque[OutboxMail] = field(default_factory=deque, init=False)
    """Claimed mails without an outcome yet; the first one is being sent."""
    _accepted: OutboxMail | None = field(default=None, init=False)
    """A mail that the relay accepted, until its row is deleted."""
    _mail_seconds: float = field(default=0.0, init=False)
    """How long the relay took for the latest mail; a decoy takes as long."""
    _cause: Cause = field(init=False)
    """As it was when the latest mails were claimed."""
    _pause: RelayPause = field(init=False)

    def __post_init__(self) -> None:
        self._cause = Cause(self.appeal)
        self._pause = RelayPause(self.clock)

    def run(self, stop: threading.Event) -> None:
        """Send until none was due for :data:`IDLE_SECONDS` or soon is, none can leave, or *stop* is set."""
        self._pause.reset()
        try:
            with open_transport(self.settings) as transport, self.database.autocommit() as deletions:
                self._send_while_due(transport, deletions, stop)
        except TemporaryMailError as error:
            log.warning("no mail can leave now: %s", error)
        finally:
            self.database.checkpoint()

    def abandon(self) -> None:
        """Give up all claims, for a process that must end while it waits for the relay's reply."""
        mails, accepted = list(self._claimed), self._accepted
        if not mails:
            return
        current = mails[0]
        with self.database.writing() as db:
            outbox.release(db, mails[1:])
            if current is accepted:
                outbox.delete_sent(db, current.id)
            # The relay may still accept it: the outcome is uncertain, so the mail is put off.
            elif outbox.renew_lease(db, current, now=self.clock(), lease=self.lease):
                retry.put_off(db, current.id, code=0, now=self.clock())

    def _is_over(self, stop: threading.Event) -> bool:
        return stop.is_set() or self._pause.is_active

    def _send_while_due(self, transport: Transport, deletions: Connection, stop: threading.Event) -> None:
        idle_seconds, has_more = 0.0, False
        # The bound is for a clock that stands still or is set back.
        while idle_seconds < IDLE_SECONDS + SPREAD.total_seconds() and not self._is_over(stop):
            if has_more or self._has_due_mail():
                transport.connect()
                self._note_ability(transport)
                has_more = self._send_batch(transport, deletions, stop)
                idle_seconds = 0.0
            elif idle_seconds < IDLE_SECONDS or self._has_due_mail(within=SPREAD):
                stop.wait(POLL_SECONDS)
                idle_seconds += POLL_SECONDS
            else:
                return

    def _note_ability(self, transport: Transport) -> None:
        """Store what the relay takes, if it is news."""
        with self.database.reading() as db:
            is_known = relay_ability.takes_ascii_only(db) == transport.takes_ascii_only
        if not is_known:
            with self.database.writing() as db:
                relay_ability.note(db, ascii_only=transport.takes_ascii_only)

    def _has_due_mail(self, *, within: timedelta = timedelta()) -> bool:
        with self.database.reading() as db:
            return outbox.has_due_mail(db, now=self.clock() + within)

    def _send_batch(self, transport: Transport, deletions: Connection, stop: threading.Event) -> bool:
        """Send up to :data:`BATCH` due mails; return whether there may be more."""
        self._delete_accepted(deletions)  # if the database did not answer: it would be claimed again
        with self.database.writing() as db:
            claimed = outbox.claim(db, limit=BATCH, now=self.clock(), lease=self.lease)
            self._cause = Cause(self.appeal, organisation(db))
        # Only after the commit: a claim that is not on disk could be made again, and the mail sent twice.
        self._claimed.extend(claimed)
        try:
            while self._claimed and not self._is_over(stop):
                transport.connect()
                try:
                    self._send(transport, self._claimed[0], deletions)
                finally:
                    self._claimed.popleft()
        finally:
            if self._claimed:
                # These were not tried, so they are not put off: all leave as soon as the relay is back.
                self._write(lambda db: outbox.release(db, self._claimed))
                self._claimed.clear()
        return len(claimed) == BATCH

    def _send(self, transport: Transport, mail: OutboxMail, deletions: Connection) -> None:
        """Send one mail and record its outcome; no error of one mail stops the others."""
        try:
            self._hand_over(transport, mail)
        except _LeaseLostError:
            return
        except Exception as error:
            self._record_failure(mail, error)
        else:
            self._accepted = mail
            self._delete_accepted(deletions)

    def _hand_over(self, transport: Transport, mail: OutboxMail) -> None:
        content = outbox.content(self.keys, mail)
        if content.purpose == outbox.DECOY:
            time.sleep(min(self._mail_seconds, MAX_DECOY_SECONDS))
            return
        if content.purpose == outbox.LINK_REQUEST:
            with self.database.writing() as db:
                outbox.delete_sent(db, mail.id)
                self.send_links(db, content.recipient, content.language)
            return
        if content.params.get("is_last") and "token" in content.params:
            # Not when it was stored: whose submission takes longer would show that it was the day's fifth.
            with self.database.writing() as db:
                self.link_all(db, content.recipient, content.params["token"])
        message = render(
            content.purpose,
            language=content.language,
            settings=self.settings,
            recipient=content.recipient,
            params=content.params,
            cause=self._cause,
            now=self.clock(),
            message_id=mail.id,
        )
        start = self.clock.monotonic()
        transport.send(message, purpose=content.purpose, before_data=partial(self._ensure_lease, mail))
        self._mail_seconds = self.clock.monotonic() - start
        self._pause.reset()

    def _ensure_lease(self, mail: OutboxMail) -> None:
        """Renew the lease of *mail* if little is left of it, since the relay may take long to reply.

        Raises:
            _LeaseLostError: Another worker has claimed the mail.
        """
        now = self.clock()
        # More than a whole lease is left only if the clock was set back: another worker may have the mail.
        if mail.claimed_until is not None and self.lease >= mail.claimed_until - now > self.lease * 5 / 6:
            return
        with self.database.writing() as db:
            if not outbox.renew_lease(db, mail, now=now, lease=self.lease):
                raise _LeaseLostError("another worker has this mail")

    def _delete_accepted(self, deletions: Connection) -> None:
        """Delete the mail that was accepted, before the next one is sent: a kill repeats one mail at most.

        A power cut may repeat a batch, since only the claim of the next batch waits for the disk.
        """
        accepted = self._accepted
        if accepted is None:
            return
        try:
            outbox.delete_sent(deletions, accepted.id)
            deletions.commit()
        except SQLAlchemyError:
            deletions.rollback()
            # The connection broke; there may be another one.
            self._write(lambda db: outbox.delete_sent(db, accepted.id))
        self._accepted = None

    def _record_failure(self, mail: OutboxMail, error: Exception) -> None:
        # Only the type and the number of an error are logged: its text may quote the address.
        code = error.code if isinstance(error, MailError) else 0
        log.warning("a mail could not be sent: %s, SMTP status %d", type(error).__name__, code)
        if isinstance(error, MailError):
            self._pause.record(error)
        if retry.is_final(error, attempts=mail.attempts):
            self._write(lambda db: retry.give_up(db, mail.id, code=code))
        else:
            self._write(lambda db: retry.put_off(db, mail.id, code=code, now=self.clock()))

    def _write(self, write: Callable[[Session], None]) -> None:
        """Write outcomes, waiting for a database that does not answer: otherwise mails are sent twice."""
        end = self.clock.monotonic() + self.lease.total_seconds() / 6
        while True:
            try:
                with self.database.writing() as db:
                    write(db)
            except (OperationalError, NoConnectionError):
                if self.clock.monotonic() > end:
                    raise
                time.sleep(POLL_SECONDS)
            else:
                return


class _LeaseLostError(CampaignError):
    """The lease of a mail ended, and another worker has claimed it."""
