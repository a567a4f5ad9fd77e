"""Rules as data: definitions are judged in words, versions count from their time on."""

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from campaigns import definitions, publishing, rules
from campaigns.models import Campaign, Rule, RuleVersion
from campaigns.tests.shop import ONE_PER_ONE, add_campaign, add_rule
from loyalty.ledger import seasons

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
        (ONE_PER_ONE | {"conditions": {"weekdays": [0]}}, "conditions.weekdays"),
        (ONE_PER_ONE | {"conditions": {"weekdays": [True]}}, "conditions.weekdays"),
        (ONE_PER_ONE | {"conditions": {"hours": [{"from": "25:00", "until": "26:00"}]}}, "conditions.hours"),
        (
            ONE_PER_ONE | {"conditions": {"dates": [{"from": "2026-02-30", "through": "2026-03-01"}]}},
            "conditions.dates",
        ),
        (
            ONE_PER_ONE | {"conditions": {"dates": [{"from": "2026-03-02", "through": "2026-03-01"}]}},
            "conditions.dates",
        ),
        (ONE_PER_ONE | {"conditions": {"yearly": [{"from": "12-32", "through": "12-31"}]}}, "conditions.yearly"),
        (ONE_PER_ONE | {"conditions": {"nth": 0}}, "conditions.nth"),
        (ONE_PER_ONE | {"conditions": {"birthday": "year"}}, "conditions.birthday"),
        (ONE_PER_ONE | {"conditions": {"frequency": {"count": 3}}}, "conditions.frequency"),
        (ONE_PER_ONE | {"conditions": {"minimum": "9", "maximum": "8"}}, "conditions.maximum"),
        (ONE_PER_ONE | {"conditions": {"lines_minimum": "9"}}, "conditions.lines_minimum"),
        (ONE_PER_ONE | {"caps": {"month": "0"}}, "caps.month"),
        (ONE_PER_ONE | {"caps": {"hour": "5"}}, "caps.hour"),
        (ONE_PER_ONE | {"stacking": {"priority": 0}}, "stacking.priority"),
        (ONE_PER_ONE | {"stacking": {"group": "worst"}}, "stacking.group"),
        (
            {"award": {"kind": "fixed", "points": "5"}, "conditions": {"activity": "review", "products": ["tea"]}},
            "conditions.products",
        ),
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
    Campaign.objects.update(status=Campaign.Status.DRAFT)
    assert slugs(program, NOW) == []


def test_what_happened_before_a_pause_counts_however_late_it_is_told(program):
    campaign = add_campaign(program, "season", NOW, NOW + timedelta(days=10))
    add_rule(program, "double", DOUBLE, campaign=campaign)
    publishing.pause(campaign, at=NOW + timedelta(days=2), actor="test")
    assert slugs(program, NOW + timedelta(days=1)) == ["double@1"]
    assert slugs(program, NOW + timedelta(days=3)) == []
    publishing.resume(campaign, at=NOW + timedelta(days=4), actor="test")
    assert slugs(program, NOW + timedelta(days=3)) == []
    assert slugs(program, NOW + timedelta(days=4)) == ["double@1"]
    publishing.end(campaign, at=NOW + timedelta(days=5), actor="test")
    assert slugs(program, NOW + timedelta(days=4)) == ["double@1"]
    assert slugs(program, NOW + timedelta(days=5)) == []


def test_a_campaign_that_is_ended_before_it_begins_never_counts(program):
    campaign = add_campaign(program, "season", NOW, NOW + timedelta(days=10))
    add_rule(program, "double", DOUBLE, campaign=campaign)
    publishing.end(campaign, at=NOW - timedelta(days=1), actor="test")
    assert publishing.state_at(campaign, NOW) == "ended"
    assert slugs(program, NOW) == slugs(program, NOW + timedelta(days=9)) == []


def test_of_two_people_who_pause_and_end_at_once_one_is_told(program):
    campaign = add_campaign(program, "season", NOW, NOW + timedelta(days=10))
    add_rule(program, "double", DOUBLE, campaign=campaign)
    seen_by_both = Campaign.objects.get(pk=campaign.pk)
    publishing.pause(campaign, at=NOW, actor="one")
    with pytest.raises(publishing.StatusChanged):
        publishing.end(seen_by_both, at=NOW, actor="two")
    assert Campaign.objects.get(pk=campaign.pk).status == "paused"


@pytest.mark.parametrize(
    ("days", "state"), [(-1, "scheduled"), (0, "live"), (9, "live"), (10, "ended")]
)  # fmt: skip
def test_dates_say_whether_a_campaign_is_scheduled_live_or_ended(program, days, state):
    campaign = add_campaign(program, "season", NOW, NOW + timedelta(days=10))
    assert publishing.state_at(campaign, NOW + timedelta(days=days)) == state


def test_a_rule_of_a_season_counts_in_its_days_each_year(program):
    seasons.load_known(program, at=NOW, actor="test")
    add_rule(program, "ramadan", DOUBLE | {"conditions": {"seasons": ["ramadan"]}})
    (terms,) = rules.in_force(program, NOW)
    ((name, days),) = terms.conditions
    assert name == "seasons"
    assert len({first.year for first, _ in days}) >= 5


def test_the_published_schema_is_the_one_in_the_documents():
    stored = json.loads((Path(__file__).parents[2] / "docs" / "rule.schema.json").read_text(encoding="utf-8"))
    assert stored == definitions.schema()


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
