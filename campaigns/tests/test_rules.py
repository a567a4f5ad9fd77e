"""Rules as data: definitions are judged in words, versions count from their time on."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from campaigns import rules
from campaigns.models import Campaign, Rule, RuleVersion
from campaigns.tests.shop import ONE_PER_ONE, add_campaign, add_rule

NOW = datetime(2026, 3, 1, 5, tzinfo=UTC)
DOUBLE = {"award": {"kind": "multiplier", "factor": "2"}}


def slugs(program, at):
    return [f"{terms.slug}@{terms.version}" for terms in rules.in_force(program, at)]


@pytest.mark.parametrize(
    ("definition", "field"),
    [
        ([], "definition"),
        ({}, "award"),
        ({"award": {"kind": "gift"}}, "award.kind"),
        ({"award": {"kind": ["rate"]}}, "award.kind"),
        ({"award": {"kind": "rate", "points": "1"}}, "award.per"),
        ({"award": {"kind": "rate", "points": 1, "per": "1"}}, "award.points"),
        ({"award": {"kind": "rate", "points": "0", "per": "1"}}, "award.points"),
        ({"award": {"kind": "rate", "points": "1", "per": "NaN"}}, "award.per"),
        ({"award": {"kind": "rate", "points": "1e9", "per": "1"}}, "award.points"),
        ({"award": {"kind": "rate", "points": "1", "per": "1", "fator": "2"}}, "award.fator"),
        ({"award": {"kind": "multiplier"}}, "award.factor"),
        ({"award": {"kind": "multiplier", "factor": "0.5"}}, "award.factor"),
        ({"award": {"kind": "multiplier", "by_tier": {"diamond": "2"}}}, "award.by_tier"),
        ({"award": {"kind": "multiplier", "by_tier": {"gold": "x"}}}, "award.by_tier.gold"),
        ({"award": {"kind": "multiplier", "by_tier": ["gold"]}}, "award.by_tier"),
        ({"award": {"kind": "fixed", "points": "5", "qualifying": "yes"}}, "award.qualifying"),
        (ONE_PER_ONE | {"conditions": []}, "conditions"),
        (ONE_PER_ONE | {"conditions": {"tiers": "gold"}}, "conditions.tiers"),
        (ONE_PER_ONE | {"conditions": {"tiers": ["diamond"]}}, "conditions.tiers"),
        (ONE_PER_ONE | {"conditions": {"minimum": "-1"}}, "conditions.minimum"),
        (ONE_PER_ONE | {"conditions": {"weekday": "1"}}, "conditions.weekday"),
        (ONE_PER_ONE | {"conditions": {"activity": "review"}}, "award.kind"),
        (ONE_PER_ONE | {"extra": 1}, "extra"),
    ],
)
def test_a_faulty_definition_is_refused_in_words_that_name_the_field(program, definition, field):
    rule = Rule.objects.create(program=program, slug="base", name="Base")
    with pytest.raises(rules.RuleRefused) as refused:
        rules.publish(rule, definition, since=NOW, at=NOW, actor="test")
    errors = refused.value.numbers["errors"]
    assert list(errors) == [field]
    assert errors[field].endswith(".")
    assert not RuleVersion.objects.exists()


def test_a_version_counts_until_the_next_one(program):
    rule = add_rule(program, "base", ONE_PER_ONE)
    rules.publish(rule, DOUBLE, since=NOW + timedelta(days=1), at=NOW, actor="test")
    edge = NOW + timedelta(days=1)
    assert slugs(program, edge - timedelta(microseconds=1)) == ["base@1"]
    assert slugs(program, edge) == ["base@2"]


def test_only_the_first_version_may_begin_in_the_past(program):
    rule = add_rule(program, "base", ONE_PER_ONE)
    with pytest.raises(rules.RuleRefused) as refused:
        rules.publish(rule, ONE_PER_ONE, since=NOW - timedelta(days=1), at=NOW, actor="test")
    assert "past" in str(refused.value)
    assert rule.versions.count() == 1


def test_versions_follow_one_another(program):
    rule = add_rule(program, "base", ONE_PER_ONE)
    rules.publish(rule, ONE_PER_ONE, since=NOW + timedelta(days=9), at=NOW, actor="test")
    with pytest.raises(rules.RuleRefused):
        rules.publish(rule, ONE_PER_ONE, since=NOW + timedelta(days=2), at=NOW, actor="test")


def test_a_campaigns_rules_count_within_its_dates_while_it_is_live(program):
    campaign = add_campaign(program, "season", NOW, NOW + timedelta(days=10))
    add_rule(program, "double", DOUBLE, campaign=campaign)
    assert slugs(program, NOW - timedelta(microseconds=1)) == []
    assert slugs(program, NOW) == ["double@1"]
    assert slugs(program, NOW + timedelta(days=10)) == []
    Campaign.objects.update(status=Campaign.Status.PAUSED)
    assert slugs(program, NOW) == []


def test_a_rule_that_does_not_count_is_left_out(program):
    add_rule(program, "base", ONE_PER_ONE)
    Rule.objects.update(is_active=False)
    assert slugs(program, NOW) == []


def test_the_rules_of_any_instant_are_read_with_one_query(program, django_assert_num_queries):
    for slug in ("a", "b", "c"):
        add_rule(program, slug, ONE_PER_ONE, campaign=add_campaign(program, slug, NOW, NOW + timedelta(days=1)))
    with django_assert_num_queries(1):
        book = rules.book(program)
        assert len(book.at(NOW)) == 3
        assert book.at(NOW - timedelta(days=1)) == []


def test_a_definition_is_read_exactly(program):
    definition = {
        "award": {"kind": "multiplier", "factor": "1.5", "by_tier": {"gold": "2.25"}, "compounding": True},
        "conditions": {"tiers": ["silver", "gold"], "channels": ["web"], "minimum": "50.00"},
    }
    add_rule(program, "season", definition)
    (terms,) = rules.in_force(program, NOW)
    assert (terms.factor, terms.by_tier, terms.compounding) == (Fraction(3, 2), {"gold": Fraction(9, 4)}, True)
    assert (terms.tiers, terms.channels, str(terms.minimum)) == (
        frozenset({"silver", "gold"}),
        frozenset({"web"}),
        "50.00",
    )
    assert not terms.qualifying
