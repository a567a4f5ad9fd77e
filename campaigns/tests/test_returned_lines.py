"""Each line keeps its part of what came back, so that segments count the money of goods that were kept (DOMAIN 6.1, 10.1)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps

from campaigns import refunds
from campaigns.purchases import SaleLine
from campaigns.refunds import Return
from campaigns.tests.shop import buy, give_back, open_shop
from members.models import PurchaseLine
from members.returns import ReturnedLine
from members.segments import compiling
from members.segments.testing import all_of

pytestmark = pytest.mark.usefixtures("proven_books")
NOON = datetime(2026, 3, 1, 5, tzinfo=UTC)
LATER = NOON + timedelta(days=1)
LINES = [
    SaleLine(product="beans", category="coffee", quantity=Decimal(3), amount=Decimal("60.00")),
    SaleLine(product="mug", category="ware", amount=Decimal("30.00")),
]


@pytest.fixture
def shop(program):
    return open_shop(program)


def order(member, receipt="r1", **more):
    return buy(member, "100", NOON, receipt=receipt, lines=LINES, delivery=Decimal("10"), **more)


def refunded():
    return dict(PurchaseLine.objects.order_by("number").values_list("product", "refunded"))


def who(program, **told):
    question = all_of({"about": "purchases", **told})
    return sorted(compiling.members(question, program, at=LATER + timedelta(days=9)).values_list("name", flat=True))


def test_a_line_that_comes_back_is_kept_with_that_line(shop, ani):
    bought = order(ani).purchase
    give_back(bought, LATER, lines=[ReturnedLine(line=1, quantity=Decimal(1))])
    assert refunded() == {"beans": Decimal("20.00"), "mug": Decimal(0)}
    give_back(bought, LATER + timedelta(hours=1), lines=[ReturnedLine(line=2, amount=Decimal("30.00"))])
    assert refunded() == {"beans": Decimal("20.00"), "mug": Decimal("30.00")}


def test_an_amount_that_comes_back_is_laid_over_what_the_lines_still_have(shop, ani):
    bought = order(ani).purchase
    give_back(bought, LATER, "33.30")
    assert refunded() == {"beans": Decimal("19.98"), "mug": Decimal("9.99")}
    give_back(bought, LATER + timedelta(hours=1), "66.70")
    assert refunded() == {"beans": Decimal("60.00"), "mug": Decimal("30.00")}


def test_a_refund_that_waited_for_its_purchase_is_laid_over_its_lines_too(shop, ani):
    back = Return(source="test", receipt="r1", number="1", occurred_at=LATER, lines=[ReturnedLine(line=1, quantity=Decimal(3))])  # fmt: skip
    refunds.refund(shop, back, at=LATER, actor="test")
    order(ani, recorded_at=LATER + timedelta(hours=1))
    assert refunded() == {"beans": Decimal("60.00"), "mug": Decimal(0)}


def test_segments_count_the_money_and_the_times_of_goods_that_were_kept(shop, ani, budi):
    first, second = order(ani).purchase, order(budi, receipt="r2").purchase
    coffee = {"categories": ["coffee"]}
    assert who(shop, **coffee, spent_least="60") == [ani.name, budi.name]
    give_back(first, LATER, lines=[ReturnedLine(line=1, quantity=Decimal(1))])
    give_back(second, LATER, lines=[ReturnedLine(line=1, quantity=Decimal(3))])
    assert who(shop, **coffee, spent_least="60") == []
    assert who(shop, **coffee, spent_least="40", spent_most="40") == [ani.name]
    assert who(shop, **coffee, least=1) == [ani.name]
    assert who(shop, categories=["ware"], least=1, spent_least="30") == [ani.name, budi.name]


def test_what_came_back_before_lines_kept_it_is_laid_over_them_by_the_upgrade(shop, ani, budi):
    bought, whole = order(ani).purchase, buy(budi, "50", NOON, receipt="r2").purchase
    give_back(bought, LATER, lines=[ReturnedLine(line=1, quantity=Decimal(1))])
    give_back(bought, LATER + timedelta(hours=1), "7.77")
    give_back(whole, LATER, "10")
    kept = refunded()
    assert sum(kept.values()) > 20
    PurchaseLine.objects.update(refunded=0)
    import_module("members.migrations.0015_refunds_of_the_past_by_line").keep_by_line(apps, None)
    assert refunded() == kept
