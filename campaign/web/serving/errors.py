"""Error pages: the status and the text for each error."""

import logging

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import exc
from werkzeug.exceptions import HTTPException, SecurityError

from campaign.errors import ClosedError, ErasedError, LimitError, NoKeyError
from campaign.log import format_traceback
from campaign.web.serving import lenient_url
from campaign.web.site import roll_back

logger = logging.getLogger(__name__)

RETRY_SECONDS = 10
"""Value of ``Retry-After`` when the database does not answer."""

MAIL_RETRY_SECONDS = 15 * 60
"""Value of ``Retry-After`` while no mail can leave."""


def init_app(app: Flask) -> None:
    """Answer every error in *app* with a page."""
    app.register_error_handler(HTTPException, _refused)

    @app.errorhandler(ClosedError)
    def closed(_error: ClosedError) -> ResponseReturnValue:
        return _error_page(410)

    @app.errorhandler(LimitError)
    def limited(error: LimitError) -> ResponseReturnValue:
        return *_error_page(429, retry_after=error.seconds), {"Retry-After": str(error.seconds)}

    @app.errorhandler(ErasedError)
    def erased(_error: ErasedError) -> ResponseReturnValue:
        # This process notices within a second; after that its pages say so themselves.
        roll_back()
        return render_template("supporter/erased.html"), 410

    @app.errorhandler(exc.OperationalError)
    @app.errorhandler(exc.TimeoutError)
    @app.errorhandler(NoKeyError)
    def unavailable(error: Exception) -> ResponseReturnValue:
        # Only the error's type: the values of its SQL statement may be personal.
        logger.error("answered 503 at %s: %s", request.endpoint, _kind(error))
        roll_back()
        return *_error_page(503, retry_after=RETRY_SECONDS), {"Retry-After": str(RETRY_SECONDS)}

    @app.errorhandler(Exception)
    def broken(error: Exception) -> ResponseReturnValue:
        logger.error("answered 500 at %s: %s", request.endpoint, _origin(error))
        roll_back()
        return _error_page(500)


def _refused(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error
    if isinstance(error, SecurityError):  # a foreign host name: the error page's links would point to it
        return "This host is not served here.\n", 400, {"Content-Type": "text/plain; charset=utf-8"}
    led_on = lenient_url.lead_on() if error.code == 404 else None
    if led_on is not None:
        return led_on
    answer = _error_page(error.code)
    if error.code == 405 and error.get_response().headers.get("Allow"):
        return *answer, {"Allow": error.get_response().headers["Allow"]}
    return answer


def _error_page(status: int, *, retry_after: int | None = None) -> tuple[str, int]:
    return render_template("error.html", status=status, retry_after=retry_after), status


def _kind(error: BaseException) -> str:
    cause = getattr(error, "orig", None)
    return f"{type(error).__name__}/{type(cause).__name__}" if cause else type(error).__name__


def _origin(error: BaseException) -> str:
    """Return where *error* was raised, without its message, which may quote what a visitor typed."""
    return f"{_kind(error)} in {format_traceback(error.__traceback__)}"
