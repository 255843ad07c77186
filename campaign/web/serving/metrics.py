"""``/metrics`` for Prometheus: figures of the campaign, of this machine, and of the process that answers.

Figures of the site are read from the database, so every process gives the same; those on signatures and mails
are what the worker recorded. Figures of one process carry its number as a label, and move in steps that one
request does not make.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Flask, Response, abort, current_app, request
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from campaign.guard import network
from campaign.operations.monitor import MAX_COUNT, MailFigures, last_turn, mail_figures
from campaign.settings import LOOPBACK, Settings
from campaign.signature import published_count, recount
from campaign.web.site import Site

PATH = "/metrics"

FRESH_SECONDS = 1
"""The database is read at most once in this time."""

PROCESS_METRICS = {
    "process_resident_memory_bytes": 10_000_000,
    "process_open_fds": 10,
    "process_max_fds": 1,
    "process_start_time_seconds": 1,
}
"""Figures of the process, each with the step to which it is rounded down."""

DISK_STEP, FAILURES_STEP = 100_000_000, 10
"""Each commit takes some free space, and one person's request may fail: neither shows."""

_KEY = "campaign.metrics"

bp = Blueprint("metrics", __name__)


@bp.get(PATH)
def metrics() -> Response:
    """Send the figures, to clients within ``CAMPAIGN_METRICS_NETWORKS``."""
    content = generate_latest(current_app.extensions[_KEY])
    return Response(content, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def init_app(app: Flask, here: Site) -> None:
    """Register ``/metrics``, and hide it from clients that may not read it."""
    registry = app.extensions[_KEY] = CollectorRegistry()
    collector = SiteCollector(here)
    registry.register(collector)
    app.register_blueprint(bp)

    @app.before_request
    def hide() -> None:
        # For every method: "not allowed" would tell that the page exists.
        if request.path == PATH and not _may_read(here.settings):
            abort(404)

    @app.after_request
    def count_failure(response: Response) -> Response:
        if response.status_code >= 500:
            collector.count_failure()
        return response


def _may_read(settings: Settings) -> bool:
    # Behind a proxy nobody is known to be this machine: who says so in a header may lie.
    is_open_to_nobody = settings.trusted_proxies > 0 and settings.metrics_networks == LOOPBACK
    return not is_open_to_nobody and network.is_within(request.remote_addr, settings.metrics_networks)


@dataclass(frozen=True, kw_only=True)
class SiteFigures:
    """What the database and the queue say; the same in every process."""

    signatures: int
    mails: MailFigures | None
    """``None`` before the first run of a worker."""
    recounted: tuple[datetime, int] | None
    queued: int


class SiteCollector(Collector):
    """Collects the figures of a site when Prometheus asks for them."""

    def __init__(self, here: Site) -> None:
        self._here = here
        self._lock = threading.Lock()
        self._cached: SiteFigures | None = None
        self._read_at = float("-inf")
        self._failures = 0

    def count_failure(self) -> None:
        """Count a response with a 5xx status."""
        with self._lock:
            self._failures += 1

    def collect(self) -> Iterator[Metric]:
        """Yield every figure with its description."""
        found = self._from_database()
        yield _gauge("campaign_database_up", "Whether the database answers.", found is not None)
        if found is not None:
            yield from _of_campaign(found, now=self._here.clock())
        free = shutil.disk_usage(self._here.settings.instance).free // DISK_STEP * DISK_STEP
        about = "Free space on the disk of the instance folder, in steps of 100 MB."
        yield _gauge("campaign_disk_free_bytes", about, free)
        yield from _of_process(self._failures)

    def _from_database(self) -> SiteFigures | None:
        with self._lock:
            if self._here.clock.monotonic() - self._read_at >= FRESH_SECONDS:
                self._cached = self._read()
                self._read_at = self._here.clock.monotonic()
            return self._cached

    def _read(self) -> SiteFigures | None:
        here = self._here
        try:
            with here.database.reading() as db:
                return SiteFigures(
                    signatures=published_count.public_count(db, here.settings, now=here.clock()).total,
                    mails=mail_figures(db),
                    recounted=recount.last(db),
                    queued=here.tasks.waiting(),
                )
        except SQLAlchemyError:
            return None


def _of_campaign(found: SiteFigures, *, now: datetime) -> Iterator[Metric]:
    yield _gauge("campaign_signatures", "Signatures, as the public pages show them.", found.signatures)
    if found.mails is not None:
        yield from _of_mails(found.mails, now=now)
    yield _gauge("campaign_queue_tasks", "Tasks waiting for a worker, in tens.", found.queued // 10 * 10)
    if found.recounted is not None:
        recounted_at, differences = found.recounted
        age = max(0.0, (now - recounted_at).total_seconds())
        yield _gauge("campaign_recount_age_seconds", "Time since the last recount.", age)
        differing = "Differences between counts and rows that the last recount found."
        yield _gauge("campaign_recount_differences", differing, differences)


def _of_mails(noted: MailFigures, *, now: datetime) -> Iterator[Metric]:
    as_of = "as the worker noted at the last quarter-hour"
    upto = f"at most {MAX_COUNT:,}"
    pending = f"Signatures made before today (UTC) and not confirmed when it began; {upto}."
    yield _gauge("campaign_signatures_pending", pending, noted.pending)
    yield _gauge("campaign_mail_waiting", f"Waiting mails, {as_of}, in tens; {upto}.", noted.waiting)
    oldest = f"Age of the oldest waiting mail, {as_of}, in whole quarter-hours; 0 while few are late."
    yield _gauge("campaign_mail_oldest_seconds", oldest, noted.oldest_seconds)
    given_up = f"Mails given up in the 30 days before today (UTC); {upto}."
    yield _gauge("campaign_mail_given_up", given_up, noted.given_up)
    age = max(0.0, (last_turn(now) - noted.turn).total_seconds())
    yield _gauge("campaign_mail_noted_age_seconds", "Age of these notes, in whole quarter-hours.", age)


def _of_process(failures: int) -> Iterator[Metric]:
    number = str(os.getpid())
    description = "Requests that this process answered with 5xx, in tens."
    answered = CounterMetricFamily("campaign_failures", description, labels=("process",))
    answered.add_metric((number,), failures // FAILURES_STEP * FAILURES_STEP)
    yield answered
    for metric in ProcessCollector(registry=None).collect():
        if step := PROCESS_METRICS.get(metric.name):
            metric.samples = [
                each._replace(labels={"process": number}, value=each.value // step * step)
                for each in metric.samples
            ]
            yield metric


def _gauge(name: str, description: str, value: float) -> Metric:
    return GaugeMetricFamily(name, description, value=float(value))
