"""The rate limit of logins: count failures, and answer 429 after too many."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from campaign.errors import TooManyAttemptsError, WrongKeyError
from campaign.organiser.login_attempt import check_attempt, record_failure
from campaign.web.base_form import Form
from campaign.web.site import commit, now, session, site


@contextmanager
def attempt(name: str) -> Iterator[None]:
    """Count a failure of the block under *name*; refuse to enter it after too many.

    Raises:
        TooManyAttemptsError: Too many failures; with the seconds to wait.
        WrongKeyError: From the block.
    """
    check_attempt(session(), name, keys=site().keys, now=now())
    session().rollback()
    try:
        yield
    except WrongKeyError:
        # Not rolled back: a wrong code was counted.
        record_failure(session(), name, keys=site().keys, now=now())
        commit()
        raise


def too_many_attempts(
    render: Callable[..., str], form: Form, error: TooManyAttemptsError
) -> tuple[str, int, dict[str, str]]:
    """Return a 429 answer: the page from *render*, with the form as it was filled in."""
    return render(form, retry_after=error.seconds), 429, {"Retry-After": str(error.seconds)}
