"""Ways to earn on the desk: their terms, friends held for review, surveys with results, reviews, registrations, kinds of events."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from campaigns.ways import asking_desk, deeds, gifts_desk, referral_desk, surprises_desk
from campaigns.ways.forms import NoteForm, TermsForm
from campaigns.ways.models import Referral, ReferralCode, Registration, Review, WayTerms
from campaigns.ways.referral_desk import TONES
from campaigns.ways.scoped_desk import OfProgram, member_link
from loyalty.backoffice import BookAdmin, DeskAdmin, actor_of
from loyalty.desk import programs
from loyalty.desk.deeds import deed
from loyalty.desk.panels import Panel, Stat, badge, day, link
from loyalty.pos.models import Store
from members.desk import more_panels
from members.models import Member

__all__ = ["asking_desk", "gifts_desk", "referral_desk", "surprises_desk"]
REVIEW_TONES = {"waiting": "warn", "approved": "good", "refused": "bad"}


@admin.register(WayTerms)
class WayTermsAdmin(OfProgram, DeskAdmin):
    """How members earn beyond spending; one page per program."""

    form = TermsForm
    list_display = ["program", "referral_is_open", "return_days", "most_a_month"]
    empty_words = _("Nothing was set yet, so the defaults hold. Add the terms of this program to change them.")
    fieldsets = [
        (None, {"fields": ["program"]}),
        (_("Bringing friends"), {"fields": [
            "referral_is_open", ("counting_purchase", "least_amount"), ("return_days", "waits_for_window"),
            ("buy_within_days", "most_a_month"), ("milestone_every", "velocity_a_day"),
        ], "description": _("How many points both get is said by standing rules for the activities referral, referred and referral_milestone.")}),
        (_("Occasions"), {"fields": [("leap_day", "birthday_gap_days"), ("catch_up_days", "tenure_years")]}),
        (_("Launch and reviews"), {"fields": ["launch_places", "reviews_wait"]}),
    ]  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["program"] if obj else []

    def get_urls(self) -> list[Any]:
        """The sheet with a store's QR code."""
        sheet = path("store/<slug:code>/", self.admin_site.admin_view(self.store_code), name="ways_store_code")
        return [sheet, *super().get_urls()]

    def store_code(self, request: HttpRequest, code: str) -> HttpResponse:
        """A store's QR code for visits, to print and put at the door."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        store = get_object_or_404(Store, program=programs.chosen(request), code=code)
        address = request.build_absolute_uri(reverse("portal_visit", args=[store.code]))
        return TemplateResponse(request, "ways/store_code.html", {"store": store, "address": address})

    def page_context(self, request: HttpRequest, record: WayTerms) -> dict[str, Any]:
        rows = [
            (
                store,
                request.build_absolute_uri(reverse("portal_visit", args=[store.code])),
                link(reverse("admin:ways_store_code", args=[store.code]), _("Print")),
            )
            for store in Store.objects.filter(program=record.program, is_active=True).order_by("name")
        ]
        places = f"{record.launch_given} / {record.launch_places}"
        return {
            "stats": [Stat(_("Places of the launch bonus"), places, _("Taken, of all."))],
            "panels": [Panel(
                _("Addresses for visits"), [_("Store"), _("Address"), _("QR code for the door")], rows, _("No store yet."),
                note=_("A photo of the code works from anywhere, so let a visit earn little. It counts once a day."),
            )],
        }  # fmt: skip


@admin.register(Review)
class ReviewAdmin(OfProgram, BookAdmin):
    """What members say about products; those that wait are decided here."""

    list_display = ["product", "rating", "shown_member", "shown_status", "written_at", "points"]
    list_filter = ["status", "rating"]
    search_fields = ["product"]
    list_select_related = ["member"]
    actions_list = ["export_list"]
    actions_detail = ["approve", "refuse"]
    export_columns = (
        (_("Product"), lambda one: one.product), (_("Stars"), lambda one: one.rating), (_("Words"), lambda one: one.text),
        (_("Member"), lambda one: one.member.number), (_("Status"), lambda one: one.status), (_("Written at"), lambda one: one.written_at),
    )  # fmt: skip
    fieldsets = [(None, {"fields": [("product", "rating"), "text", ("shown_member", "shown_status"), ("written_at", "points"), ("decided_at", "decided_by"), "note"]})]  # fmt: skip
    readonly_fields = ["shown_member", "shown_status"]
    empty_words = _(
        "No review yet. Members review what they bought in the portal, or a shop sends reviews over the API."
    )

    def found_by(self, term: str) -> Q:
        return Q(product__istartswith=term) | Q(member__in=Member.objects.filter(number=term.replace(" ", "")))

    @deed(
        title=_("Approve"), question=_("It counts, and the member earns for it."), button=_("Approve it"),
        permission="ways.change_review", icon="check_circle", fits=lambda one: one.status == "waiting",
    )  # fmt: skip
    def approve(self, request: HttpRequest, record: Review) -> str:
        deeds.approve_review(record, at=timezone.now(), actor=actor_of(request))
        return str(_("Approved."))

    @deed(
        title=_("Refuse"), question=_("What it earned is taken back. The member reads why."), button=_("Refuse it"), danger=True,
        permission="ways.change_review", icon="block", form=NoteForm, fits=lambda one: one.status != "refused",
    )  # fmt: skip
    def refuse(self, request: HttpRequest, record: Review, values: dict[str, Any]) -> str:
        deeds.refuse_review(record, at=timezone.now(), actor=actor_of(request), note=values["note"])
        return str(_("Refused."))

    @display(description=_("member"))
    def shown_member(self, one: Review) -> str:
        return member_link(one.member)

    @display(description=_("status"))
    def shown_status(self, one: Review) -> str:
        return badge(one.get_status_display(), REVIEW_TONES[one.status])


@admin.register(Registration)
class RegistrationAdmin(OfProgram, BookAdmin):
    """Pieces members registered."""

    list_display = ["product", "serial", "shown_member", "registered_at", "points"]
    search_fields = ["serial"]
    list_select_related = ["member"]
    actions_list = ["export_list"]
    export_columns = (
        (_("Product"), lambda one: one.product), (_("Serial number"), lambda one: one.serial),
        (_("Member"), lambda one: one.member.number), (_("Registered at"), lambda one: one.registered_at),
    )  # fmt: skip
    fields = ["product", "serial", "shown_member", "registered_at", "points"]
    readonly_fields = ["shown_member"]
    empty_words = _("Nothing registered yet. Members do it in the portal, or a shop over the API.")

    def found_by(self, term: str) -> Q:
        return Q(serial__istartswith="".join(c for c in term.upper() if c.isalnum())) | Q(product__istartswith=term)

    @display(description=_("member"))
    def shown_member(self, one: Registration) -> str:
        return member_link(one.member)


def friends_panel(member: Member, at: datetime) -> list[Panel]:
    """Who brought a member and whom they brought, for their page; two queries, nothing where there is neither."""
    code = ReferralCode.objects.filter(member=member).values_list("code", flat=True).first()
    both = (
        Referral.objects.filter(Q(referrer=member) | Q(friend=member))
        .select_related("referrer", "friend")
        .order_by("-id")[:10]
    )
    rows = [
        (
            _("was brought by") if one.friend_id == member.pk else _("brought"),
            member_link(one.referrer if one.friend_id == member.pk else one.friend), day(one.bound_at),
            badge(one.get_status_display(), TONES[one.status]),
        )
        for one in both
    ]  # fmt: skip
    title = _("Friends (code %(code)s)") % {"code": code} if code else _("Friends")
    headers = [_("How"), _("Member"), _("Since"), _("Status")]
    return [Panel(title, headers, rows, _("Nobody came by this code yet."))] if rows or code else []


more_panels.append(friends_panel)
