"""Members on the desk: who they are, what they have, what they did."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter, RelatedDropdownFilter
from unfold.decorators import action, display

from loyalty.backoffice import BookAdmin, DeskAdmin, actor_of
from loyalty.common.money import show_money, show_points
from loyalty.desk import programs
from loyalty.desk.panels import badge, day, link
from loyalty.ledger import statements
from members import consents_desk, desk, enrolment, past_desk
from members.corrections.desk import CorrectionDeeds
from members.forms import ContactForm
from members.models import Event, Member, MemberAccount, Purchase
from members.search_desk import FoundByWords
from members.segments.filtering_desk import SegmentFilter
from members.tiers.tiers_desk import TierDeeds


@admin.register(Member)
class MemberAdmin(FoundByWords, CorrectionDeeds, TierDeeds, consents_desk.ConsentDeeds, DeskAdmin):
    """Members. Adding one enrols them; editing changes how to reach them, never their points."""

    form = ContactForm
    list_display = ["shown_member", "email", "shown_tier", "shown_balance", "shown_language", "shown_status", "shown_since"]  # fmt: skip
    list_display_links = ["shown_member"]
    list_filter = [
        ("tier", RelatedDropdownFilter),
        SegmentFilter,
        ("language", ChoicesDropdownFilter),
        ("status", ChoicesDropdownFilter),
        ("program", RelatedDropdownFilter),
        ("enrolled_at", RangeDateFilter),
    ]
    search_fields = ["number"]
    search_help_text = _("Beginning of the member number, e-mail address, phone, company or a word of the name")
    in_command_search = True
    command_icon = "person"
    add_fieldsets = [(None, {"fields": [("program", "language"), "name", ("email", "phone"), ("birthday", "company")]})]
    fieldsets = [
        (
            _("Contact"),
            {
                "fields": [
                    ("shown_number", "shown_status"),
                    ("name", "language"),
                    ("email", "phone"),
                    ("birthday", "company"),
                    "enrolled_at",
                ]
            },
        )
    ]
    readonly_fields = ["shown_number", "shown_status", "enrolled_at"]
    actions_list = ["export_list"]
    actions_detail = ["past", "adjust_points", "move_points", "forgive_debt", "give_tier", "record_consent"]
    export_columns = (
        (_("Number"), lambda m: m.number), (_("Name"), lambda m: m.name), (_("E-mail"), lambda m: m.email),
        (_("Phone"), lambda m: m.phone), (_("Language"), lambda m: m.language), (_("Tier"), lambda m: m.tier.slug),
        (_("Status"), lambda m: m.status), (_("Enrolled at"), lambda m: m.enrolled_at), (_("Company"), lambda m: m.company),
    )  # fmt: skip
    empty_words = _("No members yet. Enrol the first one here, import purchases, or let the web shop enrol them.")

    def get_urls(self) -> list[Any]:
        """From an account of the books to the member who holds it."""
        holder = path("holder/<int:account_id>/", self.admin_site.admin_view(self.holder), name="members_member_holder")
        return [holder, *super().get_urls()]

    @action(description=_("As of an instant"), url_path="past", icon="history")
    def past(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The member as of any instant."""
        return past_desk.view(self, request, object_id)

    def holder(self, request: HttpRequest, account_id: int) -> HttpResponse:
        """Lead to the member behind an account."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        member = get_object_or_404(MemberAccount.objects.select_related("member"), account=account_id).member
        past = reverse("admin:members_member_past", args=[member.pk])
        return HttpResponseRedirect(past if "past" in request.GET else self.page_of(member))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        """With the tier, which every row and page shows."""
        return super().get_queryset(request).select_related("tier")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"program": programs.chosen(request)} | super().get_changeform_initial_data(request)

    def complete(self, rows: list[Member]) -> None:
        """The balances of all members on the page in three queries."""
        held = {
            pair.member_id: pair
            for pair in MemberAccount.objects.filter(member__in=rows, wallet__is_main=True).select_related("wallet")
        }
        balances = statements.balances([pair.account_id for pair in held.values()], at=timezone.now())
        for member in rows:
            pair = held.get(member.pk)
            member.balance_shown = (
                show_points(balances[pair.account_id].available, pair.wallet.decimals) if pair else "–"
            )

    def save_model(self, request: HttpRequest, obj: Member, form: Any, change: bool) -> None:
        """A new member is enrolled by the verb: number, tier, accounts and welcome letter."""
        if change:
            super().save_model(request, obj, form, change)
            return
        made = enrolment.enrol(
            obj.program, name=obj.name, email=obj.email, phone=obj.phone, birthday=obj.birthday, company=obj.company, language=obj.language, source="desk", at=timezone.now(), actor=actor_of(request),
        )  # fmt: skip
        obj.__dict__.update({k: v for k, v in made.__dict__.items() if k != "_state"})
        obj._state.adding = False

    def page_context(self, request: HttpRequest, record: Member) -> dict[str, Any]:
        return desk.page(record, at=timezone.now())

    @display(description=_("member"))
    def shown_member(self, member: Member) -> str:
        return format_html(
            '<span class="desk-two-lines">{}<small>{}</small></span>', member.name or _("No name"), _under(member)
        )

    @display(description=_("member number"))
    def shown_number(self, member: Member) -> str:
        return member.shown_number

    @display(description=_("tier"))
    def shown_tier(self, member: Member) -> str:
        return badge(member.tier, "info" if member.tier.rank else "")

    @display(description=_("balance"))
    def shown_balance(self, member: Member) -> str:
        return getattr(member, "balance_shown", "–")

    @display(description=_("language"))
    def shown_language(self, member: Member) -> str:
        return member.get_language_display()

    @display(description=_("enrolled"))
    def shown_since(self, member: Member) -> str:
        return day(member.enrolled_at)

    @display(description=_("status"))
    def shown_status(self, member: Member) -> str:
        return badge(member.get_status_display(), "good" if member.status == Member.Status.ACTIVE else "bad")


def _under(member: Member) -> str:
    return f"{member.shown_number} · {member.company}" if member.company else member.shown_number


@admin.register(Purchase)
class PurchaseAdmin(BookAdmin):
    """Sales as the tills reported them."""

    list_display = ["occurred_at", "shown_receipt", "shown_member", "store", "shown_total", "shown_points", "tier"]
    list_display_links = ["occurred_at"]
    list_filter = [
        ("program", RelatedDropdownFilter),
        ("occurred_at", RangeDateFilter),
        ("store", RelatedDropdownFilter),
    ]
    list_select_related = ["member", "store", "tier"]
    ordering = ["-occurred_at", "-id"]
    search_fields = ["receipt"]
    search_help_text = _("Exact receipt number, or a member number")
    actions_list = ["export_list"]
    export_columns = (
        (_("Occurred at"), lambda p: p.occurred_at), (_("Source"), lambda p: p.source), (_("Receipt"), lambda p: p.receipt),
        (_("Member"), lambda p: p.member.number), (_("Total"), lambda p: p.total), (_("Currency"), lambda p: p.currency),
        (_("Points"), lambda p: p.points), (_("Tier"), lambda p: p.tier.slug),
    )  # fmt: skip
    actions_detail = ["take_back"]
    fieldsets = [
        (None, {"fields": [("shown_receipt", "shown_member"), ("occurred_at", "recorded_at"), ("store", "channel")]}),
        (
            _("Amounts"),
            {"fields": [("shown_total", "eligible"), ("items", "tier"), ("qualifying_points", "qualifying_spend")]},
        ),
    ]
    readonly_fields = ["shown_receipt", "shown_member", "shown_total"]
    empty_words = _("No purchases yet. They come from tills and web shops, or from a file: manage.py import_purchases.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Purchase]:
        """Of the program being looked at: that is how the index by day is laid."""
        program = programs.chosen(request)
        found = super().get_queryset(request)
        return found.filter(program=program) if program else found

    def found_by(self, term: str) -> Q:
        digits = term.replace(" ", "")
        if digits.isdecimal() and len(digits) == 12:
            return Q(member__in=Member.objects.filter(number=digits))
        return Q(receipt=term)

    @display(description=_("receipt"))
    def shown_receipt(self, purchase: Purchase) -> str:
        return f"{purchase.source} / {purchase.receipt}"

    @display(description=_("member"))
    def shown_member(self, purchase: Purchase) -> str:
        return link(reverse("admin:members_member_change", args=[purchase.member_id]), purchase.member)

    @display(description=_("total"))
    def shown_total(self, purchase: Purchase) -> str:
        return show_money(purchase.total, purchase.currency)

    @display(description=_("points"))
    def shown_points(self, purchase: Purchase) -> str:
        return show_points(purchase.points)

    def page_context(self, request: HttpRequest, record: Purchase) -> dict[str, Any]:
        return desk.purchase_page(record)

    @action(description=_("Goods come back"), icon="assignment_return")
    def take_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the page of the floor that knows what returned goods take back."""
        return HttpResponseRedirect(reverse("admin:members_refund_of", args=[object_id]))

    take_back.needs = "members.add_refund"
    take_back.fits = lambda purchase: purchase.refunded < purchase.total


@admin.register(Event)
class EventAdmin(BookAdmin):
    """What members did that is no purchase."""

    list_display = ["occurred_at", "kind", "key", "shown_member", "points"]
    list_select_related = ["member"]
    search_fields = ["key"]

    def found_by(self, term: str) -> Q:
        return Q(key=term)

    @display(description=_("member"))
    def shown_member(self, event: Event) -> str:
        return link(reverse("admin:members_member_change", args=[event.member_id]), event.member)
