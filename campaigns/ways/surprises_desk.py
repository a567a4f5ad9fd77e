"""Budgets of surprises at the desk: how much is left, and which surprises took of it."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from campaigns.ways.models import SurpriseBudget
from campaigns.ways.scoped_desk import OfProgram
from loyalty.backoffice import DeskAdmin
from loyalty.common.money import show_money, show_points
from loyalty.desk.panels import Panel, Stat, day, link
from loyalty.desk.stamps import StampedForm
from loyalty.ledger.models import Wallet

MOST_SHOWN = 20


class BudgetForm(StampedForm):
    """A budget: at least one limit, and never less than is given."""

    class Meta:
        model = SurpriseBudget
        fields = ("program", "name", "is_open", "budget_points", "budget_money")

    def clean(self) -> dict[str, Any]:
        """At least one limit, each at or above what is given."""
        told: dict[str, Any] = super().clean() or {}
        limits = {name: told.get(f"budget_{name}") for name in ("points", "money")}
        if not self.errors and all(most is None for most in limits.values()):
            self.add_error("budget_points", gettext("Say how much may be given: in points, in money, or both."))
        for name, most in limits.items():
            spent = getattr(self.instance, f"spent_{name}")
            if most is not None and most < spent:
                said = gettext("Already %(spent)s are given. A budget cannot be less.") % {"spent": spent}
                self.add_error(f"budget_{name}", said)
        return told


@admin.register(SurpriseBudget)
class SurpriseBudgetAdmin(OfProgram, DeskAdmin):
    """What surprises may give in all."""

    form = BudgetForm
    list_display = ["name", "is_open", "shown_budget", "shown_given"]
    list_select_related = ["program"]
    search_fields = ["name"]
    fieldsets = [(None, {"fields": [("program", "is_open"), "name", ("budget_points", "budget_money")]})]
    keep_instead = _("Take the tick from “open” instead.")
    empty_words = _("No budget yet. With one, surprises never give more in all than you say here.")

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term)

    def get_readonly_fields(self, request: HttpRequest, obj: SurpriseBudget | None = None) -> list[str]:
        return ["program"] if obj else []

    def page_context(self, request: HttpRequest, record: SurpriseBudget) -> dict[str, Any]:
        decimals = _decimals(record)
        stats = [
            Stat(_("Given"), show_points(record.spent_points, decimals), _("Points given from it, less what was taken back.")),
            Stat(_("Worth"), show_money(record.spent_money, record.program.currency), _("What they were worth when they were given.")),
        ]  # fmt: skip
        rows = [
            (
                link(reverse("admin:jobs_changerequest_change", args=[one.change]), f"#{one.change}"),
                day(one.taken_at),
                show_points(one.points, decimals),
                show_points(one.points_back, decimals),
            )
            for one in record.taken.order_by("-id")[:MOST_SHOWN]
        ]
        headers = [_("Change"), _("Day"), _("Points"), _("Given back")]
        panel = Panel(_("Surprises"), headers, rows, _("No surprise was given from it yet."), numeric=frozenset({2, 3}))
        return {"stats": stats, "panels": [panel]}

    @display(description=_("budget"))
    def shown_budget(self, budget: SurpriseBudget) -> str:
        told = []
        if budget.budget_points is not None:
            told.append(_("%(points)s points") % {"points": show_points(budget.budget_points, _decimals(budget))})
        if budget.budget_money is not None:
            told.append(show_money(budget.budget_money, budget.program.currency))
        return " · ".join(str(one) for one in told)

    @display(description=_("given"))
    def shown_given(self, budget: SurpriseBudget) -> str:
        given = {"points": show_points(budget.spent_points, _decimals(budget))}
        return f"{_('%(points)s points') % given} · {show_money(budget.spent_money, budget.program.currency)}"


def _decimals(budget: SurpriseBudget) -> int:
    """The decimals of the main wallet, asked once for a page."""
    program: Any = budget.program
    if not hasattr(program, "main_decimals"):
        main = Wallet.objects.filter(program=program, is_main=True)
        program.main_decimals = main.values_list("decimals", flat=True).first() or 0
    return int(program.main_decimals)
