"""Every address, tried by everybody: who gets the page, who is sent to sign in, who learns nothing.

`DOORS` has one row per named address outside the desk. An address without a row fails, so that nobody adds a page
without saying for whom it is. The desk has one rule for all its addresses.
"""

import re
from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.pos.testing import Shop
from loyalty.tests.desk import enter, hire, staff_client
from members.testing import give_points, make_program
from members.tests.portal import signed_in
from rewards import redemption
from rewards.testing import make_reward

pytestmark = pytest.mark.django_db
NOW = timezone.now

# What an address answers to a GET:
PAGE, SIGN_IN, AWAY = "page", "to the sign-in", "to another page"
NOT_FOUND, FORBIDDEN, NOT_SO, NO_KEY = "not found", "forbidden", "not by GET", "no key"
NOT_READY = "not ready"
# Who asks, in the order of a row: nobody known | ani, whose things they are | budi, another member | staff, no member
WHO = ("nobody", "ani", "budi", "staff")
ANYBODY = (PAGE, PAGE, PAGE, PAGE)
PORTAL = (SIGN_IN, PAGE, PAGE, FORBIDDEN)
HERS = (SIGN_IN, PAGE, NOT_FOUND, FORBIDDEN)
BY_POST = (NOT_SO, NOT_SO, NOT_SO, NOT_SO)
GUESTS = (PAGE, AWAY, AWAY, AWAY)
KEYS_ONLY = (NO_KEY, NO_KEY, NO_KEY, NO_KEY)
SIGNED_IN = (SIGN_IN, PAGE, PAGE, PAGE)
STAFF_ONLY = (SIGN_IN, FORBIDDEN, FORBIDDEN, PAGE)
CLOSED = (SIGN_IN, AWAY, AWAY, AWAY)
ELSEWHERE = (AWAY, AWAY, AWAY, AWAY)
NOWHERE = (NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND)
NONE_YET = (SIGN_IN, NOT_FOUND, NOT_FOUND, NOT_FOUND)
# Staff have a second factor and show it again first; members have none to change.
AFTER_PROOF = (SIGN_IN, NOT_FOUND, NOT_FOUND, AWAY)
SETTING_UP = (SIGN_IN, PAGE, PAGE, AWAY)

