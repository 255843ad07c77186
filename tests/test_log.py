"""The log: one line per record, and an error without its message."""

import json
import logging
import sys

import pytest

from campaign import log


def record(message: str, *args: object, error: Exception | None = None) -> logging.LogRecord:
    try:
        if error:
            raise error
    except ValueError:
        return logging.LogRecord("campaign.x", logging.ERROR, "x.py", 1, message, args, sys.exc_info())
    return logging.LogRecord("campaign.x", logging.ERROR, "x.py", 1, message, args, None)


@pytest.mark.parametrize("formatter", [log.LineFormatter(log.TEXT), log.JsonFormatter()])
def test_a_record_is_one_line_and_an_error_appears_without_its_message(formatter: logging.Formatter) -> None:
    line = formatter.format(record("said %s\nand more", "this", error=ValueError("mara@example.org")))

    assert len(line.splitlines()) == 1
    assert "mara@example.org" not in line
    assert "ValueError in test_log.py:" in line
    assert "campaign.x" in line


def test_json_has_time_level_and_process() -> None:
    content = json.loads(log.JsonFormatter().format(record("it's “broken”: %s", 7)))

    assert content.keys() == {"time", "level", "logger", "process", "message"}
    assert content["message"] == "it's “broken”: 7"
    assert content["level"] == "error"
    assert content["time"].endswith("+00:00")
