"""What a page says when something cannot be done, in kind words and with the right status."""

import logging

from flask import Flask, g, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import exc
from werkzeug.exceptions import HTTPException, SecurityError

from campaign.errors import ClosedError, ErasedError, LimitError, NoKeyError
from campaign.log import format_traceback

logger = logging.getLogger(__name__)

RETRY_SECONDS = 10
"""What a browser or a proxy is told when the database does not answer."""


def init_app(app: Flask) -> None:
    """Answer every error of *app* with a page."""

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> ResponseReturnValue:
        if error.code is None or error.code < 400:
            return error
        if isinstance(error, SecurityError):  # a host that is not ours: no page of ours has an address there
            return "This host is not served here.\n", 400, {"Content-Type": "text/plain; charset=utf-8"}
        answer = _page(error.code)
        if error.code == 405 and error.get_response().headers.get("Allow"):
            return *answer, {"Allow": error.get_response().headers["Allow"]}
        return answer

    @app.errorhandler(ClosedError)
    def closed(_error: ClosedError) -> ResponseReturnValue:
        return _page(410)

    @app.errorhandler(LimitError)
    def limited(error: LimitError) -> ResponseReturnValue:
        return *_page(429, retry_after=error.seconds), {"Retry-After": str(error.seconds)}

    @app.errorhandler(ErasedError)
    def erased(_error: ErasedError) -> ResponseReturnValue:
        # In the second before this process has noticed; from then on its pages say so themselves.
        _undo()
        return render_template("supporter/erased.html"), 410

    @app.errorhandler(exc.OperationalError)
    @app.errorhandler(exc.TimeoutError)
    @app.errorhandler(NoKeyError)
    def unavailable(error: Exception) -> ResponseReturnValue:
        # The kind of error alone: a statement's values would be somebody's.
        logger.error("answered 503 at %s: %s", request.endpoint, _kind(error))
        _undo()
        return *_page(503, retry_after=RETRY_SECONDS), {"Retry-After": str(RETRY_SECONDS)}

    @app.errorhandler(Exception)
    def broken(error: Exception) -> ResponseReturnValue:
        logger.error("answered 500 at %s: %s", request.endpoint, _trace(error))
        _undo()
        return _page(500)


def _page(status: int, *, retry_after: int | None = None) -> tuple[str, int]:
    return render_template("error.html", status=status, retry_after=retry_after), status


def _undo() -> None:
    opened = g.pop("session", None)
    if opened is not None:
        opened.close()


def _kind(error: BaseException) -> str:
    cause = getattr(error, "orig", None)
    return f"{type(error).__name__}/{type(cause).__name__}" if cause else type(error).__name__


def _trace(error: BaseException) -> str:
    """Return where *error* was raised, without its message, which may quote what somebody typed."""
    return f"{_kind(error)} in {format_traceback(error.__traceback__)}"
