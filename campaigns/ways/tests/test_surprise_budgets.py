"""Surprises from a budget: never more than it has left, whatever comes at once, and what is undone is there again."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from campaigns.ways import surprise, surprise_budgets
from campaigns.ways.forms import SurpriseForm
from campaigns.ways.models import SurpriseBudget, SurpriseTaken
from loyalty.desk import roles
from loyalty.jobs.changes import deciding, drafting, kinds
from loyalty.jobs.changes import posting as changes
from loyalty.jobs.models import ChangeRequest
from loyalty.ledger import posting
from loyalty.ledger.models import Wallet
from loyalty.tests.desk import staff_client
from members.enrolment import main_account
from members.testing import make_member, make_program, points_of

NOW = datetime(2026, 3, 6, 5, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
pytestmark = [pytest.mark.django_db]


@pytest.fixture
def people(program):
    return [make_member(program, f"Member{number}") for number in range(6)]


def pot(program, points=None, money=None, name="Spring"):
    return SurpriseBudget.objects.create(program=program, name=name, budget_points=points, budget_money=money)


def draft(program, budget, *, count=4, amount=50, reason="Thank you"):
    asked = {"count": count, "selection": {"all": True}, "amount": amount, "budget": budget.pk}
    return drafting.draft(program, "surprise", parameters=asked, reason=reason, at=NOW, actor="staff:7")


def given(people):
    return sum(points_of(one, at=LATER) for one in people)


@pytest.mark.usefixtures("proven_books")
def test_a_surprise_takes_of_its_budget_in_points_and_money(program, people):
    budget = pot(program, 1000, Decimal(50_000))
    deciding.submit(draft(program, budget), at=NOW, actor="staff:7")
    budget.refresh_from_db()
    assert (given(people), budget.spent_points, budget.spent_money) == (200, 200, Decimal(20_000))
    assert surprise_budgets.left(budget, Wallet.objects.get(program=program)) == 300  # 30,000 of money at 100 a point


@pytest.mark.usefixtures("proven_books")
def test_no_more_are_drawn_than_it_has_left_and_the_preview_says_so(program, people):
    budget = pot(program, 120)
    change = draft(program, budget)
    assert change.lines.count() == 2
    assert "2 of 4 members" in " ".join(change.summary["warnings"])
    deciding.submit(change, at=NOW, actor="staff:7")
    assert given(people) == 100
    with pytest.raises(surprise_budgets.SurpriseBudgetRefused) as refused:
        draft(program, budget)
    assert refused.value.numbers == {"left": 20}
    budget.refresh_from_db()
    assert (budget.spent_points, ChangeRequest.objects.count()) == (100, 1)


@pytest.mark.usefixtures("proven_books")
def test_what_is_posted_later_finds_what_is_left_then(program, people):
    budget = pot(program, 250)
    first, second = draft(program, budget), draft(program, budget, reason="Again")
    deciding.submit(first, at=NOW, actor="staff:7")
    with pytest.raises(deciding.PreviewChanged):
        deciding.submit(second, at=NOW, actor="staff:7")
    assert given(people) == 200
    # One that was approved before the other was posted gives what is left, and says so of the rest.
    ChangeRequest.objects.filter(pk=second.pk).update(status=ChangeRequest.Status.APPROVED, decided_by="staff:8")
    changes.post_due(program, at=NOW)
    budget.refresh_from_db()
    second.refresh_from_db()
    assert (given(people), budget.spent_points) == (250, 250)
    assert (second.posted_count, second.skipped_count) == (1, 3)


@pytest.mark.usefixtures("proven_books")
def test_an_undone_surprise_gives_back_what_was_not_spent_meanwhile_at_the_worth_of_then(program, people):
    budget = pot(program, 200, Decimal(20_000))
    change = draft(program, budget)
    deciding.submit(change, at=NOW, actor="staff:7")
    lucky = next(one for one in people if points_of(one, at=LATER))
    posting.redeem(main_account(lucky).pk, 30, reference="spent", source="test", at=NOW, actor="test")
    Wallet.objects.filter(program=program).update(money_per_unit=Decimal(7))
    undo = drafting.draft_undo(change, reason="By mistake", at=NOW, actor="staff:7")
    deciding.submit(undo, at=NOW, actor="staff:7")
    budget.refresh_from_db()
    assert (given(people), budget.spent_points, budget.spent_money) == (0, 30, Decimal(3_000))
    taken = SurpriseTaken.objects.get(change=change.pk)
    assert (taken.points, taken.points_back, taken.money_back) == (200, 170, Decimal(17_000))


def test_a_closed_budget_or_anothers_gives_nothing(program, people):
    budget, foreign = pot(program, 500), pot(make_program("teh"), 500)
    waiting = draft(program, budget)
    SurpriseBudget.objects.filter(pk=budget.pk).update(is_open=False)
    for wrong in (budget, foreign):
        with pytest.raises(surprise_budgets.SurpriseBudgetRefused):
            draft(program, wrong)
    with pytest.raises(surprise_budgets.SurpriseBudgetRefused):
        deciding.submit(waiting, at=NOW, actor="staff:7")
    assert given(people) == 0


def test_the_table_itself_refuses_to_be_overspent(program):
    budget = pot(program, 100, Decimal(100))
    wrongs = ({"spent_points": 101}, {"spent_money": Decimal("100.01")}, {"spent_points": -1})
    for wrong in (*wrongs, {"budget_points": None, "budget_money": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            SurpriseBudget.objects.filter(pk=budget.pk).update(**wrong)
    with pytest.raises(surprise_budgets.SurpriseBudgetRefused):
        surprise_budgets.take(budget.pk, change=1, points=101, wallet=Wallet.objects.get(program=program), at=NOW)
    assert not SurpriseTaken.objects.exists()


def test_the_form_offers_the_open_budgets_of_the_program(program):
    budget, closed = pot(program, 100), pot(program, 100, name="Closed")
    SurpriseBudget.objects.filter(pk=closed.pk).update(is_open=False)
    asked = {"count": "2", "amount": "5", "reason": "Thanks", "budget": str(budget.pk)}
    form = SurpriseForm(asked, program=program, at=NOW)
    assert form.is_valid(), form.errors
    assert form.parameters()["budget"] == budget.pk
    assert not SurpriseForm(asked | {"budget": str(closed.pk)}, program=program, at=NOW).is_valid()
    plain = SurpriseForm(asked | {"budget": ""}, program=program, at=NOW)
    assert plain.is_valid()
    assert "budget" not in plain.parameters()


def test_a_budget_is_made_and_edited_at_the_desk_but_never_below_what_is_given(program, people):
    client = staff_client(roles.PROGRAM_MANAGER)
    add = reverse("admin:ways_surprisebudget_add")
    told = {"program": program.pk, "name": "Spring", "is_open": "on", "budget_points": "", "budget_money": ""}
    assert "in points, in money, or both" in client.post(add, told).content.decode()
    assert client.post(add, told | {"budget_points": "300"}).status_code == 302
    budget = SurpriseBudget.objects.get()
    change = drafting.draft(
        program, "surprise", reason="Thanks", at=timezone.now(), actor="staff:7",
        parameters={"count": 2, "selection": {"all": True}, "amount": 50, "budget": budget.pk},
    )  # fmt: skip
    deciding.submit(change, at=timezone.now(), actor="staff:7")
    page = reverse("admin:ways_surprisebudget_change", args=[budget.pk])
    shown = client.get(page).content.decode()
    assert f"#{change.pk}" in shown
    assert "100 points" in client.get(reverse("admin:ways_surprisebudget_changelist")).content.decode()
    seen = shown.split('name="_seen" value="')[1].split('"')[0]
    refused = client.post(page, told | {"budget_points": "99", "_seen": seen}).content.decode()
    assert "A budget cannot be less." in refused
    assert staff_client(roles.SUPPORT_AGENT).get(add).status_code == 403


def test_a_budget_of_cents_is_used_up_exactly_and_given_back_in_parts(program):
    """1.1 + 2.2 is more than 3.3 and 0.3 - 0.1 - 0.2 is less than nothing where numbers are binary."""
    wallet = Wallet.objects.get(program=program)
    wallet.money_per_unit = Decimal("0.10")
    budget = pot(program, money=Decimal("3.30"))
    for change, points in ((1, 11), (2, 22)):
        surprise_budgets.take(budget.pk, change=change, points=points, wallet=wallet, at=NOW)
    budget.refresh_from_db()
    assert (budget.spent_money, surprise_budgets.left(budget, wallet)) == (Decimal("3.30"), 0)
    with pytest.raises(surprise_budgets.SurpriseBudgetRefused):
        surprise_budgets.take(budget.pk, change=2, points=1, wallet=wallet, at=NOW)
    for points in (1, 2, 3, 5):
        surprise_budgets.give_back(1, points)
    for points in (7, 14, 1, 99):
        surprise_budgets.give_back(2, points)
    budget.refresh_from_db()
    assert (budget.spent_points, budget.spent_money) == (0, Decimal(0))
    for points in (1, 2, 7):
        surprise_budgets.take(budget.pk, change=3, points=points, wallet=wallet, at=NOW)
    for points in (1, 2, 7):
        surprise_budgets.give_back(3, points)
    assert all(one.money == one.money_back > 0 for one in SurpriseTaken.objects.all())
    budget.refresh_from_db()
    assert (budget.spent_points, budget.spent_money) == (0, Decimal(0))


@pytest.mark.usefixtures("proven_books")
def test_a_budget_that_runs_short_goes_to_those_drawn_first_not_to_the_oldest_accounts(program, people):
    for reason in ("Thank you", "Again", "Once more"):
        budget = pot(program, 250, name=reason)
        change = draft(program, budget, reason=reason)
        drawn = list(change.lines.order_by("number").values_list("key", flat=True))
        asked = kinds.asked(change)
        assert drawn == sorted(drawn, key=lambda key: surprise._lot(asked, int(key)))
        SurpriseBudget.objects.filter(pk=budget.pk).update(spent_points=150)
        ChangeRequest.objects.filter(pk=change.pk).update(status=ChangeRequest.Status.APPROVED, decided_by="staff:8")
        changes.post_due(program, at=NOW)
        posted = change.lines.filter(outcome="posted").order_by("number").values_list("key", flat=True)
        assert list(posted) == drawn[:2]
