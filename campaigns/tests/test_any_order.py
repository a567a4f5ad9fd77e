"""Whatever the order in which purchases, refunds and sweeps arrive, they end in the same state (DOMAIN 2.5, 6.1).

The same history is told in order and shuffled, and everything that can be seen is compared. What was redeemed meanwhile
keeps the lots it drew on: then the sums are the same, while single lots may have given more or less.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from campaigns import confirmations, purchases, refunds
from campaigns.confirmations import Happened
from campaigns.refunds import Return
from campaigns.tests.shop import add_rule, open_shop, sale
from loyalty.ledger import activation, expiry, policies, posting
from loyalty.ledger.checking import verify
from loyalty.ledger.models import Lot, Program
from loyalty.ledger.statements import balance
from members.enrolment import main_account
from members.models import Member, Purchase, Refund, TierPolicy, TierStay
from members.testing import make_member, make_program
from members.tiers.reviewing import review_tiers

FIRST = datetime(2026, 1, 2, 5, tzinfo=UTC)
END = datetime(2027, 6, 1, 5, tzinfo=UTC)
BY_TIER = {"award": {"kind": "multiplier", "by_tier": {"silver": "1.5", "gold": "3"}, "qualifying": True}}
BIG = {"award": {"kind": "fixed", "points": "40"}, "conditions": {"minimum": "500"}}

days = some.integers(0, 480)
bought = some.tuples(days, some.integers(1, 24).map(lambda n: n * 100))
# When points can be spent, and so count for tiers: at once, some days later, or from the delivery, at most 30 days after.
delays = some.sampled_from(["", "days", "days", "event", "event"])
given_back = some.tuples(some.integers(0, 5), some.integers(0, 200), some.integers(1, 2))
histories = some.tuples(
    some.lists(bought, min_size=1, max_size=6),
    some.lists(given_back, max_size=4),
    some.randoms(use_true_random=False),
    some.sampled_from(["rolling", "calendar", "entry", "lifetime"]),
    some.sampled_from(["kept", "share", "all"]),
    some.sampled_from(
        [{}, {"review": "yearly"}, {"review": "months", "review_months": 3, "down": "full", "grace_days": 20}]
    ),
    delays,
    some.lists(some.integers(0, 45), min_size=6, max_size=6),
)
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
THOROUGH = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def facts_of(sold, returned, delivered=()):
    """(instant, kind, what) of a history: purchases, refunds in quarters that never exceed what was bought, and deliveries.

    A delivery comes so many days after its purchase; a few never do.
    """
    facts = [
        (FIRST + timedelta(days=day, seconds=number % 2), "sale", (f"r{number}", amount))
        for number, (day, amount) in enumerate(sold)
    ]
    for number, ((day, _amount), after) in enumerate(zip(sold, delivered, strict=False)):
        if after % 7:
            at = min(FIRST + timedelta(days=day + after, minutes=30), END)
            facts.append((at, "delivery", (f"r{number}", "")))
    quarters = Counter()
    for number, (which, after, parts) in enumerate(returned):
        which %= len(sold)
        parts = min(parts, 4 - quarters[which])
        if parts:
            quarters[which] += parts
            day, amount = sold[which]
            at = min(FIRST + timedelta(days=day + after, minutes=number + 1), END)
            facts.append((at, "return", (f"r{which}", f"b{number}", Decimal(amount * parts) / 4)))
    return sorted(facts, key=lambda fact: (fact[0], fact[2][0]))


def delayed(program: Program, delay: str, *, kind: str) -> None:
    """Points of the program's purchases can be spent later than the purchase."""
    if delay == "days":
        program.wallets.update(activation_days=20)
    elif delay == "event":
        told = {"count": 12, "at": FIRST - timedelta(days=2), "actor": "test"}
        policies.set_expiry(program.wallets.get(), kind=kind, confirmed_by="delivered", confirm_days=30, **told)


def tell(program: Program, member: Member, fact) -> None:
    """One fact arrives."""
    at, kind, what = fact
    if kind == "sale":
        receipt, amount = what
        purchases.record(program, sale(member, str(amount), at, receipt=f"{member.pk}{receipt}"), at=END, actor="test")
    elif kind == "return":
        receipt, number, amount = what
        back = Return(source="test", receipt=f"{member.pk}{receipt}", number=number, occurred_at=at, amount=amount)
        refunds.refund(program, back, at=END, actor="test")
    elif kind == "delivery":
        happened = Happened("test", f"{member.pk}{what[0]}", "delivered", at)
        confirmations.confirm(program, happened, at=END, actor="test")
    elif kind == "sweep":
        activation.activate_due(program, at=END)
        expiry.run_sweep(program, at=END)
        review_tiers(program, at=END)
    else:
        posting.redeem(main_account(member).pk, what, at=END, reference=f"x{member.pk}", source="t", actor="t")


