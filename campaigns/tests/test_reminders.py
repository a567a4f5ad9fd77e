"""Members hear in time, once, and everything, about points that run out."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from campaigns.notices.models import Notice
from campaigns.reminders import remind_expiring
from loyalty.common.clock import day_start, last_valid_day
from loyalty.ledger import policies, posting
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from members.models import Member
from members.testing import OPENING, give_points, make_member, make_program

pytestmark = pytest.mark.django_db
ZONE = "Asia/Jakarta"


def midnight(year, month, day):
    return day_start(datetime(year, month, day).date(), ZONE)


def give(member, points, last_valid_day, **more):
    """Points whose last valid day is the given one."""
    return give_points(member, points, expires_at=last_valid_day + timedelta(days=1), **more)


def letters():
    return list(Message.objects.filter(kind="expiring").order_by("recipient", "period"))


def test_a_member_hears_two_weeks_ahead_how_many_points_run_out_when_and_what_they_are_worth(program, ani):
    give(ani, 120, midnight(2026, 3, 20))
    assert remind_expiring(program, at=midnight(2026, 3, 4)).is_empty
    tally = remind_expiring(program, at=midnight(2026, 3, 5))
    assert (tally.found, tally.done, tally.skipped) == (1, 1, 0)
    (letter,) = letters()
    assert (letter.recipient, letter.address, letter.period) == (ani.number, "ani@example.com", "2026-03")
    assert letter.context == {
        "name": "Ani", "program": "Kopi Nusantara", "points": 120, "decimals": 0, "units": "points", "currency": "IDR",
        "days": [["2026-03-20", 120, "points"]], "worth": "12000.00",
    }  # fmt: skip
    assert render(letter)[0] == "120 points run out from 20 March 2026"


def test_points_that_end_by_inactivity_are_told_with_what_keeps_them(program, ani):
    made = {"kind": "idle_days", "count": 60, "resets": "earn,purchase", "at": OPENING, "actor": "test"}
    policies.set_expiry(program.wallets.get(), **made)
    give_points(ani, 120, at=OPENING)
    remind_expiring(program, at=midnight(2026, 2, 16))
    (letter,) = letters()
    assert letter.context["days"] == [["2026-03-02", 120, "points"]]
    assert all("unless you shop before then" in text for text in render(letter)[1:])


def test_one_letter_tells_everything_that_runs_out_in_the_month_and_no_second_one_follows(program, ani):
    give(ani, 10, midnight(2026, 3, 3))
    give(ani, 20, midnight(2026, 3, 3))
    give(ani, 40, midnight(2026, 3, 31))
    give(ani, 80, midnight(2026, 4, 1))
    for day in range(1, 29):
        remind_expiring(program, at=midnight(2026, 2, day))
    assert [(letter.period, letter.context["days"]) for letter in letters()] == [
        ("2026-03", [["2026-03-03", 30, "points"], ["2026-03-31", 40, "points"]])
    ]
    for day in range(1, 32):
        remind_expiring(program, at=midnight(2026, 3, day))
    assert [letter.period for letter in letters()] == ["2026-03", "2026-04"]


def test_the_letter_lists_its_days_in_their_order_with_worth_to_the_cent_whatever_order_points_came_in(program, ani):
    program.wallets.update(decimals=1, money_per_unit=Decimal("0.125"))
    for day, points in ((28, 10), (2, 1234), (11, 20)):
        give(ani, points, midnight(2026, 3, day))
    remind_expiring(program, at=midnight(2026, 3, 1))
    (letter,) = letters()
    days = [["2026-03-02", 1234, "points"], ["2026-03-11", 20, "points"], ["2026-03-28", 10, "point"]]
    assert (letter.context["days"], letter.context["points"], letter.context["decimals"]) == (days, 1264, 1)
    assert letter.context["worth"] == "15.80"  # 126.4 times 0.125
    told = Notice.objects.order_by("expires_at").values_list("points", "letter")
    assert list(told) == [(1234, letter.pk), (20, letter.pk), (10, letter.pk)]


@pytest.mark.parametrize(
    ("points", "rate", "worth"), [(1, "0.004", "0.00"), (1, "0.005", "0.01"), (7, "12345678.123456", "86419746.86"), (3, "0", "")]
)  # fmt: skip
def test_what_points_are_worth_is_rounded_half_up_to_the_cent_and_left_out_for_nothing(
    program, ani, points, rate, worth
):
    program.wallets.update(money_per_unit=Decimal(rate))
    give(ani, points, midnight(2026, 3, 10))
    remind_expiring(program, at=midnight(2026, 3, 1))
    assert letters()[0].context["worth"] == worth


def test_the_last_day_is_that_of_the_program_clock_also_where_clocks_change(program, ani):
    program.time_zone = "America/Santiago"  # which skips its midnight of 6 September
    program.save()
    ends = [day_start(date(2026, 9, day), program.time_zone) for day in (6, 7)]
    for end in (*ends, ends[0] + timedelta(hours=5), ends[1] + timedelta(microseconds=1)):
        give_points(ani, 10, expires_at=end, at=ends[0] - timedelta(days=20))
    remind_expiring(program, at=ends[0] - timedelta(days=10))
    remind_expiring(program, at=ends[0] - timedelta(days=3))
    days = [day for day, *_rest in letters()[0].context["days"]]
    assert days == [last_valid_day(end, program.time_zone).isoformat() for end in sorted(
        {*ends, ends[0] + timedelta(hours=5), ends[1] + timedelta(microseconds=1)}
    )]  # fmt: skip


def test_running_twice_or_on_every_missed_day_writes_nothing_twice(program, ani, budi):
    for member in (ani, budi):
        give(member, 10, midnight(2026, 3, 10))
    at = midnight(2026, 3, 1)
    assert remind_expiring(program, at=at).done == 2
    assert remind_expiring(program, at=at).is_empty
    assert remind_expiring(program, at=at + timedelta(days=3)).is_empty


def test_letters_speak_the_language_of_the_member(program, ani, budi, siti):
    for member in (ani, budi, siti):
        give(member, 1500, midnight(2026, 3, 10))
    remind_expiring(program, at=midnight(2026, 3, 1))
    units = {letter.language: letter.context["units"] for letter in letters()}
    assert units == {"en": "points", "id": "poin", "ms": "mata"}


def test_members_without_an_address_get_their_letter_too_and_closed_ones_are_left_alone(program, ani, budi, siti):
    for member in (ani, budi, siti):
        give(member, 10, midnight(2026, 3, 10))
        give(member, 10, midnight(2026, 3, 11))
    Member.objects.filter(pk=budi.pk).update(email="")
    Member.objects.filter(pk=siti.pk).update(status=Member.Status.CLOSED)
    tally = remind_expiring(program, at=midnight(2026, 3, 1))
    assert (tally.found, tally.done, tally.skipped) == (2, 2, 0)
    assert tally.report == {"letters": 2, "without_address": 1}
    assert {letter.recipient: letter.address for letter in letters()} == {
        ani.number: "ani@example.com",
        budi.number: "",
    }
    assert Notice.objects.filter(letter__recipient=budi.number).count() == 2


def test_points_that_are_spent_held_over_expired_or_of_another_program_are_not_told(program, ani):
    elsewhere = make_program("elsewhere")
    stranger = make_member(elsewhere, "Stranger")
    give(stranger, 10, midnight(2026, 3, 10))
    give(ani, 10, midnight(2026, 3, 9), at=OPENING)
    account = ani.member_accounts.get().account_id
    posting.redeem(account, 10, at=midnight(2026, 2, 20), reference="x", source="test", actor="test")
    give(ani, 10, midnight(2026, 2, 28), at=midnight(2026, 2, 21))
    assert remind_expiring(program, at=midnight(2026, 3, 1)).is_empty


def test_a_preview_counts_the_same_and_writes_nothing(program, ani, budi):
    for member in (ani, budi):
        give(member, 10, midnight(2026, 3, 10))
        give(member, 10, midnight(2026, 3, 12))
    at = midnight(2026, 3, 1)
    preview = remind_expiring(program, at=at, dry_run=True)
    assert (preview.found, preview.done, preview.report["letters"]) == (2, 0, 2)
    assert letters() == []
    assert remind_expiring(program, at=at).report == preview.report


def test_the_number_of_statements_does_not_grow_with_the_members(program, django_assert_num_queries):
    counts = []
    for round_, size in enumerate((3, 30)):
        for number in range(size):
            give(make_member(program, f"m{round_}-{number}"), 5, midnight(2026, 3 + 2 * round_, 10))
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as queries:
            assert remind_expiring(program, at=midnight(2026, 3 + 2 * round_, 1)).done == size
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 11


def test_more_members_than_a_page_all_get_their_letter_and_a_stop_is_made_up_later(program, monkeypatch):
    monkeypatch.setattr("campaigns.reminders.CHUNK", 4)
    for number in range(10):
        member = make_member(program, f"m{number}")
        give(member, 5, midnight(2026, 3, 10))
        give(member, 7, midnight(2026, 3, 8))
    at = midnight(2026, 3, 1)
    assert remind_expiring(program, at=at, progress=lambda found, done, skipped: False).done == 4
    assert remind_expiring(program, at=at).done == 6
    assert {tuple(map(tuple, letter.context["days"])) for letter in letters()} == {
        (("2026-03-08", 7, "points"), ("2026-03-10", 5, "points"))
    }
    assert len(letters()) == 10


def test_the_window_of_a_wallet_follows_the_program_clock(program, ani):
    give(ani, 10, midnight(2026, 3, 16))
    assert remind_expiring(program, at=datetime(2026, 2, 28, 16, 59, tzinfo=UTC)).is_empty
    assert remind_expiring(program, at=datetime(2026, 2, 28, 17, 0, tzinfo=UTC)).done == 1
