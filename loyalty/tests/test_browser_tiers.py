"""Tiers in a real browser: staff edit them through the preview, a member looks at the way to the next one; every page under axe."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from campaigns.tests.shop import add_rule, buy
from loyalty.desk import roles
from loyalty.jobs.models import ChangeRequest
from loyalty.tests import test_browser_desk, test_browser_portal
from loyalty.tests.desk import hire
from members.models import Consent, TierPolicy
from members.segments import standard
from members.testing import make_member, make_program

pytestmark = test_browser_portal.pytestmark
chromium = test_browser_desk.chromium
ONE_PER_ONE = {"award": {"kind": "rate", "points": "1", "per": "1"}}


@pytest.fixture
def shop(db):
    """Ani with 600 points towards 1,000 for silver; tiers are reviewed once a year."""
    cache.clear()
    program, now = make_program(), timezone.now()
    TierPolicy.objects.filter(program=program).update(review="yearly")
    add_rule(program, "base", ONE_PER_ONE)
    ani = make_member(program, "Ani", at=now - timedelta(days=60))
    buy(ani, "600", now - timedelta(days=30))
    standard.prepare(program, at=now)
    return ani


def found_by_axe(page) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    answer = Axe().run(page)
    assert len(answer.response["passes"]) > 10
    return [f"{page.url}: {broken['id']}" for broken in answer.response["violations"] if broken["impact"] in ("serious", "critical")]  # fmt: skip


def is_wide(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


@pytest.mark.timeout(240)
def test_staff_lower_a_threshold_through_the_preview_and_the_member_has_the_tier(chromium, live_server, shop):
    hire(roles.ADMINISTRATOR)
    # Who asked for less motion gets no transition between pages, so leaving one quickly aborts none.
    page = chromium.new_context(
        viewport={"width": 1280, "height": 900}, locale="en-US", reduced_motion="reduce"
    ).new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    test_browser_desk.sign_in(page, live_server.url)
    page.goto(live_server.url + reverse("admin:jobs_change_new", args=["tiers"]))
    assert found_by_axe(page) == []
    silver = page.get_by_role("group", name="Silver")
    silver.get_by_label("Reached from").fill("500")
    silver.get_by_label("Points multiplied by").fill("2")
    silver.get_by_label("Points on the birthday").fill("50")
    page.get_by_label("Reason").fill("A lower first step")
    page.get_by_role("button", name="Show the preview").click()
    page.get_by_text("1 member goes up, 0 go down.").wait_for()
    assert page.get_by_text("Over the last 12 months members would have earned 600 points more").is_visible()
    assert found_by_axe(page) == []
    page.get_by_role("link", name="Post it, or ask for approval").first.click()
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("It was posted as shown.").first.wait_for()
    assert ChangeRequest.objects.get().status == "done"
    shop.refresh_from_db()
    assert shop.tier.slug == "silver"
    looked_at = [
        "admin:members_tier_changelist", "admin:members_tierpolicy_changelist", "admin:members_tiergrant_changelist",
        "admin:ways_birthdaygift_changelist", "admin:segments_segment_changelist", "admin:segments_segment_add",
        "admin:members_consent_changelist",
    ]  # fmt: skip
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        for name in looked_at:
            page.goto(live_server.url + reverse(name))
            assert found_by_axe(page) == []
            assert not is_wide(page), (name, width)
    assert wrong == []


@pytest.mark.timeout(240)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_member_looks_at_the_way_to_the_next_tier_and_says_what_may_be_sent(chromium, live_server, shop, scheme):
    page = test_browser_portal.open_page(chromium, live_server, scheme=scheme)
    page.goto("/")
    page.get_by_label("E-mail address").fill("ani@example.com")
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Six digits").fill(re.search(r"\b\d{6}\b", mail.outbox[-1].body).group())
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="My tier").click()
    page.get_by_role("heading", name="You are Bronze").wait_for()
    progress = page.get_by_role("progressbar")
    assert (progress.get_attribute("value"), progress.get_attribute("max")) == ("60", "100")
    assert page.get_by_text("400 points").is_visible()
    for width in (390, 320, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert found_by_axe(page) == []
        assert not is_wide(page), width
    page.goto("/profile/")
    page.get_by_role("link", name="Choose").click()
    page.get_by_role("group", name="News and offers").get_by_label("E-mail").check()
    assert found_by_axe(page) == []
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved. You can change this at any time.").wait_for()
    assert [(row.purpose, row.channel) for row in Consent.objects.all()] == [("marketing", "email")]
    assert page.get_by_role("group", name="News and offers").get_by_label("E-mail").is_checked()
    assert page.troubles == []
