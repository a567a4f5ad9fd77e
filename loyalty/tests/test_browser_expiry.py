"""Everything about the end of points in a real browser: policies with their example, seasons, re-dating, and what members read."""

import json
import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from campaigns.tests.shop import add_rule, open_shop
from loyalty.desk import roles
from loyalty.jobs.changes import drafting
from loyalty.ledger import policies, posting, seasons
from loyalty.ledger.models import Season, Wallet
from loyalty.ledger.policy_change import terms_of
from loyalty.tests.desk import hire
from loyalty.tests.test_browser_desk import chromium, sign_in
from members.models import MemberAccount
from members.testing import give_points, make_member, make_program
from members.tests.portal import signed_in

__all__ = ["chromium"]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
SHOTS = os.environ.get("SHOTS", "")


@pytest.fixture
def shop(db):
    """A program with policies of several kinds, cashback that ends by inactivity, and a re-dating that was looked up."""
    now = timezone.now()
    program = open_shop(make_program(at=now - timedelta(days=300)))
    wallet = program.wallets.get()
    seasons.load_known(program, at=now, actor="t")
    ramadan = Season.objects.get(program=program, slug="ramadan")
    policies.set_expiry(wallet, kind="season", season=ramadan, name="Ramadan points", at=now, actor="t")
    cashback = Wallet.objects.create(program=program, slug="cashback", unit="cashback", units="cashback", decimals=2)
    policies.set_expiry(cashback, kind="idle_months", count=6, resets="earn,purchase", at=now, actor="t")
    ani = make_member(program, "Ani")
    account = MemberAccount.objects.get(member=ani, wallet=cashback).account_id
    posting.accrue(account, 1280, at=now - timedelta(days=20), reference="c", source="t", actor="t")
    for month in range(8):
        give_points(ani, 100 + 35 * month, at=now - timedelta(days=30 * month))
    made = policies.set_expiry(wallet, kind="months", count=6, round_to="month", name="Half a year", at=now, actor="t")
    add_rule(program, "festival", {"award": {"kind": "fixed", "points": "50"}, "expiry": {"policy": "Ramadan points"}})
    manager = hire(roles.ADMINISTRATOR)
    told = {"selection": {"all": True}, "policy": made.pk}
    change = drafting.draft(program, "redate", parameters=told, reason="New terms", at=now, actor=f"staff:{manager.pk}")
    new = {"wallet": wallet.slug, "name": "Half a year", "terms": terms_of(made) | {"count": 9}}
    terms = drafting.draft(
        program, "expiry_terms", parameters=new, reason="Longer", at=now, actor=f"staff:{manager.pk}"
    )
    asked = {**new, "program": program.pk, "terms": json.dumps(new["terms"])}
    return {"change": change, "season": ramadan, "ani": ani, "account": account, "terms": terms, "asked": asked}


def addresses(shop):
    """The pages by name."""
    return {
        "policies": reverse("admin:ledger_expirypolicy_changelist"),
        "policy_form": reverse("admin:ledger_expirypolicy_add"),
        "seasons": reverse("admin:ledger_season_changelist"),
        "season": reverse("admin:ledger_season_change", args=[shop["season"].pk]),
        "period": reverse("admin:ledger_seasonperiod_add"),
        "redate_form": reverse("admin:jobs_change_new", args=["redate"]),
        "redate_preview": reverse("admin:jobs_changerequest_change", args=[shop["change"].pk]),
        "terms_reason": f"{reverse('admin:jobs_change_new', args=['expiry_terms'])}?{urlencode(shop['asked'])}",
        "terms_preview": reverse("admin:jobs_changerequest_change", args=[shop["terms"].pk]),
        "campaign_form": reverse("admin:campaigns_campaign_add"),
        "rules": reverse("admin:campaigns_rule_changelist"),
    }


def look(page, name: str, axe) -> list[str]:
    """What is wrong with the page that is open, and a picture of it where one is wanted."""
    grave = [v["id"] for v in axe.run(page).response["violations"] if v["impact"] in ("serious", "critical")]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        grave.append("wider than the screen")
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)
    return [f"{name}: {wrong}" for wrong in grave]


@pytest.mark.timeout(400)
def test_every_page_about_the_end_of_points_is_sound_on_desks_and_phones_in_light_and_dark(chromium, live_server, shop):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    cache.clear()
    wrong: list[str] = []
    session = None
    for width, scheme in ((1280, "light"), (390, "dark"), (390, "light"), (1280, "dark")):
        terms = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "storage_state": session}
        page = chromium.new_context(**terms).new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)) if "Transition" not in str(error) else None)
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        if session is None:
            sign_in(page, live_server.url)
            session = page.context.storage_state()
        for name, address in addresses(shop).items():
            page.goto(live_server.url + address)
            if name == "policy_form":
                page.locator("select[name=wallet]").select_option(label="Kopi Nusantara: points")
                page.locator("select[name=kind]").select_option("date")
                page.locator("input[name=last_day]").fill("2025-12-31")
                page.get_by_text("it counts again a year later").wait_for()
            if name == "terms_reason":
                page.get_by_text("9 months after activation").wait_for()
            wrong.extend(look(page, f"{name}-{width}-{scheme}", axe))
        page.context.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(180)
def test_members_read_what_keeps_their_points(chromium, live_server, shop):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    session = signed_in(shop["ani"]).cookies["sessionid"].value
    wrong: list[str] = []
    for width, scheme in ((390, "light"), (1280, "dark")):
        context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, locale="en-US")
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.goto(f"{live_server.url}/points/")
        page.get_by_text("12.80 cashback").first.wait_for()
        assert page.get_by_text("your next purchase may keep the points longer").is_visible()
        wrong.extend(look(page, f"portal-{width}-{scheme}", axe))
    assert wrong == []
