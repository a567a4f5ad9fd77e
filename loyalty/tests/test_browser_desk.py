"""The desk in a real browser: sign in with password and code, look around, with the content policy in force."""

import os

import pytest
from allauth.mfa.totp.internal import auth
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.tests.desk import PASSWORD, SECRET, hire
from members.testing import give_points, make_member, make_program
from rewards.models import Reward

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PAGES = [
    "admin:index",
    "admin:members_member_changelist",
    "admin:jobs_overview",
    "admin:jobs_health",
    "admin:jobs_jobschedule_changelist",
    "admin:campaigns_campaign_add",
    "admin:ledger_entry_changelist",
    "admin:ledger_finance",
    "admin:ledger_revenue",
    "admin:ledger_proof",
]


@pytest.fixture
def chromium(monkeypatch):
    """A browser without a window; skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not os.path.exists(CHROMIUM):  # noqa: PTH110
        pytest.skip("no Chromium")
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


def sign_in(page, site: str) -> None:
    """Password, then the code of the authenticator app."""
    page.goto(f"{site}/admin/")
    page.locator("input[name=login]").fill("administrator@example.com")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.locator("input[name=code]").wait_for()
    code = auth.format_hotp_value(auth.hotp_value(SECRET, next(auth.yield_hotp_counters_from_time())))
    page.locator("input[name=code]").fill(code)
    page.locator("input[name=code]").press("Enter")
    page.wait_for_url("**/admin/")


@pytest.mark.timeout(180)
def test_staff_sign_in_with_two_factors_and_work_without_a_script_error(chromium, live_server):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    cache.clear()
    program = make_program()
    ani = make_member(program, "Ani")
    give_points(ani, 120, at=timezone.now())
    Reward.objects.create(
        program=program, wallet=program.wallets.get(), slug="tote", name="Tote", summary="A bag", cost=50
    )
    hire(roles.ADMINISTRATOR)
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, live_server.url)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    assert page.locator("canvas.chart").count() == 3
    for name in [*PAGES, ("admin:members_member_change", ani.pk), ("admin:members_member_past", ani.pk)]:
        address = reverse(name) if isinstance(name, str) else reverse(name[0], args=[name[1]])
        page.goto(live_server.url + address)
        found = axe.run(page).response["violations"]
        landmarks = ("landmark-one-main", "region")
        assert [v["id"] for v in found if v["impact"] in ("serious", "critical") or v["id"] in landmarks] == [], address
    page.goto(live_server.url + reverse("admin:members_member_changelist"))
    page.get_by_text("Filters").first.click()
    page.locator("#changelist-filter").wait_for(state="visible")
    assert wrong == []
    page.set_viewport_size({"width": 390, "height": 844})
    for name in PAGES:
        page.goto(live_server.url + reverse(name))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
