"""Paying with points on pages: the till's, the desk's and the member's, as people see them."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.ledger.models import Wallet
from loyalty.tests.desk import staff_client
from members.testing import give_points, make_member, points_of
from members.tests.portal import signed_in, words
from rewards import paying
from rewards.models import PointsPayment, PointsTerms

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
TILL = "/admin/rewards/pointspayment/till/"


@pytest.fixture
def ani(program, ani):
    PointsTerms.objects.create(wallet=program.wallets.get(is_main=True), value=Decimal(100), minimum=10, step=10)
    give_points(ani, 255, at=timezone.now() - timedelta(hours=1))
    return ani


def wish_of(page):
    return dict(re.findall(r'<input type="hidden" name="(code|basket|wallet|reference)" value="([^"]*)"', page))


def pay(member, points=100, reference="p1"):
    return paying.hold(member, points, basket=Decimal(30_000), at=timezone.now(), reference=reference, actor="t")


def test_a_journey_at_the_till(ani):
    client = staff_client(roles.SUPPORT_AGENT)
    assert "Which bill?" in words(client.get(TILL))
    page = client.post(TILL, {"code": ani.number, "basket": "30000"})
    assert "Up to 250 points, worth Rp25,000" in words(page)
    wish = wish_of(page.content.decode()) | {"act": "hold", "points": "200"}
    to = client.post(TILL, wish)
    assert client.post(TILL, wish)["Location"] == to["Location"]  # a double click
    assert PointsPayment.objects.count() == 1
    begun = client.get(to["Location"])
    assert "200 points pay Rp20,000" in words(begun)
    assert "The customer pays the rest: Rp10,000" in words(begun)
    reference = PointsPayment.objects.get().reference
    client.post(TILL, {"act": "capture", "payment": reference, "receipt": "R1", "source": "till"})
    assert "Taken for receipt R1." in words(client.get(to["Location"]))
    assert points_of(ani, at=timezone.now()) == 55


def test_the_till_releases_and_tells_what_is_over(ani):
    client, made = staff_client(roles.SUPPORT_AGENT), pay(ani)
    page = client.post(TILL, {"act": "release", "payment": made.reference}, follow=True)
    assert "Released: the member has these points again." in words(page)
    assert LogEntry.objects.get(object_id=made.pk).user.username == page.wsgi_request.user.username
    assert "There is no payment with this reference." in words(client.get(f"{TILL}?payment=%00"))
    refused = client.post(TILL, {"act": "capture", "payment": made.reference, "receipt": "R1", "source": "till"})
    assert "This hold is over" in words(refused)
    assert points_of(ani, at=timezone.now()) == 255


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"code": "123", "basket": "30000"}, "This is no member number."),
        ({"code": "405512345678", "basket": "-1"}, "greater than or equal to 0"),
        ({"code": "", "basket": ""}, "This field is required."),
        ({"act": "hold", "points": "ten"}, "Say how many points, as a whole number."),
        ({"act": "capture", "payment": "<b>no</b>"}, "There is no payment with this reference."),
        ({"act": "release", "payment": "p\0"}, "There is no payment with this reference."),
        ({"act": "release", "payment": ""}, "There is no payment with this reference."),
    ],
)
def test_the_till_says_what_is_wrong(ani, typed, said):
    page = staff_client(roles.SUPPORT_AGENT).post(TILL, typed)
    assert (page.status_code, said in words(page)) == (200, True)


def test_the_till_offers_the_wallets_that_pay_and_nothing_without_terms(program, ani):
    purse = Wallet.objects.create(program=program, slug="credit", unit="cent", units="cents", decimals=2)
    PointsTerms.objects.create(wallet=purse, value=Decimal(1))
    client, rich = staff_client(roles.PROGRAM_MANAGER), make_member(program, "Rich")
    assert "Pay from" in words(client.get(TILL))
    page = client.post(TILL, {"code": rich.number, "basket": "30000", "wallet": "credit"})
    assert "Missing: 0.01 cents" in words(page)
    PointsTerms.objects.update(is_active=False)
    page = words(client.get(TILL))
    assert "Points do not pay at the till yet." in page and "Say on which terms" in page


def test_who_may_only_look_pays_nothing(ani):
    made = pay(ani)
    client = staff_client(roles.FINANCE)
    assert client.get(f"{TILL}?payment=p1").status_code == 200
    assert client.post(TILL, {"act": "release", "payment": made.reference}).status_code == 403
    assert staff_client(roles.OPS).get(TILL).status_code == 403
    assert points_of(ani, at=timezone.now()) == 155


def test_staff_give_back_a_part_on_the_page_of_the_payment(ani):
    made = paying.capture(pay(ani), at=timezone.now(), source="till", receipt="R1", actor="t")
    client, page = staff_client(roles.SUPPORT_AGENT), reverse("admin:rewards_pointspayment_change", args=[made.pk])
    give = f"{page.removesuffix('change/')}give_back/"
    give = re.search(r'href="([^"]*give-back[^"]*|[^"]*give_back[^"]*)"', client.get(page).content.decode())[1]
    told = {"number": "B1", "amount": "4000", "reason": "broken"}
    assert "Given back: 40 points." in words(client.post(give, told, follow=True))
    assert "Given back: 40 points." in words(client.post(give, told, follow=True))
    assert "Give back that much at most" in words(
        client.post(give, told | {"number": "B2", "amount": "6001"}, follow=True)
    )
    assert points_of(ani, at=timezone.now()) == 195
    listed = words(client.get(reverse("admin:rewards_pointspayment_changelist") + f"?q={ani.number}"))
    assert "given back in part" in listed


def test_terms_are_set_at_the_desk_and_wrong_ones_are_refused_in_words(program):
    client, add = staff_client(roles.PROGRAM_MANAGER), reverse("admin:rewards_pointsterms_add")
    told = {"wallet": program.wallets.get().pk, "value": "50", "minimum": "20", "step": "5", "maximum": "", "share": "50", "hold_minutes": "15", "is_active": "on"}  # fmt: skip
    for wrong, said in (({"maximum": "10"}, "less than the fewest"), ({"share": "0"}, "Between 0.01 and 100"), ({"value": "0"}, "above 0"), ({"hold_minutes": "0"}, "Between 1 minute"), ({"step": "0"}, "greater than or equal to 1")):  # fmt: skip
        assert said in words(client.post(add, told | wrong))
    assert client.post(add, told).status_code == 302
    assert str(PointsTerms.objects.get().wallet) in words(client.get(reverse("admin:rewards_pointsterms_changelist")))


def test_members_see_what_their_points_pay_and_what_they_paid(ani):
    made = paying.capture(pay(ani), at=timezone.now(), source="till", receipt="R1", actor="t")
    paying.give_back(made, Decimal(5000), number="1", at=timezone.now(), actor="t")
    pay(ani, 20, "p2")
    client = signed_in(ani)
    page = words(client.get("/pay/"))
    for said in ("Your 185 points pay up to Rp18,000", "10 points pay", "In steps of", "Receipt R1", "50 points given back", "Set aside until"):  # fmt: skip
        assert said in page, said
    history = words(client.get("/history/"))
    assert "Paid with points: receipt R1" in history and "Points back: receipt R1" in history
    assert "Pay with points" in words(client.get("/points/"))


def test_a_member_without_enough_points_or_terms_is_told(program, ani, budi):
    assert "10 poin" in words(signed_in(budi).get("/pay/"))
    PointsTerms.objects.all().delete()
    assert "Points do not pay at the till here." in words(signed_in(ani).get("/pay/"))


def test_the_page_of_payments_asks_as_much_for_one_as_for_many(ani, django_assert_max_num_queries):
    client = signed_in(ani)
    pay(ani, 10, "p0")
    client.get("/pay/")
    with django_assert_max_num_queries(12) as few:
        client.get("/pay/")
    for number in range(1, 8):
        pay(ani, 10, f"p{number}")
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get("/pay/")
