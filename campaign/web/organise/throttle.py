"""Failed attempts over the web are counted, and make the next ones wait."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from campaign.errors import TooManyAttemptsError, WrongKeyError
from campaign.organiser.login_attempt import check_attempt, record_failure
from campaign.web.base_form import Form
from campaign.web.site import commit, now, session, site


@contextmanager
def attempt(name: str) -> Iterator[None]:
    """Count it under *name* when what is tried here opens nothing; first make it wait after too many.

    Raises:
        TooManyAttemptsError: With the seconds to wait.
    """
    check_attempt(session(), name, keys=site().keys, now=now())
    session().rollback()
    try:
        yield
    except WrongKeyError:
        session().rollback()
        record_failure(session(), name, keys=site().keys, now=now())
        commit()
        raise


def must_wait(
    page: Callable[..., str], form: Form, error: TooManyAttemptsError
) -> tuple[str, int, dict[str, str]]:
    """Return *page* with its form as it was filled in, asking to come back after a while."""
    return page(form, retry_after=error.seconds), 429, {"Retry-After": str(error.seconds)}
