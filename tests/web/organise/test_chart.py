import re
from datetime import date, timedelta
from xml.etree import ElementTree

from campaign.signature.count import Day
from campaign.web.organise import chart

FIRST = date(2026, 1, 1)


def drawn(days: list[Day], language: str = "en") -> str:
    return chart.by_day(days, label="Signatures & withdrawals", language=language)


def test_without_signatures_nothing_is_drawn() -> None:
    assert drawn([]) == ""


def test_a_drawing_is_well_formed_named_and_without_inline_style() -> None:
    svg = drawn([Day(FIRST, 3, 1)])

    root = ElementTree.fromstring(svg)  # noqa: S314 -- our own drawing
    assert root.attrib["aria-label"] == "Signatures & withdrawals"
    assert "style" not in svg


def test_every_day_has_its_bar_and_its_figures() -> None:
    svg = drawn([Day(FIRST, 3, 0), Day(FIRST + timedelta(days=2), 5, 2)])

    assert "1 Jan 2026: +3 −0" in svg
    assert "3 Jan 2026: +5 −2" in svg
    assert svg.count("chart-confirmed") == 2
    assert svg.count("chart-withdrawn") == 1


def test_days_and_numbers_are_written_as_the_language_writes_them() -> None:
    svg = drawn([Day(FIRST, 12345, 0)], "fr")

    assert "1er janv. 2026\u00a0: +12\u202f345 −0" in svg
    assert "2026-01-01" not in svg


def test_a_bar_is_as_high_as_its_figure() -> None:
    svg = drawn([Day(FIRST, 2, 0), Day(FIRST + timedelta(days=1), 8, 0)])

    heights = [float(height) for height in re.findall(r'chart-confirmed"[^>]* height="([\d.]+)"', svg)]
    assert round(heights[1] / heights[0], 2) == 4


def test_a_long_campaign_is_drawn_by_weeks_and_loses_nothing() -> None:
    days = [Day(FIRST + timedelta(days=at), 1, 0) for at in range(365)]
    svg = drawn(days)

    figures = [int(figure) for figure in re.findall(r"\+(\d+) −\d+</title>", svg)]
    assert len(figures) == 53
    assert sum(figures) == 365
