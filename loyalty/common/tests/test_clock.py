"""Calendar arithmetic in the program clock."""

from datetime import UTC, date, datetime

import pytest

from loyalty.common.clock import add_months, day_start, last_valid_day, local_day, period_end


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 5, 15), 24, date(2028, 5, 15)),
    ],
)
def test_months_are_added_with_clamping(day, months, expected):
    assert add_months(day, months) == expected


@pytest.mark.parametrize(
    ("period", "expected"), [("month", date(2026, 2, 28)), ("quarter", date(2026, 3, 31)), ("year", date(2026, 12, 31))]
)
def test_periods_end_on_their_last_day(period, expected):
    assert period_end(date(2026, 2, 10), period) == expected


def test_a_day_begins_at_midnight_of_the_program_clock():
    assert day_start(date(2026, 11, 23), "Asia/Jakarta") == datetime(2026, 11, 22, 17, tzinfo=UTC)
    assert local_day(datetime(2026, 11, 22, 17, tzinfo=UTC), "Asia/Jakarta") == date(2026, 11, 23)
    assert local_day(datetime(2026, 11, 22, 16, 59, tzinfo=UTC), "Asia/Jakarta") == date(2026, 11, 22)


def test_people_are_shown_the_last_valid_day():
    assert last_valid_day(day_start(date(2027, 1, 2), "Asia/Kuala_Lumpur"), "Asia/Kuala_Lumpur") == date(2027, 1, 1)


def test_a_day_whose_midnight_does_not_exist_still_begins_after_the_day_before():
    # Santiago's clocks skip midnight on 6 September 2026.
    start = day_start(date(2026, 9, 6), "America/Santiago")
    assert local_day(start, "America/Santiago") == date(2026, 9, 6)
    assert start > day_start(date(2026, 9, 5), "America/Santiago")
