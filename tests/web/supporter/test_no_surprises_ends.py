"""Links that were used, replaced, withdrawn, erased or lost, and errors: each page says what to do next."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from campaign.errors import ClosedError, LimitError, NoKeyError
from campaign.settings import Settings
from campaign.web.site import Site
from tests.conftest import Clock
from tests.web.conftest import FORM, Supporter, text

pytestmark = pytest.mark.any_database


def _used(supporter: Supporter, clock: Clock) -> None:
    supporter.act("confirm")


def _withdrawn(supporter: Supporter, clock: Clock) -> None:
    supporter.act("confirm")
    supporter.act("withdraw")


def _erased(supporter: Supporter, clock: Clock) -> None:
    supporter.act("withdraw")


def _replaced(supporter: Supporter, clock: Clock) -> None:
    supporter.act("confirm")
    first = supporter.token
    clock.forward(minutes=1)
    supporter.sign(name="Mara Newname")
    supporter.act("replace")
    supporter.token = first


def _superseded(supporter: Supporter, clock: Clock) -> None:
    first = supporter.token
    clock.forward(minutes=1)
    supporter.sign(name="Mara Newname")
    supporter.act("confirm")
    supporter.token = first


def _expired(supporter: Supporter, clock: Clock) -> None:
    clock.forward(days=8)


def _lost(supporter: Supporter, clock: Clock) -> None:
    supporter.token = supporter.token[:-3]


ENDS = {
    _used: (200, "confirmed", "Withdraw"),
    _withdrawn: (200, "Your signature is withdrawn", "you can sign again"),
    _erased: (200, "Your submission is erased", "you can sign again"),
    _replaced: (200, "Another signature from your mailbox counts", "Send me my link again"),
    _superseded: (200, "Another signature from your mailbox counts", "Send me my link again"),
    _expired: (404, "not confirmed in time", "You can also sign again"),
    _lost: (404, "the link is incomplete", "Enter the code from our mail"),
}
"""What happened to a link: the status of its page, what that says, and what it offers."""


@pytest.mark.parametrize("happened", ENDS, ids=lambda each: each.__name__)
def test_a_link_says_what_happened_and_what_to_do(
    supporter: Supporter, clock: Clock, happened: Callable[[Supporter, Clock], None]
) -> None:
    supporter.sign()
    happened(supporter, clock)
    page = supporter.page()
    status, said, offered = ENDS[happened]

    assert page.status_code == status
    assert said in text(page)
    assert offered in text(page)


@pytest.mark.parametrize(
    "happened", [each for each in ENDS if each is not _lost], ids=lambda each: each.__name__
)
@pytest.mark.parametrize("action", ["confirm", "withdraw"])
def test_a_page_that_was_left_open_changes_nothing_else(
    supporter: Supporter, clock: Clock, happened: Callable[[Supporter, Clock], None], action: str
) -> None:
    supporter.sign()
    token = supporter.token
    shown = supporter.page().text.split('name="shown" value="')[1].split('"')[0]
    happened(supporter, clock)
    before = supporter.total()
    answer = supporter.client.post(f"/en/signature/{token}", data={"action": action, "shown": shown})
    supporter.site.snapshots.expire()

    assert answer.status_code in {303, 404, 409}
    assert supporter.total() == before
    if answer.status_code == 303:
        assert supporter.client.get(answer.location).status_code == 200
    elif answer.status_code == 409:
        assert "Nothing was done" in text(answer)


DO_NEXT = {
    400: "Open the page again",
    404: "Check the address",
    405: "use the buttons on the page",
    410: "withdraw your signature",
    413: "shorten your text",
    429: "go back, and send it again",
    503: "Please try again in a moment",
}


@pytest.fixture
def failing(app: Flask) -> FlaskClient:
    """Give a browser of a site whose privacy notice fails as the query says."""
    errors = {"410": ClosedError("over"), "429": LimitError(90), "503": NoKeyError("none")}

    @app.before_request
    def fail() -> None:
        from flask import abort, request

        status = request.args.get("fail", "")
        if status in errors:
            raise errors[status]
        if status:
            abort(int(status))

    return app.test_client()


@pytest.mark.parametrize("status", DO_NEXT)
def test_an_error_says_what_to_do(failing: FlaskClient, status: int) -> None:
    page = failing.get(f"/en/privacy?fail={status}")

    assert page.status_code == status
    assert DO_NEXT[status] in text(page)
    assert 'href="/en/"' in page.text
    if status in {429, 503}:
        assert int(page.headers["Retry-After"]) > 0


def test_the_errors_that_visitors_cause_over_http_are_these_pages(client: FlaskClient) -> None:
    answers = {
        404: client.get("/en/no-such-page"),
        405: client.post("/en/privacy"),
        413: client.post("/en/letters/de", data=FORM | {"words": "a" * 300_000}),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert DO_NEXT[status] in text(answer)


def test_who_signs_too_fast_keeps_what_was_typed(
    make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    app = make_app(replace(settings, unlimited_networks=()))
    site: Site = app.extensions["campaign"]
    client = app.test_client()
    for _ in range(2_000):
        site.rate_limits.add("sign", "127.0.0.1", site.clock())
    answer = client.post("/en/letters/de", data=FORM | {"words": "My own words."})

    assert answer.status_code == 429
    assert "My own words." in answer.text
    assert "What you typed is still here" in text(answer)
