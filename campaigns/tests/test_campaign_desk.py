"""Marketers at work: a campaign begun from a common one, its terms in words, its deeds, its list and its timeline."""

from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns import publishing
from campaigns.models import Campaign, RuleVersion
from campaigns.tests.shop import add_campaign, add_rule, buy, open_shop
from campaigns.ways.models import EventKind
from loyalty.desk import roles
from loyalty.ledger import seasons
from loyalty.tests.desk import staff_client
from members.models import Purchase

pytestmark = pytest.mark.django_db
ADD = "admin:campaigns_campaign_add"
TOLD = {
    "name": "Jazz Fridays", "slug": "jazz", "since_0": "2026-12-01", "since_1": "00:00:00", "until_0": "2027-12-01",
    "until_1": "00:00:00", "kind": "multiplier", "factor": "2", "categories": "jazz, blues", "tiers": ["gold"],
    "weekdays": ["5", "6"], "hours": "15:00 to 17:00", "cap_month": "500", "group": "best", "minimum": "10.50",
    "frequency_count": "3", "frequency_days": "30", "yearly": "12-10 to 12-12, 12-24", "budget_points": "9000",
}  # fmt: skip
WRITTEN = {
    "award": {"kind": "multiplier", "factor": "2"},
    "conditions": {
        "activity": "purchase", "tiers": ["gold"], "categories": ["jazz", "blues"], "minimum": "10.5", "weekdays": [5, 6],
        "hours": [{"from": "15:00", "until": "17:00"}],
        "yearly": [{"from": "12-10", "through": "12-12"}, {"from": "12-24", "through": "12-24"}],
        "frequency": {"count": 3, "days": 30},
    },
    "caps": {"month": "500"},
    "stacking": {"group": "best"},
}  # fmt: skip


@pytest.fixture
def marketer(program):
    return staff_client(roles.MARKETING_ASSISTANT)


def page_of(campaign, deed="change"):
    return reverse(f"admin:campaigns_campaign_{deed}", args=[campaign.pk])


def season(program, slug, begins, ends, **more):
    at = timezone.now()
    day = timezone.timedelta(days=1)
    campaign = add_campaign(program, slug, at + begins * day, at + ends * day, **more)
    add_rule(program, slug, {"award": {"kind": "multiplier", "factor": "2"}}, campaign=campaign)
    return campaign


