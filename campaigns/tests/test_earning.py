"""The arithmetic of awards: exact values, and what must hold for any numbers."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from campaigns.earning import Basket, ProgramTerms, RuleTerms, rate, recompute, round_points, split, text

NOON = datetime(2026, 3, 1, 5, tzinfo=UTC)
DOLLARS = ProgramTerms("USD")


def base(points="1", per="1", **more):
    return RuleTerms("base", 1, "rate", points=Fraction(points), per=Fraction(per), qualifying=True, **more)


def times(factor, slug="season", **more):
    return RuleTerms(slug, 1, "multiplier", factor=Fraction(factor), campaign=more.pop("campaign", slug), **more)


def bonus(points, slug="gift", **more):
    return RuleTerms(slug, 1, "fixed", points=Fraction(points), **more)


def award(amounts, rules, *, tier="bronze", channel="", activity="purchase", terms=DOLLARS, at=NOON):
    lines = [Decimal(amount) for amount in ([amounts] if isinstance(amounts, str) else amounts)]
    return rate(Basket(lines, channel, activity), tier, rules, at, terms)


def test_a_purchase_earns_by_its_amount_rounded_down():
    assert award("12.66", [base()]).points == 12


def test_the_best_base_rule_counts_unless_the_program_adds_them():
    rules = [base(), RuleTerms("web", 1, "rate", points=Fraction(3), per=Fraction(2), qualifying=True)]
    assert award("10.00", rules).points == 15
    assert award("10.00", rules, terms=ProgramTerms("USD", base_rules="sum")).points == 25


def test_multipliers_of_different_campaigns_add_their_extras():
    assert award("10.00", [base(), times(2), times(3, "harbolnas")]).points == 40


def test_within_one_campaign_the_best_multiplier_counts():
    assert award("10.00", [base(), times(2, "a", campaign="c"), times(3, "b", campaign="c")]).points == 30


def test_a_compounding_multiplier_multiplies_what_the_others_made():
    assert award("10.00", [base(), times(3, "x", compounding=True), times(2)]).points == 60


def test_a_multiplier_may_differ_by_tier_and_leave_some_tiers_out():
    season = times(1, by_tier={"gold": Fraction(2)})
    assert award("10.00", [base(), season], tier="gold").points == 20
    plain = award("10.00", [base(), season], tier="bronze")
    assert plain.points == 10
    assert [step["kind"] for step in plain.explanation["steps"]] == ["rate"]


def test_bonuses_come_after_multipliers():
    assert award("10.00", [bonus(100), base(), times(2)]).points == 120


def test_only_qualifying_steps_count_towards_tiers():
    given_back = award("10.50", [bonus(100), base(), times(2)])
    assert (given_back.points, given_back.qualifying) == (121, 10)


def test_rounding_happens_once_over_the_whole_order():
    # 0.5 + 0.5: each alone would be rounded away
    assert award(["0.50", "0.50"], [base()]).points == 1


@pytest.mark.parametrize(
    ("rounding", "amount", "points"),
    [
        ("floor", "1.99", 1), ("floor", "2.00", 2), ("half_up", "1.49", 1), ("half_up", "1.50", 2), ("half_up", "2.50", 3),
        ("ceiling", "1.01", 2), ("ceiling", "1.00", 1), ("ceiling", "0.00", 0),
    ],
)  # fmt: skip
def test_the_program_rounds_as_it_says(rounding, amount, points):
    assert award(amount, [base()], terms=ProgramTerms("USD", rounding=rounding)).points == points


def test_a_wallet_with_decimals_earns_in_its_smallest_unit():
    earned = award("12.34", [base("1", "3")], terms=ProgramTerms("USD", decimals=2))
    assert earned.points == 411
    assert recompute(earned.explanation) == (411, 411)


@pytest.mark.parametrize(
    ("rule", "counts"),
    [
        (base(tiers=frozenset({"gold"})), False),
        (base(tiers=frozenset({"bronze"})), True),
        (base(channels=frozenset({"web"})), True),
        (base(channels=frozenset({"store"})), False),
        (base(minimum=Decimal("10.00")), True),
        (base(minimum=Decimal("10.01")), False),
        (base(since=NOON), True),
        (base(since=datetime(2026, 3, 1, 6, tzinfo=UTC)), False),
        (base(until=NOON), False),
        (base(until=datetime(2026, 3, 1, 6, tzinfo=UTC)), True),
        (base(activity="review"), False),
    ],
)
def test_a_rule_counts_when_its_conditions_hold(rule, counts):
    assert award("10.00", [rule], channel="web").points == (10 if counts else 0)


def test_an_event_earns_its_fixed_points_only():
    rules = [base(), bonus(50, activity="signup"), bonus(5)]
    assert award([], rules, activity="signup").points == 50


def test_a_rule_kept_out_by_the_amount_is_explained_as_a_near_miss():
    explained = award("40.00", [base(), times(2, minimum=Decimal("50.00"))]).explanation
    assert explained["near"] == [
        {"rule": "season", "version": 1, "kind": "multiplier", "missing": "10.00", "factor": "2"},
    ]


def test_the_explanation_tells_every_step():
    rules = [base("10"), times("1.5", names={"en": "Ramadan"}), bonus(7)]
    assert award("12.66", rules, channel="web", tier="gold").explanation == {
        "activity": "purchase",
        "currency": "USD",
        "eligible": "12.66",
        "tier": "gold",
        "channel": "web",
        "rounding": "floor",
        "steps": [
            {"rule": "base", "version": 1, "kind": "rate", "points": "10", "per": "1", "gives": "126.6"},
            {"rule": "season", "version": 1, "kind": "multiplier", "factor": "1.5", "gives": "63.3",
             "names": {"en": "Ramadan"}},
            {"rule": "gift", "version": 1, "kind": "fixed", "points": "7", "gives": "7"},
        ],
        "exact": "196.9",
        "points": 196,
        "qualifying": 126,
    }  # fmt: skip


def test_points_are_laid_over_lines_by_largest_remainder():
    assert award(["1.00", "1.00", "1.00"], [base("10", "3")]).shares == [4, 3, 3]
    assert award(["5.00", "0.00", "2.50"], [base()]).shares == [5, 0, 2]


def test_a_bonus_on_a_free_basket_goes_to_the_first_line():
    assert award(["0.00", "0.00"], [bonus(5)]).shares == [5, 0]


@pytest.mark.parametrize(
    ("number", "written"),
    [("12.66", "12.66"), ("38/3", "38/3"), ("5", "5"), ("1/8", "0.125"), ("0", "0"), ("1/100", "0.01")],
)
def test_exact_numbers_are_written_as_decimals_where_they_end(number, written):
    assert text(Fraction(number)) == written
    assert Fraction(written) == Fraction(number)


fractions = some.fractions(min_value=0, max_value=10**6, max_denominator=1000)
money = some.decimals(min_value=0, max_value=10**9, places=2)


@given(some.integers(0, 10**9), some.lists(some.integers(0, 10**6), min_size=1, max_size=30))
def test_a_split_adds_up_and_follows_the_weights(total, weights):
    parts = split(total, weights)
    assert sum(parts) == total
    if sum(weights):
        assert all(
            abs(part - Fraction(total) * weight / sum(weights)) < 1 for part, weight in zip(parts, weights, strict=True)
        )


@given(fractions, some.sampled_from(["floor", "half_up", "ceiling"]))
def test_rounding_stays_within_one(exact, rounding):
    assert abs(round_points(exact, rounding) - exact) < 1
    assert round_points(Fraction(int(exact)), rounding) == int(exact)


rule_sets = some.lists(
    some.one_of(
        some.builds(lambda n, p, per: RuleTerms(f"b{n}", n, "rate", points=p, per=per + 1, qualifying=True),
                    some.integers(1, 9), fractions, fractions),
        some.builds(lambda n, f, c, co: RuleTerms(f"m{n}", n, "multiplier", factor=1 + f, campaign=c, compounding=co),
                    some.integers(1, 9), fractions, some.sampled_from(["", "x", "y"]), some.booleans()),
        some.builds(lambda n, p, q: RuleTerms(f"f{n}", n, "fixed", points=p, qualifying=q),
                    some.integers(1, 9), fractions, some.booleans()),
    ), max_size=6, unique_by=lambda terms: terms.slug,
)  # fmt: skip


@given(
    some.lists(money, min_size=1, max_size=5), rule_sets,
    some.sampled_from(["best", "sum"]), some.sampled_from(["floor", "half_up", "ceiling"]), some.integers(0, 3),
)  # fmt: skip
def test_every_explanation_recomputes_to_the_same_points(lines, rules, base_rules, rounding, decimals):
    earned = rate(Basket(lines), "gold", rules, NOON, ProgramTerms("USD", base_rules, rounding, decimals))
    stored = json.loads(json.dumps(earned.explanation, allow_nan=False))
    assert recompute(stored) == (earned.points, earned.qualifying)
    assert sum(earned.shares) == earned.points
    assert earned.qualifying <= earned.points
    assert "." not in str(stored["points"])