def seen(member: Member, *, with_lots: bool = True):
    """Everything that can be seen of a member in the end."""
    account = main_account(member)
    now = balance(account.pk, at=END)
    cut = len(str(member.pk))
    lots = Counter()
    for expires_at, remaining in Lot.objects.filter(account=account).values_list("expires_at", "remaining"):
        lots[expires_at] += remaining
    lots = {end: points for end, points in lots.items() if points}
    stays = [
        stay for stay in TierStay.objects.filter(member=member).order_by("since", "id") if stay.until != stay.since
    ]
    return {
        "points": now.available - now.debt,
        "available": now.available if with_lots else None,
        "lots": lots if with_lots else None,
        "tier": Member.objects.get(pk=member.pk).tier.slug,
        "stays": [(stay.tier.slug, stay.since, stay.until) for stay in stays],
        "purchases": sorted(
            (one.receipt[cut:], one.tier.slug, one.points, one.points_returned, one.qualifying_points, one.refunded)
            for one in Purchase.objects.filter(member=member).select_related("tier")
        ),
        "refunds": sorted(
            (one.number, one.status, one.points, one.qualifying_points)
            for one in Refund.objects.filter(purchase__member=member)
        ),
    }


def check(history, *, redeem: bool = False) -> None:
    """Tell a history in order to one member and shuffled to another, and compare."""
    sold, returned, chance, window, strategy, reviews, delay, delivered = history
    with transaction.atomic():
        program = open_shop(make_program("urut", expiry="never" if redeem else "months"))
        add_rule(program, "tiers", BY_TIER)
        add_rule(program, "big", BIG)
        program.returns = strategy
        program.save()
        TierPolicy.objects.filter(program=program).update(window=window, **reviews)
        delayed(program, delay, kind="never" if redeem else "months")
        ani, budi = (make_member(program, name, at=FIRST - timedelta(days=1)) for name in ("Ani", "Budi"))
        facts = facts_of(sold, returned, delivered if delay == "event" else ())
        for fact in facts:
            tell(program, ani, fact)
        shuffled = list(facts)
        chance.shuffle(shuffled)
        more = [(END, "sweep", ())] * chance.randrange(3)
        if redeem:
            points = max(1, balance(main_account(ani).pk, at=END).available // 2)
            tell(program, ani, (END, "redeem", points)) if balance(main_account(ani).pk, at=END).available else None
        for fact in more:
            shuffled.insert(chance.randrange(len(shuffled) + 1), fact)
        redeemed = not redeem or not balance(main_account(ani).pk, at=END).available
        for fact in shuffled:
            tell(program, budi, fact)
            if not redeemed and balance(main_account(budi).pk, at=END).available >= points:
                tell(program, budi, (END, "redeem", points))
                redeemed = True
        tell(program, ani, (END, "sweep", ()))
        if redeemed:
            assert seen(budi, with_lots=not redeem) == seen(ani, with_lots=not redeem)
        assert list(verify(program)) == []
        transaction.set_rollback(True)


@pytest.mark.django_db
@QUICK
@given(histories)
def test_any_order_of_arrival_ends_in_the_same_state(history):
    check(history)


@pytest.mark.django_db
@QUICK
@given(histories)
def test_a_redemption_in_between_keeps_its_lots_and_the_sums_are_the_same(history):
    check(history, redeem=True)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.django_db
@THOROUGH
@given(histories)
def test_any_order_of_arrival_ends_in_the_same_state_many_times(history):
    check(history)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.django_db
@THOROUGH
@given(histories)
def test_a_redemption_in_between_many_times(history):
    check(history, redeem=True)


@pytest.mark.django_db
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(some.lists(some.integers(1, 400), min_size=1, max_size=6), some.sampled_from(["kept", "share", "all"]))
def test_any_split_of_refunds_that_adds_up_to_the_order_leaves_nothing(parts, strategy):
    with transaction.atomic():
        program = open_shop(make_program("habis"))
        add_rule(program, "big", BIG)
        program.returns = strategy
        program.save()
        ani = make_member(program, "Ani", at=FIRST)
        total = Decimal(sum(parts)) / 7
        total = total.quantize(Decimal("0.01"))
        bought_at = FIRST + timedelta(days=1)
        purchases.record(program, sale(ani, str(total), bought_at, receipt="r"), at=bought_at, actor="test")
        left, taken = total, []
        for number, part in enumerate(parts):
            amount = left if number == len(parts) - 1 else min(left, (Decimal(part) / 7).quantize(Decimal("0.01")))
            if amount:
                at = bought_at + timedelta(days=number + 1)
                back = Return(source="test", receipt="r", number=f"b{number}", occurred_at=at, amount=amount)
                taken.append(refunds.refund(program, back, at=at, actor="test").refund.points)
            left -= amount
        account = main_account(ani)
        assert (account.available, account.debt, min(taken) >= 0) == (0, 0, True)
        assert sum(taken) == Purchase.objects.get(member=ani).points
        transaction.set_rollback(True)
