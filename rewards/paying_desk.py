"""Paying with points on the desk: the terms, the payments, and what is given back of them."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter, RelatedDropdownFilter
from unfold.decorators import display

from loyalty.backoffice import BookAdmin, DeskAdmin, actor_of
from loyalty.common.money import show_money
from loyalty.desk import people
from loyalty.desk.deeds import deed
from loyalty.desk.panels import EMPTY, Panel, badge, link, moment
from loyalty.ledger import holds
from members.models import Member
from rewards import paying, quoting
from rewards.eligibility import show_amount
from rewards.models import PointsPayment, PointsTerms
from rewards.paying_forms import GiveBackForm, PointsTermsForm
from rewards.paying_till_desk import till_page

STATES = {
    "held": (_("set aside"), "info"),
    "captured": (_("paid"), "good"),
    "released": (_("released"), ""),
    "timed_out": (_("ran out of time"), "warn"),
}


@admin.register(PointsTerms)
class PointsTermsAdmin(DeskAdmin):
    """On which terms points pay at the till."""

    form = PointsTermsForm
    list_display = ["wallet", "shown_value", "shown_least", "shown_most", "shown_share", "is_active"]
    list_select_related = ["wallet__program"]
    fieldsets = [
        (
            None,
            {"fields": [("wallet", "value"), ("minimum", "step"), ("maximum", "share"), ("hold_minutes", "is_active")]},
        )
    ]
    keep_instead = _("Take the tick from “offered” instead.")
    empty_words = _("Say what points are worth at the till, and members can pay with them.")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["wallet"] if obj else []

    @display(description=_("one is worth"))
    def shown_value(self, terms: PointsTerms) -> str:
        return f"{terms.wallet.program.currency} {terms.value.normalize():f}"

    @display(description=_("at least"))
    def shown_least(self, terms: PointsTerms) -> str:
        return show_amount(quoting.payable(terms).least, terms.wallet)

    @display(description=_("at most"))
    def shown_most(self, terms: PointsTerms) -> str:
        return show_amount(terms.maximum, terms.wallet) if terms.maximum else EMPTY

    @display(description=_("share of the bill"))
    def shown_share(self, terms: PointsTerms) -> str:
        return f"{terms.share.normalize():f} %"


@admin.register(PointsPayment)
class PointsPaymentAdmin(BookAdmin):
    """Bills that points paid a part of."""

    list_display = ["shown_when", "shown_member", "shown_points", "shown_money", "receipt", "shown_state"]
    list_display_links = ["shown_when"]
    list_filter = [("store", RelatedDropdownFilter), ("captured_at", RangeDateFilter)]
    list_select_related = ["member", "hold", "account__wallet", "program", "store"]
    search_fields = ["receipt"]
    search_help_text = _("Member number, exact receipt or reference")
    actions_detail = ["give_back"]
    actions_list = ["export_list"]
    export_columns = (
        (_("Held at"), lambda p: p.hold.held_at), (_("Member"), lambda p: p.member.number), (_("Points"), lambda p: p.points),
        (_("Money"), lambda p: p.money), (_("Bill"), lambda p: p.basket), (_("Captured at"), lambda p: p.captured_at),
        (_("Source"), lambda p: p.source), (_("Receipt"), lambda p: p.receipt), (_("Points given back"), lambda p: p.points_back),
        (_("Money given back"), lambda p: p.money_back), (_("Reference"), lambda p: p.reference),
    )  # fmt: skip
    fieldsets = [
        (
            None,
            {"fields": [("shown_member", "shown_state"), ("shown_points", "shown_money"), ("shown_bill", "receipt")]},
        ),
        (_("History"), {"fields": [("shown_when", "shown_end"), ("till", "store"), ("source", "reference")]}),
    ]
    readonly_fields = [
        "shown_member",
        "shown_state",
        "shown_points",
        "shown_money",
        "shown_bill",
        "shown_when",
        "shown_end",
    ]
    empty_words = _("Nobody has paid with points yet.")

    def get_urls(self) -> list[Any]:
        """The page where a bill is paid with points."""
        till = path("till/", self.admin_site.admin_view(self.at_till), name="rewards_pointspayment_till")
        return [till, *super().get_urls()]

    def at_till(self, request: HttpRequest) -> HttpResponse:
        """The till page."""
        return till_page(request, self.admin_site.each_context(request))

    def found_by(self, term: str) -> Q:
        digits = term.replace(" ", "")
        if digits.isdecimal() and len(digits) == 12:
            return Q(member__in=Member.objects.filter(number=digits))
        return Q(receipt=term) | Q(reference=term)

    def page_context(self, request: HttpRequest, record: PointsPayment) -> dict[str, Any]:
        wallet, currency = record.account.wallet, record.program.currency
        rows = [
            (moment(one.given_at), one.number, show_money(one.money, currency), show_amount(one.points, wallet),
             people.name(one.given_by), one.reason or EMPTY)
            for one in record.given_back.order_by("-id")
        ]  # fmt: skip
        headers = [_("When"), _("Number"), _("Money"), _("Points"), _("By"), _("Reason")]
        return {
            "panels": [Panel(_("Given back"), headers, rows, _("Nothing was given back."), numeric=frozenset({2, 3}))]
        }

    @display(description=_("set aside at"))
    def shown_when(self, payment: PointsPayment) -> str:
        return moment(payment.hold.held_at)

    @display(description=_("ended at"))
    def shown_end(self, payment: PointsPayment) -> str:
        return moment(holds.state(payment.hold, at=timezone.now())[1])

    @display(description=_("member"))
    def shown_member(self, payment: PointsPayment) -> str:
        return link(reverse("admin:members_member_change", args=[payment.member_id]), payment.member)

    @display(description=_("points"))
    def shown_points(self, payment: PointsPayment) -> str:
        return show_amount(payment.points, payment.account.wallet)

    @display(description=_("paid with points"))
    def shown_money(self, payment: PointsPayment) -> str:
        return show_money(payment.money, payment.program.currency)

    @display(description=_("bill"))
    def shown_bill(self, payment: PointsPayment) -> str:
        return show_money(payment.basket, payment.program.currency)

    @display(description=_("state"))
    def shown_state(self, payment: PointsPayment) -> str:
        if payment.money_back:
            return badge(_("given back") if payment.money_back == payment.money else _("given back in part"), "warn")
        return badge(*STATES[holds.state(payment.hold, at=timezone.now())[0]])

    @deed(
        title=_("Give points back"),
        question=_("For goods that came back. The points return to where they came from; those that ran out meanwhile live for 14 more days."),
        button=_("Give them back"),
        permission="rewards.change_pointspayment",
        icon="undo",
        fits=lambda payment: bool(payment.captured_at) and payment.money_back < payment.money,
        form=GiveBackForm,
    )  # fmt: skip
    def give_back(self, request: HttpRequest, record: PointsPayment, values: dict[str, Any]) -> str:
        made = paying.give_back(
            record, values["amount"], number=values["number"], reason=values["reason"], at=timezone.now(),
            actor=actor_of(request),
        )  # fmt: skip
        return _("Given back: %(points)s.") % {"points": show_amount(made.points, record.account.wallet)}
