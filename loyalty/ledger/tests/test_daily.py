"""Each day that is over is kept once, adds up to its month, and is made good when something came late."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from loyalty.desk import roles
from loyalty.jobs import running
from loyalty.ledger import daily, finance, posting
from loyalty.ledger.models import DayFigures, Wallet
from loyalty.tests.desk import enter, hire
from members.enrolment import main_account
from members.testing import give_points

pytestmark = pytest.mark.django_db
JAN_10 = datetime(2026, 1, 9, 17, tzinfo=UTC)  # 10 January, 00:00 in Jakarta
COLUMNS = ["day", "opening", "issued", "burned", "expired", "closing", "earners", "spenders"]


def kept():
    return list(DayFigures.objects.order_by("day").values_list(*COLUMNS))


def keep(program, days):
    """The night's run that settles up to the midnight so many days after 10 January."""
    return daily.keep_figures(program, at=JAN_10 + timedelta(days=days))


def test_days_are_kept_by_when_entries_were_recorded_and_add_up(program, ani, budi):
    give_points(ani, 100, at=JAN_10 + timedelta(hours=1))
    give_points(budi, 40, at=JAN_10 + timedelta(hours=23))
    told = {"reference": "mug", "source": "t", "actor": "t"}
    posting.redeem(main_account(ani).id, 30, at=JAN_10 + timedelta(days=1, hours=2), **told)
    assert (keep(program, 1).done, keep(program, 1).done) == (1, 0)
    assert keep(program, 2).done == 1
    assert kept() == [
        (date(2026, 1, 10), 0, 140, 0, 0, 140, 2, 0),
        (date(2026, 1, 11), 140, 0, 30, 0, 110, 0, 1),
    ]
    month = finance.roll_forward(program.wallets.get(), date(2026, 1, 1))
    assert (month.issued, month.burned) == (140, 30)


def test_a_night_that_is_repeated_keeps_nothing_twice(program, ani):
    give_points(ani, 100, at=JAN_10 + timedelta(hours=1))
    keep(program, 1)
    again = keep(program, 1)
    assert (again.found, again.done, again.skipped, len(kept())) == (3, 0, 3, 1)


def test_what_was_recorded_before_midnight_and_came_after_the_run_is_made_good_by_the_next_night(program, ani):
    give_points(ani, 100, at=JAN_10 + timedelta(hours=1))
    keep(program, 1)
    give_points(ani, 7, at=JAN_10 + timedelta(hours=23, minutes=59))  # a long import was only now done
    assert keep(program, 2).done == 2
    assert [row[5] for row in kept()] == [107, 107]


def test_a_preview_keeps_nothing(program, ani):
    run = running.run("daily_figures", program=program, as_of=JAN_10 + timedelta(days=1), started_by="t", dry_run=True)
    assert (run.status, run.found, run.done, kept()) == ("done", 3, 0, [])


def test_no_day_before_the_first_points_is_kept_and_a_quiet_one_after_them_is(program, ani):
    assert (keep(program, 0).done, kept()) == (0, [])
    give_points(ani, 100, at=JAN_10 + timedelta(hours=1))
    keep(program, 1)
    assert keep(program, 2).done == 1
    assert kept()[-1] == (date(2026, 1, 11), 100, 0, 0, 0, 100, 0, 0)


def test_the_database_refuses_a_day_that_does_not_add_up(program, ani):
    give_points(ani, 100, at=JAN_10 + timedelta(hours=1))
    keep(program, 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        DayFigures.objects.update(closing=1)


def test_finance_reads_the_days_with_their_worth_and_support_does_not(program, ani):
    Wallet.objects.filter(program=program).update(money_per_unit=Decimal("2.5"))
    give_points(ani, 1_000, at=JAN_10 + timedelta(hours=1))
    keep(program, 1)
    page = reverse("admin:ledger_dayfigures_changelist")
    shown = enter(hire(roles.FINANCE)).get(page).content.decode()
    assert "10 Jan 2026" in shown and "1,000" in shown and "2,500" in shown
    assert enter(hire(roles.SUPPORT_AGENT)).get(page).status_code == 403
