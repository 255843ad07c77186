"""The log of ``serve`` and ``work``: a line for each record, and nothing personal in any.

What is logged holds no name or address to begin with. An error that somebody logs with its
traceback loses its message here, since that may quote what was typed or stored: its kind and
its places are left. There is no access log.
"""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from traceback import extract_tb
from types import TracebackType

from campaign.settings import Settings

TEXT = "%(levelname)s %(name)s: %(message)s"
"""Without a time: systemd's journal, where these lines go, has its own."""


def _is_no_advice(record: logging.LogRecord) -> bool:
    # It would have fewer threads, for it does not know that those who sign together share a transaction.
    return not str(record.msg).startswith("Configuration allows spawning")


GRANIAN = {
    "filters": {"advice": {"()": lambda: _is_no_advice}},
    "loggers": {"_granian": {"handlers": [], "filters": ["advice"], "propagate": True}},
}
"""Sends the web server's records, too, through our handler."""

_ErrorInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def format_traceback(trace: TracebackType | None) -> str:
    """Return the places that an error came through, the one where it was raised first."""
    places = [f"{each.filename.rpartition('/')[2]}:{each.lineno} {each.name}" for each in extract_tb(trace)]
    return " < ".join(reversed(places[-8:]))


class Lines(logging.Formatter):
    """A record as text, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return " ".join(super().format(record).splitlines())

    def formatException(self, ei: _ErrorInfo) -> str:  # noqa: N802 -- logging's own name
        """Return where an error was raised, without its message."""
        kind, _error, trace = ei
        return f"{kind.__name__ if kind else 'nothing'} in {format_traceback(trace)}"


class JsonLines(Lines):
    """A record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        content = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": os.getpid(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            content["error"] = self.formatException(record.exc_info)
        return json.dumps(content)


def configure(settings: Settings) -> None:
    """Have this process write its log as *settings* ask; how loud it is stays as it was."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else Lines(TEXT))
    # A forked process has its parent's.
    for earlier in [each for each in logging.root.handlers if isinstance(each.formatter, Lines)]:
        logging.root.removeHandler(earlier)
    logging.root.addHandler(handler)
    logging.captureWarnings(True)
