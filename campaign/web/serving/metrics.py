"""``/metrics`` for Prometheus: figures of the campaign, of this machine, and of the process that answers.

Whatever is true of the site as a whole is read from the database, so it does not matter which
process is asked; of mails it is what the worker noted at the last quarter of an hour. What a process
knows of itself alone carries its number as a label.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from datetime import datetime
from itertools import accumulate

from flask import Blueprint, Flask, Response, abort, current_app, request
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from campaign.guard import network
from campaign.operations.monitor import MOST, Condition, MailCondition, condition, last_turn
from campaign.settings import Settings
from campaign.web.serving.request_timing import BOUNDS, Meter
from campaign.web.site import Site

PATH = "/metrics"

FRESH_SECONDS = 1
"""The database is asked for figures at most so often."""

OF_THE_PROCESS = frozenset(
    {"process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_start_time_seconds"}
)

_KEY = "campaign.metrics"

bp = Blueprint("metrics", __name__)


@bp.get(PATH)
def metrics() -> Response:
    """Send the figures; only who is within ``CAMPAIGN_METRICS_NETWORKS`` gets here."""
    content = generate_latest(current_app.extensions[_KEY])
    return Response(content, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def init_app(app: Flask, here: Site, meter: Meter) -> None:
    """Collect the figures, and answer everybody else as if there were no such page."""
    registry = app.extensions[_KEY] = CollectorRegistry()
    registry.register(_Figures(here, meter))
    app.register_blueprint(bp)

    @app.before_request
    def hide() -> None:
        # Whatever the method: an answer that it is not allowed would tell that there is something.
        if request.path == PATH and not _may_read(here.settings):
            abort(404)


def _may_read(settings: Settings) -> bool:
    # Behind a proxy that is not counted, every visitor would seem to come from this machine.
    is_through_a_stranger = settings.trusted_proxies == 0 and (
        "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    )
    return not is_through_a_stranger and network.is_within(request.remote_addr, settings.metrics_networks)


class _Figures(Collector):
    def __init__(self, here: Site, meter: Meter) -> None:
        self._here = here
        self._meter = meter
        self._lock = threading.Lock()
        self._kept: tuple[Condition, int] | None = None
        self._read_at = -float(FRESH_SECONDS)

    def collect(self) -> Iterator[Metric]:
        """Yield every figure with what it means."""
        found = self._from_database()
        yield _gauge("campaign_database_up", "Whether the database answers.", found is not None)
        if found is not None:
            yield from _of_campaign(*found, now=self._here.clock())
        free = shutil.disk_usage(self._here.settings.instance).free
        yield _gauge("campaign_disk_free_bytes", "Room left on the disk of the instance folder.", free)
        yield from _of_requests(self._meter)
        yield from _of_process()

    def _from_database(self) -> tuple[Condition, int] | None:
        with self._lock:
            if self._here.clock.monotonic() - self._read_at >= FRESH_SECONDS:
                self._kept = self._read()
                self._read_at = self._here.clock.monotonic()
            return self._kept

    def _read(self) -> tuple[Condition, int] | None:
        try:
            with self._here.database.reading() as db:
                found = condition(db, now=self._here.clock())
            return found, self._here.tasks.waiting()
        except SQLAlchemyError:
            return None


def _of_campaign(found: Condition, queued: int, *, now: datetime) -> Iterator[Metric]:
    upto = f"at most {MOST:,}"
    yield _counter("campaign_signatures_confirmed", "Signatures confirmed, ever.", found.confirmed)
    yield _counter("campaign_signatures_withdrawn", "Of these, withdrawn.", found.withdrawn)
    pending = f"Signed before today (UTC) and not confirmed; {upto}."
    yield _gauge("campaign_signatures_pending", pending, found.pending)
    if found.mails is not None:
        yield from _of_mails(found.mails, now=now)
    yield _gauge("campaign_queue_tasks", "Tasks waiting for a worker, in tens.", queued // 10 * 10)
    if found.recounted_at is not None:
        age = max(0.0, (now - found.recounted_at).total_seconds())
        yield _gauge("campaign_recount_age_seconds", "Time since counts were compared with rows.", age)
        found_then = "Differences between counts and rows that were found then."
        yield _gauge("campaign_recount_differences", found_then, found.differences)


def _of_mails(noted: MailCondition, *, now: datetime) -> Iterator[Metric]:
    as_of = "as the worker noted at the last quarter of an hour"
    upto = f"at most {MOST:,}"
    yield _gauge("campaign_mail_waiting", f"Mails waiting, {as_of}; {upto}.", noted.waiting)
    oldest = f"Age of the oldest waiting mail, {as_of}, in such quarters."
    yield _gauge("campaign_mail_oldest_seconds", oldest, noted.oldest_seconds)
    given_up = f"Mails given up before today (UTC), in the last 30 days, {as_of}; {upto}."
    yield _gauge("campaign_mail_given_up", given_up, noted.given_up)
    age = max(0.0, (last_turn(now) - noted.turn).total_seconds())
    yield _gauge("campaign_mail_noted_age_seconds", "Time since that was noted, in such quarters.", age)


def _of_requests(meter: Meter) -> Iterator[Metric]:
    seconds = HistogramMetricFamily(
        "campaign_request_seconds",
        "Requests that this process answered; all but those for public pages as of the last quarter hour.",
        labels=("process", "endpoint", "status"),
    )
    process, bounds = str(os.getpid()), [*map(str, BOUNDS), "+Inf"]
    for kind, answers in sorted(meter.answers().items()):
        numbers = zip(bounds, accumulate(answers.numbers), strict=True)
        seconds.add_metric((process, *kind), [*numbers], answers.seconds)
    yield seconds
    failures = CounterMetricFamily(
        "campaign_failures", "Requests that this process answered with 5xx.", labels=("process",)
    )
    failures.add_metric((process,), meter.failures)
    yield failures


def _of_process() -> Iterator[Metric]:
    process = {"process": str(os.getpid())}
    for metric in ProcessCollector(registry=None).collect():
        if metric.name in OF_THE_PROCESS:
            metric.samples = [sample._replace(labels=process) for sample in metric.samples]
            yield metric


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=float(value))


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(name, meaning, value=float(value))
