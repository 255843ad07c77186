"""The card for other sites, and the code that shows it."""

from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from campaign.signature import count
from campaign.web.site import Site
from tests.conftest import NOW
from tests.web.conftest import text

pytestmark = pytest.mark.any_database


def test_the_code_is_a_titled_frame_without_scripts(visitor: FlaskClient) -> None:
    assert "iframe" not in visitor.get("/en/progress").text

    page = visitor.get("/en/progress?embed=de").text

    code = unescape(page.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0])
    assert code.startswith('<iframe src="http://127.0.0.1:8000/en/embed/de" ')
    assert 'title="Letter to the delegation: Germany"' in code
    assert 'sandbox="allow-same-origin allow-top-navigation-by-user-activation"' in code
    assert "script" not in code
    assert code.endswith("></iframe>")
    assert "iframe" not in visitor.get("/en/progress?embed=xx").text


def test_the_card_has_a_link_and_the_number_once_it_is_large(
    client: FlaskClient, db: Session, site: Site
) -> None:
    assert "Be among the first to sign." in text(client.get("/en/embed/de"))

    count.add(db, "de", "FR", on=NOW.date(), confirmed=1_234)
    db.commit()
    site.snapshots.expire()
    answer = client.get("/en/embed/de")

    assert "1,234 signatures" in text(answer)
    assert 'href="http://127.0.0.1:8000/en/letters/de" target="_top"' in answer.text
    assert "<script" not in answer.text
    assert "Set-Cookie" not in answer.headers