def test_conditions_caps_and_budget_are_written_in_rows_and_shown_again(program, marketer):
    answer = marketer.post(reverse(ADD), TOLD)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    campaign = Campaign.objects.get()
    assert RuleVersion.objects.get().definition == WRITTEN
    assert campaign.budget_points == 9000
    form = marketer.get(page_of(campaign)).context["adminform"].form
    shown = {name: form.initial.get(name) for name in ("categories", "hours", "yearly", "weekdays", "frequency_days")}
    assert shown == {
        "categories": "jazz, blues", "hours": "15:00 to 17:00", "yearly": "12-10 to 12-12, 12-24", "weekdays": ["5", "6"],
        "frequency_days": 30,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"hours": "from three to five"}, "hours"),
        ({"dates": "2026-02-30"}, "dates"),
        ({"maximum": "5"}, "maximum"),
        ({"lines_minimum": "5", "categories": ""}, "lines_minimum"),
        ({"frequency_days": ""}, "frequency_count"),
        ({"kind": "rate", "points": "1"}, "per"),
        ({"factor": ""}, "factor"),
        ({"cap_month": "0"}, "cap_month"),
        ({"until_0": "2026-11-01"}, "until"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_saved(program, marketer, wrong, field):
    answer = marketer.post(reverse(ADD), TOLD | wrong)
    form = answer.context["adminform"].form
    assert list(form.errors) == [field]
    at_the_top = answer.content.decode().split("Nothing was saved. Please look at this again:")[1][:1500]
    assert f'<a href="#id_{field}' in at_the_top
    assert str(form.errors[field][0]).split("“")[0][:40] in unescape(at_the_top)
    assert not Campaign.objects.exists()


def test_a_common_campaign_fills_the_form(program, marketer):
    assert "Begin from a common one" in marketer.get(reverse(ADD)).content.decode()
    form = marketer.get(reverse(ADD), {"begin": "happy-hours"}).context["adminform"].form
    assert (form.initial["hours"], form.initial["weekdays"]) == ("15:00 to 17:00", ["1", "2", "3", "4", "5"])


def test_the_terms_are_said_in_words_while_they_are_typed(program, marketer):
    answer = marketer.post(reverse("admin:campaigns_campaign_in_words"), TOLD).json()
    assert answer["words"].startswith("2× points on jazz or blues, only Gold, ")
    assert "on Friday and Saturday, between 15:00–17:00" in answer["words"]
    assert "at most 500 points a month" in answer["words"]
    wrong = marketer.post(reverse("admin:campaigns_campaign_in_words"), TOLD | {"hours": "noon"}).json()
    assert (wrong["words"], len(wrong["problems"])) == ("", 1)


def test_publishing_says_what_changes(program, marketer):
    marketer.post(reverse(ADD), TOLD)
    campaign = Campaign.objects.get()
    form = marketer.get(page_of(campaign)).context["adminform"].form
    again = TOLD | {"factor": "3", "_seen": form.seen}
    page = marketer.post(page_of(campaign), again, follow=True).content.decode()
    assert "Before: 2× points on jazz or blues" in page
    assert "Now: 3× points on jazz or blues" in page


def test_a_campaign_goes_through_its_life_by_deeds(program, marketer):
    campaign = season(program, "season", -5, 5, budget_points=10)
    for deed, state in (("pause", "paused"), ("resume", "live"), ("end", "ended")):
        marketer.post(page_of(campaign, deed))
        campaign.refresh_from_db()
        assert publishing.state_at(campaign, timezone.now()) == state
    copy = marketer.post(page_of(campaign, "duplicate"), follow=True)
    made = Campaign.objects.get(slug="season-2")
    assert "This is the copy" in copy.content.decode()
    assert (made.status, made.budget_points, made.rules.get().versions.count()) == ("draft", 10, 1)


def test_the_list_is_filtered_by_what_campaigns_are_now(program, marketer):
    for slug, begins, ends in (("past", -9, -5), ("present", -1, 5), ("future", 5, 9)):
        season(program, slug, begins, ends)
    address = reverse("admin:campaigns_campaign_changelist")
    for state, slug in (("ended", "past"), ("live", "present"), ("scheduled", "future")):
        rows = marketer.get(address, {"state": state}).context["cl"].result_list
        assert [row.slug for row in rows] == [slug]


def test_the_timeline_shows_the_campaigns_of_these_months(program, marketer):
    season(program, "present", -1, 5)
    season(program, "ancient", -400, -300)
    page = marketer.get(reverse("admin:campaigns_campaign_timeline")).content.decode()
    assert "Present" in page
    assert "Ancient" not in page


def test_the_page_tells_what_the_budget_gave(program, ani, marketer):
    open_shop(program)
    campaign = season(program, "season", -5, 5, budget_points=50)
    buy(ani, "40", timezone.now() - timezone.timedelta(hours=1))
    page = marketer.get(page_of(campaign)).content.decode()
    assert "40 of 50 points (80%)" in page
    assert "purchase:test:" in page


def test_a_budget_cannot_be_less_than_what_is_given(program, ani, marketer):
    open_shop(program)
    campaign = season(program, "season", -5, 5, budget_points=50)
    buy(ani, "40", timezone.now() - timezone.timedelta(hours=1))
    form = marketer.get(page_of(campaign)).context["adminform"].form
    told = {"name": "Season", "since_0": "2026-11-01", "until_0": "2027-01-01", "kind": "multiplier", "factor": "2",
            "budget_points": "39", "_seen": form.seen}  # fmt: skip
    answer = marketer.post(page_of(campaign), told)
    assert "Already 40 are given" in str(answer.context["adminform"].form.errors["budget_points"])


def test_the_list_takes_the_same_number_of_statements_for_any_number_of_campaigns(
    program, marketer, django_assert_max_num_queries
):
    address = reverse("admin:campaigns_campaign_changelist")
    for number in range(12):
        season(program, f"s{number}", -1, 5, budget_money=100)
    with django_assert_max_num_queries(20):
        marketer.get(address)


def test_a_basket_is_tried_on_the_desk_and_nothing_is_written(program, ani):
    open_shop(program)
    season(program, "season", -5, 5)
    manager = staff_client(roles.PROGRAM_MANAGER)
    address = reverse("admin:campaigns_campaign_try_basket")
    told = {"member": ani.number, "amount": "40", "quantity": "1", "moment_0": "", "moment_1": ""}
    page = manager.post(address, told).content.decode()
    assert "80 points: 1 point per" in page
    assert "doubled by Season" in page
    assert not Purchase.objects.exists()
    goods = {"more-1-amount": "5", "more-1-category": "tea", "more-2-amount": "0", "more-2-product": "bag"}
    page = manager.post(address, told | goods | {"category": "coffee"})
    assert [(line.amount, line.category, line.product) for line in page.context["found"].sale.lines] == [(40, "coffee", ""), (5, "tea", ""), (0, "", "bag")]  # fmt: skip
    assert "90 points: 1 point per" in page.content.decode()
    refused = manager.post(address, told | {"more-1-category": "tea"}).content.decode()
    assert "Say what is paid for them" in refused
    refused = manager.post(address, told | {"member": "0000"}).content.decode()
    assert 'role="alert"' in refused


def test_a_taken_short_name_is_told_at_its_field_and_nothing_typed_is_lost(program, marketer):
    marketer.post(reverse(ADD), TOLD)
    refused = marketer.post(reverse(ADD), TOLD | {"name": "Jazz again"})
    form = refused.context["adminform"].form
    assert form.errors["slug"] == ["This short name is taken. Choose another."]
    assert 'value="Jazz again"' in refused.content.decode()
    assert Campaign.objects.count() == 1


def test_a_common_campaign_begins_with_dates_and_a_free_short_name(program, marketer):
    season(program, "ramadan", -5, 5)
    page = marketer.get(reverse(ADD))
    assert "Happy hours" in page.content.decode() and "begin=ramadan" not in page.content.decode()
    seasons.load_known(program, at=timezone.now(), actor="test")
    page = marketer.get(reverse(ADD)).content.decode()
    assert all(f"begin={slug}" in page for slug in ("ramadan", "harbolnas", "merdeka", "lunar-new-year", "christmas"))
    initial = marketer.get(reverse(ADD) + "?begin=lunar-new-year").context["adminform"].form.initial
    assert (initial["seasons"], initial["cap_year"]) == (["lunar-new-year"], "88")
    initial = marketer.get(reverse(ADD) + "?begin=ramadan").context["adminform"].form.initial
    assert initial["slug"] == "ramadan-2"
    assert initial["since"] > timezone.now()
    assert (initial["until"] - initial["since"]).days in (1826, 1827)
    initial = marketer.get(reverse(ADD) + "?begin=happy-hours").context["adminform"].form.initial
    assert (initial["slug"], (initial["until"] - initial["since"]).days) in (("happy-hours", 365), ("happy-hours", 366))


def test_a_draft_is_tried_with_a_basket_before_it_is_live(program, ani):
    open_shop(program)
    now = timezone.now()
    draft = season(program, "season", 5, 9, budget_points=1000)
    Campaign.objects.update(status=Campaign.Status.DRAFT)
    buy(ani, "10", now - timezone.timedelta(minutes=5))
    manager = staff_client(roles.PROGRAM_MANAGER)
    address = reverse("admin:campaigns_campaign_try_basket")
    led = manager.get(page_of(draft, "try_it"))
    assert led["Location"] == f"{address}?campaign={draft.pk}"
    form = manager.get(led["Location"]).context["form"]
    assert (form.initial["member"], form.initial["draft"]) == (ani.number, draft.pk)
    assert form.initial["moment"] == draft.since
    day = timezone.localtime(now + timezone.timedelta(days=6)).date().isoformat()
    told = {"member": ani.number, "amount": "40", "quantity": "1", "moment_0": day, "moment_1": "12:00"}
    assert "80 points: 1 point per" in manager.post(address, told | {"draft": draft.pk}).content.decode()
    assert "40 points: 1 point per" in manager.post(address, told).content.decode()
    draft.refresh_from_db()
    assert (draft.status, draft.spent_points, Purchase.objects.count()) == ("draft", 0, 1)


def test_a_rule_is_for_an_activity_chosen_by_its_name(program, marketer):
    EventKind.objects.create(program=program, slug="workshop", name="Workshop attended")
    form = marketer.get(reverse(ADD)).context["adminform"].form
    offered = dict(form.fields["activity"].choices)
    assert (offered["purchase"], offered["signup"], offered["workshop"]) == ("Purchase", "Sign-up", "Workshop attended")
    now = timezone.now()
    campaign = add_campaign(program, "season", now, now + timezone.timedelta(days=9))
    add_rule(program, "tasting", {"award": {"kind": "fixed", "points": "5"}, "conditions": {"activity": "tasting"}}, campaign=campaign)  # fmt: skip
    form = marketer.get(page_of(campaign, "change")).context["adminform"].form
    assert ("tasting", "tasting") in form.fields["activity"].choices  # what a rule names stays
