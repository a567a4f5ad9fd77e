"""What is left of a budget of surprises, taken as they are posted, given back when they are undone (DOMAIN 3.4).

The members' accounts are locked before; the row of the budget is locked after them (RELIABILITY R-8), so what was read as left is
still left when it is taken. Constraints of the table stand behind it. What is given back has the worth it was taken at. Money is added in
Python, where it is exact on every engine, and written only while the points are those that were read.
"""

from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.ways.models import SurpriseBudget, SurpriseTaken
from loyalty.common.errors import Refusal
from loyalty.common.money import show_points
from loyalty.ledger.models import Program, Wallet

MILLIONTH = Decimal("0.000001")
NO_LIMIT = 10**15


class SurpriseBudgetRefused(Refusal):
    """A budget that is not there, is closed, or does not suffice for a single surprise."""

    code = "surprise_budget_refused"
    status = 422


def find(program: Program, pk: int, *, locked: bool = False) -> SurpriseBudget:
    """An open budget of a program. Raises SurpriseBudgetRefused."""
    rows = SurpriseBudget.objects.filter(program=program, pk=pk)
    found = (rows.select_for_update() if locked else rows).first()
    if found is None or not found.is_open:
        raise SurpriseBudgetRefused(_("This budget is closed. Choose another one, or open it again."))
    return found


def left(budget: SurpriseBudget, wallet: Wallet) -> int:
    """How many points may still be given from it, in the wallet's smallest unit: the tighter of points and money."""
    lefts = [] if budget.budget_points is None else [budget.budget_points - budget.spent_points]
    if budget.budget_money is not None and wallet.money_per_unit:
        lefts.append(int((budget.budget_money - budget.spent_money) // unit_of(wallet)))
    return max(0, min(lefts, default=NO_LIMIT))


def unit_of(wallet: Wallet) -> Decimal:
    """What the wallet's smallest unit is worth."""
    return wallet.money_per_unit.scaleb(-wallet.decimals)


def refusal(budget: SurpriseBudget, rest: int, each: int, wallet: Wallet) -> SurpriseBudgetRefused:
    """Why not even one surprise fits."""
    return SurpriseBudgetRefused(
        _("“%(budget)s” has %(left)s points left, and one surprise takes %(each)s. Raise the budget, or give less.")
        % {
            "budget": budget.name,
            "left": show_points(rest, wallet.decimals),
            "each": show_points(each, wallet.decimals),
        },
        left=rest,
    )


def take(pk: int, *, change: int, points: int, wallet: Wallet, at: datetime) -> None:
    """Take points for some lines of a change; the caller holds the row's lock. Raises SurpriseBudgetRefused when they do not fit."""
    worth = (points * unit_of(wallet)).quantize(MILLIONTH, ROUND_HALF_UP)
    budget = SurpriseBudget.objects.select_for_update().filter(pk=pk, is_open=True).first()
    if budget is None or not (_fits(budget, points, worth) and _spend(budget, points, worth)):
        raise SurpriseBudgetRefused(_("The budget does not suffice any more. Nothing was given."))
    taken, is_new = SurpriseTaken.objects.select_for_update().get_or_create(
        change=change, defaults={"budget_id": pk, "taken_at": at, "points": points, "money": worth}
    )
    if not is_new:
        SurpriseTaken.objects.filter(pk=taken.pk).update(points=taken.points + points, money=taken.money + worth)


@transaction.atomic
def give_back(change: int, points: int) -> None:
    """Points of a change were taken back from the members: its budget has them again, never more than it gave."""
    pk = SurpriseTaken.objects.filter(change=change).values_list("budget", flat=True).first()
    if pk is None:
        return
    budget = SurpriseBudget.objects.select_for_update().get(pk=pk)
    taken = SurpriseTaken.objects.select_for_update().get(change=change)
    points = min(points, taken.points - taken.points_back)
    is_all = points == taken.points - taken.points_back
    each = taken.money / taken.points if taken.points else Decimal(0)
    worth = taken.money - taken.money_back if is_all else (each * points).quantize(MILLIONTH, ROUND_DOWN)
    if not _spend(budget, -points, -worth):
        raise SurpriseBudgetRefused(_("The budget changed meanwhile. Nothing was taken back."))
    SurpriseTaken.objects.filter(pk=taken.pk).update(
        points_back=taken.points_back + points, money_back=taken.money_back + worth
    )


def _fits(budget: SurpriseBudget, points: int, worth: Decimal) -> bool:
    """Whether a budget suffices, in points and in money."""
    has_points = budget.budget_points is None or budget.spent_points + points <= budget.budget_points
    return has_points and (budget.budget_money is None or budget.spent_money + worth <= budget.budget_money)


def _spend(budget: SurpriseBudget, points: int, worth: Decimal) -> bool:
    """Add to what was given from a budget; False when somebody else did since it was read. Money never moves without points."""
    same = SurpriseBudget.objects.filter(pk=budget.pk, spent_points=budget.spent_points)
    return bool(same.update(spent_points=budget.spent_points + points, spent_money=budget.spent_money + worth))
