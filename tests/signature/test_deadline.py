from datetime import date, timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from campaign.signature.deadline import confirm_until, is_expired, is_late


class Dates(NamedTuple):
    signed_on: date
    confirmed_on: date | None = None


@given(st.dates(date(2020, 1, 1), date(2100, 1, 1)), st.integers(1, 60))
def test_a_signature_can_be_confirmed_to_the_end_of_its_deadline_and_not_after(day: date, days: int) -> None:
    until = confirm_until(day, days)

    assert not is_expired(Dates(day), until, days)
    assert is_expired(Dates(day), until + timedelta(days=1), days)
    assert not is_expired(Dates(day, confirmed_on=until), until + timedelta(days=1), days)


def test_only_what_was_signed_after_the_closing_day_is_late() -> None:
    last = date(2027, 3, 8)

    assert not is_late(Dates(last), last)
    assert is_late(Dates(last + timedelta(days=1)), last)
    assert not is_late(Dates(last), None)
