"""The demo's figures equal an independent computation from the file, in plain Python with nothing of ours."""

import calendar
import csv
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path

import pytest

from campaigns.demo import loading, senja
from campaigns.demo.people import person
from campaigns.measuring import report
from campaigns.models import BackTest, Campaign
from campaigns.proving import prove
from loyalty.ledger.models import Account, Entry, Lot, Program
from loyalty.ledger.statements import balances
from members import passing
from members.enrolment import main_account
from members.models import Member, Purchase, Refund, Tier
from rewards.models import Redemption, Reward

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
JAKARTA = timezone(timedelta(hours=7))
FILE = Path(__file__).parents[1] / "demo" / "cdnow_sample.csv"
SEAT = "event:fair:seat"
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


def rewarded(today, stars):
    """(customer, kind of reference, points, the first day they are gone) of everything given besides purchases.

    Three friends, whom no till knows, joined; the sixth to the sixty-fifth customer of the file answered the survey, one star
    registered a turntable, and all three have a seat at the record fair, gone unless they come.
    """
    first_seen = list(dict.fromkeys(customer for _, customer, _, _ in file_rows(today)))
    gifts = [("", "event:setia:signup", 100, gone_on(today))] * 3
    gifts += [(customer, "event:setia:survey", 80, gone_on(today)) for customer in first_seen[5:65]]
    gifts.append((stars[0], "event:setia:registration", 75, gone_on(today)))
    gifts += [(customer, SEAT, 150, today + timedelta(days=21)) for customer in stars]
    return sorted(gifts)


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
    measured = Member.objects.exclude(source_key="").filter(tier_grants__isnull=True)
    told = dict(measured.values_list("source_key", "tier__slug"))
    assert (told, len(told)) == ({key: tiers[key] for key in told}, len(tiers) - 1)  # one was given by hand

    kept = defaultdict(list)
    credited = Lot.objects.filter(entry__reference__startswith="purchase:")
    for customer, granted, expires_at in credited.order_by("granted_at", "id").values_list(
        "account__member_account__member__source_key", "granted", "expires_at"
    ):
        assert expires_at.astimezone(JAKARTA).time().isoformat() == "00:00:00"
        kept[customer].append((granted, expires_at.astimezone(JAKARTA).date()))
    assert kept == lots

    gifts = rewarded(today, [star.source_key for star in loaded.stars])
    given = Lot.objects.filter(account__wallet__is_main=True).exclude(entry__reference__startswith="purchase:")
    held = [
        (customer, ":".join(reference.split(":")[:3]), points, expires_at.astimezone(JAKARTA).date())
        for customer, reference, points, expires_at in given.values_list(
            "account__member_account__member__source_key", "entry__reference", "granted", "expires_at"
        )
    ]
    assert sorted(held) == gifts
    spendable = defaultdict(int)
    for customer, reference, points, _ in gifts:
        spendable[customer] += 0 if reference == SEAT else points

    expired = {customer: sum(points for points, gone in of if gone <= today) for customer, of in lots.items()}
    left = {customer: sum(points for points, gone in of if gone > today) for customer, of in lots.items()}
    everything = Account.objects.filter(wallet__is_main=True)
    friends = everything.filter(member_account__member__source_key="")
    assert [balance.available for balance in balances(friends.values_list("id", flat=True), at=NOW).values()] == [
        100
    ] * 3
    assert list(friends.values_list("available", flat=True)) == [100] * 3  # they have not bought yet
    main = everything.exclude(member_account__member__source_key="")
    accounts = dict(main.values_list("id", "member_account__member__source_key"))
    told = balances(accounts, at=NOW)
    assert {accounts[pk]: told[pk].available for pk in accounts} == {
        customer: left.get(customer, 0) + spendable[customer] for customer in tiers
    }
    assert dict(main.values_list("member_account__member__source_key", "available")) == {
        customer: left.get(customer, 0) + spendable[customer] for customer in tiers
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
    assert (first.is_new, first.members, first.purchases, first.redemptions) == (
        True,
        2357 + 3,
        6919 + 3,
        90 + 46 + 22 + 6,
    )  # 40 and 3 entries of draws, 3 of their prizes; 13 numbers of pools, 5 of their prizes, 4 parcels, 6 given
    assert Member.objects.filter(program=first.program, source_key="").count() == 3  # friends whom a member brought
    assert [star.language for star in first.stars] == ["en", "id", "ms"]
    assert set(Redemption.objects.values_list("status", flat=True)) == {"issued", "used", "cancelled", "expired"}
    assert set(Member.objects.values_list("tier__slug", flat=True)) == set(Tier.objects.values_list("slug", flat=True))
    assert Refund.objects.filter(status="applied").count() == 12
    for refund in Refund.objects.select_related("purchase"):
        everything = refund.amount == refund.purchase.total
        assert refund.points == refund.purchase.points_returned
        assert (refund.points == refund.purchase.points) == everything
    told = report(Campaign.objects.get(slug="collectors-month"), at=NOW)
    assert told.members > 50
    assert told.lift is not None
    assert told.lift.treated.members > 3 * told.lift.control.members
    tried = BackTest.objects.get()
    assert (tried.status, tried.figures["tried"]["points"] > tried.figures["live"]["points"]) == ("done", True)
    assert tried.figures["by_segment"]
    cafe = Program.objects.get(slug=senja.SLUG)
    assert prove(cafe, at=NOW).is_exact
    assert cafe.segments.get(slug="kopi-tua").members_count > 0
    shown = Member.objects.get(program=cafe, email=senja.OWN[1])
    (waiting,) = balances([main_account(shown).pk], at=NOW).values()
    assert waiting.available > 0
    assert waiting.pending > 0
    assert passing.preview(main_account(first.stars[0]), shown, 200, at=NOW).received == 300
    assert Campaign.objects.get(slug="coffee-and-records").spent_points == 9 * 25
    entries = Entry.objects.count()
    Reward.objects.get(slug="longer-returns").delete()  # as in a demo of a version that did not have it yet
    again = loading.load(at=NOW + timedelta(days=9))
    assert (again.is_new, again.members, again.purchases, again.redemptions) == (
        False,
        2360,
        6919 + 3,
        90 + 46 + 22 + 6,
    )  # 40 and 3 entries of draws, 3 of their prizes; 13 numbers of pools, 5 of their prizes, 4 parcels, 6 given
    assert [star.pk for star in again.stars] == [star.pk for star in first.stars]
    assert (Entry.objects.count(), BackTest.objects.count()) == (entries, 1)
    assert Reward.objects.get(slug="longer-returns").extra_days == 60


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
