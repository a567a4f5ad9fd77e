"""The portal in a real browser: a member's journey, and every page under axe in light and dark."""

import os
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.core import mail
from django.utils import timezone

from campaigns.models import Campaign
from members.testing import give_points, make_member, make_program, points_of
from rewards.models import Redemption, Reward

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not (Path(CHROMIUM).exists() or shutil.which(CHROMIUM)),
        reason=f"SKIPPED: no Chromium at {CHROMIUM}; install the package chromium, or name one in CHROMIUM",
    ),
]


@pytest.fixture(scope="module")
def chromium():
    """One browser for the module."""
    from playwright.sync_api import sync_playwright

    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def shop(db):
    """Ani with points that run out soon, rewards of every kind, and a campaign."""
    now = timezone.now()
    program = make_program()
    ani = make_member(program, "Ani")
    give_points(ani, 1250, at=now - timedelta(days=340), reference="purchase:shop:1042")
    wallet = program.wallets.get()
    offers = [("coffee", "Free coffee", "product", 250, {}), ("tree", "Plant a tree", "donation", 300, {"stock": 9})]
    offers += [("talk", "Tasting", "service", 4000, {}), ("gone", "Tumbler", "product", 10, {"stock": 0})]
    for slug, name, kind, cost, more in offers:
        terms = {"program": program, "wallet": wallet, "summary": f"About {name}", "kind": kind, "cost": cost}
        Reward.objects.create(slug=slug, name=name, **terms, **more)
    window = {"since": now - timedelta(days=1), "until": now + timedelta(days=9), "status": "live"}
    Campaign.objects.create(program=program, slug="rain", name="Rainy days", summary="Twice the points", **window)
    return ani


