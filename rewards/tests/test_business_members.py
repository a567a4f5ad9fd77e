"""A journey of a business member: staff name the company, the standard segment holds it, and its discount is taken at the till."""

from datetime import timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from loyalty.tests.test_desk_work import form_of
from members.models import Member
from members.segments import membership, standard
from members.segments.models import ScoringPolicy, Segment
from members.testing import give_points, make_member
from members.tests.portal import signed_in, words
from rewards.models import Redemption, Reward
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]


@pytest.fixture
def business(program):
    standard.prepare(program, at=timezone.now())
    return Segment.objects.get(program=program, slug="business")


def test_a_marketer_offers_business_members_a_discount_that_grows_and_the_till_takes_it(program, business, ani):
    now = timezone.now()
    desk, other = staff_client(roles.PROGRAM_MANAGER), make_member(program, "Budi", at=now - timedelta(days=800))
    for member in (ani, other):
        give_points(member, 100, at=now - timedelta(hours=1))
    address = reverse("admin:members_member_change", args=[ani.pk])
    assert desk.post(address, form_of(desk, address) | {"company": "Toko Melati"}).status_code == 302
    assert "Company" in LogEntry.objects.latest("pk").get_change_message()
    membership.refresh(business, at=now)
    reward = make_reward(program, "terms", name="Terms", cost=50)
    address = reverse("admin:rewards_reward_change", args=[reward.pk])
    terms = {"kind": "business", "measure": "tenure", "segment": str(business.pk)}
    assert desk.post(address, form_of(desk, address) | terms).status_code == 302
    steps = {
        "steps-TOTAL_FORMS": "1",
        "steps-0-least": "0",
        "steps-0-percent": "4",
        "steps-0-reward": str(reward.pk),
        "steps-0-id": "",
    }
    assert desk.post(address, form_of(desk, address) | steps).status_code == 302
    assert Reward.objects.get().steps.get().percent == Decimal(4)
    seen = {member.name: "Terms" in words(signed_in(member).get(reverse("portal_rewards"))) for member in (ani, other)}
    assert seen == {"Ani": True, "Budi": False}
    shop = Shop(program)
    wish = {"reward": "terms", "reference": "r1"}
    refused = shop.post(f"/members/{other.number}/redemptions", wish | {"reference": "r2"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_for_member")
    made = shop.post(f"/members/{ani.number}/redemptions", wish).json()
    assert shop.get(f"/vouchers/{made['voucher']['code']}").json()["discount_percent"] == "4.00"
    assert Redemption.objects.get().member == ani


def test_a_shop_names_the_company_when_it_enrols_and_reads_it_again(program, business):
    shop = Shop(program)
    made = shop.post("/members", {"name": "Sri", "email": "sri@example.com", "company": "Kedai Sri"}).json()
    assert made["company"] == "Kedai Sri" and shop.get(f"/members/{made['number']}").json()["company"] == "Kedai Sri"
    assert shop.post("/members", {"name": "X", "company": "x" * 121}).status_code == 422
    membership.refresh(business, at=timezone.now())
    assert Segment.objects.get(pk=business.pk).members_count == Member.objects.exclude(company="").count() == 1


def test_a_program_that_runs_already_gets_the_segment_once_and_keeps_its_own_of_that_name(program, business):
    add = import_module("members.segments.migrations.0002_business_members").add_segment
    made = Segment.objects.filter(pk=business.pk).values("name", "name_id", "name_ms", "note", "definition", "is_standard", "created_by").get()  # fmt: skip
    Segment.objects.filter(pk=business.pk).update(name="Ours")
    add(apps, None)
    assert Segment.objects.get(program=program, slug="business").name == "Ours"
    business.delete()
    add(apps, None)
    assert Segment.objects.filter(program=program, slug="business").values(*made).get() == made
    Segment.objects.all().delete()
    ScoringPolicy.objects.all().delete()
    add(apps, None)
    assert not Segment.objects.exists()


def test_the_list_of_members_is_searched_by_company_and_shows_it(program, ani):
    Member.objects.filter(pk=ani.pk).update(company="Studio Cahaya")
    make_member(program, "Budi")
    desk, address = staff_client(roles.SUPPORT_AGENT), reverse("admin:members_member_changelist")
    page = desk.get(address, {"q": "studio C"})
    assert [member.name for member in page.context["cl"].result_list] == ["Ani"]
    assert f"{ani.shown_number} · Studio Cahaya" in page.content.decode()
