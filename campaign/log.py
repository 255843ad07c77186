"""The log of ``serve`` and ``work``: one line per record, without personal data.

No code logs names or addresses. The traceback of an error is logged without the error's message,
which may quote input or rows: its type and the lines of code remain. There is no access log.
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
"""Without a time, since systemd's journal adds it."""


def _is_relevant(record: logging.LogRecord) -> bool:
    # Granian advises fewer threads; here more threads let more signatures share a transaction.
    return not str(record.msg).startswith("Configuration allows spawning")


GRANIAN = {
    "filters": {"advice": {"()": lambda: _is_relevant}},
    "loggers": {"_granian": {"handlers": [], "filters": ["advice"], "propagate": True}},
}
"""Logging configuration that passes the web server's records to our handler."""

_ErrorInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def format_traceback(trace: TracebackType | None) -> str:
    """Return the last eight lines of code of *trace* as text, innermost first, without the message."""
    lines = [f"{each.filename.rpartition('/')[2]}:{each.lineno} {each.name}" for each in extract_tb(trace)]
    return " < ".join(reversed(lines[-8:]))


class LineFormatter(logging.Formatter):
    """Formats a record as one line of text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return " ".join(super().format(record).splitlines())

    def formatException(self, ei: _ErrorInfo) -> str:  # noqa: N802 -- logging's own name
        """Return the type of an error and where it was raised, without its message."""
        kind, _error, trace = ei
        return f"{kind.__name__ if kind else 'nothing'} in {format_traceback(trace)}"


class JsonFormatter(LineFormatter):
    """Formats a record as a JSON object on one line."""

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
    """Write the log of this process in the format of *settings*; levels are not changed."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else LineFormatter(TEXT))
    # A forked process has inherited its parent's handler.
    for earlier in [each for each in logging.root.handlers if isinstance(each.formatter, LineFormatter)]:
        logging.root.removeHandler(earlier)
    logging.root.addHandler(handler)
    logging.captureWarnings(True)
