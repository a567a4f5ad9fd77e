"""A marketer sets a Ramadan campaign up in a real browser: draft, days of the season, a basket, the past, live, paused, resumed, with axe."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from campaigns.models import BackTest, Campaign
from campaigns.tests.shop import buy, open_shop
from loyalty.desk import roles
from loyalty.ledger import seasons
from loyalty.ledger.models import Entry
from loyalty.tests.desk import hire
from loyalty.tests.installation import until
from loyalty.tests.test_browser_desk import chromium, sign_in  # noqa: F401
from members.models import Purchase
from members.testing import make_member, make_program

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
LAST_YEAR = timedelta(days=365)


@pytest.fixture
def shop(db):
    """A shop with the table of seasons; in its last Ramadan Ani bought for 300, and for 100 on another day."""
    now = timezone.now()
    program = open_shop(make_program(at=now - 2 * LAST_YEAR))
    seasons.load_known(program, at=now, actor="test")
    ani = make_member(program, "Ani", at=now - 2 * LAST_YEAR)
    over = [one for one in days_of(program) if one.last_day < timezone.localdate()]
    inside = now.replace(year=over[-1].last_day.year, month=over[-1].last_day.month, day=over[-1].last_day.day, hour=5)
    buy(ani, "300", inside - timedelta(days=3))
    buy(ani, "100", inside + timedelta(days=20))
    return program


def days_of(program):
    season = program.seasons.get(slug="ramadan")
    return seasons.periods_of([season.pk])[season.pk]


class Marketer:
    """Someone at the desk who reads what the page says and presses what it offers."""

    def __init__(self, page, axe):
        self.page, self.axe, self.wrong = page, axe, []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)

    def reads(self, *words):
        """All of it stands on the page, which has no grave fault for a screen reader and fits a phone."""
        for word in words:  # the sentence of the terms comes a moment after the page
            until(lambda word=word: word in self.text())
        found = self.axe.run(self.page).response["violations"]
        assert [
            (one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")
        ] == []
        assert self.wrong == []
        self.page.set_viewport_size({"width": 390, "height": 844})
        # Charts shrink a moment after the window.
        until(lambda: self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def text(self):
        """The words of the page."""
        return " ".join(self.page.locator("body").inner_text().split())

    def follows(self, name):
        self.page.get_by_role("link", name=name).first.click()
        self.page.wait_for_load_state()

    def presses(self, name):
        self.page.get_by_role("button", name=name, exact=True).first.click()
        self.page.wait_for_load_state()


def test_a_marketer_sets_up_ramadan_from_a_draft_to_a_pause(chromium, live_server, shop):  # noqa: F811
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    cache.clear()
    hire(roles.ADMINISTRATOR)
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, live_server.url)
    marketer = Marketer(page, axe)
    page.goto(live_server.url + reverse("admin:campaigns_campaign_add"))
    marketer.reads("Begin from a common one", "Twice the points in Ramadan, every year anew")

    marketer.follows("Ramadan bonus")
    coming = [one for one in days_of(shop) if one.last_day >= timezone.localdate()]
    said = f"{coming[0].first_day:%-d %b %Y} – {coming[0].last_day:%-d %b %Y}"
    marketer.reads(f"Ramadan: {said}, then", "2× points, in Ramadan, every year, at most 5,000 points a month")
    page.locator("input[name=summary]").fill("Double points all Ramadan.")
    page.locator("input[name=budget_points]").fill("1000")
    marketer.presses("Save")
    marketer.reads("This campaign earns nothing until you set it live.", "draft", "Days of its seasons", said)
    campaign, here = Campaign.objects.get(), page.url
    assert (campaign.status, campaign.budget_points) == ("draft", 1000)

    marketer.follows("Try a basket")
    page.locator("input[name=amount]").fill("40")
    page.locator("input[name=moment_0]").fill(coming[0].first_day.isoformat())
    page.keyboard.press("Escape")
    marketer.presses("See what it earns")
    marketer.reads(
        "Ani, Bronze", "80 points: 1 point per Rp1 on Rp40, doubled by Ramadan bonus", "Nothing was written."
    )
    page.locator("select[name=draft]").select_option("")
    marketer.presses("See what it earns")
    marketer.reads("40 points: 1 point per Rp1 on Rp40")

    page.goto(here)
    marketer.follows("What would this have cost?")
    marketer.reads("The purchases of the past are replayed with this, beside the live rules.")
    marketer.presses("Try it on the past")
    test = BackTest.objects.get()
    assert (test.figures["live"]["points"], test.figures["tried"]["points"]) == (400, 700)
    marketer.reads("done", "+300", "400 live, 700 tried")
    assert (Purchase.objects.count(), Entry.objects.count()) == (2, 2)

    page.goto(here)
    marketer.follows("Set live")
    marketer.reads("members earn 2× points, in Ramadan, every year, at most 5,000 points a month.")
    marketer.presses("Set live")
    marketer.reads("The campaign is live.", "live, not begun")
    marketer.follows("Pause")
    marketer.presses("Pause it")
    marketer.reads("The campaign is paused.")
    marketer.follows("Resume")
    page.locator("form button[type=submit]").last.click()
    page.wait_for_load_state()
    campaign.refresh_from_db()
    assert campaign.status == "live"
    page.goto(live_server.url + reverse("admin:campaigns_campaign_timeline"))
    marketer.reads("Ramadan bonus")
