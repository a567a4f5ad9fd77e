"""Refunds on the desk: the list, those that wait for their purchase, and the page on which goods are taken back."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display

from campaigns import refunds
from campaigns.explanations import sentence
from campaigns.refund_forms import RefundForm
from campaigns.waiting import earlier_refunds
from loyalty.backoffice import BookAdmin, actor_of
from loyalty.common.errors import Refusal
from loyalty.common.money import show_money, show_points
from loyalty.desk import programs
from loyalty.desk.panels import Panel, Stat, badge, link, moment
from loyalty.ledger.models import Entry
from members.desk import more_purchase_panels
from members.models import Member, Purchase, Refund
from members.returns import returned_by_line

TONES = {"applied": "good", "waiting": "warn", "refused": "bad"}
ADD = "members.add_refund"


@admin.register(Refund)
class RefundAdmin(BookAdmin):
    """Goods that came back, as tills and the desk reported them."""

    list_display = [
        "occurred_at",
        "shown_order",
        "number",
        "shown_member",
        "shown_status",
        "shown_amount",
        "shown_points",
    ]
    list_display_links = ["occurred_at"]
    list_filter = [("status", ChoicesDropdownFilter), ("occurred_at", RangeDateFilter)]
    list_select_related = ["purchase__member"]
    ordering = ["-occurred_at", "-id"]
    search_fields = ["receipt"]
    search_help_text = _("Exact receipt or refund number, or a member number")
    actions_list = ["export_list"]
    export_columns = (
        (_("Occurred at"), lambda r: r.occurred_at), (_("Source"), lambda r: r.source), (_("Receipt"), lambda r: r.receipt),
        (_("Refund number"), lambda r: r.number), (_("Status"), lambda r: r.status), (_("Amount"), lambda r: r.amount),
        (_("Points taken back"), lambda r: r.points), (_("Reason"), lambda r: r.reason),
    )  # fmt: skip
    fieldsets = [
        (None, {"fields": [("shown_order", "number"), ("shown_member", "shown_status"), ("occurred_at", "recorded_at"), ("shown_amount", "reason")]}),
    ]  # fmt: skip
    readonly_fields = ["shown_order", "shown_member", "shown_status", "shown_amount", "shown_points"]
    empty_words = _("Nothing has come back yet. Refunds come from tills, from a file, or from the page of a purchase.")

    def get_urls(self) -> list[Any]:
        """The page on which goods of a purchase are taken back."""
        take = path("of/<int:purchase_id>/", self.admin_site.admin_view(self.take_back), name="members_refund_of")
        return [take, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        """Of the program being looked at: that is how the index by day is laid."""
        program = programs.chosen(request)
        found = super().get_queryset(request)
        return found.filter(program=program) if program else found

    def found_by(self, term: str) -> Q:
        digits = term.replace(" ", "")
        if digits.isdecimal() and len(digits) == 12:
            return Q(purchase__member__in=Member.objects.filter(number=digits))
        return Q(receipt=term) | Q(number=term)

    def take_back(self, request: HttpRequest, purchase_id: int) -> HttpResponse:
        """Ask what came back, show what that takes back, and record it when it is confirmed."""
        if not request.user.has_perm(ADD):
            raise PermissionDenied
        purchase = get_object_or_404(Purchase.objects.select_related("program", "member", "tier"), pk=purchase_id)
        if purchase.refunded >= purchase.total:
            raise Http404
        at = timezone.now()
        earlier, back = earlier_refunds(purchase), reverse("admin:members_purchase_change", args=[purchase_id])
        form = RefundForm(
            request.POST or None, purchase=purchase, lines=list(purchase.lines.order_by("number")),
            came_back=returned_by_line(earlier), initial={"number": f"desk-{len(earlier) + 1}"},
        )  # fmt: skip
        seen = None
        if form.is_valid():
            try:
                seen = refunds.preview(purchase, form.returned(at), at=at)
                if "confirmed" in request.POST:
                    return self._record(request, purchase, form, at, back)
            except Refusal as refusal:
                seen = None
                messages.error(request, str(refusal))
        shown = self.admin_site.each_context(request) | {
            "opts": self.opts, "title": _("Goods come back"), "purchase": purchase, "form": form, "back": back,
            "told": _preview(seen, purchase) if seen else None,
        }  # fmt: skip
        return TemplateResponse(request, "admin/desk/refund.html", shown)

    def _record(
        self, request: HttpRequest, purchase: Purchase, form: RefundForm, at: datetime, back: str
    ) -> HttpResponse:
        """Record the refund and go back to the purchase."""
        made = refunds.refund(purchase.program, form.returned(at), at=at, actor=actor_of(request)).refund
        said = _("Refund %(number)s is recorded: %(points)s points are taken back.") % {
            "number": made.number, "points": show_points(made.points),
        }  # fmt: skip
        self.log_addition(request, made, str(said))
        messages.success(request, said)
        return HttpResponseRedirect(back)

    @display(description=_("order"))
    def shown_order(self, refund: Refund) -> str:
        order = f"{refund.source} / {refund.receipt}"
        return (
            link(reverse("admin:members_purchase_change", args=[refund.purchase_id]), order)
            if refund.purchase_id
            else order
        )

    @display(description=_("member"))
    def shown_member(self, refund: Refund) -> str:
        if refund.purchase is None:
            return "–"
        return link(reverse("admin:members_member_change", args=[refund.purchase.member_id]), refund.purchase.member)

    @display(description=_("status"))
    def shown_status(self, refund: Refund) -> str:
        return badge(refund.get_status_display(), TONES[refund.status])

    @display(description=_("amount"))
    def shown_amount(self, refund: Refund) -> str:
        if refund.status == Refund.Status.WAITING and refund.lines:
            return str(_("by lines"))
        return show_money(refund.amount, refund.purchase.currency if refund.purchase else refund.program.currency)

    @display(description=_("points taken back"))
    def shown_points(self, refund: Refund) -> str:
        return show_points(refund.points)

    def page_context(self, request: HttpRequest, record: Refund) -> dict[str, Any]:
        entries = Entry.objects.filter(reference__startswith=f"{record.reference}:", source=record.source).order_by(
            "id"
        )
        said = [sentence(entry.explanation) for entry in entries] if record.purchase_id else []
        words = said[0] if said else _why_nothing(record)
        return {
            "stats": [Stat(_("Points taken back"), show_points(record.points))],
            "panels_before": [Panel(_("In words"), [], [], words)],
        }


def _why_nothing(record: Refund) -> Any:
    """What is to be said of a refund that moved no points."""
    if record.status == Refund.Status.WAITING:
        return _("Its purchase is not known yet. When it comes, this refund is applied to it in the same moment.")
    if record.status == Refund.Status.REFUSED:
        return _("Its purchase came, and less had been bought than this refund brings back. Nothing was taken back.")
    return _("It took back no points.")


def _preview(seen: refunds.Preview, purchase: Purchase) -> Any:
    """What a refund would do, in a sentence."""
    return _(
        "%(money)s comes back: %(points)s points are taken back. Of %(earned)s points earned by this order the member keeps %(kept)s."
    ) % {
        "money": show_money(seen.amount, purchase.currency), "points": show_points(seen.points),
        "earned": show_points(seen.earned), "kept": show_points(seen.earned - seen.returned),
    }  # fmt: skip


def refunds_panel(record: Purchase) -> list[Panel]:
    """The refunds of a purchase, for its page."""
    found = refunds.find(record.program, source=record.source, receipt=record.receipt)
    rows = [
        (
            link(reverse("admin:members_refund_change", args=[one.pk]), one.number),
            moment(one.occurred_at),
            badge(one.get_status_display(), TONES[one.status]),
            show_money(one.amount, record.currency),
            show_points(one.points),
            one.reason or "–",
        )
        for one in found
    ]
    headers = [_("Refund"), _("When"), _("Status"), _("Amount"), _("Points taken back"), _("Reason")]
    return [Panel(_("Refunds"), headers, rows, numeric=frozenset({3, 4}))] if rows else []


more_purchase_panels.append(refunds_panel)
