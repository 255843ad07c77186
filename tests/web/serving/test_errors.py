"""Error pages, and what no error page is for."""

from typing import Any

from flask import request_finished
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from campaign.sealing.server_key import ServerKeys
from campaign.web.site import Site, session
from tests.support.factories import make_signature


def test_a_page_that_was_made_is_served_though_its_connection_breaks_before_it_is_given_back(
    site: Site, client: FlaskClient, db: Session, keys: ServerKeys
) -> None:
    made = make_signature(db, keys)
    db.commit()

    def cut(_app: Any, **_: Any) -> None:
        connection = session().connection().connection
        if site.database.is_sqlite:
            connection.dbapi_connection.close()
        else:
            number = connection.driver_connection.info.backend_pid
            db.execute(text("SELECT pg_terminate_backend(:number)"), {"number": number})
            db.rollback()

    with request_finished.connected_to(cut):
        answer = client.get(f"/en/signature/{made.token}")

    assert answer.status_code == 200
    assert client.get(f"/en/signature/{made.token}").status_code == 200
