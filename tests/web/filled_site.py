"""A site with data in every table and a URL for every route."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule

from campaign import create_app
from campaign.database.table import Base
from campaign.delivery.delegation import Address, save
from campaign.delivery.order import Order, Sender
from campaign.delivery.send import send
from campaign.disclosure.approval import approve_names
from campaign.organiser import session as organiser_session
from campaign.organiser.account import Unlocked
from campaign.organiser.invitation import invite
from campaign.organiser.login import unlock
from campaign.organiser.organisation import Organisation, save_organisation
from campaign.organiser.role import ORGANISER, OWNER, READER
from campaign.reference.language import LANGUAGES
from campaign.reference.participating_state import STATES
from campaign.sealing import box
from campaign.sealing.campaign_key import current_key
from campaign.sealing.key_ring import key_ring
from campaign.settings import Settings
from campaign.signature import invalidation
from campaign.signature.key_change import reseal_some
from campaign.web.site import Site
from tests.conftest import Clock
from tests.support.factories import PASSPHRASE, Made, make_organiser, make_owner, make_signature

LOOPBACK = ip_network("127.0.0.0/8")
"""The address of the tests' browsers, which no rate limit applies to."""

PUBLISHED = "Petra Published"

PRIVATE = ("Xenia Quillfeather", "xenia@quillfeather.example", "Quilltown", "Quilled words", "Olga Quillman")
"""Secret from strangers: a signatory's name, address, town and words, and an organiser's name."""

MISSION = "de@quillmission.example"
"""A delegation's address, which only organisers see."""


class FilledSite:
    """The site, its organisers, and the changes of its tables."""

    def __init__(self, app: Flask, clock: Clock) -> None:
        self.app = app
        self.clock = clock
        self.site: Site = app.extensions["campaign"]
        self._fill()
        self._watch = self.site.database.engine.connect()
        self._seen = self._rows()
        self._version = self._data_version()

    def close(self) -> None:
        """Close every connection."""
        self._watch.close()
        self.site.close()

    def changed(self) -> set[str]:
        """Return the tables that changed since the last call."""
        version = self._data_version()
        if version is not None and version == self._version:
            return set()
        before, self._seen, self._version = self._seen, self._rows(), version
        return {table for table, rows in self._seen.items() if rows != before[table]}

    def url(self, rule: Rule, *, known: bool = True) -> str:
        """Return a URL of *rule*: of an existing object, or of none."""
        parts = {name: self._part(rule, name, known=known) for name in rule.arguments}
        built = rule.build(parts)
        assert built, rule
        return built[1]

    def browser(self, cookie: str = "") -> FlaskClient:
        """Return a browser that sends *cookie*, if any, with every request."""
        client = self.app.test_client(use_cookies=not cookie)
        if cookie:
            client.environ_base["HTTP_COOKIE"] = f"{self.cookie_name}={cookie}"
        return client

    @property
    def cookie_name(self) -> str:
        return str(self.app.config["SESSION_COOKIE_NAME"])

    def cookie(self, **content: Any) -> str:
        """Return a cookie with *content*, signed as this site signs."""
        return str(serializer(self.app).dumps(content))

    def session(self, role: str = OWNER, *, ago: timedelta = timedelta()) -> str:
        """Start a session, perhaps some time *ago*, and return the secret in its cookie."""
        self._follow_key_change()
        with self.site.database.writing() as db:
            return organiser_session.start(db, self.people[role], keys=self.site.keys, now=self.clock() - ago)

    @property
    def owner(self) -> Unlocked:
        """The owner, with the campaign's present key."""
        self._follow_key_change()
        return self.people[OWNER]

    def _follow_key_change(self) -> None:
        """Log in again, as who opens names must, if a request has changed the campaign's key."""
        held = box.public_half(self.people[OWNER].campaign_private_key)
        with self.site.database.session(writes=True) as db:
            if held == current_key(db).public_key:
                return
            for role in (OWNER, ORGANISER):
                self.people[role] = unlock(db, self.people[role].name, PASSPHRASE)

    def _fill(self) -> None:
        now, keys = self.clock(), self.site.keys
        with self.site.database.session(writes=True) as db:
            owner = make_owner(db, name=PRIVATE[4], now=now)
            reseal_some(db, owner.campaign_private_key)  # as the page does that makes the first organiser
            name, email, town, words, _organiser = PRIVATE
            mine: dict[str, Any] = {"name": name, "email": email, "town": town, "words": words}
            self.signed: Made = make_signature(db, keys, **mine)
            make_signature(db, keys, **mine | {"email": "pending@quillfeather.example"}, confirmed=False)
            make_signature(db, keys, **mine, state="kz", disclosure="public")
            counted = make_signature(db, keys, state="fr", disclosure="counted")
            public = make_signature(db, keys, name=PUBLISHED, disclosure="public")
            approve_names(db, [("de", public.row.id)], key_ring(db, owner.campaign_private_key), shown=None)
            save_organisation(db, Organisation("Example Foundation", "Exampletown", "office@example.org"))
            save(db, Address("de", MISSION, "a call", now.date()), by=owner.name, now=now)
            self.invitation = invite(db, owner, "Ines", ORGANISER, now=now)
            self.people = {
                OWNER: owner,
                ORGANISER: make_organiser(db, owner, name="Pavel", now=now),
                READER: make_organiser(db, owner, name="Rita", role=READER, now=now),
            }
            decision = invalidation.record_decision(db, None, words, by=owner.name, now=now)
            invalidation.invalidate(db, decision.id, [("fr", counted.row.id)])
            self.decision_id = decision.id
            db.commit()
        sender = Sender(
            database=self.site.database,
            settings=self.site.settings,
            appeal=self.site.appeal,
            organiser=owner,
            clock=self.clock,
        )
        cautions = ("instrument_expired", "instrument_note", "sent_before", "address_old")
        self.delivery = send(sender, Order(delivery_id=uuid4(), state=STATES["de"], confirmed=cautions))

    def _part(self, rule: Rule, name: str, *, known: bool) -> Any:
        existing: dict[str, Any] = {
            "organise.token": self.invitation,
            "signature.token": self.signed.token,
            "code": self.delivery.code,
            "decision_id": self.decision_id,
            "delivery_id": self.delivery.id,
            "organiser_id": self.people[READER].id,
            "person_id": self.site.appeal.persons[0].id,
            "fingerprint": "0" * 12,
            "path": "campaign.css",
            "organise.state": "de",
            "format": "csv",
            "translation": LANGUAGES["de"],
            "page": "home",
        }
        converter = rule._converters[name]
        missing = {
            "LanguageConverter": converter.map.converters["language"](converter.map).to_python("en"),
            "StateConverter": STATES["de"],
            "UUIDConverter": uuid4(),
            "IntegerConverter": 1,
        }.get(type(converter).__name__, "nothing")
        if not known or type(converter).__name__ == "StateConverter":
            return missing
        blueprint = str(rule.endpoint).partition(".")[0]
        return existing.get(f"{blueprint}.{name}", existing.get(name, missing))

    def _rows(self) -> dict[str, set[tuple[Any, ...]]]:
        with self.site.database.reading() as db:
            rows = {
                table.name: {tuple(row) for row in db.execute(select(table))}
                for table in Base.metadata.sorted_tables
            }
        return rows | {"the queue": {(self.site.tasks.huey.pending_count(),)}}

    def _data_version(self) -> object:
        """Return SQLite's number of commits, so that unchanged tables are not read again."""
        if not self.site.database.is_sqlite:
            return None
        version = self._watch.exec_driver_sql("PRAGMA data_version").scalar()
        self._watch.rollback()
        return version