def open_page(chromium, live_server, *, scheme: str = "light", width: int = 390):
    """A phone's page that fails the test on any script error or refusal by the content policy."""
    context = chromium.new_context(
        base_url=live_server.url, color_scheme=scheme, viewport={"width": width, "height": 844}, locale="en-US"
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.troubles = []
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("console", lambda said: page.troubles.append(said.text) if said.type == "error" else None)
    return page


def sign_in(page) -> None:
    """With the code of the newest letter."""
    page.goto("/")
    page.get_by_label("E-mail address").fill("Ani@example.com")
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Six digits").fill(re.search(r"\b\d{6}\b", mail.outbox[-1].body).group())
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Hello, Ani").wait_for()


def test_a_member_signs_in_redeems_sees_the_code_and_cancels(chromium, live_server, shop):
    page = open_page(chromium, live_server)
    sign_in(page)
    assert "1,250" in page.locator(".balance").inner_text()
    page.get_by_text("Show my card").click()
    assert page.get_by_role("img", name="QR code of your member number").is_visible()
    page.get_by_role("link", name="Rewards", exact=True).click()
    page.get_by_role("link", name="Free coffee").click()
    page.get_by_role("button", name="Redeem for 250 points").dblclick()
    page.get_by_role("img", name="QR code of your voucher").wait_for()
    voucher = Redemption.objects.get().voucher
    assert page.locator(".code").inner_text() == voucher.shown_code
    page.get_by_role("button", name="Copy the code").click()
    page.get_by_text("Copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == voucher.shown_code
    assert points_of(shop, at=timezone.now()) == 1000
    page.get_by_role("link", name="Cancel this voucher").click()
    page.get_by_role("button", name="Cancel the voucher").click()
    page.get_by_text("The points are back").wait_for()
    page.get_by_role("link", name="Home").click()
    assert "1,250" in page.locator(".balance").inner_text()
    assert page.troubles == []


def test_the_code_can_be_typed_and_everything_reached_with_the_keyboard(chromium, live_server, shop):
    page = open_page(chromium, live_server)
    sign_in(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def pages_to_look_at(redemption: Redemption) -> list[str]:
    voucher = f"/vouchers/{redemption.pk}/"
    shown = ["/", "/rewards/", "/rewards/coffee/redeem/", "/rewards/talk/redeem/", "/vouchers/", voucher]
    shown += [f"{voucher}cancel/", "/history/", "/history/?kind=expired", "/profile/", "/nowhere/"]
    return [*shown, "/accounts/2fa/webauthn/", "/accounts/2fa/webauthn/add/", "/accounts/logout/"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(chromium, live_server, shop, scheme):
    from axe_playwright_python.sync_playwright import Axe

    found = []

    def look(page, address: str) -> None:
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append(f"{address} is wider than {page.viewport_size['width']} pixels")
        answer = Axe().run(page)
        assert len(answer.response["passes"]) > 10
        found.extend(
            f"{address}: {broken['id']}: {[node['html'][:120] for node in broken['nodes']]}"
            for broken in answer.response["violations"]
        )

    page = open_page(chromium, live_server, scheme=scheme)
    for address in ("/sign-in/", "/accounts/login/", "/accounts/password/reset/"):
        page.goto(address)
        look(page, address)
    sign_in(page)
    page.goto("/rewards/coffee/redeem/")
    page.get_by_role("button", name="Redeem for 250 points").click()
    page.get_by_role("img", name="QR code of your voucher").wait_for()
    for address in pages_to_look_at(Redemption.objects.get()):
        page.goto(address)
        look(page, address)
        page.set_viewport_size({"width": 320, "height": 640})
        look(page, f"{address} at 320")
        page.set_viewport_size({"width": 390, "height": 844})
    assert found == []


def test_the_pages_of_the_second_factor_are_free_of_violations(chromium, live_server, shop):
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
    from axe_playwright_python.sync_playwright import Axe
    from django.contrib.auth import get_user_model

    get_user_model().objects.create_user("boss", "boss@example.com", "long-Password-1", is_staff=True)
    page = open_page(chromium, live_server, scheme="dark")

    def sign_in_with_password() -> None:
        page.goto("/accounts/login/?next=/accounts/2fa/")
        page.get_by_label("E-mail address").fill("boss@example.com")
        page.get_by_label("Password").fill("long-Password-1")
        page.get_by_role("button", name="Sign in", exact=True).click()

    def look() -> None:
        assert Axe().run(page).response["violations"] == [], page.url

    sign_in_with_password()
    page.get_by_role("link", name="Set it up").click()
    page.get_by_label("Password").fill("long-Password-1")
    look()
    page.get_by_role("button", name="Go on").click()
    secret = page.get_by_label("Or type this secret").input_value()
    look()
    page.get_by_label("Six digits").fill(
        format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))
    )
    page.get_by_role("button", name="Switch it on").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    look()
    recovery = page.get_by_label("Codes not used yet").input_value().split()[0]
    page.goto("/accounts/2fa/")
    look()
    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Sign out").click()
    sign_in_with_password()
    page.get_by_label("Code").wait_for()
    look()
    page.get_by_label("Code").fill(recovery)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="Second factor").wait_for()
    assert page.troubles == []


def test_the_code_page_is_free_of_violations(chromium, live_server, shop):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(chromium, live_server)
    page.goto("/sign-in/")
    page.get_by_label("E-mail address").fill("ani@example.com")
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Six digits").fill("12 34 5")
    assert page.get_by_label("Six digits").input_value() == "12345"
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("This code is not right").wait_for()
    assert Axe().run(page).response["violations"] == []
    assert page.troubles == []


def test_a_passkey_is_added_and_opens_the_door(chromium, live_server, shop):
    page = open_page(chromium, live_server)
    keys = page.context.new_cdp_session(page)
    keys.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
    options |= {"hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}
    keys.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.context.set_default_timeout(15_000)
    address = live_server.url.replace("127.0.0.1", "localhost")
    page.goto(f"{address}/sign-in/")
    page.get_by_label("E-mail address").fill("ani@example.com")
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Six digits").fill(re.search(r"\b\d{6}\b", mail.outbox[-1].body).group())
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Hello, Ani").wait_for()
    page.goto(f"{address}/accounts/2fa/webauthn/add/")
    page.get_by_label("Name").fill("My phone")
    page.locator("#mfa_webauthn_add").click()
    page.wait_for_url(lambda url: not url.endswith("/add/"))
    page.goto(f"{address}/profile/")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("heading", name="Hello, Ani").wait_for()
