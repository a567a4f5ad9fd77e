"""Rewards, redemptions and vouchers on the desk."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter, RelatedDropdownFilter
from unfold.decorators import display

from loyalty.backoffice import BookAdmin, actor_of
from loyalty.desk import people
from loyalty.desk.deeds import deed
from loyalty.desk.panels import day, link
from members.desk import more_panels
from members.models import Member
from rewards import kinds, papers, vouchers
from rewards import redemption as redemptions
from rewards.catalogue_desk import RewardAdmin
from rewards.chances.chances_desk import PrizePoolAdmin
from rewards.desk import ends_panel, facts_panel, member_vouchers, state_badge, uses_panel
from rewards.draws.draws_desk import DrawAdmin
from rewards.draws.wins_desk import DrawWinAdmin
from rewards.eligibility import show_amount
from rewards.event_desk import EventSessionAdmin
from rewards.giving_desk import CauseAdmin
from rewards.lasting_desk import VoucherTermsAdmin
from rewards.models import Redemption
from rewards.parcels_desk import ParcelAdmin
from rewards.paying_desk import PointsPaymentAdmin, PointsTermsAdmin
from rewards.pools_desk import CodePoolAdmin
from rewards.till_desk import till_page
from rewards.till_forms import AmountForm

__all__ = [
    "CauseAdmin",
    "CodePoolAdmin",
    "DrawAdmin",
    "DrawWinAdmin",
    "EventSessionAdmin",
    "ParcelAdmin",
    "PointsPaymentAdmin",
    "PointsTermsAdmin",
    "PrizePoolAdmin",
    "RedemptionAdmin",
    "RewardAdmin",
    "VoucherTermsAdmin",
]


@admin.register(Redemption)
class RedemptionAdmin(BookAdmin):
    """What members redeemed, with the two things staff do about it."""

    list_display = ["redeemed_at", "reward", "shown_member", "shown_cost", "shown_state", "shown_until"]
    list_display_links = ["redeemed_at"]
    list_filter = [
        ("status", ChoicesDropdownFilter),
        ("reward", RelatedDropdownFilter),
        ("redeemed_at", RangeDateFilter),
    ]
    list_select_related = ["reward__wallet", "member", "voucher"]
    search_fields = ["reference"]
    search_help_text = _("Member number, or the exact reference")
    actions_detail = ["use", "cancel"]
    actions_list = ["export_list"]
    export_columns = (
        (_("Redeemed at"), lambda r: r.redeemed_at), (_("Reward"), lambda r: r.reward.slug), (_("Member"), lambda r: r.member.number),
        (_("Cost"), lambda r: r.cost), (_("Status"), lambda r: r.status), (_("Ended at"), lambda r: r.ended_at), (_("Reference"), lambda r: r.reference),
    )  # fmt: skip
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("reward", "shown_member"),
                    ("shown_state", "shown_cost"),
                    ("shown_code", "shown_until"),
                    ("shown_work", "shown_paper"),
                ]
            },
        ),
        (
            _("History"),
            {"fields": [("redeemed_at", "reference"), ("ended_at", "shown_ender"), ("shown_place", "shown_entries")]},
        ),
    ]
    readonly_fields = [
        "shown_member",
        "shown_state",
        "shown_cost",
        "shown_code",
        "shown_until",
        "shown_place",
        "shown_work",
        "shown_paper",
        "shown_ender",
        "shown_entries",
    ]
    empty_words = _("Nothing has been redeemed yet.")

    def get_urls(self) -> list[Any]:
        """The page where a code is typed or scanned."""
        check = path("check/", self.admin_site.admin_view(self.look_up), name="rewards_voucher_check")
        paper = path("<int:pk>/print/", self.admin_site.admin_view(self.show_paper), name="rewards_redemption_print")
        return [check, paper, *super().get_urls()]

    def show_paper(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The voucher on paper, for a customer without a telephone."""
        found = get_object_or_404(
            self.get_queryset(request).select_related("program", "store", "reward__program"), pk=pk
        )
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        back = reverse("admin:rewards_redemption_change", args=[pk])
        try:
            told = papers.paper(found, at=timezone.now(), by_member=False, size=request.GET.get("size", ""))
        except papers.NotPrinted as refusal:
            messages.error(request, str(refusal))
            return redirect(back)
        return render(request, "rewards/paper.html", told | {"back": back})

    def look_up(self, request: HttpRequest) -> HttpResponse:
        """The till page."""
        return till_page(request, self.admin_site.each_context(request))

    def found_by(self, term: str) -> Q:
        digits = term.replace(" ", "")
        if digits.isdecimal() and len(digits) == 12:
            return Q(member__in=Member.objects.filter(number=digits))
        return Q(reference=term)

    def page_context(self, request: HttpRequest, record: Redemption) -> dict[str, Any]:
        return {"panels": [*facts_panel(record, timezone.now()), *uses_panel(record), *ends_panel(record)]}

    @display(description=_("member"))
    def shown_member(self, redemption: Redemption) -> str:
        return link(reverse("admin:members_member_change", args=[redemption.member_id]), redemption.member)

    @display(description=_("cost"))
    def shown_cost(self, redemption: Redemption) -> str:
        return show_amount(redemption.cost, redemption.reward.wallet)

    @display(description=_("state"))
    def shown_state(self, redemption: Redemption) -> str:
        return state_badge(redemption, timezone.now())

    @display(description=_("code"))
    def shown_code(self, redemption: Redemption) -> str:
        return redemption.voucher.shown_code

    @display(description=_("valid until"))
    def shown_until(self, redemption: Redemption) -> str:
        return day(redemption.voucher.expires_at - timezone.timedelta(microseconds=1))

    @display(description=_("used at"))
    def shown_place(self, redemption: Redemption) -> str:
        voucher = redemption.voucher
        return f"{voucher.till} / {voucher.receipt}" if voucher.used_at else "–"

    @display(description=_("what to do"))
    def shown_work(self, redemption: Redemption) -> str:
        return str(kinds.of(redemption.reward).work_for(redemption.reward))

    @display(description=_("on paper"))
    def shown_paper(self, redemption: Redemption) -> str:
        try:
            papers.paper(redemption, at=timezone.now(), by_member=False, size="")
        except papers.NotPrinted:
            return "–"
        page = reverse("admin:rewards_redemption_print", args=[redemption.pk])
        return format_html("{} · {}", link(page, _("A4 sheet")), link(f"{page}?size={papers.SLIP}", _("Small slip")))

    @display(description=_("ended by"))
    def shown_ender(self, redemption: Redemption) -> str:
        return people.name(redemption.ended_by) if redemption.ended_by else "–"

    @display(description=_("in the books"))
    def shown_entries(self, redemption: Redemption) -> str:
        if redemption.entry_id is None:
            return "–"
        paid = link(reverse("admin:ledger_entry_change", args=[redemption.entry_id]), _("points taken"))
        if not redemption.reversal_id:
            return paid
        back = link(reverse("admin:ledger_entry_change", args=[redemption.reversal_id]), _("points given back"))
        return format_html("{}, {}", paid, back)

    @deed(
        title=_("Mark as used"),
        question=_("The voucher is used for this receipt and cannot be cancelled after that."),
        button=_("Mark as used"),
        permission="rewards.change_redemption",
        icon="done_all",
        fits=lambda redemption: redemption.state(at=timezone.now()) == "issued",
        form=AmountForm,
    )
    def use(self, request: HttpRequest, record: Redemption, values: dict[str, Any]) -> str:
        vouchers.use(
            record.voucher, till=values["till"], receipt=values["receipt"], at=timezone.now(), actor=actor_of(request),
            amount=values["amount"],
        )  # fmt: skip
        return _("The voucher is used.")

    @deed(
        title=_("Cancel and give the points back"),
        question=_(
            "The code is dead at once and the points go back to where they came from. Points that expired meanwhile live for 14 more days."
        ),
        button=_("Cancel it"),
        permission="rewards.change_redemption",
        icon="undo",
        fits=lambda redemption: redemption.state(at=timezone.now()) == "issued",
        danger=True,
    )
    def cancel(self, request: HttpRequest, record: Redemption) -> str:
        redemptions.cancel(record, at=timezone.now(), actor=actor_of(request), by_member=False)
        return _("The redemption is cancelled and the points are back.")


more_panels.append(member_vouchers)
