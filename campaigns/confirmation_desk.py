"""What shops reported of orders whose points wait for it, on the desk: the list, and a panel on the page of a purchase."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display

from campaigns import confirmations
from loyalty.backoffice import BookAdmin
from loyalty.common.money import show_points
from loyalty.desk import programs
from loyalty.desk.panels import Panel, badge, link, moment
from members.desk import more_purchase_panels
from members.models import Confirmation, Purchase

TONES = {"applied": "good", "waiting": "warn", "late": "bad"}


@admin.register(Confirmation)
class ConfirmationAdmin(BookAdmin):
    """What happened to orders, as shops reported it: only read."""

    list_display = ["occurred_at", "shown_order", "kind", "shown_status", "shown_points"]
    list_display_links = ["occurred_at"]
    list_filter = [("status", ChoicesDropdownFilter), ("occurred_at", RangeDateFilter)]
    list_select_related = ["purchase"]
    ordering = ["-occurred_at", "-id"]
    search_fields = ["receipt"]
    search_help_text = _("Exact receipt")
    fieldsets = [
        (None, {"fields": [("shown_order", "kind"), ("shown_status", "shown_points"), ("occurred_at", "recorded_at")]}),
    ]
    readonly_fields = ["shown_order", "shown_status", "shown_points"]
    empty_words = _("Nothing reported yet. Shops report over the API what points wait for, such as a delivery.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Confirmation]:
        """Of the program being looked at: that is how the index by day is laid."""
        program = programs.chosen(request)
        found = super().get_queryset(request)
        return found.filter(program=program) if program else found

    def found_by(self, term: str) -> Q:
        return Q(receipt=term)

    @display(description=_("order"))
    def shown_order(self, one: Confirmation) -> str:
        order = f"{one.source} / {one.receipt}"
        if one.purchase_id is None:
            return order
        return link(reverse("admin:members_purchase_change", args=[one.purchase_id]), order)

    @display(description=_("status"))
    def shown_status(self, one: Confirmation) -> str:
        return badge(one.get_status_display(), TONES[one.status])

    @display(description=_("points confirmed"))
    def shown_points(self, one: Confirmation) -> str:
        return show_points(one.points)


def confirmations_panel(record: Purchase) -> list[Panel]:
    """What was reported of a purchase, for its page."""
    rows: list[tuple[Any, ...]] = [
        (one.kind, moment(one.occurred_at), badge(one.get_status_display(), TONES[one.status]), show_points(one.points))
        for one in confirmations.find(record.program, source=record.source, receipt=record.receipt)
    ]
    headers = [_("Event"), _("When"), _("Status"), _("Points confirmed")]
    return [Panel(_("Confirmations"), headers, rows, numeric=frozenset({3}))] if rows else []


more_purchase_panels.append(confirmations_panel)
