"""A rule may be about brands, collections and suppliers, as the shop sends them with each line (DOMAIN 3.2)."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.models import RuleVersion
from campaigns.reading import definition_in_words
from campaigns.tests.shop import add_rule, buy, give_back, open_shop
from loyalty.desk import roles
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from members.models import Purchase, PurchaseLine
from members.returns import ReturnedLine
from members.sales import SaleLine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
NOW = datetime(2026, 3, 6, 5, tzinfo=UTC)
DOUBLE_BRAND = {
    "award": {"kind": "multiplier", "factor": "2"},
    "conditions": {"brands": ["kopi-tua"], "collections": ["harvest"], "suppliers": ["toba"]},
}
LINES = [
    SaleLine(amount=Decimal(10), product="latte", brand="kopi-tua"),
    SaleLine(amount=Decimal(20), product="mug", brand="tanah", collection="harvest"),
    SaleLine(amount=Decimal(40), product="cake", brand="tanah"),
    SaleLine(amount=Decimal(30), product="beans", supplier="toba"),
]


def test_lines_of_the_brand_or_the_collection_earn_double_and_keep_it_when_others_come_back(program, ani):
    open_shop(program)
    add_rule(program, "double", DOUBLE_BRAND)
    bought = buy(ani, "100", NOW, lines=LINES)
    assert bought.points == 160
    assert list(PurchaseLine.objects.order_by("number").values_list("brand", "collection", "supplier", "points")) == [
        ("kopi-tua", "", "", 20), ("tanah", "harvest", "", 40), ("tanah", "", "", 40), ("", "", "toba", 60),
    ]  # fmt: skip
    first = give_back(bought.purchase, NOW + timedelta(hours=1), lines=[ReturnedLine(line=3, amount=Decimal(40))])
    second = give_back(bought.purchase, NOW + timedelta(hours=2), lines=[ReturnedLine(line=2, amount=Decimal(20))])
    third = give_back(bought.purchase, NOW + timedelta(hours=3), lines=[ReturnedLine(line=4, amount=Decimal(15))])
    assert (first.refund.points, second.refund.points, third.refund.points) == (40, 40, 30)


def test_a_till_sends_them_and_the_same_receipt_with_another_brand_is_a_conflict(program, ani):
    open_shop(program)
    add_rule(program, "double", DOUBLE_BRAND)
    line = {"amount": "10.00", "product": "latte", "brand": "kopi-tua", "collection": "harvest", "supplier": "toba"}
    sent = {
        "source": "kassa", "receipt": "r1", "member": ani.number, "total": "10.00", "currency": program.currency,
        "occurred_at": (timezone.now() - timedelta(minutes=1)).isoformat(), "lines": [line],
    }  # fmt: skip
    shop = Shop(program)
    first = shop.post("/purchases", sent)
    assert (first.status_code, first.json()["points"]) == (201, 20)
    other = shop.post("/purchases", sent | {"lines": [line | {"supplier": "tanah"}]})
    assert (other.status_code, other.json()["code"]) == (409, "receipt_conflict")
    refused = shop.post("/purchases", sent | {"receipt": "r2", "lines": [line | {"brand": "x" * 81}]})
    assert refused.status_code == 422
    assert Purchase.objects.count() == 1


def test_marketers_name_them_in_the_form_read_them_in_words_and_try_a_basket(program, ani):
    open_shop(program)
    desk = staff_client(roles.PROGRAM_MANAGER)
    answer = desk.post(
        reverse("admin:campaigns_rule_add"),
        {"name": "Harvest", "slug": "harvest", "is_active": "on", "kind": "fixed", "points": "25", "brands": "kopi-tua", "collections": "harvest, spring", "suppliers": "toba"},
    )  # fmt: skip
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    definition = RuleVersion.objects.get(rule__slug="harvest").definition
    assert definition["conditions"] == {
        "activity": "purchase", "brands": ["kopi-tua"], "collections": ["harvest", "spring"],
        "suppliers": ["toba"],
    }  # fmt: skip
    said = definition_in_words(definition, currency="IDR", tiers={})
    assert said == "25 points for each purchase with kopi-tua, harvest, spring, or toba in the basket"
    tried = desk.post(
        reverse("admin:campaigns_campaign_try_basket"),
        {"member": ani.number, "amount": "10", "supplier": "toba", "quantity": "1"},
    ).content.decode()
    assert "35 points: 1 point per" in tried
    assert not Purchase.objects.exists()


def test_a_sale_without_them_keeps_the_digest_it_always_had(ani):
    from campaigns.tests.shop import sale

    plain = sale(ani, "10", NOW, lines=[SaleLine(amount=Decimal(10), product="latte", category="coffee")])
    named = sale(ani, "10", NOW, lines=[SaleLine(amount=Decimal(10), product="latte", category="coffee", brand="a")])
    supplied = sale(
        ani, "10", NOW, lines=[SaleLine(amount=Decimal(10), product="latte", category="coffee", supplier="a")]
    )
    assert len({plain.digest(), named.digest(), supplied.digest()}) == 3
    assert json.dumps(plain.digest()) == json.dumps(sale(ani, "10.00", NOW, lines=plain.lines).digest())
