"""Conditions, caps and campaigns together, as tables of cases for the pure arithmetic."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from campaigns.definitions import problems, terms_fields
from campaigns.earning import Basket, Goods, Known, ProgramTerms, RuleTerms, Shopper, rate, recompute
from campaigns.explanations import limits, near_misses, sentence
from campaigns.reading import definition_in_words
from campaigns.terms import Limit

# Friday 6 March 2026, 15:30 in Jakarta.
FRIDAY = datetime(2026, 3, 6, 8, 30, tzinfo=UTC)
JAKARTA = ProgramTerms("USD", zone="Asia/Jakarta")
ONE = {"award": {"kind": "rate", "points": "1", "per": "1"}}
DOUBLE = {"kind": "multiplier", "factor": "2"}
COFFEE, TEA = Goods("flat-white", "coffee", Decimal(2)), Goods("sencha", "tea")


def rule(slug, definition, **more):
    assert problems(definition) == {}
    more.setdefault("campaign", "" if slug == "base" else slug)
    return RuleTerms(slug=slug, version=1, **terms_fields(definition, more.pop("seasons", {})), **more)


BASE = rule("base", ONE)


def rated(*rules, lines=("10.00",), goods=(), at=FRIDAY, terms=JAKARTA, tier="gold", known=None, **more):
    basket = Basket([Decimal(line) for line in lines], goods=goods, **more)
    award = rate(basket, tier, [BASE, *rules], at, terms, known or Known())
    stored = json.loads(json.dumps(award.explanation, allow_nan=False))
    assert recompute(stored) == (award.points, award.qualifying)
    assert sum(award.shares) == award.points
    return award


def bought(*days_ago):
    return Known(earlier=sorted(FRIDAY - timedelta(days=days) for days in days_ago))


def who(**facts):
    return Known(shopper=Shopper(**facts))


@pytest.mark.parametrize(
    ("conditions", "asked", "counts"),
    [
        ({"weekdays": [5]}, {}, True),
        ({"weekdays": [6, 7]}, {}, False),
        ({"hours": [{"from": "15:00", "until": "15:30"}]}, {}, False),
        ({"hours": [{"from": "15:30", "until": "16:00"}]}, {}, True),
        ({"hours": [{"from": "22:00", "until": "16:00"}]}, {}, True),
        ({"dates": [{"from": "2026-03-06", "through": "2026-03-06"}]}, {}, True),
        ({"dates": [{"from": "2026-03-07", "through": "2026-03-09"}]}, {}, False),
        ({"yearly": [{"from": "12-20", "through": "03-06"}]}, {}, True),
        ({"yearly": [{"from": "12-10", "through": "12-12"}]}, {}, False),
        ({"maximum": "10.00"}, {}, True),
        ({"maximum": "9.99"}, {}, False),
        ({"stores": ["kota"]}, {"store": "kota"}, True),
        ({"stores": ["kota"]}, {"store": "braga"}, False),
        ({"payments": ["card"]}, {"payment": "card"}, True),
        ({"payments": ["card"]}, {}, False),
        ({"partners": ["cinema"]}, {"partner": "cinema"}, True),
        ({"languages": ["id"]}, {"known": who(language="id")}, True),
        ({"languages": ["id"]}, {"known": who(language="en")}, False),
        ({"segments": ["vip"]}, {"known": who(segments=frozenset({"vip"}))}, True),
        ({"segments": ["vip"]}, {}, False),
        ({"new_within_days": 30}, {"known": who(enrolled_at=FRIDAY - timedelta(days=29))}, True),
        ({"new_within_days": 30}, {"known": who(enrolled_at=FRIDAY - timedelta(days=30))}, False),
        ({"member_for_days": 30}, {"known": who(enrolled_at=FRIDAY - timedelta(days=30))}, True),
        ({"member_for_days": 30}, {"known": who(enrolled_at=FRIDAY - timedelta(days=29))}, False),
        ({"birthday": "day"}, {"known": who(birthday=date(1990, 3, 6))}, True),
        ({"birthday": "day"}, {"known": who(birthday=date(1990, 3, 7))}, False),
        ({"birthday": "week"}, {"known": who(birthday=date(1990, 3, 2))}, True),
        ({"birthday": "week"}, {"known": who(birthday=date(1990, 3, 1))}, False),
        ({"birthday": "month"}, {"known": who(birthday=date(1990, 3, 31))}, True),
        ({"birthday": "month"}, {}, False),
        ({"first_in": "day"}, {"known": bought(1)}, True),
        ({"first_in": "week"}, {"known": bought(1)}, False),
        ({"first_in": "month"}, {"known": bought(6)}, True),
        ({"first_in": "year"}, {"known": bought(6)}, False),
        ({"first_in": "year"}, {"known": bought(66)}, True),
        ({"nth": 3}, {"known": bought(1, 2)}, True),
        ({"nth": 3}, {"known": bought(1, 2, 3)}, False),
        ({"every_nth": 3}, {"known": bought(1, 2)}, True),
        ({"every_nth": 3}, {"known": bought(1, 2, 3, 4, 5)}, True),
        ({"every_nth": 3}, {"known": bought(1)}, False),
        ({"every_nth": 2}, {"known": bought(-1, 1)}, True),
        ({"frequency": {"count": 3, "days": 30}}, {"known": bought(30, 5)}, True),
        ({"frequency": {"count": 3, "days": 30}}, {"known": bought(31, 5)}, False),
        ({"quantity": "3"}, {"goods": [COFFEE]}, False),
        ({"quantity": "2"}, {"goods": [COFFEE]}, True),
    ],
)  # fmt: skip
def test_a_condition_holds_or_not(conditions, asked, counts):
    double = rule("double", {"award": DOUBLE, "conditions": conditions})
    assert rated(double, **asked).points == (20 if counts else 10)


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({"categories": ["coffee"]}, "With coffee in the basket, Offer would have counted (2× points)"),
        ({"products": ["mug"], "brands": ["toba"]}, "With mug or toba in the basket, Offer would have counted (2× points)"),
        ({"products": ["a", "b", "c", "d", "e"]}, "With a, b, c, or 2 others in the basket, Offer would have counted (2× points)"),
        ({"categories": ["coffee"], "quantity": "3"}, "With 3 of coffee in the basket, Offer would have counted (2× points)"),
        ({"categories": ["coffee"], "lines_minimum": "20"}, "With coffee for $20.00 in the basket, Offer would have counted (2× points)"),
        ({"categories": ["coffee"], "lines_maximum": "20"}, "With coffee in the basket, Offer would have counted (2× points)"),
        ({"categories": ["coffee"], "weekdays": [6]}, None),
        ({"categories": ["coffee"], "tiers": ["silver"]}, None),
        ({"categories": ["coffee"], "segments": ["vip"]}, None),
        ({"categories": ["tea"], "quantity": "3"}, "With 2 more of it in the basket, Offer would have counted (2× points)"),
    ],
)  # fmt: skip
def test_missing_goods_are_a_near_miss_when_nothing_else_was_missing(definition, words):
    offer = rule("offer", {"award": DOUBLE, "conditions": definition}, names={"en": "Offer"})
    award = rated(offer, goods=[TEA])
    assert award.points == 10
    assert near_misses(award.explanation, "en") == ([words] if words else [])


def test_goods_nobody_named_are_missed_by_nobody():
    offer = rule("offer", {"award": DOUBLE, "conditions": {"categories": ["coffee"]}})
    for goods in ([], [Goods(quantity=Decimal(4))]):
        assert "near" not in rated(offer, goods=goods).explanation


def test_of_many_offers_of_goods_the_first_three_are_told():
    offers = [rule(f"o{n}", {"award": DOUBLE, "conditions": {"products": [f"p{n}"]}}) for n in range(5)]
    told = rated(*offers, goods=[TEA]).explanation["near"]
    assert [(one["rule"], one["goods"]) for one in told] == [("o0", ["p0"]), ("o1", ["p1"]), ("o2", ["p2"])]


def test_who_reads_no_reason_gets_the_same_points_with_goods_missing():
    offers = [rule(f"o{n}", {"award": DOUBLE, "conditions": {"products": [name]}}) for n, name in enumerate(["mug", "sencha"])]  # fmt: skip
    basket = Basket([Decimal("10.00")], goods=[TEA])
    told, silent = (
        rate(basket, "gold", [BASE, *offers], FRIDAY, JAKARTA, is_told=is_told) for is_told in (True, False)
    )
    assert (told.points, told.shares, told.gave) == (silent.points, silent.shares, silent.gave) == (20, [20], told.gave)


def test_a_birthday_on_29_february_is_kept_on_28_in_other_years():
    double = rule("double", {"award": DOUBLE, "conditions": {"birthday": "day"}})
    at = datetime(2026, 2, 28, 8, tzinfo=UTC)
    assert rated(double, at=at, known=who(birthday=date(2000, 2, 29))).points == 20


def test_a_season_holds_on_its_days_of_each_year():
    days = {"ramadan": ((date(2025, 3, 1), date(2025, 3, 29)), (date(2026, 2, 18), date(2026, 3, 19)))}
    double = rule("double", {"award": DOUBLE, "conditions": {"seasons": ["ramadan"]}}, seasons=days)
    assert rated(double).points == 20
    assert rated(double, at=FRIDAY + timedelta(days=20)).points == 10


def test_a_category_multiplies_the_points_of_its_lines_only():
    coffee = rule("coffee", {"award": DOUBLE, "conditions": {"categories": ["coffee"]}})
    award = rated(coffee, lines=("4.00", "6.00"), goods=[COFFEE, TEA])
    assert (award.points, award.shares) == (14, [8, 6])


def test_a_category_may_multiply_the_whole_basket():
    coffee = rule("coffee", {"award": DOUBLE | {"on": "basket"}, "conditions": {"categories": ["coffee"]}})
    assert rated(coffee, lines=("4.00", "6.00"), goods=[COFFEE, TEA]).points == 20


def test_points_for_each_piece():
    cups = rule("cups", {"award": {"kind": "unit", "points": "5"}, "conditions": {"products": ["flat-white"]}})
    award = rated(cups, lines=("4.00", "6.00"), goods=[COFFEE, TEA])
    assert (award.points, award.shares) == (20, [14, 6])


def test_rounding_may_be_per_rule_or_per_line():
    half = rule("half", {"award": {"kind": "multiplier", "factor": "1.5"}})
    lines, goods = ("1.50", "1.50"), [COFFEE, TEA]
    exact = {"order": 4, "rule": 4, "line": 4}  # 3 + 1.5
    for per, points in exact.items():
        terms = ProgramTerms("USD", zone="Asia/Jakarta", rounded_per=per)
        assert rated(half, lines=lines, goods=goods, terms=terms).points == points
    up = ProgramTerms("USD", rounding="ceiling", rounded_per="line")
    assert rated(lines=("0.10", "0.10", "0.10"), terms=up).shares == [1, 1, 1]
    down = ProgramTerms("USD", rounded_per="line")
    assert rated(lines=("0.90", "0.90", "0.90"), terms=down).points == 0


def capped(**caps):
    return rule("double", {"award": DOUBLE, "caps": caps})


@pytest.mark.parametrize(
    ("caps", "used", "points"),
    [
        ({"purchase": "7"}, {}, 17),
        ({"day": "7"}, {("double", "day"): Fraction(3)}, 14),
        ({"month": "500"}, {("double", "month"): Fraction(495)}, 15),
        ({"month": "500"}, {("double", "month"): Fraction(500)}, 10),
        ({"month": "500"}, {("double", "month"): Fraction(600)}, 10),
        ({"month": "500", "day": "2"}, {}, 12),
        ({"lifetime": "100"}, {}, 20),
        ({"purchase": "7", "refuse": True}, {}, 10),
        ({"purchase": "10", "refuse": True}, {}, 20),
    ],
)
def test_a_cap_trims_or_refuses(caps, used, points):
    award = rated(capped(**caps), known=Known(used=used))
    assert award.points == points
    assert sum(taken.points for taken in award.taken) == points - 10


def test_the_explanation_says_which_cap_bit():
    award = rated(capped(month="500"), known=Known(used={("double", "month"): Fraction(495)}))
    assert limits(award.explanation, "en") == [
        "double gave 5 instead of 10 points: no more was left of the most for a member in a month (500)."
    ]
    assert sentence(award.explanation, "en") == "15 points: 1 point per $1 on $10.00, doubled by double (at most 5)"


def test_rules_of_one_campaign_share_its_budget():
    left = Known(budgets={"party": Limit("budget", Fraction(100), Fraction(12))})
    double = rule("double", {"award": DOUBLE}, campaign="party", has_budget=True)
    gift = rule("gift", {"award": {"kind": "fixed", "points": "5"}}, campaign="party", has_budget=True)
    award = rated(double, gift, known=left)
    assert award.points == 22
    assert [(taken.terms.slug, taken.points) for taken in award.taken] == [("double", 10), ("gift", 2)]


def test_the_wallet_takes_no_more_than_its_limit():
    award = rated(capped(), known=Known(wallet=[Limit("wallet", Fraction(15), Fraction(15))]))
    assert award.points == 15


def test_a_limit_cuts_the_rule_made_last_in_whatever_order_rules_are_given():
    first, last = rule("first", {"award": DOUBLE}, rule_id=1), rule("last", {"award": DOUBLE}, rule_id=2)
    left = Known(wallet=[Limit("wallet", Fraction(25), Fraction(25))])
    awards = [rated(*rules, known=left) for rules in ((first, last), (last, first))]
    assert awards[0] == awards[1]
    assert awards[0].gave == (("base", 10), ("first", 10), ("last", 5))


def season(slug, factor, **stacking):
    return rule(slug, {"award": {"kind": "multiplier", "factor": factor}, "stacking": stacking})


@pytest.mark.parametrize(
    ("campaigns", "points"),
    [
        ([season("a", "2"), season("b", "3")], 40),
        ([season("a", "2", group="best"), season("b", "3", group="best"), season("c", "2")], 40),
        ([season("a", "2", group="first", priority=1), season("b", "3", group="first", priority=2)], 20),
        ([season("b", "2", group="first"), season("a", "3", group="first")], 30),
        ([season("a", "2", exclusive=True), season("b", "3"), season("c", "4")], 20),
        ([season("a", "2", exclusive=True, priority=9), season("b", "3", exclusive=True, priority=8)], 30),
        ([season("a", "2", not_with=["b"]), season("b", "3"), season("c", "2")], 30),
        ([season("b", "3", not_with=["a"], priority=1), season("a", "2", priority=2)], 30),
    ],
)
def test_campaigns_count_together_as_they_say(campaigns, points):
    assert rated(*campaigns).points == points
    assert rated(*reversed(campaigns)).points == points


def test_a_campaign_left_out_is_explained():
    award = rated(season("a", "2", group="best"), season("b", "3", group="best"))
    assert limits(award.explanation, "en") == ["a did not count: b gave more."]


@pytest.mark.parametrize(
    ("conditions", "asked", "words"),
    [
        ({"weekdays": [6]}, {}, "On Saturday, double would have counted (2× points)"),
        ({"hours": [{"from": "17:00", "until": "19:00"}]}, {}, "Between 17:00–19:00, double would have counted (2× points)"),
        ({"minimum": "20.00"}, {}, "$10.00 more, and double would have counted"),
        ({"tiers": ["platinum"]}, {}, "In tier Platinum, double would have counted (2× points)"),
        ({"channels": ["web"]}, {}, "Bought by web, double would have counted (2× points)"),
        ({"nth": 3}, {"known": bought(1)}, "With 1 more purchase, double would have counted (2× points)"),
        ({"quantity": "5"}, {"goods": [COFFEE]}, "With 3 more of it in the basket, double would have counted (2× points)"),
        ({"dates": [{"from": "2026-03-08", "through": "2026-03-09"}]}, {}, "From March 8, 2026 on, double would have counted (2× points)"),
    ],
)  # fmt: skip
def test_a_near_miss_says_what_would_have_helped(conditions, asked, words):
    double = rule("double", {"award": DOUBLE, "conditions": conditions})
    assert near_misses(rated(double, **asked).explanation, "en") == [words]


def test_two_missing_conditions_are_no_near_miss():
    double = rule("double", {"award": DOUBLE, "conditions": {"weekdays": [6], "minimum": "20.00"}})
    assert "near" not in rated(double).explanation


def test_a_definition_reads_as_a_sentence():
    definition = {
        "award": DOUBLE,
        "conditions": {"categories": ["coffee"], "tiers": ["gold"], "weekdays": [5], "hours": [{"from": "15:00", "until": "17:00"}]},
        "caps": {"month": "500"}, "stacking": {"group": "best"},
    }  # fmt: skip
    assert definition_in_words(definition, currency="USD", tiers={"gold": "Gold"}) == (
        "2× points on coffee, only Gold, on Friday, between 15:00–17:00, at most 500 points a month, "
        "only when it is the best for the member"
    )


names = some.sampled_from(["a", "b", "c", "d"])
awards = some.one_of(
    some.builds(lambda f: {"kind": "multiplier", "factor": str(f)}, some.integers(1, 5)),
    some.builds(lambda p: {"kind": "fixed", "points": str(p)}, some.integers(1, 90)),
    some.builds(lambda p: {"kind": "unit", "points": str(p)}, some.integers(1, 9)),
    some.builds(lambda p, per: {"kind": "rate", "points": str(p), "per": str(per)}, some.integers(1, 9), some.integers(1, 7)),
)  # fmt: skip
definitions = some.builds(
    lambda award, goods, cap, refuse, group, exclusive, priority: {
        "award": award, "conditions": {"categories": ["coffee"]} if goods else {},
        "caps": {"purchase": str(cap), "refuse": refuse} if cap else {},
        "stacking": {"group": group, "exclusive": exclusive, "priority": priority},
    },
    awards, some.booleans(), some.integers(0, 40), some.booleans(), some.sampled_from(["all", "best", "first"]),
    some.booleans(), some.integers(1, 3),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    some.dictionaries(names, definitions, max_size=4), some.lists(some.decimals(0, 500, places=2), min_size=1, max_size=4),
    some.sampled_from(["best", "sum"]), some.sampled_from(["floor", "half_up", "ceiling"]), some.integers(0, 2),
    some.sampled_from(["order", "rule", "line"]), some.randoms(use_true_random=False),
)  # fmt: skip
def test_whatever_the_rules_say_the_order_of_reading_does_not_matter_and_no_cap_is_passed(
    told, lines, base_rules, rounding, decimals, per, random
):
    rules = [rule(slug, definition) for slug, definition in told.items()]
    shuffled = random.sample(rules, len(rules))
    goods = [COFFEE if number % 2 else TEA for number in range(len(lines))]
    terms = ProgramTerms("USD", base_rules, rounding, decimals, rounded_per=per)
    award = rated(*rules, lines=lines, goods=goods, terms=terms)
    again = rated(*shuffled, lines=lines, goods=goods, terms=terms)
    if base_rules == "sum":
        assert (again.points, again.qualifying, again.shares) == (award.points, award.qualifying, award.shares)
    assert again.points == award.points
    for taken in award.taken:
        caps = dict(taken.terms.caps)
        assert taken.points <= caps["purchase"] * 10**decimals


@pytest.mark.parametrize(
    ("award", "activity", "said"),
    [
        ({"kind": "fixed", "points": "25"}, "partner_posting", "25 points for each posting of a partner"),
        ({"kind": "fixed", "points": "25"}, "workshop", "25 points for each “Workshop attended”"),
        ({"kind": "fixed", "points": "25"}, "tasting", "25 points for each “tasting”"),
        ({"kind": "multiplier", "factor": "2"}, "review", "2× points for each review"),
    ],
)
def test_what_a_rule_is_for_is_told_in_words(award, activity, said):
    definition = {"award": award, "conditions": {"activity": activity}}
    assert definition_in_words(definition, currency="USD", tiers={"kind:workshop": "Workshop attended"}) == said