def serializer(app: Flask) -> Any:
    """Return the serializer that signs the cookies of *app*."""
    found = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    assert found is not None
    return found


@contextmanager
def run_filled_site(settings: Settings, clock: Clock, **config: Any) -> Iterator[FilledSite]:
    """Run the site while the block lasts."""
    app = create_app(settings, clock=clock)
    app.config.update(config)
    filled_site = FilledSite(app, clock)
    try:
        yield filled_site
    finally:
        filled_site.close()


def foreign_cookies(filled_site: FilledSite) -> dict[str, str]:
    """Return cookies that must open nothing: expired, forged or foreign; some are signed by the site."""
    ended = filled_site.session()
    with filled_site.site.database.writing() as db:
        organiser_session.end(db, ended)
    other = Flask("other")
    other.secret_key = "a key that somebody else made up, of good length"
    valid = filled_site.cookie(unlock=filled_site.session())
    content, _, signature = valid.rpartition(".")
    return {
        "ended": filled_site.cookie(unlock=ended),
        "idle": filled_site.cookie(
            unlock=filled_site.session(ago=organiser_session.IDLE_LIMIT + timedelta(seconds=1))
        ),
        "of yesterday": filled_site.cookie(unlock=filled_site.session(ago=timedelta(days=1))),
        "guessed": filled_site.cookie(unlock="A" * 43),
        "a supporter's token": filled_site.cookie(unlock=filled_site.signed.token),
        "an invitation's code": filled_site.cookie(unlock=filled_site.invitation),
        "signed by another key": serializer(other).dumps({"unlock": filled_site.session()}),
        "altered": f"{content}.{signature[::-1]}",
        "not signed": json.dumps({"unlock": filled_site.session()}).encode().hex(),
        "nonsense": "\u00e9..;=",
    }
