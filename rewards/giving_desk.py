"""Causes on the desk, with what was given to each and the latest gifts."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loyalty.backoffice import DeskAdmin
from loyalty.common.money import show_money, show_points
from loyalty.desk.panels import Panel, Stat, link, moment
from rewards import giving
from rewards.models import Cause

ROWS = 20


@admin.register(Cause)
class CauseAdmin(DeskAdmin):
    """What members can give to."""

    list_display = ["name", "shown_gifts", "shown_money", "is_public"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [
        (None, {"fields": ["name", "summary", ("program", "slug"), ("goal", "is_public")]}),
        (_("Indonesian"), {"classes": ["tab"], "fields": ["name_id", "summary_id"]}),
        (_("Malay"), {"classes": ["tab"], "fields": ["name_ms", "summary_ms"]}),
    ]
    keep_instead = _("Take it off the public page instead.")
    empty_words = _("Members can give with their points. Add the first cause, then a donation among the rewards.")

    def get_readonly_fields(self, request: HttpRequest, obj: Cause | None = None) -> list[str]:
        return ["program", "slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Cause | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term) | Q(slug__istartswith=term)

    def complete(self, rows: list[Any]) -> None:
        found = {
            one.cause.pk: one for program in programs_of(rows) for one in giving.totals(program, only_public=False)
        }
        for row in rows:
            row.total = found[row.pk]

    @display(description=_("gifts"))
    def shown_gifts(self, cause: Any) -> str:
        return show_points(cause.total.gifts)

    @display(description=_("given"))
    def shown_money(self, cause: Any) -> str:
        return show_money(cause.total.money, cause.total.cause.program.currency)

    def page_context(self, request: HttpRequest, record: Cause) -> dict[str, Any]:
        told, currency = giving.total(record), record.program.currency
        rows = [
            (link(reverse("admin:rewards_redemption_change", args=[one.redemption_id]), moment(one.given_at)),
             one.redemption.reward, show_money(one.money, currency))
            for one in record.gifts.select_related("redemption__reward").order_by("-id")[:ROWS]
        ]  # fmt: skip
        goal = [Stat(_("Goal"), f"{told.percent} %", show_money(record.goal, currency))] if record.goal else []
        headers = [_("When"), _("Reward"), _("Money")]
        return {
            "stats": [
                Stat(_("Given"), show_money(told.money, currency), _("What members gave with their points: to be passed on."), url=record.get_absolute_url()),
                Stat(_("Gifts"), show_points(told.gifts), _("How often.")),
                *goal,
            ],
            "panels": [Panel(_("Latest gifts"), headers, rows, _("Nobody has given yet."), numeric=frozenset({2}))],
        }  # fmt: skip


def programs_of(rows: list[Cause]) -> list[Any]:
    """The programs of some causes, each once."""
    return list({row.program_id: row.program for row in rows}.values())
