"""The demo's figures equal an independent computation from the file, in plain Python with nothing of ours."""

import calendar
import csv
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path

import pytest

from campaigns.demo import loading
from campaigns.demo.people import person
from loyalty.ledger.models import Account, Entry, Lot
from loyalty.ledger.statements import balances
from members.models import Member, Purchase, Tier
from rewards.models import Redemption

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
JAKARTA = timezone(timedelta(hours=7))
FILE = Path(__file__).parents[1] / "demo" / "cdnow_sample.csv"
LADDER = [
    ("platinum", 6000, Decimal(3)),
    ("gold", 2500, Decimal("2.5")),
    ("silver", 1000, Decimal(2)),
    ("bronze", 0, Decimal(2)),
]


def file_rows(today):
    """(receipt, customer, day, amount) with the days moved by whole weeks to two to eight days before today."""
    with FILE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    days = (today - timedelta(days=2) - date(1998, 6, 30)).days
    moved = timedelta(days=days - days % 7)
    return [(r["receipt"], r["customer"], date.fromisoformat(r["date"]) + moved, Decimal(r["amount"])) for r in rows]


def year_before(day):
    """The first day of the twelve months that end on a day."""
    last = calendar.monthrange(day.year - 1, day.month)[1]
    return date(day.year - 1, day.month, min(day.day, last)) + timedelta(days=1)


def gone_on(day):
    """The first day on which points of a day are gone: a year on, then the end of that month."""
    year, month = (day.year + 1, day.month + 1) if day.month < 12 else (day.year + 2, 1)
    return date(year, month, 1)


def whole(number):
    return int(number.to_integral_value(rounding=ROUND_FLOOR))


def computed(today):
    """Per customer: purchases' points, tier, lots (points, day gone), points expired and left."""
    season_year = today.year if today.month > 8 else today.year - 1
    history, tiers, lots = defaultdict(list), defaultdict(lambda: "bronze"), defaultdict(list)
    points_of = {}
    for receipt, customer, day, amount in sorted(file_rows(today), key=lambda row: row[2]):
        tier = tiers[customer]
        factor = next(factor for name, _, factor in LADDER if name == tier)
        in_season = date(season_year, 8, 1) <= day <= date(season_year, 8, 31)
        points = whole(amount * 10 * (factor if in_season else 1))
        points_of[receipt] = (points, tier)
        if points:
            lots[customer].append((points, gone_on(day)))
        history[customer].append((day, whole(amount * 10)))
        counted = sum(got for when, got in history[customer] if year_before(day) <= when <= day)
        reached = next(name for name, threshold, _ in LADDER if counted >= threshold)
        ranks = [name for name, _, _ in LADDER]
        if ranks.index(reached) < ranks.index(tier):
            tiers[customer] = reached
    return points_of, {customer: tiers[customer] for customer in history}, lots


@pytest.mark.usefixtures("proven_books")
def test_the_demo_equals_an_independent_computation_from_the_file(db):
    loaded = loading.load(at=NOW, with_redemptions=False)
    today = NOW.astimezone(JAKARTA).date()
    points_of, tiers, lots = computed(today)

    bought = Purchase.objects.values_list("receipt", "points", "tier__slug")
    assert {receipt: (points, tier) for receipt, points, tier in bought} == points_of
    assert dict(Member.objects.values_list("source_key", "tier__slug")) == tiers

    kept = defaultdict(list)
    for customer, granted, expires_at in Lot.objects.order_by("granted_at", "id").values_list(
        "account__member_account__member__source_key", "granted", "expires_at"
    ):
        assert expires_at.astimezone(JAKARTA).time().isoformat() == "00:00:00"
        kept[customer].append((granted, expires_at.astimezone(JAKARTA).date()))
    assert kept == lots

    expired = {customer: sum(points for points, gone in of if gone <= today) for customer, of in lots.items()}
    left = {customer: sum(points for points, gone in of if gone > today) for customer, of in lots.items()}
    accounts = dict(Account.objects.values_list("id", "member_account__member__source_key"))
    told = balances(accounts, at=NOW)
    assert {accounts[pk]: told[pk].available for pk in accounts} == {c: left.get(c, 0) for c in tiers}
    assert dict(Account.objects.values_list("member_account__member__source_key", "available")) == {
        customer: left.get(customer, 0) for customer in tiers
    }
    gone = defaultdict(int)
    for customer, amount in Entry.objects.filter(kind="expiry").values_list(
        "account__member_account__member__source_key", "amount"
    ):
        gone[customer] -= amount
    assert dict(gone) == {customer: points for customer, points in expired.items() if points}
    assert loaded.expired_points == sum(expired.values()) > 0
    assert sum(left.values()) + sum(expired.values()) == sum(points for points, _ in points_of.values())


@pytest.mark.usefixtures("proven_books")
def test_loading_again_keeps_the_data(db):
    first = loading.load(at=NOW)
    assert (first.is_new, first.members, first.purchases, first.redemptions) == (True, 2357, 6919, 90)
    assert [star.language for star in first.stars] == ["en", "id", "ms"]
    assert set(Redemption.objects.values_list("status", flat=True)) == {"issued", "used", "cancelled", "expired"}
    assert set(Member.objects.values_list("tier__slug", flat=True)) == set(Tier.objects.values_list("slug", flat=True))
    entries = Entry.objects.count()
    again = loading.load(at=NOW + timedelta(days=9))
    assert (again.is_new, again.purchases, again.redemptions) == (False, 6919, 90)
    assert [star.pk for star in again.stars] == [star.pk for star in first.stars]
    assert Entry.objects.count() == entries


def test_the_last_purchase_is_always_two_to_eight_days_old():
    for days in range(800):
        at = NOW + timedelta(days=days, hours=days % 24)
        moved = loading.shift(at)
        assert moved.days % 7 == 0
        assert 2 <= (at.astimezone(JAKARTA).date() - (loading.LAST_DAY + moved)).days <= 8


def test_the_invented_people_are_the_same_every_time_and_share_no_address():
    people = [person(f"{number:04}") for number in range(1, 2358)]
    assert people == [person(f"{number:04}") for number in range(1, 2358)]
    assert len({someone.email for someone in people}) == len(people)
    assert all(someone.email.endswith(("@example.com", "@example.org")) for someone in people)
    assert {someone.language for someone in people} == {"en", "id", "ms"}
