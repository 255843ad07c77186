"""The log's lines: one for each record, and of an error only where it was raised."""

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


@pytest.mark.parametrize("lines", [log.Lines(log.TEXT), log.JsonLines()])
def test_a_record_is_one_line_and_an_error_in_it_keeps_its_words_to_itself(lines: logging.Formatter) -> None:
    line = lines.format(record("said %s\nand more", "this", error=ValueError("mara@example.org")))

    assert len(line.splitlines()) == 1
    assert "mara@example.org" not in line
    assert "ValueError in test_log.py:" in line
    assert "campaign.x" in line


def test_json_says_when_how_bad_and_which_process() -> None:
    content = json.loads(log.JsonLines().format(record("it's “broken”: %s", 7)))

    assert content.keys() == {"time", "level", "logger", "process", "message"}
    assert content["message"] == "it's “broken”: 7"
    assert content["level"] == "error"
    assert content["time"].endswith("+00:00")
