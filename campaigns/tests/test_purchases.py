"""Recording purchases and events: what they earn, retries and conflicts, refusals that leave no trace."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import purchases
from campaigns.purchases import EventConflict, ReceiptConflict, SaleLine
from campaigns.tests.shop import add_campaign, add_rule, buy, open_shop, sale
from loyalty.common.errors import Refusal
from loyalty.ledger.models import Entry, Lot
from members import tiers
from members.enrolment import main_account
from members.models import Event, Member, Purchase, PurchaseLine, TierPolicy, TierStay
from members.testing import make_member, points_of

pytestmark = pytest.mark.usefixtures("proven_books")
NOON = datetime(2026, 3, 1, 5, tzinfo=UTC)
LATER = NOON + timedelta(days=1)


@pytest.fixture
def shop(program):
    return open_shop(program)


def test_a_purchase_is_credited_with_its_explanation(shop, ani):
    recorded = buy(ani, "125.50", NOON, items=2, channel="web")
    assert (recorded.points, recorded.is_repeat) == (125, False)
    assert points_of(ani, at=NOON) == 125
    purchase = recorded.purchase
    assert (purchase.points, purchase.qualifying_points, purchase.qualifying_spend) == (125, 125, Decimal("125.50"))
    assert (purchase.total, purchase.eligible, purchase.tier.slug, purchase.items) == (
        Decimal("125.50"), Decimal("125.50"), "bronze", 2,
    )  # fmt: skip
    assert recorded.entry.reference == f"purchase:test:{purchase.receipt}"
    assert recorded.entry.explanation == recorded.explanation
    assert recorded.explanation["exact"] == "125.5"
    assert Lot.objects.get(entry=recorded.entry).rule_version == "base@1"


def test_a_retry_gets_the_first_answer_even_when_the_member_has_left(shop, ani):
    first = buy(ani, "10", NOON, receipt="r1")
    ani.status = Member.Status.CLOSED
    ani.save()
    again = buy(ani, "10.00", NOON, receipt="r1", recorded_at=LATER)
    assert (again.is_repeat, again.purchase, again.entry, again.points) == (True, first.purchase, first.entry, 10)
    assert again.explanation == first.explanation
    assert Purchase.objects.count() == 1


def test_a_receipt_with_other_content_is_a_conflict(shop, ani, budi):
    buy(ani, "10", NOON, receipt="r1")
    for other in (sale(ani, "11", NOON, receipt="r1"), sale(budi, "10", NOON, receipt="r1")):
        with pytest.raises(ReceiptConflict) as refused:
            purchases.record(shop, other, at=LATER, actor="test")
        assert (refused.value.code, refused.value.status) == ("receipt_conflict", 409)
    assert Purchase.objects.count() == 1
    assert points_of(budi, at=LATER) == 0


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("purchase_in_future", {"at": LATER + timedelta(minutes=6)}),
        ("purchase_too_old", {"at": datetime(1989, 12, 31, tzinfo=UTC)}),
        ("purchase_refused", {"at": datetime(2026, 3, 1, 5)}),
        ("wrong_currency", {"currency": "USD"}),
        ("negative_amount", {"amount": "-1"}),
        ("amount_not_exact", {"amount": "1.234"}),
        ("amount_not_exact", {"amount": "NaN"}),
        ("amount_not_exact", {"amount": "Infinity"}),
        ("amount_not_exact", {"amount": "1E+12"}),
        ("negative_amount", {"tax": Decimal(11)}),
        ("negative_amount", {"paid_with_points": Decimal(11)}),
        ("negative_amount", {"items": -1}),
        ("lines_do_not_add_up", {"lines": [SaleLine(amount=Decimal(9))]}),
        ("negative_amount", {"lines": [SaleLine(amount=Decimal(10), quantity=Decimal(0))]}),
        ("text_refused", {"receipt": "x" * 81}),
        ("text_refused", {"receipt": "a\x00b"}),
        ("text_refused", {"receipt": "a\ud800"}),
        ("text_refused", {"channel": "a" * 17}),
        ("purchase_refused", {"lines": [SaleLine(amount=Decimal("0.00"))] * 1001}),
    ],
)
def test_a_sale_that_cannot_be_right_is_refused_and_leaves_no_trace(shop, ani, code, more):
    more = dict(more)
    wrong = sale(ani, more.pop("amount", "10"), more.pop("at", NOON), **more)
    with pytest.raises(Refusal) as refused:
        purchases.record(shop, wrong, at=LATER, actor="test")
    assert refused.value.code == code
    assert len(str(refused.value)) > 20
    assert (Purchase.objects.count(), Entry.objects.count(), TierStay.objects.count()) == (0, 0, 1)


def test_an_unknown_and_a_closed_member_are_refused(shop, ani, budi):
    stranger = sale(ani, "10", NOON, receipt="r1")
    stranger.member_id = 999_999
    ani.status = Member.Status.CLOSED
    ani.save()
    outcomes = purchases.record_many(
        shop, [stranger, sale(ani, "10", NOON), sale(budi, "10", NOON)], at=NOON, actor="test"
    )
    assert [outcome.refusal and outcome.refusal.code for outcome in outcomes] == [
        "member_unknown",
        "member_closed",
        None,
    ]
    assert Purchase.objects.get().member == budi


def test_a_till_with_a_fast_clock_counts_from_now(shop, ani):
    recorded = buy(ani, "10", NOON + timedelta(minutes=4), recorded_at=NOON)
    assert recorded.purchase.occurred_at == NOON
    assert points_of(ani, at=NOON) == 10
    assert buy(ani, "10", NOON + timedelta(minutes=4), recorded_at=LATER).is_repeat


@pytest.mark.parametrize(
    ("settings", "more", "eligible"),
    [
        ({}, {}, "100"),
        ({}, {"tax": Decimal(11)}, "100"),
        ({"earns_on_tax": False}, {"tax": Decimal(11)}, "89"),
        ({}, {"delivery": Decimal(20)}, "80"),
        ({"earns_on_delivery": True}, {"delivery": Decimal(20)}, "100"),
        ({}, {"paid_with_points": Decimal(30)}, "70"),
        ({"earns_on_tax": False}, {"paid_with_points": Decimal(95), "tax": Decimal(11)}, "0"),
    ],
)
def test_what_earns_is_what_was_really_paid(shop, ani, settings, more, eligible):
    for name, value in settings.items():
        setattr(shop, name, value)
    recorded = purchases.record(shop, sale(ani, "100", NOON, **more), at=NOON, actor="test")
    assert (recorded.purchase.eligible, recorded.points) == (Decimal(eligible), int(eligible))
    assert (recorded.entry is None) == (recorded.points == 0)


def test_lines_share_the_earning_part_and_the_points_exactly(shop, ani):
    lines = [SaleLine(amount=Decimal(amount), product=amount) for amount in ("33.33", "33.33", "33.34")]
    buy(ani, "100", NOON, lines=lines, paid_with_points=Decimal("0.50"))
    kept = list(PurchaseLine.objects.values_list("product", "eligible", "points"))
    assert kept == [("33.33", Decimal("33.17"), 33), ("33.33", Decimal("33.16"), 33), ("33.34", Decimal("33.17"), 33)]


def test_a_season_multiplies_within_its_dates_and_by_tier(shop, ani, budi):
    season = add_campaign(shop, "ramadan", NOON, NOON + timedelta(days=10), name_id="Ramadan")
    add_rule(
        shop, "double", {"award": {"kind": "multiplier", "factor": "1.5", "by_tier": {"silver": "2"}}}, campaign=season
    )
    buy(budi, "1000", NOON - timedelta(days=5))
    assert [buy(budi, "10", at).points for at in (NOON - timedelta(microseconds=1), NOON, NOON + timedelta(days=10))] == [
        10, 20, 10,
    ]  # fmt: skip
    assert buy(ani, "10", NOON).points == 15


def test_a_purchase_that_lifts_the_tier_makes_the_next_one_in_the_batch_earn_more(shop, ani):
    add_rule(shop, "gold", {"award": {"kind": "multiplier", "by_tier": {"silver": "2"}}})
    batch = [sale(ani, "10", LATER), sale(ani, "1000", NOON), sale(ani, "20", NOON - timedelta(days=1))]
    outcomes = purchases.record_many(shop, batch, at=LATER, actor="test")
    assert [outcome.points for outcome in outcomes] == [20, 1000, 20]
    ani.refresh_from_db()
    assert ani.tier.slug == "silver"
    assert Purchase.objects.get(receipt=batch[0].receipt).tier.slug == "silver"


def test_a_batch_gives_the_same_books_as_one_by_one(shop, ani, budi):
    add_rule(shop, "gold", {"award": {"kind": "multiplier", "by_tier": {"silver": "2", "gold": "3"}}})
    amounts = ["10.40", "990", "55.55", "4000", "100", "0", "7"]
    days = [NOON + timedelta(days=index) for index in range(len(amounts))]
    at = days[-1]
    purchases.record_many(
        shop, [sale(ani, amount, day) for amount, day in zip(amounts, days, strict=True)], at=at, actor="test"
    )
    for amount, day in zip(amounts, days, strict=True):
        buy(budi, amount, day, recorded_at=at)

    def story(member):
        entries = Entry.objects.filter(account=main_account(member)).order_by("id")
        stays = TierStay.objects.filter(member=member).order_by("since", "id")
        return (
            list(entries.values_list("amount", "effective_at", "explanation")),
            list(stays.values_list("tier__slug", "since", "until", "measured")),
            list(Purchase.objects.filter(member=member).order_by("occurred_at").values_list("points", "tier__slug")),
        )

    assert story(ani) == story(budi)


def test_one_receipt_twice_in_a_batch_counts_once(shop, ani):
    same, other = sale(ani, "10", NOON, receipt="r1"), sale(ani, "11", NOON, receipt="r1")
    outcomes = purchases.record_many(shop, [same, same, other], at=NOON, actor="test")
    assert [(o.is_repeat, o.refusal and o.refusal.code, o.points) for o in outcomes] == [
        (False, None, 10), (True, None, 10), (False, "receipt_conflict", 0),
    ]  # fmt: skip
    assert points_of(ani, at=NOON) == 10


def test_a_batch_takes_the_same_number_of_statements_whatever_its_size(shop):
    cast = [make_member(shop, f"Member{index}") for index in range(40)]
    counts = []
    for size, month in ((2, 3), (40, 4)):
        at = datetime(2026, month, 1, 5, tzinfo=UTC)
        batch = [sale(member, "1500", at, lines=[SaleLine(amount=Decimal(1500))]) for member in cast[:size]]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            purchases.record_many(shop, batch, at=at, actor="test")
        counts.append(len([query for query in queries if not query["sql"].startswith(("INSERT", "COPY"))]))
    assert counts[0] == counts[1]


def test_an_event_earns_fixed_points_once(shop, ani):
    add_rule(shop, "welcome", {"award": {"kind": "fixed", "points": "50"}, "conditions": {"activity": "newsletter"}})
    told = {"kind": "newsletter", "source": "web", "key": "e1", "occurred_at": NOON, "at": NOON, "actor": "test"}
    first = purchases.record_event(shop, ani, **told)
    again = purchases.record_event(shop, ani, **told)
    assert (first.points, first.is_repeat, again.points, again.is_repeat) == (50, False, 50, True)
    assert again.entry == first.entry
    assert points_of(ani, at=NOON) == 50
    assert Event.objects.count() == 1
    with pytest.raises(EventConflict):
        purchases.record_event(shop, ani, **(told | {"kind": "review"}))


def test_an_event_without_a_rule_is_kept_and_earns_nothing(shop, ani):
    told = purchases.record_event(
        shop, ani, kind="review", source="web", key="e2", occurred_at=NOON, at=NOON, actor="test"
    )
    assert (told.points, told.entry, Event.objects.count()) == (0, None, 1)


@pytest.mark.parametrize("window", ["rolling", "calendar", "lifetime"])
@pytest.mark.parametrize("metric", ["points", "spend"])
def test_a_purchase_knows_the_standing_that_is_read_later(shop, ani, window, metric):
    TierPolicy.objects.update_or_create(program=shop, defaults={"window": window, "metric": metric})
    months = [timedelta(days=days) for days in (0, 40, 20, 380, 300, 390, 800)]  # some are reported late
    for number, after in enumerate(months):
        at = max(NOON + after, NOON + max(months[: number + 1]))
        recorded = buy(ani, f"{400 * number + 0.5}", NOON + after, recorded_at=at)
        assert recorded.standing == tiers.standing(Member.objects.get(pk=ani.pk), at=at)
        assert ani.tier == Member.objects.get(pk=ani.pk).tier


def test_what_was_just_recorded_is_what_is_read_later(shop, ani):
    recorded = buy(ani, "125.5", NOON, items=2, channel="web")
    read = Purchase.objects.get()
    for field in Purchase._meta.concrete_fields:
        assert getattr(recorded.purchase, field.attname) == getattr(read, field.attname)
    assert str(recorded.purchase.total) == str(read.total) == "125.50"
