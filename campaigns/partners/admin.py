"""Partners on the desk: agreements with their keys, a page for each month, what was posted, and the months that were closed."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import action, display

from campaigns.partners import access, partner_page, posting, settlement, showing, taking_back
from campaigns.partners.models import Partner, PartnerPosting, Settlement
from campaigns.ways.scoped_desk import OfProgram
from loyalty.backoffice import EXPORT, BookAdmin, DeskAdmin, actor_of
from loyalty.common.errors import Refusal
from loyalty.common.money import show_money, show_points
from loyalty.desk import exporting, people, programs
from loyalty.desk.deeds import deed
from loyalty.desk.panels import badge, day, link
from members.models import Member

TONES = {"active": "good", "paused": "warn", "ended": ""}


@admin.register(Partner)
class PartnerAdmin(OfProgram, DeskAdmin):
    """Agreements with partners. Everything they did is on their pages; a month is closed on its own page."""

    list_display = ["name", "shown_status", "shown_price", "shown_limit", "contact_email"]
    list_filter = ["status"]
    list_select_related = ["program"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    actions_detail = ["make_key"]
    keep_instead = _("End the agreement instead of deleting it.")
    empty_words = _("A partner's customers earn points here, and the partner pays for them. Add the first agreement.")
    fieldsets = [
        (_("Who"), {"fields": [("name", "slug"), ("contact_name", "contact_email"), ("language", "status")]}),
        (_("What was agreed"), {"fields": [("price_per_point", "monthly_limit"), "take_back_days"]}),
    ]  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("program")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and programs.chosen(request) is not None

    def save_model(self, request: HttpRequest, obj: Partner, form: Any, change: bool) -> None:
        if not change:
            obj.program, obj.created_at = programs.chosen(request), timezone.now()
        super().save_model(request, obj, form, change)

    def get_urls(self) -> list[Any]:
        """The pages of a month."""
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/month/<slug:month>/", wrap(self.month), name="partners_month"),
            path("<int:pk>/month/<slug:month>/close/", wrap(require_POST(self.close)), name="partners_close"),
            *super().get_urls(),
        ]

    def page_context(self, request: HttpRequest, record: Partner) -> dict[str, Any]:
        return partner_page.context_of(record, timezone.now(), may_export=request.user.has_perm(EXPORT))

    def month(self, request: HttpRequest, pk: int, month: str) -> HttpResponseBase:
        """One month of a partner, as a page or as a CSV file."""
        partner, wanted, at = self._asked(request, pk, month)
        told, settled = settlement.figures_of(partner, wanted)
        may_export = request.user.has_perm(EXPORT)
        if request.GET.get("as") == "csv":
            if not may_export:
                raise PermissionDenied
            self.log_export(request)
            name = f"settlement-{partner.slug}-{wanted:%Y-%m}"
            return exporting.stream_rows(name, showing.HEADERS, showing.file_rows(partner, told))
        context = self.admin_site.each_context(request) | {
            "title": _("%(partner)s, %(month)s") % {"partner": partner, "month": showing.month_name(wanted)},
            "opts": self.opts,
            "original": partner,
            "back": self.page_of(partner),
            "month_name": showing.month_name(wanted),
            "stats": showing.month_stats(told, settled),
            "panels": showing.month_panels(told) + showing.program_take_backs(partner, told),
            "settled": settled,
            "signer": people.name(settled.closed_by) if settled else "",
            "hindered": "" if settled else _hindrance(partner, wanted, at),
            "may_close": request.user.has_perm("partners.add_settlement"),
            "may_export": may_export,
            "close_address": reverse("admin:partners_close", args=[partner.pk, f"{wanted:%Y-%m}"]),
        }
        return TemplateResponse(request, "admin/partners/month.html", context)

    def close(self, request: HttpRequest, pk: int, month: str) -> HttpResponse:
        """Close a month for good."""
        if not request.user.has_perm("partners.add_settlement"):
            raise PermissionDenied
        partner, wanted, at = self._asked(request, pk, month)
        try:
            made = settlement.close_month(partner, wanted, at=at, actor=actor_of(request))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            said = _("%(month)s is closed: it never changes any more.") % {"month": showing.month_name(wanted)}
            self.log_change(request, partner, f"{said} ({made.figures['owed']} {made.figures['currency']})")
            messages.success(request, said)
        return HttpResponseRedirect(showing.month_address(partner, wanted))

    def _asked(self, request: HttpRequest, pk: int, month: str) -> tuple[Partner, date, datetime]:
        """The partner of the program looked at, and one of its months."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        at, partner = timezone.now(), self.get_object(request, str(pk))
        if partner is None:
            raise Http404
        try:
            return partner, settlement.month_told(partner, month, at=at), at
        except Refusal:
            raise Http404 from None

    @deed(
        title=_("Make an API key"),
        question=_("The partner posts with this key, and sees only its own postings. The secret is shown once, on the next page. Keys made before stay; revoke them on their own pages."),
        button=_("Make the key"), permission="pos.add_apikey", icon="key", fits=lambda partner: partner.status == "active",
    )  # fmt: skip
    def make_key(self, request: HttpRequest, record: Partner) -> HttpResponse:
        key, secret = access.give_key(record, at=timezone.now(), actor=actor_of(request))
        self.log_change(request, record, str(_("Made an API key.")))
        context = self.admin_site.each_context(request) | {
            "title": _("Copy the secret now"), "opts": self.opts, "key": key, "secret": secret, "back": self.page_of(record),
        }  # fmt: skip
        answer = TemplateResponse(request, "admin/desk/secret.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    @display(description=_("status"))
    def shown_status(self, partner: Partner) -> str:
        return badge(partner.get_status_display(), TONES[partner.status])

    @display(description=_("price per point"))
    def shown_price(self, partner: Partner) -> str:
        return f"{partner.price_per_point.normalize():f} {partner.program.currency}"

    @display(description=_("most points a month"))
    def shown_limit(self, partner: Partner) -> str:
        return str(_("no limit")) if partner.monthly_limit is None else show_points(partner.monthly_limit)


@admin.register(PartnerPosting)
class PartnerPostingAdmin(BookAdmin):
    """What partners posted."""

    list_display = ["reference", "partner", "shown_member", "points", "shown_day", "shown_month"]
    list_filter = [("partner", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["partner", "member"]
    search_fields = ["reference"]
    actions_list = ["export_list"]
    actions_detail = ["take_back"]
    export_columns = (
        (_("Partner"), lambda one: one.partner.slug), (_("Reference"), lambda one: one.reference),
        (_("Member"), lambda one: one.member.number), (_("Points"), lambda one: one.points), (_("Price per point"), lambda one: one.price),
        (_("Occurred at"), lambda one: one.occurred_at), (_("Recorded at"), lambda one: one.recorded_at),
        (_("Settled in"), lambda one: f"{one.month:%Y-%m}"), (_("What for"), lambda one: one.words),
    )  # fmt: skip
    fields = [
        ("partner", "reference"), ("shown_member", "points"), ("price", "words"), ("occurred_at", "recorded_at"), ("shown_month", "shown_entry"),
    ]  # fmt: skip
    readonly_fields = ["shown_member", "shown_month", "shown_entry"]
    empty_words = _("Nothing was posted yet. Partners post over the API, each with its own key.")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(partner__program=programs.chosen(request))

    def found_by(self, term: str) -> Q:
        return Q(reference__istartswith=term) | Q(member__in=Member.objects.filter(number=term.replace(" ", "")))

    @action(description=_("Take back"), icon="undo")
    def take_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the change that takes it back."""
        posted = self.get_object(request, object_id)
        if posted is None:
            raise Http404
        asked = urlencode({"posting": taking_back.name_of(posted)})
        return HttpResponseRedirect(f"{reverse('admin:jobs_change_new', args=[taking_back.NAME])}?{asked}")

    take_back.needs = "jobs.ask_bulk_change"
    take_back.fits = lambda posted: posting.left_of(posted) > 0

    def page_context(self, request: HttpRequest, record: PartnerPosting) -> dict[str, Any]:
        return {"panels": [showing.take_backs_panel(record)]}

    @display(description=_("member"))
    def shown_member(self, one: PartnerPosting) -> str:
        return link(reverse("admin:members_member_change", args=[one.member_id]), one.member)

    @display(description=_("of"))
    def shown_day(self, one: PartnerPosting) -> str:
        return day(one.occurred_at)

    @display(description=_("settled in"))
    def shown_month(self, one: PartnerPosting) -> str:
        return showing.month_name(one.month)

    @display(description=_("ledger entry"))
    def shown_entry(self, one: PartnerPosting) -> str:
        return link(reverse("admin:ledger_entry_change", args=[one.entry_id]), one.entry)


@admin.register(Settlement)
class SettlementAdmin(BookAdmin):
    """Months that were closed with partners."""

    list_display = ["shown_month", "partner", "shown_points", "shown_owed", "shown_signer", "closed_at"]
    list_filter = [("partner", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["partner__program"]
    fields = ["shown_month", "partner", "shown_points", "shown_owed", "shown_signer", "closed_at", "seal"]
    readonly_fields = ["shown_month", "shown_points", "shown_owed", "shown_signer"]
    empty_words = _("No month was closed yet. A month is closed on its page, which the partner's page leads to.")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(partner__program=programs.chosen(request))

    def complete(self, rows: list[Settlement]) -> None:
        """The names of all who closed, at once."""
        known = people.names(one.closed_by for one in rows)
        for one in rows:
            one.signer_shown = known[one.closed_by]

    @display(description=_("month"))
    def shown_month(self, one: Settlement) -> str:
        return showing.month_name(one.month)

    @display(description=_("points"))
    def shown_points(self, one: Settlement) -> str:
        return show_points(one.figures["points"], one.figures["decimals"])

    @display(description=_("to pay"))
    def shown_owed(self, one: Settlement) -> str:
        return show_money(Decimal(one.figures["owed"]), one.figures["currency"])

    @display(description=_("closed by"))
    def shown_signer(self, one: Settlement) -> str:
        return getattr(one, "signer_shown", None) or people.name(one.closed_by)


def _hindrance(partner: Partner, month: date, at: datetime) -> str:
    """Why a month cannot be closed now; empty when it can."""
    try:
        settlement.refuse_unless_due(partner, month, at=at)
    except Refusal as refusal:
        return str(refusal)
    return ""
