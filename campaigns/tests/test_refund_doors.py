"""Refunds at the doors: the API, the desk, the portal and the letter."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.purchases import SaleLine
from campaigns.tests.shop import buy, give_back, open_shop
from loyalty.desk import roles
from loyalty.ledger.models import Entry
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from loyalty.pos.testing import Shop, code_of
from loyalty.tests.desk import staff_client
from members.models import Refund
from members.testing import make_program, points_of
from members.tests.portal import signed_in

pytestmark = pytest.mark.usefixtures("proven_books")


@pytest.fixture
def shop(program):
    return open_shop(program)


@pytest.fixture
def bought(shop, ani):
    lines = [
        SaleLine(amount=Decimal(60), quantity=Decimal(3), product="tea"),
        SaleLine(amount=Decimal(40), product="pot"),
    ]
    return buy(ani, "100", timezone.now() - timedelta(days=2), receipt="r1", lines=lines).purchase


def body(**more):
    told = {"source": "test", "receipt": "r1", "number": "b1", "occurred_at": timezone.now().isoformat()}
    return told | ({} if "lines" in more else {"amount": "25.00"}) | more


def test_a_till_reports_returned_goods_and_reads_them_again(shop, bought, ani):
    till = Shop(shop)
    sent = body()
    made = till.post("/refunds", sent)
    told = made.json()
    assert (made.status_code, told["status"], told["points"], told["amount"], told["is_repeat"]) == (
        201,
        "applied",
        25,
        "25.00",
        False,
    )
    assert (told["member"], told["balances"][0]["available"]) == (ani.number, 75)
    again = till.post("/refunds", sent)
    assert (again.status_code, again.json()["is_repeat"], again.json()["points"]) == (200, True, 25)
    read = till.get("/refunds", source="test", receipt="r1").json()["refunds"]
    assert [(one["number"], one["points"]) for one in read] == [("b1", 25)]
    assert till.get("/refunds", source="test", receipt="none").json() == {"refunds": []}
    assert points_of(ani, at=timezone.now()) == 75


def test_lines_come_back_over_the_api(shop, bought):
    made = (
        Shop(shop).post("/refunds", body(lines=[{"line": 1, "quantity": "1"}, {"line": 2, "amount": "10.00"}])).json()
    )
    assert (made["amount"], made["points"]) == ("30.00", 30)


@pytest.mark.parametrize(
    ("status", "code", "more"),
    [
        (409, "more_than_bought", {"amount": "100.01"}),
        (422, "line_unknown", {"lines": [{"line": 9, "amount": "1.00"}]}),
        (422, "refund_refused", {"lines": [{"line": 1}]}),
        (422, "validation_error", {"amount": 25}),
        (422, "validation_error", {"unknown": "x"}),
    ],
)
def test_what_cannot_be_right_is_a_problem_in_words(shop, bought, ani, status, code, more):
    answer = Shop(shop).post("/refunds", body(**more))
    assert (
        (answer.status_code, code_of(answer)) == (status, code)
        if code != "validation_error"
        else answer.status_code == status
    )
    assert (Refund.objects.count(), points_of(ani, at=timezone.now())) == (0, 100)


def test_a_refund_without_its_purchase_waits_and_the_desk_lists_it(shop):
    made = Shop(shop).post("/refunds", body(receipt="later")).json()
    assert (made["status"], made["member"], made["balances"], made["tier"]) == ("waiting", None, [], None)
    page = staff_client(roles.SUPPORT_AGENT).get(
        reverse("admin:members_refund_changelist"), {"q": "later", "status__exact": "waiting"}
    )
    assert "waits for its purchase" in page.content.decode()
    record = staff_client(roles.AUDITOR).get(reverse("admin:members_refund_change", args=[Refund.objects.get().pk]))
    assert "Its purchase is not known yet" in record.content.decode()


def test_another_program_neither_reads_nor_refunds_the_order(bought, ani):
    foreign = Shop(make_program("teh"))
    assert foreign.get("/refunds", source="test", receipt="r1").json() == {"refunds": []}
    assert foreign.post("/refunds", body()).json()["status"] == "waiting"
    assert points_of(ani, at=timezone.now()) == 100


def test_a_key_needs_the_scope(shop, bought):
    assert code_of(Shop(shop, scopes=["purchases:write"]).post("/refunds", body())) == "scope_missing"
    assert code_of(Shop(shop, scopes=["refunds:write"]).get("/refunds", source="test", receipt="r1")) == "scope_missing"


def test_an_exchange_in_one_call(shop, bought, ani):
    purchase = {
        "member": ani.number, "source": "test", "receipt": "r2", "occurred_at": timezone.now().isoformat(), "currency": "IDR", "total": "80.00",
    }  # fmt: skip
    sent = {"refund": body(amount="100.00"), "purchase": purchase}
    made = Shop(shop).post("/exchanges", sent)
    assert (made.status_code, made.json()["refund"]["points"], made.json()["purchase"]["points"]) == (201, 100, 80)
    assert Shop(shop).post("/exchanges", sent).status_code == 200
    assert points_of(ani, at=timezone.now()) == 80


def test_staff_see_what_is_taken_back_before_they_confirm(shop, bought, ani):
    client = staff_client(roles.SUPPORT_AGENT)
    page = reverse("admin:members_purchase_change", args=[bought.pk])
    assert "Goods come back" in client.get(page).content.decode()
    take = reverse("admin:members_refund_of", args=[bought.pk])
    assert "Pieces of tea" in client.get(take).content.decode()
    asked = {"number": "desk-1", "reason": "broken", "line_1": "2", "amount": ""}
    seen = client.post(take, asked).content.decode()
    assert "40 points are taken back" in seen
    assert Refund.objects.count() == 0
    done = client.post(take, asked | {"confirmed": "1"})
    assert (done.status_code, done["Location"], points_of(ani, at=timezone.now())) == (302, page, 60)
    shown = client.get(page).content.decode()
    assert "desk-1" in shown
    assert "Points taken back" in shown
    again = client.post(take, asked | {"number": "desk-2", "line_1": "2"})
    assert "less than or equal to 1" in again.content.decode()


def test_who_may_not_take_goods_back_finds_neither_link_nor_page(shop, bought):
    client = staff_client(roles.MARKETING_ASSISTANT)
    assert (
        "Goods come back" not in client.get(reverse("admin:members_purchase_change", args=[bought.pk])).content.decode()
    )
    assert client.get(reverse("admin:members_refund_of", args=[bought.pk])).status_code == 403


def test_the_member_reads_it_in_the_history_and_in_the_letter(shop, bought, ani):
    give_back(bought, timezone.now(), "25")
    page = signed_in(ani).get(reverse("portal_history")).content.decode()
    assert "Purchase r1 returned, points taken back" in page
    assert "Of its 100 points the kept goods would have earned 75." in page
    subject, text, html = render(Message.objects.get(kind="refunded"))
    assert subject == "Returned goods: 25 points taken back"
    for said in ("purchase r1", "25 points", "75 points", "1 point per"):
        assert said in text
        assert said in html
    assert Entry.objects.filter(kind="claw_back").count() == 1
