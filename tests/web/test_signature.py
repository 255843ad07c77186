from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from campaign.settings import Settings
from campaign.signature import Signature
from campaign.web.site import Site
from tests.conftest import Clock
from tests.web.conftest import Supporter


def test_opening_the_link_does_not_confirm(supporter: Supporter) -> None:
    supporter.sign()
    answer = supporter.page()

    assert answer.status_code == 200
    assert 'value="confirm"' in answer.get_data(as_text=True)
    assert supporter.total() == 0


def test_confirming_moves_the_count_and_thanks(supporter: Supporter) -> None:
    supporter.sign()
    answer = supporter.act("confirm")

    assert answer.status_code == 303
    assert supporter.total() == 1
    page = supporter.page().get_data(as_text=True)
    assert "Your signature counts" in page
    assert "<svg" in page


def test_a_double_click_counts_once(supporter: Supporter) -> None:
    supporter.sign()
    supporter.act("confirm")
    assert supporter.act("confirm").status_code == 303

    assert supporter.total() == 1


def test_withdrawing_moves_it_back(supporter: Supporter) -> None:
    supporter.sign()
    supporter.act("confirm")
    supporter.act("withdraw")

    assert supporter.total() == 0
    assert "withdrawn" in supporter.page().get_data(as_text=True)


def test_a_signature_erased_before_it_was_confirmed_is_not_said_to_be_withdrawn(supporter: Supporter) -> None:
    supporter.sign()
    supporter.act("withdraw")
    page = supporter.page().get_data(as_text=True)

    assert "Your signature is erased" in page
    assert "It was never counted" in page
    assert "withdrawn" not in page


def test_the_private_page_is_kept_by_nobody(supporter: Supporter) -> None:
    supporter.sign()
    headers = supporter.page().headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex"
    assert headers["Referrer-Policy"] == "same-origin"


def test_who_may_see_the_name_can_be_changed(supporter: Supporter, site: Site) -> None:
    supporter.sign()
    supporter.act("confirm")
    assert supporter.act("disclose", disclosure="counted").status_code == 303

    with site.database.reading() as db:
        assert db.scalars(select(Signature)).one().sealed is None
    assert supporter.act("disclose", disclosure="public").status_code == 422


@pytest.mark.parametrize(
    "form", [{}, {"action": "erase"}, {"action": "disclose", "disclosure": "all"}, {"action": "disclose"}]
)
def test_what_is_no_choice_is_refused(supporter: Supporter, form: dict[str, str]) -> None:
    supporter.sign()
    supporter.act("confirm")

    assert supporter.client.post(f"/en/signature/{supporter.token}", data=form).status_code == 422


@pytest.mark.parametrize("token", ["0" * 20, "nonsense", "%00", "A" * 500])
def test_a_token_that_nobody_was_sent_is_not_found(client: FlaskClient, token: str) -> None:
    assert client.get(f"/en/signature/{token}").status_code == 404
    assert client.post(f"/en/signature/{token}", data={"action": "confirm"}).status_code == 404


def test_a_link_that_is_too_old_says_how_to_get_another(supporter: Supporter, clock: Clock) -> None:
    supporter.sign()
    clock.forward(days=8)
    answer = supporter.page()

    assert answer.status_code == 404
    assert 'name="email"' in answer.get_data(as_text=True)
    assert supporter.act("confirm").status_code == 404


def test_the_code_may_be_typed_by_hand(supporter: Supporter) -> None:
    supporter.sign()
    token = supporter.token
    typed = f" {token[:4]}-{token[4:8]} {token[8:]}".lower()
    answer = supporter.client.post("/en/signature", data={"code": typed})

    assert answer.status_code == 303
    assert answer.location == f"/en/signature/{token}"


@pytest.mark.parametrize(
    ("form", "status"), [({}, 422), ({"code": "123"}, 422), ({"code": "0" * 20}, 404), ({"email": "x"}, 422)]
)
def test_a_code_that_is_none_of_ours_is_said(client: FlaskClient, form: dict[str, str], status: int) -> None:
    assert client.post("/en/signature", data=form).status_code == status


def test_asking_for_the_link_answers_the_same_for_any_address(supporter: Supporter) -> None:
    supporter.sign()
    known = supporter.client.post("/en/signature", data={"email": "mara@example.org"})
    unknown = supporter.client.post("/en/signature", data={"email": "nobody@example.org"})

    assert (known.status_code, known.location, known.data) == (
        unknown.status_code,
        unknown.location,
        unknown.data,
    )
    assert known.status_code == 303
    assert [mail.purpose for mail in supporter.mails()].count("asked") == 2
    assert supporter.client.get(known.location).status_code == 200


def test_after_the_close_one_can_still_withdraw(
    supporter: Supporter, site: Site, clock: Clock, make_app: Callable[[Settings], Flask]
) -> None:
    supporter.sign()
    supporter.act("confirm")
    closes_on = clock().date()
    clock.forward(days=2)
    late = make_app(replace(site.settings, closes_on=closes_on)).test_client()

    assert late.post("/en/letters/de", data={}).status_code == 410
    assert late.post(f"/en/signature/{supporter.token}", data={"action": "withdraw"}).status_code == 303
    assert supporter.total() == 0


def test_after_the_close_a_pending_one_cannot_be_confirmed(
    supporter: Supporter, site: Site, clock: Clock, make_app: Callable[[Settings], Flask]
) -> None:
    supporter.sign()
    closes_on = (clock() - timedelta(days=1)).date()
    late = make_app(replace(site.settings, closes_on=closes_on)).test_client()

    assert late.post(f"/en/signature/{supporter.token}", data={"action": "confirm"}).status_code == 410
    assert supporter.total() == 0