DOORS = {
    "healthz": ANYBODY,
    "readyz": (NOT_READY, NOT_READY, NOT_READY, NOT_READY),  # nobody has nudged in a test
    "api_reference": ANYBODY,
    "api-v1:openapi-json": ANYBODY,
    "api-v1:api-root": NOWHERE,
    "api-v1:enrol_member": KEYS_ONLY,
    "api-v1:find_member": KEYS_ONLY,
    "api-v1:read_member": KEYS_ONLY,
    "api-v1:read_tiers": KEYS_ONLY,
    "api-v1:read_entries": KEYS_ONLY,
    "api-v1:buy_tier": KEYS_ONLY,
    "api-v1:read_consents": KEYS_ONLY,
    "api-v1:record_consent": KEYS_ONLY,
    "api-v1:adjust_points": BY_POST,
    "api-v1:read_change": KEYS_ONLY,
    "api-v1:read_hold": KEYS_ONLY,
    "api-v1:read_transfer": KEYS_ONLY,
    "api-v1:read_lots": KEYS_ONLY,
    "api-v1:list_segments": KEYS_ONLY,
    "api-v1:read_member_segments": KEYS_ONLY,
    "api-v1:read_lot": KEYS_ONLY,
    "api-v1:read_entry": KEYS_ONLY,
    "api-v1:read_statement": KEYS_ONLY,
    "api-v1:read_changes": KEYS_ONLY,
    "api-v1:hold_points": BY_POST,
    "api-v1:capture_hold": BY_POST,
    "api-v1:release_hold": BY_POST,
    "api-v1:transfer_points": BY_POST,
    "api-v1:preview_transfer": BY_POST,
    "api-v1:confirm_points": BY_POST,
    "api-v1:cancel_points": BY_POST,
    "api-v1:confirm_order": KEYS_ONLY,
    "api-v1:read_confirmations": KEYS_ONLY,
    "api-v1:read_challenges": KEYS_ONLY,
    "api-v1:list_rewards": KEYS_ONLY,
    "api-v1:list_offers": KEYS_ONLY,
    "api-v1:recommend_rewards": KEYS_ONLY,
    "api-v1:list_causes": KEYS_ONLY,
    "api-v1:read_member_vouchers": KEYS_ONLY,
    "api-v1:quote_payment": KEYS_ONLY,
    "api-v1:hold_payment": BY_POST,
    "api-v1:read_payment": KEYS_ONLY,
    "api-v1:capture_payment": BY_POST,
    "api-v1:release_payment": BY_POST,
    "api-v1:refund_payment": BY_POST,
    "api-v1:read_redemption": KEYS_ONLY,
    "api-v1:list_draws": KEYS_ONLY,
    "api-v1:read_draw": KEYS_ONLY,
    "api-v1:read_member_draws": KEYS_ONLY,
    "api-v1:read_voucher": KEYS_ONLY,
    "api-v1:record_purchase": BY_POST,
    "api-v1:record_refund": KEYS_ONLY,
    "api-v1:read_refunds": KEYS_ONLY,
    "api-v1:record_exchange": BY_POST,
    "api-v1:preview_purchase": BY_POST,
    "api-v1:record_event": BY_POST,
    "api-v1:redeem_reward": BY_POST,
    "api-v1:cancel_redemption": BY_POST,
    "api-v1:move_parcel": BY_POST,
    "api-v1:release_voucher": BY_POST,
    "api-v1:use_voucher": BY_POST,
    "api-v1:read_referral_code": KEYS_ONLY,
    "api-v1:read_friends": KEYS_ONLY,
    "api-v1:bind_referral": BY_POST,
    "api-v1:register_product": BY_POST,
    "api-v1:write_review": BY_POST,
    "api-v1:read_surveys": KEYS_ONLY,
    "api-v1:answer_survey": BY_POST,
    "api-v1:post_partner_points": KEYS_ONLY,
    "api-v1:take_back_partner_points": BY_POST,
    "api-v1:read_partner_posting": KEYS_ONLY,
    "api-v1:list_partner_postings": KEYS_ONLY,
    "api-v1:read_partner_settlement": KEYS_ONLY,
    "api-v1:read_figures": KEYS_ONLY,
    "api-v1:read_figure": KEYS_ONLY,
    "portal_sign_in": GUESTS,
    "portal_home": PORTAL,
    "portal_history": PORTAL,
    "portal_history_csv": PORTAL,
    "portal_history_day": PORTAL,
    "portal_history_line": (SIGN_IN, NOT_FOUND, NOT_FOUND, FORBIDDEN),  # asked by the member's number, no line
    "portal_tier": PORTAL,
    "portal_tier_buy": (SIGN_IN, NOT_FOUND, NOT_FOUND, FORBIDDEN),  # no tier has the name of a reward
    "portal_points": PORTAL,
    "portal_pass_on": PORTAL,
    "portal_profile": PORTAL,
    "portal_consents": PORTAL,
    "portal_inbox": PORTAL,
    "portal_inbox_read": BY_POST,
    "portal_letter": (SIGN_IN, NOT_FOUND, NOT_FOUND, FORBIDDEN),  # the number of another record
    "portal_language": BY_POST,
    "portal_switch_language": BY_POST,
    "portal_switch_program": BY_POST,
    "portal_rewards": PORTAL,
    "portal_reward_redeem": PORTAL,
    "portal_pay": PORTAL,
    "causes_page": NOWHERE,  # of a program; test_giving opens one
    "portal_challenges": PORTAL,
    "portal_display_name": BY_POST,
    "reward_picture": NOWHERE,
    "portal_draws": PORTAL,
    "draw_page": NOWHERE,  # the name of a reward is no draw; test_draw_pages opens one
    "draw_record": NOWHERE,
    "prize_pool_page": NOWHERE,  # no pool either; test_pages_of_chances opens one
    "prize_pool_record": NOWHERE,
    "portal_vouchers": PORTAL,
    "portal_download": (SIGN_IN, NOT_FOUND, NOT_FOUND, FORBIDDEN),  # a voucher's number is no signed link
    "portal_voucher": HERS,
    "portal_voucher_paper": HERS,
    "portal_voucher_address": (SIGN_IN, NOT_FOUND, NOT_FOUND, FORBIDDEN),  # a voucher is not sent
    "portal_voucher_cancel": HERS,
    "portal_ways": PORTAL,
    "portal_friends": PORTAL,
    "portal_shared": BY_POST,
    "portal_registrations": PORTAL,
    "portal_reviews": PORTAL,
    "portal_join": NOWHERE,  # the code of a voucher brings nobody
    "portal_survey": (SIGN_IN, NOT_FOUND, NOT_FOUND, FORBIDDEN),
    "portal_visit": (SIGN_IN, NOT_FOUND, NOT_FOUND, FORBIDDEN),
    "portal_not_signup": CLOSED,
    "portal_not_email": CLOSED,
    "portal_not_password_set": CLOSED,
    "account_login": GUESTS,
    "account_logout": SIGNED_IN,
    "account_inactive": ANYBODY,
    "account_signup": CLOSED,
    "account_email": CLOSED,
    "account_set_password": CLOSED,
    "account_email_verification_sent": ANYBODY,
    "account_confirm_email": ANYBODY,
    "account_change_password": (SIGN_IN, AWAY, AWAY, PAGE),
    "account_reset_password": ANYBODY,
    "account_reset_password_done": ANYBODY,
    "account_reset_password_from_key": ANYBODY,
    "account_reset_password_from_key_done": ANYBODY,
    "account_request_login_code": GUESTS,
    "account_confirm_login_code": ELSEWHERE,
    "account_reauthenticate": STAFF_ONLY,
    "mfa_index": SIGNED_IN,
    "mfa_authenticate": ELSEWHERE,
    "mfa_reauthenticate": STAFF_ONLY,
    "mfa_reauthenticate_webauthn": (SIGN_IN, FORBIDDEN, FORBIDDEN, AWAY),
    "mfa_login_webauthn": ELSEWHERE,
    "mfa_activate_totp": SETTING_UP,
    "mfa_deactivate_totp": AFTER_PROOF,
    "mfa_view_recovery_codes": NONE_YET,
    "mfa_download_recovery_codes": NONE_YET,
    "mfa_generate_recovery_codes": SETTING_UP,
    "mfa_list_webauthn": SIGNED_IN,
    "mfa_add_webauthn": SETTING_UP,
    "mfa_remove_webauthn": AFTER_PROOF,
    "mfa_edit_webauthn": AFTER_PROOF,
    "letter_unsubscribe": NOWHERE,  # a token that nobody signed; test_unsubscribing opens one
    "letter_choices": NOWHERE,
    "mail_events": BY_POST,
    "demo_mailbox": NOWHERE,  # outside of the demo
    "demo_letter": NOWHERE,
    "demo_second_factor": NOWHERE,
}


