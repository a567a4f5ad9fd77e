"""Where parts of a point are rounded is a setting of the program, made in the desk (DOMAIN 3.3)."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.urls import reverse

from campaigns.earning import recompute
from campaigns.tests.shop import add_rule, buy, give_back, open_shop
from loyalty.desk import roles
from loyalty.ledger.models import Entry, Program
from loyalty.tests.desk import staff_client
from members.models import PurchaseLine
from members.returns import ReturnedLine
from members.sales import SaleLine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
NOW = datetime(2026, 3, 6, 5, tzinfo=UTC)
LINES = [SaleLine(amount=Decimal(amount)) for amount in ("1.60", "1.60", "1.60")]


def round_per(program, rounded_per):
    """As the desk saves it."""
    Program.objects.filter(pk=program.pk).update(rounded_per=rounded_per)


@pytest.mark.parametrize(
    ("rounded_per", "points", "shares"), [("order", 7, [3, 2, 2]), ("rule", 6, [2, 2, 2]), ("line", 6, [2, 2, 2])]
)
def test_points_are_rounded_as_the_program_says(program, ani, rounded_per, points, shares):
    open_shop(program)
    add_rule(program, "more", {"award": {"kind": "multiplier", "factor": "1.5"}})
    round_per(program, rounded_per)
    ani.refresh_from_db()
    bought = buy(ani, "4.80", NOW, lines=LINES)
    assert bought.points == points
    assert recompute(bought.entry.explanation)[0] == points
    assert list(PurchaseLine.objects.order_by("number").values_list("points", flat=True)) == shares


def test_what_was_rounded_by_line_is_taken_back_by_line_whatever_the_program_says_now(program, ani):
    open_shop(program)
    round_per(program, "line")
    ani.refresh_from_db()
    bought = buy(ani, "4.80", NOW, lines=LINES)
    assert bought.points == 3
    round_per(program, "order")
    bought.purchase.refresh_from_db()
    back = give_back(bought.purchase, NOW, lines=[ReturnedLine(line=1, amount=Decimal("1.60"))])
    assert (back.refund.points, Entry.objects.count()) == (1, 2)


def test_a_program_manager_chooses_it_in_the_desk(program):
    desk = staff_client(roles.PROGRAM_MANAGER)
    page = desk.get(reverse("admin:ledger_program_change", args=[program.pk])).content.decode()
    assert 'name="rounded_per"' in page
    assert "for each line of the purchase by itself" in page
