"""Static files: what is ours leaves without comments, what is others' leaves whole."""

import re

import pytest
from flask.testing import FlaskClient

from campaign.paths import STATIC

pytestmark = pytest.mark.any_database


def sent(client: FlaskClient, path: str) -> str:
    with client.get(f"/static/{'0' * 12}/{path}") as answer:
        assert answer.status_code == 200
        return answer.get_data(as_text=True)


@pytest.mark.parametrize("path", sorted(each.name for each in STATIC.glob("*.css")))
def test_a_style_sheet_keeps_its_rules_and_loses_its_comments(client: FlaskClient, path: str) -> None:
    style = sent(client, path)

    assert "/*" not in style
    assert style.count("{") == re.sub(r"/\*.*?\*/", "", (STATIC / path).read_text(), flags=re.DOTALL).count(
        "{"
    )


@pytest.mark.parametrize("path", sorted(each.name for each in STATIC.glob("*.js")))
def test_a_script_keeps_its_statements_and_loses_its_comments(client: FlaskClient, path: str) -> None:
    written = [line.strip() for line in (STATIC / path).read_text().splitlines()]

    assert [line for line in sent(client, path).splitlines() if line] == [
        line for line in written if line and not line.startswith("//")
    ]


def test_a_script_of_others_is_sent_as_it_is(client: FlaskClient) -> None:
    for file in (STATIC / "vendor").rglob("*.js"):
        assert sent(client, str(file.relative_to(STATIC))) == file.read_text()
