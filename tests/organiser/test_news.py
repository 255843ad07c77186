"""What an organiser is shown of the time since the last login."""

from campaign.organiser import news
from campaign.paths import PACKAGE


def test_every_act_that_is_shown_is_one_that_the_code_records() -> None:
    shown = {*news.OWN, *news.EVERYBODYS}
    code = "".join(path.read_text() for path in PACKAGE.rglob("*.py") if path.name != "news.py")

    assert [act for act in shown if f'"{act}"' not in code] == []
