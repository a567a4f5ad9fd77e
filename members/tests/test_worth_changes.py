"""What one point is worth is changed through a preview of the liability, exactly as shown or not at all (DOMAIN 8.4, 12.4)."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.tests.shop import buy, open_shop
from loyalty.desk import roles
from loyalty.jobs.changes import deciding, drafting
from loyalty.jobs.changes.drafting import NothingToDo
from loyalty.jobs.models import ChangeRequest
from loyalty.ledger import statements
from loyalty.ledger.models import Wallet
from loyalty.ledger.worth_change import NoNewWorth
from loyalty.tests.desk import staff_client
from members.testing import OPENING
from members.tests.changes import NOW, ask, hired, limited, undo

Status = ChangeRequest.Status
NEXT = NOW + timedelta(days=1)


@pytest.fixture
def shop(program, proven_books):
    return open_shop(program)


@pytest.fixture
def rina():
    return hired("Rina")


def worth_of(program):
    return Wallet.objects.get(program=program, is_main=True).money_per_unit


def change(program, worth, *, by, at=NOW):
    slug = program.wallets.get(is_main=True).slug
    return ask(program, "worth", by=by, at=at, worths={slug: worth})


def test_the_preview_tells_the_liability_now_and_then_and_posting_sets_the_worth(shop, ani, budi, rina):
    buy(ani, "1500", OPENING + timedelta(days=1))
    buy(budi, "900", OPENING + timedelta(days=1))
    slug = shop.wallets.get(is_main=True).slug
    drafted = drafting.draft(shop, "worth", parameters={"worths": {slug: "120"}}, reason="New year", at=NOW, actor=rina)
    assert drafted.summary["warnings"] == [
        "2 members hold 2,400 points.",
        "Liability now: Rp240,000. With the new worth: Rp288,000.",
        "That is Rp48,000 more.",
    ]
    assert worth_of(shop) == 100
    deciding.submit(drafted, at=NEXT, actor=rina)
    assert drafted.status == Status.DONE
    assert worth_of(shop) == 120
    assert statements.liability(shop.wallets.get(is_main=True), at=NEXT) == Decimal("288000.00")


def test_points_and_members_above_a_limit_wait_for_a_second_person(shop, ani, budi, rina):
    buy(ani, "300", OPENING + timedelta(days=1))
    buy(budi, "300", OPENING + timedelta(days=1))
    allowed = limited(shop, bulk_members=2, bulk_points=600)
    assert change(shop, "90", by=rina).status == Status.DONE
    allowed.bulk_members = 1
    allowed.save()
    asked = change(shop, "80", by=rina)
    assert (asked.status, worth_of(shop)) == (Status.WAITING, 90)
    assert "It has 2 lines; one person alone may change 1." in asked.summary["limits"]
    allowed.bulk_members, allowed.bulk_points = 2, 599
    allowed.save()
    assert change(shop, "70", by=rina).status == Status.WAITING
    deciding.approve(asked, at=NEXT, actor=hired("Dewi"))
    assert worth_of(shop) == 80


def test_another_change_between_preview_and_approval_kills_it(shop, ani, rina):
    buy(ani, "300", OPENING + timedelta(days=1))
    limited(shop, bulk_points=100)
    first, second, dewi = change(shop, "80", by=rina), change(shop, "90", by=rina), hired("Dewi")
    deciding.approve(first, at=NEXT, actor=dewi)
    assert deciding.approve(second, at=NEXT, actor=dewi).status == Status.STALE
    assert worth_of(shop) == 80


def test_a_purchase_meanwhile_disturbs_nothing(shop, ani, rina):
    limited(shop, bulk_members=0)
    buy(ani, "300", OPENING + timedelta(days=1))
    asked = change(shop, "80", by=rina)
    buy(ani, "100", NOW + timedelta(hours=1))
    assert deciding.approve(asked, at=NEXT, actor=hired("Dewi")).status == Status.DONE


def test_an_undo_puts_the_former_worth_back_unless_it_was_changed_again(shop, ani, rina):
    buy(ani, "300", OPENING + timedelta(days=1))
    first = change(shop, "80", by=rina)
    second = change(shop, "90", by=rina, at=NEXT)
    with pytest.raises(NothingToDo, match="It was changed again since"):
        undo(first, by=rina, at=NEXT)
    assert undo(second, by=rina, at=NEXT).status == Status.DONE
    assert worth_of(shop) == 80
    assert undo(first, by=rina, at=NEXT).status == Status.DONE
    assert worth_of(shop) == 100


def test_the_worth_that_is_in_force_is_no_change(shop, rina):
    with pytest.raises(NoNewWorth):
        change(shop, "100", by=rina)
    assert not ChangeRequest.objects.exists()


def test_the_preview_asks_as_much_for_many_members_as_for_one(shop, ani, budi, siti, rina):
    slug = shop.wallets.get(is_main=True).slug
    told = {"parameters": {"worths": {slug: "80"}}, "reason": "x", "at": NOW, "actor": rina}
    buy(ani, "300", OPENING + timedelta(days=1))
    with CaptureQueriesContext(connection) as one:
        drafting.draft(shop, "worth", **told)
    buy(budi, "300", OPENING + timedelta(days=1))
    buy(siti, "300", OPENING + timedelta(days=1))
    with CaptureQueriesContext(connection) as three:
        drafting.draft(shop, "worth", **told)
    assert len(three) == len(one)


def test_the_page_of_a_wallet_sets_no_worth_but_leads_to_the_change(shop, ani):
    wallet = shop.wallets.get(is_main=True)
    client, page = staff_client(roles.PROGRAM_MANAGER), reverse("admin:ledger_wallet_change", args=[wallet.pk])
    form = client.get(page).context["adminform"].form
    assert "money_per_unit" not in form.fields
    values = {"_seen": form.seen} | {name: form[name].value() for name in form.fields if form[name].value() is not None}
    client.post(page, values | {"money_per_unit": "7"})
    assert worth_of(shop) == 100
    asked = reverse("admin:jobs_change_new", args=["worth"])
    assert asked in client.get(page).content.decode()
    shown = client.post(asked, {f"worth_{wallet.slug}": "100.5", "reason": "New year"}, follow=True).content.decode()
    assert "from 100 IDR to 100.5 IDR" in shown
    assert ChangeRequest.objects.get().status == Status.DRAFT
    wrong = client.post(asked, {f"worth_{wallet.slug}": "-1", "reason": "New year"})
    assert wrong.context["form"].errors[f"worth_{wallet.slug}"]


def test_a_wallet_that_has_another_short_name_since_is_left_out_of_the_undo(shop, rina):
    first = change(shop, "80", by=rina)
    Wallet.objects.filter(program=shop, is_main=True).update(slug="renamed")
    with pytest.raises(NothingToDo, match="It was changed again since"):
        undo(first, by=rina, at=NEXT)