def addresses(resolver=None, prefix: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    """Every (name with its namespaces, whole pattern) there is."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            inner = space + (f"{pattern.namespace}:" if pattern.namespace else "")
            yield from addresses(pattern, prefix + str(pattern.pattern), inner)
        else:
            yield space + (pattern.name or "-"), prefix + str(pattern.pattern)


def open_doors() -> list[tuple[str, str]]:
    """Every address outside the desk."""
    return [(name, pattern) for name, pattern in addresses() if not name.startswith("admin:")]


def filled(pattern: str, values: dict[str, object]) -> str:
    """An address with its gaps filled."""
    plain = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", pattern).replace("^", "").replace("$", "")
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda gap: str(values.get(gap.group(1), 1)), plain)


@pytest.fixture
def values(program, ani):
    """What the gaps of the addresses are filled with: all of it ani's."""
    reward = make_reward(program, cost=10)
    give_points(ani, 100)
    taken = redemption.redeem(ani, reward, at=NOW(), reference="doors", source="test", actor="test")
    return {
        "slug": reward.slug,
        "pk": taken.pk,
        "number": ani.number,
        "reference": "doors",
        "code": taken.voucher.code,
        "name": "no-such-letter",
        "key": "no-such-key",
        "uidb36": "1",
    }


@pytest.fixture
def askers(ani, budi):
    return {
        "nobody": Client(),
        "ani": signed_in(ani),
        "budi": signed_in(budi),
        "staff": staff_client(roles.SUPPORT_AGENT),
    }


def answer(response) -> str:
    """The class of an answer."""
    if response.status_code in (301, 302):
        to = response["Location"]
        return SIGN_IN if "sign-in" in to or ("/accounts/login/" in to and "next=" in to) else AWAY
    known = {200: PAGE, 401: NO_KEY, 403: FORBIDDEN, 404: NOT_FOUND, 405: NOT_SO, 503: NOT_READY}
    return known.get(response.status_code, str(response.status_code))


def test_every_address_has_a_row_and_every_row_an_address():
    assert {name for name, _pattern in open_doors()} == set(DOORS)


def test_everybody_gets_what_the_row_of_an_address_says(values, askers):
    wrong = {}
    for name, pattern in open_doors():
        path = filled(pattern, values)
        got = tuple(answer(askers[who].get(path)) for who in WHO)
        if got != DOORS.get(name):
            wrong[name] = dict(zip(WHO, got, strict=True))
    assert not wrong


@pytest.mark.parametrize("who", WHO)
def test_an_empty_post_breaks_nothing_anywhere(values, askers, who):
    client = askers[who]
    found = {}
    for name, pattern in open_doors():
        if name == "account_logout":
            continue
        status = client.post(filled(pattern, values)).status_code
        if status >= 500:
            found[name] = status
    assert not found


def test_the_api_takes_no_browser_session_for_a_key(values, askers):
    api = [
        (name, pattern) for name, pattern in open_doors() if DOORS.get(name) in (BY_POST, KEYS_ONLY) and "api" in name
    ]
    assert len(api) > 10
    for _name, pattern in api:
        for who in WHO:
            assert askers[who].post(filled(pattern, values)).status_code in (401, 405)


def test_a_key_of_another_program_finds_nothing_of_ours(values):
    foreign = Shop(make_program("teh"))
    found = {}
    for name, pattern in open_doors():
        if DOORS.get(name) == KEYS_ONLY and "<" in pattern:
            status = foreign.get(filled(pattern, values).removeprefix("/api/v1")).status_code
            if status != 404:
                found[name] = status
    assert not found


def desk() -> list[tuple[str, str]]:
    return [(name, pattern) for name, pattern in addresses() if name.startswith("admin:")]


def test_nobody_but_staff_with_a_second_factor_sees_anything_of_the_desk(values, askers, db):
    everyone = {"nobody": Client(), "member": askers["ani"], "unproven": enter(hire(roles.ADMINISTRATOR), proven=False)}
    everyone["no factor"] = enter(hire(roles.FINANCE, factor=False), proven=False)
    open_to_staff = {"admin:login", "admin:second_factor", "admin:logout", "admin:jsi18n"}
    found = {}
    for name, pattern in desk():
        path = filled(pattern, values)
        for who, client in everyone.items():
            status = client.get(path).status_code
            if status not in {302, 403, 404, 405} and not (status == 200 and name in open_to_staff):
                found[name, who] = status
    assert not found


def test_pages_of_the_desk_break_for_no_role(values, program):
    client = staff_client(roles.ADMINISTRATOR)
    found = {}
    for name, pattern in desk():
        if name.endswith(("_changelist", "_add", "_change", "_history", "logout")):
            continue  # test_desk_pages opens these with living records
        status = client.get(filled(pattern, values)).status_code
        if status >= 500:
            found[name] = status
    assert not found


@pytest.mark.parametrize(
    "role", [roles.MARKETING_ASSISTANT, roles.SUPPORT_AGENT, roles.FINANCE, roles.AUDITOR, roles.OPS]
)
def test_a_role_opens_no_list_it_may_not_see(program, role):
    """That it opens those it may see, test_desk_pages shows by its links."""
    user = hire(role)
    client = enter(user)
    hidden = [page.opts for page in admin.site._registry.values() if not may_see(user, page.opts)]
    found = [opts.label for opts in hidden if client.get(changelist(opts)).status_code != 403]
    assert hidden or role == roles.AUDITOR
    assert found == []


def may_see(user, opts) -> bool:
    return user.has_perm(f"{opts.app_label}.view_{opts.model_name}")


def changelist(opts) -> str:
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
