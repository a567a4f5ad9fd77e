"""Every page of the desk opens for those who may, on an empty installation and on a living one."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from campaigns import publishing, purchases
from campaigns.models import Campaign, Rule
from loyalty.desk import roles
from loyalty.jobs import running
from loyalty.ledger.models import Program
from loyalty.mail import outbox
from loyalty.pos import keys
from loyalty.pos.models import Store, Till
from loyalty.tests.desk import staff_client
from members.activity import Sale
from members.testing import give_points
from rewards import redemption
from rewards.models import Reward

NOW = timezone.now
MODELS = sorted(model._meta.label_lower for model in admin.site._registry)


def living(program: Program, *members) -> None:
    """Some of everything: a rule, a campaign, purchases, a reward redeemed, letters, a run, a store, a key."""
    at = NOW()
    rule = Rule.objects.create(program=program, slug="base", name="Base")
    rate = {"award": {"kind": "rate", "points": "1", "per": "1000"}, "conditions": {"activity": "purchase"}}
    publishing.publish_change(rule, rate, since=at - timedelta(days=400), at=at, actor="test")
    campaign = Campaign.objects.create(
        program=program,
        slug="double",
        name="Double",
        since=at - timedelta(days=2),
        until=at + timedelta(days=5),
        status="live",
    )
    double = {
        "award": {"kind": "multiplier", "factor": "2", "by_tier": {"gold": "3"}},
        "conditions": {"activity": "purchase"},
    }
    publishing.publish_campaign(campaign, double, at=at, actor="test")
    reward = Reward.objects.create(
        program=program, wallet=program.wallets.get(), slug="tote", name="Tote bag", summary="A bag", cost=50, stock=40
    )
    store = Store.objects.create(program=program, code="ampera", name="Ampera")
    Till.objects.create(store=store, code="t1")
    keys.create(program, name="Web shop", scopes=["members:read"], at=at, actor="test")
    for number, member in enumerate(members):
        sale = Sale(source="web", receipt=f"R{number}", occurred_at=at - timedelta(hours=1), total=Decimal(250_000), currency="IDR", items=2, member_id=member.pk)  # fmt: skip
        purchases.record(program, sale, at=at, actor="test")
        give_points(member, 100, at=at - timedelta(days=40))
        redemption.redeem(member, reward, at=at, reference=f"d{member.pk}", source="test", actor="test")
        outbox.queue(recipient=member.number, address=member.email, language="en", kind="welcome", subject=member.number, context={"name": member.name}, at=at)  # fmt: skip
    running.run("verify_books", program=program, as_of=at, started_by="test")


@pytest.fixture
def lived(program, ani, budi, siti):
    """The program of the cast after a day of life."""
    living(program, ani, budi, siti)
    return program


@pytest.mark.parametrize("label", MODELS)
def test_every_list_and_record_opens_for_the_administrator(lived, label):
    client = staff_client(roles.ADMINISTRATOR)
    model_admin = next(a for m, a in admin.site._registry.items() if m._meta.label_lower == label)
    name = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    shown = client.get(reverse(f"{name}_changelist"))
    assert shown.status_code == 200
    assert client.get(reverse(f"{name}_changelist"), {"q": "ani"}).status_code == 200
    assert client.get(reverse(f"{name}_add")).status_code in (200, 403)
    record = model_admin.get_queryset(shown.wsgi_request).first()
    if record is not None:
        assert client.get(reverse(f"{name}_change", args=[record.pk])).status_code == 200
        assert client.get(reverse(f"{name}_history", args=[record.pk])).status_code == 200


@pytest.mark.parametrize("label", MODELS)
def test_every_list_opens_in_an_empty_installation(db, label):
    client = staff_client(roles.ADMINISTRATOR)
    model_admin = next(a for m, a in admin.site._registry.items() if m._meta.label_lower == label)
    assert (
        client.get(reverse(f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_changelist")).status_code
        == 200
    )


@pytest.mark.parametrize(
    "page",
    [
        "admin:index",
        "admin:jobs_overview",
        "admin:jobs_health",
        "admin:rewards_voucher_check",
        "admin:ledger_finance",
        "admin:ledger_revenue",
        "admin:ledger_proof",
    ],
)
def test_the_own_pages_of_the_desk_open(lived, page):
    assert staff_client(roles.ADMINISTRATOR).get(reverse(page)).status_code == 200


def test_an_empty_installation_is_led_by_its_first_steps(db):
    page = staff_client(roles.ADMINISTRATOR).get(reverse("admin:index"))
    assert "Make the program" in page.content.decode()


def test_the_side_shows_the_groups_most_come_for_and_then_that_of_the_page(lived):
    client = staff_client(roles.ADMINISTRATOR)

    def stand_open(address):
        groups = client.get(reverse(address)).context["sidebar_navigation"]
        return [str(group["title"]) for group in groups if group["is_open"]]

    assert stand_open("admin:index") == ["", "Customers", "Campaigns and earning"]
    assert stand_open("admin:jobs_overview") == ["Operations"]
    few = staff_client(roles.OPS).get(reverse("admin:index")).context["sidebar_navigation"]
    assert all(group["is_open"] for group in few)


@pytest.mark.parametrize("role", list(roles.TITLES))
def test_every_role_sees_the_first_page_and_only_its_own_links(lived, role):
    client = staff_client(role)
    page = client.get(reverse("admin:index"))
    assert page.status_code == 200
    for group in page.context["sidebar_navigation"]:
        for item in group["items"]:
            assert client.get(item["link"]).status_code == 200, item["link"]
