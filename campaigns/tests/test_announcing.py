"""A campaign is announced: its page begins a mailing, which is sent like any other."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.urls import reverse

from campaigns.mailings.models import Mailing
from campaigns.mailings.tests.readers import everybody
from campaigns.tests.shop import add_campaign, add_rule
from loyalty.desk import roles
from loyalty.tests.desk import staff_client

pytestmark = pytest.mark.django_db
TODAY = datetime(2026, 3, 2, 5, tzinfo=UTC)
BEGINS, ENDS = datetime(2026, 3, 9, 17, tzinfo=UTC), datetime(2026, 3, 20, 17, tzinfo=UTC)  # midnights in Jakarta
DOUBLE = {"award": {"kind": "multiplier", "factor": "2"}}


def campaign_for(program, *segments, since=BEGINS, **more):
    campaign = add_campaign(program, "jazz", since, ENDS, **more)
    add_rule(program, "jazz", DOUBLE | ({"conditions": {"segments": list(segments)}} if segments else {}), campaign=campaign)  # fmt: skip
    return campaign


def announce(client, campaign, **more):
    with time_machine.travel(TODAY, tick=False):
        return client.get(reverse("admin:campaigns_campaign_announce", args=[campaign.pk]), **more)


def initial(client, campaign):
    return announce(client, campaign, follow=True).context["adminform"].form.initial


def test_a_mailing_begins_about_the_campaign_to_its_segment_on_its_first_day(program):
    segment, client = everybody(program), staff_client(roles.MARKETING_ASSISTANT)
    campaign = campaign_for(program, segment.slug)
    shown = announce(client, campaign, follow=True)
    form = shown.context["adminform"].form
    assert str(form["segment"].value()) == str(segment.pk) and str(form["campaign"].value()) == str(campaign.pk)
    page = shown.content.decode()
    assert f'<option value="{segment.pk}" selected' in page and f'<option value="{campaign.pk}" selected' in page
    assert "2026-03-10" in page and "00:00:00" in page
    assert form.initial["name"] == campaign.name and form.initial["text"]
    assert not Mailing.objects.exists()


@pytest.mark.parametrize("segments", [(), ("all", "others")])
def test_who_a_campaign_without_one_segment_is_told_to_is_chosen_by_staff(program, segments):
    everybody(program)
    assert "segment" not in initial(staff_client(roles.MARKETING_ASSISTANT), campaign_for(program, *segments))


def test_a_campaign_that_runs_already_is_told_of_at_once(program):
    running = campaign_for(program, since=datetime(2026, 2, 1, tzinfo=UTC))
    assert "starts_at" not in initial(staff_client(roles.MARKETING_ASSISTANT), running)


def test_a_campaign_that_ended_is_not_announced_and_nor_does_who_may_not_write_mailings(program):
    campaign = campaign_for(program)
    marketer = staff_client(roles.MARKETING_ASSISTANT)
    page = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    assert "Announce it" in marketer.get(page).content.decode()
    auditor = staff_client(roles.AUDITOR)
    assert announce(auditor, campaign).status_code == 403
    assert "Announce it" not in auditor.get(page).content.decode()
    campaign.status = "ended"
    campaign.save()
    assert "Announce it" not in marketer.get(page).content.decode()


@pytest.mark.parametrize(
    "told", ["x", "2026-02-31T00:00:00Z", "2026-03-10", "2026-03-10T00:00:00", "2026-03-10T00:00:00+99:99"]
)
def test_an_address_with_what_is_no_instant_opens_the_empty_form(program, told):
    everybody(program)
    client = staff_client(roles.MARKETING_ASSISTANT)
    for form, field in (("mailings_mailing", "starts_at"), ("campaigns_campaign", "since")):
        assert client.get(reverse(f"admin:{form}_add"), {field: told}).status_code == 200
