"""A rule for a segment that is tried on the past: before anybody knew who was in the segment, its members of today count."""

from datetime import timedelta

import pytest

from campaigns import backtest_page
from campaigns.models import Campaign
from campaigns.tests.shop import add_rule
from campaigns.tests.test_backtest import DAY, NOON, NOW, shop, tried
from members.segments.models import Segment, SegmentStay

__all__ = ["shop"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
TWICE = {"kind": "multiplier", "factor": "2"}


def segment(program, *stays):
    made = Segment.objects.create(program=program, slug="loyal", name="Loyal friends", definition={}, created_at=NOON, created_by="test")  # fmt: skip
    for member, since, until in stays:
        SegmentStay.objects.create(segment=made, member=member, since=since, until=until)


def draft_for_segment(program):
    campaign = Campaign.objects.create(
        program=program, slug="friends", name="Friends", since=NOW + DAY, until=NOW + 400 * DAY
    )
    return add_rule(program, "friends", {"award": TWICE, "conditions": {"segments": ["loyal"]}}, campaign=campaign)


def test_a_segment_written_today_is_tried_with_its_members_of_today(shop, ani, budi):
    segment(shop, (ani, NOW, None))
    test = tried(draft_for_segment(shop))
    assert (test.figures["live"]["points"], test.figures["tried"]["points"]) == (350, 650)
    assert test.figures["winners"] == [[ani.pk, 300]]
    assert "Who was in “Loyal friends” is known since 26 Mar 2026; before then its members of today count." in backtest_page.change_in_words(test)  # fmt: skip


def test_what_is_known_is_not_replaced_by_today(shop, ani, budi):
    segment(shop, (budi, NOON - DAY, NOON + 10 * DAY), (ani, NOON + DAY + timedelta(hours=1), None))
    test = tried(draft_for_segment(shop))
    # Budi was in it when he bought; Ani only for the last of three purchases.
    assert test.figures["tried"]["points"] == 350 + 50 + 100
    assert sorted(test.figures["winners"]) == sorted([[ani.pk, 100], [budi.pk, 50]])


def test_who_left_before_today_does_not_count_for_the_time_before(shop, ani, budi):
    segment(shop, (ani, NOON + 5 * DAY, None), (budi, NOON + 5 * DAY, NOON + 6 * DAY))
    assert tried(draft_for_segment(shop)).figures["winners"] == [[ani.pk, 300]]


def test_a_live_rule_for_the_same_segment_is_replayed_as_it_was(shop, ani):
    segment(shop, (ani, NOW, None))
    add_rule(
        shop, "bonus", {"award": {"kind": "fixed", "points": "7"}, "conditions": {"segments": ["loyal"]}}
    )  # a live rule, which none of these purchases met
    told = tried(draft_for_segment(shop)).figures
    assert (told["live"]["points"], told["tried"]["points"]) == (350, 650)
    assert "bonus" not in told["tried"]["by_rule"]


def test_a_rule_that_gave_nothing_is_told_as_such(shop):
    page = backtest_page.page(tried(draft_for_segment(shop)))
    rules = next(panel for panel in page["panels"] if panel.title == "What each rule gives")
    assert ("Friends", "0", "0", "0", "0") in [tuple(row) for row in rules.rows]
