"""Back-tests: what a rule would have cost, side by side with what is live, and who would have noticed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from campaigns import backtest, backtest_page
from campaigns.backtest import BackTestEnded, BackTestRefused, Trial
from campaigns.backtest_rules import moved_into
from campaigns.models import BackTest, Campaign, Rule
from campaigns.rules import RuleRefused
from campaigns.tests.shop import add_rule, buy, open_shop
from loyalty.desk import roles
from loyalty.ledger.models import Entry
from loyalty.tests.desk import staff_client
from members.models import TierStay
from members.segments.models import Segment, SegmentStay

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
NOON = datetime(2026, 3, 6, 5, tzinfo=UTC)
NOW = NOON + timedelta(days=20)
DAY = timedelta(days=1)


@pytest.fixture
def shop(program, ani, budi):
    """One point per unit, a draft that doubles; Ani bought for 300 and Budi for 50."""
    open_shop(program)
    draft = Campaign.objects.create(
        program=program, slug="ramadan", name="Ramadan", since=NOW + 300 * DAY, until=NOW + 330 * DAY
    )
    program.draft = add_rule(program, "ramadan", {"award": {"kind": "multiplier", "factor": "2"}}, campaign=draft)
    for days in range(3):
        buy(ani, "100", NOON + days * DAY)
    buy(budi, "50", NOON)
    return program


def tried(rule, **more):
    test = backtest.ask(rule, Trial(**({"months": 2} | more)), at=NOW, actor="staff:1")
    return backtest.run_small(test, at=NOW)


def test_a_draft_is_tried_beside_the_live_rules_and_nothing_is_posted(shop, ani):
    before = Entry.objects.count(), TierStay.objects.count()
    test = tried(shop.draft, all_the_time=True)
    told = test.figures
    assert (test.status, test.found, test.done) == ("done", 4, 4)
    assert (told["live"]["points"], told["tried"]["points"]) == (350, 700)
    assert told["live"]["members"] == told["tried"]["members"] == told["differing"] == 2
    assert told["winners"][0] == [ani.pk, 300]
    assert told["losers"] == []
    assert told["tried"]["by_rule"] == {
        "base": {"purchases": 4, "points": 350, "members": 2},
        "ramadan": {"purchases": 4, "points": 350, "members": 2},
    }
    assert told["tried"]["together"] == [["base", "ramadan", 4]]
    assert told["tried"]["by_month"] == {"2026-03": 700}
    assert (Entry.objects.count(), TierStay.objects.count()) == before


def test_a_campaign_that_is_ahead_is_moved_back_by_whole_years_of_weeks(shop):
    test = tried(shop.draft)
    since, until = datetime.fromisoformat(test.change["since"]), datetime.fromisoformat(test.change["until"])
    assert (since, until) == (NOW + (300 - 364) * DAY, NOW + (330 - 364) * DAY)
    assert test.figures["tried"]["points"] == 350  # nobody bought on those days
    assert moved_into(since, until, before=NOW) == (since, until)


def test_a_campaign_of_years_counts_all_the_time_and_one_that_has_begun_on_its_own_days(shop):
    Campaign.objects.filter(slug="ramadan").update(until=NOW + 2000 * DAY)
    test = tried(Rule.objects.get(slug="ramadan"))
    assert "since" not in test.change
    assert test.figures["tried"]["points"] == 700
    begun = Campaign.objects.get(slug="ramadan")
    Campaign.objects.filter(pk=begun.pk).update(status="live", since=NOON + DAY)
    test = tried(Rule.objects.get(slug="ramadan"), factor="3")
    assert (test.change["since"], test.change["until"]) == ((NOON + DAY).isoformat(), begun.until.isoformat())
    assert test.figures["tried"]["points"] - test.figures["live"]["points"] == 200  # two purchases of 100 since then


def test_another_number_and_leaving_out_are_tried_too(shop):
    base = Rule.objects.get(slug="base")
    assert tried(base, points="3").figures["tried"]["points"] == 1050
    assert tried(base, leave_out=True).figures["tried"]["points"] == 0
    assert tried(shop.draft, factor="3", all_the_time=True).figures["tried"]["points"] == 1050


def test_what_cannot_be_tried_is_refused_and_leaves_no_record(shop):
    base = Rule.objects.get(slug="base")
    with pytest.raises(BackTestRefused, match="1 to 36"):
        tried(base, months=0)
    with pytest.raises(BackTestRefused, match="no purchases"):
        backtest.ask(base, Trial(months=1), at=NOW + 300 * DAY, actor="staff:1")
    with pytest.raises(RuleRefused):
        tried(base, factor="2")
    assert not BackTest.objects.exists()


def test_a_budget_holds_in_a_back_test_as_it_would_have(shop):
    Campaign.objects.filter(slug="ramadan").update(budget_points=120)
    test = tried(shop.draft, all_the_time=True)
    assert test.figures["tried"]["points"] == 350 + 120
    assert Campaign.objects.get(slug="ramadan").spent_points == 0


def test_the_job_runs_what_waits_and_a_stopped_one_can_be_run_again(shop):
    test = backtest.ask(shop.draft, Trial(months=2, all_the_time=True), at=NOW, actor="staff:1")
    backtest.stop(test, at=NOW, actor="staff:1")
    assert backtest.run_due(at=NOW).found == 0
    with pytest.raises(BackTestEnded):
        backtest.stop(test, at=NOW, actor="staff:1")
    again = backtest.again(test, at=NOW, actor="staff:1")
    assert (again.status, again.figures["tried"]["points"]) == ("done", 700)
    with pytest.raises(BackTestEnded):
        backtest.again(again, at=NOW, actor="staff:1")


def test_a_job_told_to_end_leaves_the_back_test_waiting_for_the_next_one(shop):
    test = backtest.ask(shop.draft, Trial(months=2, all_the_time=True), at=NOW, actor="staff:1")
    backtest.run_due(at=NOW, progress=lambda found, done, skipped: False)
    test.refresh_from_db()
    assert (test.status, test.done, test.figures) == ("waiting", 0, {})
    assert backtest.run_due(at=NOW).done == 4
    test.refresh_from_db()
    assert test.status == "done"


def test_an_owner_that_went_silent_is_followed_and_given_up_after_three_times(shop):
    test = backtest.ask(shop.draft, Trial(months=2), at=NOW, actor="staff:1")
    BackTest.objects.filter(pk=test.pk).update(status="running", seen_at=NOW, attempts=1)
    assert backtest.run_due(at=NOW + timedelta(minutes=14)).found == 0
    BackTest.objects.filter(pk=test.pk).update(attempts=3)
    backtest.run_due(at=NOW + timedelta(minutes=16))
    test.refresh_from_db()
    assert (test.status, "3 times" in test.error) == ("failed", True)


def test_the_same_rules_have_the_same_digest_and_others_another(shop):
    one, same, other = (tried(shop.draft, factor=factor, all_the_time=True) for factor in ("2", "2", "3"))
    assert one.digest == same.digest != other.digest


def test_marketing_asks_from_the_page_of_a_campaign_and_reads_what_came_out(shop):
    page = reverse("admin:campaigns_campaign_try_on_past", args=[shop.draft.campaign_id])
    client = staff_client(roles.PROGRAM_MANAGER)
    assert client.get(page).status_code == 200
    answer = client.post(page, {"months": "36", "all_the_time": "on"}, follow=True)
    test = BackTest.objects.get()
    assert answer.redirect_chain[-1][0].endswith(f"/backtest/{test.pk}/change/")
    assert "Biggest winners" in answer.content.decode()
    file = client.get(reverse("admin:campaigns_backtest_csv", args=[test.pk]))
    assert b"points,,350,700,350" in b"".join(file.streaming_content)
    assert client.get(reverse("admin:campaigns_backtest_changelist")).status_code == 200


def test_only_who_may_asks_and_only_who_may_exports(shop):
    test = tried(shop.draft)
    ask = reverse("admin:campaigns_campaign_try_on_past", args=[shop.draft.campaign_id])
    file = reverse("admin:campaigns_backtest_csv", args=[test.pk])
    assert staff_client(roles.FINANCE).get(ask).status_code == 403
    assert staff_client(roles.MARKETING_ASSISTANT).get(file).status_code == 403
    assert staff_client(roles.SUPPORT_AGENT).get(file).status_code == 403


def test_all_drafts_are_tried_together_and_told_by_name(shop):
    other = Campaign.objects.create(
        program=shop, slug="extra", name="Extra", since=NOW + 300 * DAY, until=NOW + 330 * DAY
    )
    add_rule(shop, "extra", {"award": {"kind": "fixed", "points": "7"}}, campaign=other)
    empty = Campaign.objects.create(program=shop, slug="empty", name="E", since=NOW + DAY, until=NOW + 2 * DAY)
    Rule.objects.create(program=shop, campaign=empty, slug="empty", name="Says nothing yet")
    live = Campaign.objects.create(
        program=shop, slug="live", name="L", since=NOW + 300 * DAY, until=NOW + 330 * DAY, status="live"
    )
    add_rule(shop, "live", {"award": {"kind": "fixed", "points": "1000"}}, campaign=live)
    alone = tried(shop.draft, all_the_time=True)
    together = tried(shop.draft, all_the_time=True, with_drafts=True)
    assert alone.figures["tried"]["points"] == 700
    assert together.figures["tried"]["points"] == 700 + 4 * 7
    assert together.figures["live"]["points"] == 350
    assert "Together with the drafts: extra." in backtest_page.change_in_words(together)
    assert alone.digest != together.digest
    base = Rule.objects.get(slug="base")
    assert tried(base, leave_out=True, with_drafts=True, all_the_time=True).figures["tried"]["points"] == 4 * 7


def test_points_are_told_by_the_segments_members_are_in_today(shop, ani, budi, siti):
    def segment(slug, *members, **more):
        made = Segment.objects.create(
            program=shop, slug=slug, name=slug.title(), definition={}, created_at=NOW, created_by="test", **more
        )
        for member in members:
            SegmentStay.objects.create(segment=made, member=member, since=NOON)

    segment("loyal", ani, siti)  # siti bought nothing
    segment("all", ani, budi)
    segment("gone", budi, archived_at=NOW)
    SegmentStay.objects.filter(segment__slug="all", member=budi).update(until=NOW)  # left it
    test = tried(shop.draft, all_the_time=True)
    assert test.figures["by_segment"] == {"all": [1, 300, 600], "loyal": [1, 300, 600]}
    told = backtest_page.page(test)
    assert [chart["title"] for chart in told["charts"]] == ["Points by month", "Points by tier", "Points by segment"]
    assert ["by_segment", "loyal", 300, 600, 300] in backtest_page.rows(test)


def test_the_page_of_one_that_runs_shows_its_progress_and_looks_again(shop):
    test = backtest.ask(shop.draft, Trial(months=2, all_the_time=True), at=NOW, actor="staff:1")
    BackTest.objects.filter(pk=test.pk).update(status="running", seen_at=NOW, attempts=1, done=1)
    page = reverse("admin:campaigns_backtest_change", args=[test.pk])
    client = staff_client(roles.MARKETING_ASSISTANT)
    shown = client.get(page)
    assert shown["Refresh"] == "5"
    assert 'max="100" value="25"' in shown.content.decode()
    backtest.stop(test, at=NOW, actor="staff:1")
    ended = client.get(page)
    assert "Refresh" not in ended
    assert "There are no figures" in ended.content.decode()
