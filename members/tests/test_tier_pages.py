"""The tier where people look: the portal's page and the API."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.tests.shop import buy, open_shop
from loyalty.desk import roles
from loyalty.tests.desk import staff_client
from members.answers import tier_history_out
from members.models import TierGrant, TierPolicy
from members.tests.portal import signed_in
from members.tiers import granting


@pytest.fixture
def shop(program, proven_books):
    TierPolicy.objects.filter(program=program).update(review="yearly", window="calendar")
    return open_shop(program)


def test_the_portal_shows_the_ladder_and_what_is_missing_to_keep_and_to_reach(shop, ani):
    buy(ani, "1000", timezone.now())
    page = signed_in(ani).get(reverse("portal_tier"))
    text = " ".join(page.content.decode().split())
    assert page.status_code == 200
    assert "You are Silver" in text and "To reach Gold" in text and "4,000 points" in text
    assert "You have what it takes" in text


def test_the_history_tells_every_stay_with_its_cause(shop, ani):
    now = timezone.now()
    buy(ani, "1000", now)
    told = tier_history_out(ani, at=now)
    assert [(stay.tier, stay.cause.partition(":")[0]) for stay in told.stays] == [
        ("silver", "purchase"),
        ("bronze", "enrolment"),
    ]
    assert (told.tier.tier, told.tier.keep, told.tier.keep_missing) == ("silver", 1000, 0)


def test_a_manager_gives_a_tier_from_the_members_page(shop, ani):
    desk = staff_client(roles.PROGRAM_MANAGER)
    page = reverse("admin:members_tiergrant_add") + f"?member={ani.pk}"
    assert desk.get(page).status_code == 200
    told = {
        "member": ani.pk,
        "tier": shop.tiers.get(slug="gold").pk,
        "kind": "hand",
        "until_0": "2099-01-01",
        "until_1": "00:00",
        "reason": "Apology",
    }
    answer = desk.post(page, told)
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    assert TierGrant.objects.get(member=ani).reason == "Apology"
    ani.refresh_from_db()
    assert ani.tier.slug == "gold"
    assert "given by hand: Apology" in desk.get(reverse("admin:members_member_change", args=[ani.pk])).content.decode()


def test_the_portal_tells_what_is_missing_in_what_is_counted(shop, ani):
    TierPolicy.objects.filter(program=shop).update(metric="visits")
    shop.tiers.filter(slug="silver").update(threshold=4)
    buy(ani, "10", timezone.now())
    client = signed_in(ani)
    for name in ("portal_home", "portal_tier"):
        text = " ".join(client.get(reverse(name)).content.decode().split())
        assert "<strong>3 visits</strong> more" in text and 'value="25"' in text, name


def test_a_given_tier_is_told_as_given_and_not_as_at_risk(shop, ani):
    now = timezone.now()
    granting.give(ani, shop.tiers.get(slug="gold"), until=now + timedelta(days=100), reason="Apology", reference="a", at=now, actor="test")  # fmt: skip
    desk = staff_client(roles.SUPPORT_AGENT).get(reverse("admin:members_member_change", args=[ani.pk])).content.decode()
    assert "given until" in desk and "at risk" not in desk
    text = " ".join(signed_in(ani).get(reverse("portal_tier")).content.decode().split())
    assert "This tier is yours until" in text
