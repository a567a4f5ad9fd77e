"""Ledger entries at the desk: every line there ever was, found by kind, by month and by column of the roll-forward."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display

from loyalty.backoffice import BookAdmin
from loyalty.common.clock import add_months, local_day
from loyalty.common.errors import Refusal
from loyalty.common.typed import month as typed_month
from loyalty.desk import people, programs
from loyalty.desk.panels import badge, link, signed
from loyalty.ledger import finance
from loyalty.ledger.models import Entry
from loyalty.ledger.month_page import columns, name_of
from loyalty.ledger.showing import KIND_TONES, entry_page, holder_page, points_of

MONTHS_OFFERED = 13


class ColumnFilter(admin.SimpleListFilter):
    """The entries of one column of the roll-forward."""

    title = _("column of the roll-forward")
    parameter_name = "column"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, said) for name, (said, _hint) in columns().items() if name in finance.COLUMN_OF.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entry]) -> QuerySet[Entry]:
        kinds = [kind for kind, column in finance.COLUMN_OF.items() if column == self.value()]
        return queryset.filter(kind__in=kinds) if kinds else queryset


class MonthFilter(admin.SimpleListFilter):
    """The entries recorded in one month of the program clock."""

    title = _("month of recording")
    parameter_name = "month"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        program = programs.chosen(request)
        this = local_day(timezone.now(), program.time_zone if program else "UTC").replace(day=1)
        months = [add_months(this, -back) for back in range(MONTHS_OFFERED)]
        return [(f"{month:%Y-%m}", name_of(month)) for month in months]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entry]) -> QuerySet[Entry]:
        program = programs.chosen(request)
        try:
            since, until = finance.month_bounds(
                typed_month(self.value() or ""), program.time_zone if program else "UTC"
            )
        except (Refusal, OverflowError, ValueError):
            return queryset
        return queryset.filter(recorded_at__gte=since, recorded_at__lt=until)


@admin.register(Entry)
class EntryAdmin(BookAdmin):
    """Ledger entries: every line there ever was."""

    list_display = [
        "recorded_at",
        "shown_kind",
        "shown_amount",
        "effective_at",
        "reference",
        "shown_actor",
        "shown_account",
    ]
    list_display_links = ["recorded_at"]
    list_filter = [
        ("kind", ChoicesDropdownFilter),
        ColumnFilter,
        MonthFilter,
        ("recorded_at", RangeDateTimeFilter),
        ("account__wallet", RelatedDropdownFilter),
    ]
    list_select_related = ["account__wallet"]
    search_fields = ["reference"]
    search_help_text = _("Exact reference, e.g. purchase:web:R-1001, or # and the number of an account")
    export_columns = (
        (_("Entry"), lambda e: e.pk), (_("Account"), lambda e: e.account_id), (_("Number"), lambda e: e.number),
        (_("Kind"), lambda e: e.kind), (_("Amount"), lambda e: e.amount), (_("True from"), lambda e: e.effective_at),
        (_("Recorded at"), lambda e: e.recorded_at), (_("Source"), lambda e: e.source), (_("Reference"), lambda e: e.reference),
        (_("Actor"), lambda e: e.actor), (_("Reason"), lambda e: e.reason),
    )  # fmt: skip
    actions_list = ["export_list"]
    actions_detail = ["undo_transfer"]
    fieldsets = [
        (None, {"fields": ["shown_kind", "shown_amount", "effective_at", "recorded_at"]}),
        (
            _("Where it came from"),
            {"fields": ["shown_account", "source", "reference", "shown_actor", "reason", "corrects"]},
        ),
    ]
    readonly_fields = ["shown_kind", "shown_amount", "shown_account", "shown_actor"]

    def found_by(self, term: str) -> Q:
        number = term.removeprefix("#")
        if term.startswith("#") and number.isdecimal() and len(number) < 19:
            return Q(account_id=int(number))
        return Q(reference=term)

    @display(description=_("kind"))
    def shown_kind(self, entry: Entry) -> str:
        return badge(entry.get_kind_display(), KIND_TONES.get(entry.kind, ""))

    @display(description=_("points"))
    def shown_amount(self, entry: Entry) -> str:
        return signed(entry.amount, points_of(entry, entry.amount))

    def complete(self, rows: list[Entry]) -> None:
        """The names of all who made an entry of the page, at once."""
        known = people.names(entry.actor for entry in rows)
        for entry in rows:
            entry.actor_shown = known[entry.actor]

    @display(description=_("by"))
    def shown_actor(self, entry: Entry) -> str:
        return getattr(entry, "actor_shown", None) or people.name(entry.actor)

    @display(description=_("account"))
    def shown_account(self, entry: Entry) -> str:
        return link(holder_page(entry.account_id), f"#{entry.account_id}")

    @action(description=_("Undo the transfer"), icon="undo")
    def undo_transfer(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the change that takes a transfer back."""
        entry = self.get_object(request, object_id)
        if entry is None:
            raise Http404
        asked = urlencode({"entry": entry.pk})
        return HttpResponseRedirect(f"{reverse('admin:jobs_change_new', args=['undo_transfer'])}?{asked}")

    undo_transfer.needs = "jobs.ask_adjustment"
    undo_transfer.fits = lambda entry: entry.kind == Entry.Kind.TRANSFER and entry.amount < 0

    def page_context(self, request: HttpRequest, record: Entry) -> dict[str, Any]:
        return entry_page(record)
