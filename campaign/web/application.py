"""Build the web application."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from campaign import log
from campaign.appeal import reading
from campaign.clock import SYSTEM_CLOCK, Clock
from campaign.database.session import Database
from campaign.guard.argon2_queue import Argon2Queue
from campaign.guard.rate_limit import RateLimits
from campaign.guard.surge import SurgeDetector
from campaign.operations.start import prepare
from campaign.paths import STATIC, TEMPLATES
from campaign.settings import Settings, load
from campaign.web import drawing, site
from campaign.web.background_reseal import BackgroundReseal
from campaign.web.organise import views
from campaign.web.serving import (
    asset,
    cache,
    errors,
    headers,
    health,
    language,
    metrics,
    process,
)
from campaign.web.serving.client_address import ClientAddress
from campaign.web.serving.cookie import OrganiserCookie
from campaign.web.signature_writer import SignatureWriter
from campaign.web.site import Site
from campaign.web.snapshot import SnapshotCache
from campaign.web.supporter import views as supporter_views
from campaign.worker.tasks import Tasks

LARGEST_POST = 200_000
"""Bytes; the largest post is an import of addresses."""

QUEUE_TIMEOUT_SECONDS = 1.0
"""How long all but one thread wait for SQLite's write lock, so that the others go on answering pages."""


class Application(Flask):
    """Flask without the check, a dozen times in each request, whether a function is a coroutine."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return *func*, since no function of this application is a coroutine."""
        return func


def build(settings: Settings, clock: Clock) -> Flask:
    """Return the application for *settings*."""
    app = Application("campaign", template_folder=str(TEMPLATES), static_folder=None)
    here = app.extensions["campaign"] = _make_site(settings, clock)
    _configure(app, settings, here.keys.cookie)
    cache.init_app(app, here.snapshots)  # first, so that its after_request runs last: on finished answers
    asset.init_app(app, STATIC)
    drawing.init_app(app)
    language.init_app(app)
    site.init_app(app)
    headers.init_app(app, settings)
    errors.init_app(app)
    _add_views(app)
    metrics.init_app(app, here)
    _trust_proxies(app, settings)
    return app


def _trust_proxies(app: Flask, settings: Settings) -> None:
    hops = settings.trusted_proxies
    fixed = ProxyFix(app.wsgi_app, x_for=0, x_proto=hops, x_host=hops) if hops else app.wsgi_app
    app.wsgi_app = ClientAddress(fixed, hops=hops, secret_key=settings.secret_key)  # type: ignore[method-assign]


def _make_site(settings: Settings, clock: Clock) -> Site:
    content = reading.load(settings.appeal)
    database = Database.of_site(settings, queue_timeout_seconds=QUEUE_TIMEOUT_SECONDS)
    keys = prepare(database, settings, content, now=clock()).keys
    return Site(
        settings=settings,
        database=database,
        keys=keys,
        snapshots=SnapshotCache(database, clock, content, settings),
        tasks=Tasks(settings, database, clock=clock),
        rate_limits=RateLimits(clock()),
        surge=SurgeDetector(),
        argon2_queue=Argon2Queue(settings.instance),
        clock=clock,
        background_reseal=BackgroundReseal(database),
        writer=SignatureWriter(settings, database, keys, clock),
    )


def _configure(app: Flask, settings: Settings, key: bytes) -> None:
    app.config.update(
        SECRET_KEY=key,
        MAX_CONTENT_LENGTH=LARGEST_POST,
        MAX_FORM_MEMORY_SIZE=LARGEST_POST,
        MAX_FORM_PARTS=2_000,
        TRUSTED_HOSTS=headers.hosts(settings),
        SESSION_COOKIE_NAME="__Host-organiser" if settings.is_secure else "organiser",
        SESSION_COOKIE_SECURE=settings.is_secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_PATH="/",
        # Longer than a session, so that a form of one that is over is known by its token.
        PERMANENT_SESSION_LIFETIME=timedelta(days=2),
        WTF_CSRF_TIME_LIMIT=None,  # tokens are valid as long as the session
    )
    app.session_interface = OrganiserCookie()
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def _add_views(app: Flask) -> None:
    tokens = CSRFProtect(app)
    for blueprint in (*supporter_views.BLUEPRINTS, health.bp):
        # Without cookies there is no token to compare: these views check a post's origin instead.
        tokens.exempt(blueprint)
        app.register_blueprint(blueprint)
    views.init_app(app)

    @app.context_processor
    def base_variables() -> dict[str, object]:
        here, spoken = site.site(), language.current_language()
        return {
            "language": spoken,
            "languages": here.appeal.languages,
            "in_language": language.in_language,
            "alternates": language.alternates,
            "appeal": here.appeal.in_language(spoken.code),
            "organisation": here.organisation,
            "erased_on": here.erased_on,
            "base_url": here.settings.base_url,
        }


def from_environment() -> Flask:
    """Return the application for the settings in the environment; each web process calls this."""
    process.end_with_parent()
    process.handle_one_stop_signal()
    settings = load()
    log.configure(settings)
    app = build(settings, SYSTEM_CLOCK)
    process.calm_garbage_collector()
    return app
