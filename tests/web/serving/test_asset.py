"""Static files: what is ours leaves without comments, what is others' leaves whole."""

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from campaign.paths import STATIC
from campaign.web.serving import asset

pytestmark = pytest.mark.any_database


def sent(client: FlaskClient, path: str) -> str:
    with client.get(f"/static/{'0' * 12}/{path}") as answer:
        assert answer.status_code == 200
        return answer.get_data(as_text=True)


@pytest.mark.parametrize("path", sorted(each.name for each in STATIC.glob("*.css")))
def test_a_style_sheet_keeps_its_rules_and_loses_its_comments(visitor: FlaskClient, path: str) -> None:
    style = sent(visitor, path)

    assert "/*" not in style
    assert style.count("{") == re.sub(r"/\*.*?\*/", "", (STATIC / path).read_text(), flags=re.DOTALL).count(
        "{"
    )


@pytest.mark.parametrize("path", sorted(each.name for each in STATIC.glob("*.js")))
def test_a_script_keeps_its_statements_and_loses_its_comments(visitor: FlaskClient, path: str) -> None:
    written = [line.strip() for line in (STATIC / path).read_text().splitlines()]

    assert [line for line in sent(visitor, path).splitlines() if line] == [
        line for line in written if line and not line.startswith("//")
    ]


def test_a_style_sheet_keeps_what_only_looks_like_a_comment_or_like_space(tmp_path: Path) -> None:
    written = '.a\n  .b { content: ", /* x */ "; /* why */ grid: 1fr\n  2fr }\n'
    (tmp_path / "own.css").write_text(written)
    app = Flask(__name__, static_folder=None)
    asset.init_app(app, tmp_path)

    assert sent(app.test_client(), "own.css") == '.a\n  .b{content:", /* x */ "; grid:1fr\n  2fr }'


@pytest.mark.parametrize("path", sorted(each.name for each in STATIC.glob("*.js")))
def test_no_text_in_a_script_runs_over_several_lines_where_its_indentation_would_be_lost(path: str) -> None:
    assert all(line.count("`") % 2 == 0 for line in (STATIC / path).read_text().splitlines())


def test_a_script_of_others_is_sent_as_it_is(visitor: FlaskClient) -> None:
    for file in (STATIC / "vendor").rglob("*.js"):
        assert sent(visitor, str(file.relative_to(STATIC))) == file.read_text()
