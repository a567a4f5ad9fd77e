"""Caps that bit, campaigns left out and near misses are told at every door: the till's answer, the portal, the desk (DOMAIN 3.4, 3.5)."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.tests.shop import add_campaign, add_rule, buy, open_shop
from loyalty.common.money import show_money
from loyalty.desk import roles
from loyalty.ledger.models import Entry
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from members.models import Purchase
from members.tests.portal import signed_in

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
CAPPED = "Gift gave 25 instead of 40 points: no more was left of the most for a member in a month (25)."
LEFT_OUT = "Other did not count: Gift counts alone."
NEAR = f"{show_money(Decimal(10), 'IDR')} more, and Big would have counted"


@pytest.fixture
def shop(program):
    open_shop(program)
    now = timezone.now()
    for slug, definition in (
        ("gift", {"award": {"kind": "fixed", "points": "40"}, "caps": {"month": "25"}, "stacking": {"exclusive": True, "priority": 1}}),
        ("other", {"award": {"kind": "fixed", "points": "5"}}),
        ("big", {"award": {"kind": "fixed", "points": "9"}, "conditions": {"minimum": "30"}}),
    ):  # fmt: skip
        campaign = add_campaign(program, slug, now - DAY, now + DAY)
        add_rule(program, slug, definition, campaign=campaign)
    return program


def test_a_till_is_told_what_limited_the_points(shop, ani):
    answer = Shop(shop).post(
        "/purchases",
        {
            "source": "kassa",
            "receipt": "r1",
            "member": ani.number,
            "occurred_at": (timezone.now() - timedelta(minutes=1)).isoformat(),
            "total": "20.00",
            "currency": shop.currency,
        },
    )
    told = answer.json()
    assert (answer.status_code, told["points"]) == (201, 45)
    assert (told["limits"], told["near_misses"]) == ([CAPPED, LEFT_OUT], [NEAR])


def test_the_member_reads_what_limited_the_points(shop, ani):
    buy(ani, "20", timezone.now() - timedelta(minutes=1))
    entry = Entry.objects.get(account__member_account__member=ani)
    client = signed_in(ani)
    for address in (reverse("portal_history"), reverse("portal_history_line", args=[entry.number])):
        page = client.get(address).content.decode()
        for sentence in (CAPPED, LEFT_OUT, NEAR):
            assert sentence in page


def test_staff_read_it_and_see_that_it_recomputes(shop, ani):
    buy(ani, "20", timezone.now() - timedelta(minutes=1))
    page = (
        staff_client(roles.SUPPORT_AGENT)
        .get(reverse("admin:members_purchase_change", args=[Purchase.objects.get().pk]))
        .content.decode()
    )
    for sentence in (CAPPED, LEFT_OUT, NEAR, "This recomputes to the same number: 45."):
        assert sentence in page


def test_a_purchase_that_does_not_recompute_says_so(shop, ani):
    buy(ani, "20", timezone.now() - timedelta(minutes=1))
    Purchase.objects.update(points=44)
    page = (
        staff_client(roles.SUPPORT_AGENT)
        .get(reverse("admin:members_purchase_change", args=[Purchase.objects.get().pk]))
        .content.decode()
    )
    assert "This recomputes to 45, but the purchase says 44." in page
