"""That campaigns began and ended is written down once each, with what they had done by their end."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from campaigns import publishing, turning
from campaigns.models import Campaign, CampaignTurn
from campaigns.tests.shop import add_campaign, add_rule, buy, open_shop
from loyalty.desk import roles
from loyalty.jobs import running
from loyalty.tests.desk import enter, hire

pytestmark = pytest.mark.django_db
SINCE = datetime(2026, 1, 9, 17, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=10)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def party(program):
    campaign = add_campaign(open_shop(program), "party", SINCE, UNTIL)
    add_rule(program, "gift", {"award": {"kind": "fixed", "points": "40"}}, campaign=campaign)
    return campaign


def told():
    return list(CampaignTurn.objects.order_by("happened_at").values_list("campaign__slug", "kind", "happened_at"))


def turn(at):
    return turning.turn_campaigns(at=at).report


def test_a_beginning_and_an_end_are_written_once_each_however_late_the_job_runs(party, ani):
    assert turn(SINCE - MINUTE) == {}
    assert (turn(SINCE + MINUTE), turn(SINCE + 2 * MINUTE)) == ({"begun": 1}, {})
    assert (turn(UNTIL + timedelta(days=3)), turn(UNTIL + timedelta(days=4))) == ({"ended": 1}, {})
    assert told() == [("party", "began", SINCE), ("party", "ended", UNTIL)]


def test_the_end_keeps_what_the_campaign_had_done(party, ani):
    buy(ani, "10", SINCE + timedelta(days=1), receipt="R1")
    assert turn(UNTIL) == {"begun": 1, "ended": 1}
    ended = CampaignTurn.objects.get(kind="ended")
    assert (ended.figures["members"], ended.figures["purchases"], ended.figures["points"]) == (1, 1, 40)
    page = enter(hire(roles.PROGRAM_MANAGER)).get(reverse("admin:campaigns_campaign_change", args=[party.pk]))
    assert "Beginning and end" in page.content.decode()


def test_drafts_and_what_was_ended_before_it_began_never_turn(party, program):
    Campaign.objects.update(status="draft")
    assert turn(UNTIL) == {}
    Campaign.objects.update(status="live")
    party.refresh_from_db()
    publishing.end(party, at=SINCE - MINUTE, actor="t")
    assert turn(UNTIL) == {}


def test_a_campaign_that_is_ended_by_hand_ends_then_and_one_that_is_prolonged_ends_again(party):
    publishing.end(party, at=SINCE + timedelta(days=2), actor="t")
    assert turn(UNTIL) == {"begun": 1, "ended": 1}
    assert told()[-1] == ("party", "ended", SINCE + timedelta(days=2))
    Campaign.objects.update(until=UNTIL)
    assert turn(UNTIL) == {"ended": 1}


def test_a_preview_writes_nothing(party):
    run = running.run("turn_campaigns", program=None, as_of=UNTIL, started_by="t", dry_run=True)
    assert (run.status, run.found, run.done, told()) == ("done", 2, 0, [])
