"""Parcels on the desk: what is to be packed, sent and delivered, one by one or many at once."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from loyalty.backoffice import BookAdmin, actor_of
from loyalty.desk import people, programs
from loyalty.desk.deeds import deed
from loyalty.desk.panels import badge, link
from members.models import Member
from rewards import parcels
from rewards.models import Parcel

MAY = "rewards.change_parcel"
TONES = {"address": "warn", "waiting": "info", "packed": "info", "sent": "good", "delivered": "", "cancelled": "bad"}


class SendForm(forms.Form):
    """Who carries a parcel."""

    carrier = forms.CharField(label=_("Carrier"), max_length=60, widget=UnfoldAdminTextInputWidget)
    tracking = forms.CharField(
        label=_("Tracking number"), max_length=80, required=False, widget=UnfoldAdminTextInputWidget,
        help_text=_("The member gets it in a letter and sees it in the portal."),
    )  # fmt: skip


@admin.register(Parcel)
class ParcelAdmin(BookAdmin):
    """What is sent to members."""

    list_display = ["asked_at", "shown_reward", "shown_member", "shown_status", "shown_address", "shown_tracking"]
    list_display_links = ["asked_at"]
    list_filter = [("status", ChoicesDropdownFilter), ("redemption__reward", RelatedDropdownFilter)]
    list_select_related = ["redemption__reward", "redemption__member"]
    search_fields = ["tracking"]
    search_help_text = _("Member number, or the exact tracking number")
    actions: Any = ["pack_chosen", "send_chosen", "deliver_chosen"]
    actions_list = ["export_list"]
    actions_detail = ["pack", "send", "deliver", "step_back"]
    export_columns = (
        (_("Parcel"), lambda p: p.pk), (_("Reward"), lambda p: p.redemption.reward.slug), (_("Status"), lambda p: p.status),
        (_("Name"), lambda p: p.recipient), (_("Street"), lambda p: p.street), (_("Postcode"), lambda p: p.postcode),
        (_("Town"), lambda p: p.city), (_("Country"), lambda p: p.country), (_("Phone"), lambda p: p.phone),
        (_("Tracking number"), lambda p: p.tracking),
    )  # fmt: skip
    fieldsets = [
        (None, {"fields": [("shown_reward", "shown_member"), ("shown_status", "shown_redemption")]}),
        (_("Where it goes"), {"fields": ["recipient", "street", ("postcode", "city"), ("country", "phone")]}),
        (_("How it goes"), {"fields": [("carrier", "tracking"), ("asked_at", "packed_at"), ("sent_at", "delivered_at"), "shown_changer"]}),
    ]  # fmt: skip
    readonly_fields = ["shown_reward", "shown_member", "shown_status", "shown_redemption", "shown_changer"]
    empty_words = _("Nothing is to be sent. Rewards that are sent to members say so on their page.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Parcel]:
        return super().get_queryset(request).filter(redemption__program=programs.chosen(request))

    def found_by(self, term: str) -> Q:
        digits = term.replace(" ", "")
        if digits.isdecimal() and len(digits) == 12:
            return Q(redemption__member__in=Member.objects.filter(number=digits))
        return Q(tracking=term)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return super().get_actions(request) if request.user.has_perm(MAY) else {}

    def _each(self, request: HttpRequest, chosen: QuerySet[Parcel], step: Any, **terms: Any) -> None:
        """Do a step with the chosen ones and say how many it fitted."""
        asked = list(chosen)  # before the step: a filter on the status finds them no more after it
        done, others = parcels.each(chosen, step, at=timezone.now(), actor=actor_of(request), **terms)
        if done:
            said = ngettext("%(count)d parcel changed.", "%(count)d parcels changed.", done) % {"count": done}
            messages.success(request, said)
            for parcel in asked:
                if parcel.pk not in {one.pk for one in others}:
                    self.log_change(request, parcel, said)
        if others:
            said = ngettext("%(count)d parcel is at another step and stays as it is.", "%(count)d parcels are at another step and stay as they are.", len(others))  # fmt: skip
            messages.warning(request, said % {"count": len(others)})

    @admin.action(description=_("Mark as packed"))
    def pack_chosen(self, request: HttpRequest, chosen: QuerySet[Parcel]) -> None:
        self._each(request, chosen, parcels.pack)

    @admin.action(description=_("Mark as sent, without tracking"))
    def send_chosen(self, request: HttpRequest, chosen: QuerySet[Parcel]) -> None:
        self._each(request, chosen, parcels.send, carrier="", tracking="")

    @admin.action(description=_("Mark as delivered"))
    def deliver_chosen(self, request: HttpRequest, chosen: QuerySet[Parcel]) -> None:
        self._each(request, chosen, parcels.deliver)

    @deed(
        title=_("Mark as packed"),
        question=_("The member cannot change the address or cancel any more."),
        button=_("It is packed"),
        permission=MAY,
        icon="package_2",
        fits=lambda parcel: parcel.status == Parcel.Status.WAITING,
    )
    def pack(self, request: HttpRequest, record: Parcel) -> Any:
        parcels.pack(record, at=timezone.now(), actor=actor_of(request))
        return _("The parcel is packed.")

    @deed(
        title=_("Mark as sent"),
        question=_("The member gets a letter. It cannot be cancelled any more."),
        button=_("It is sent"),
        permission=MAY,
        icon="local_shipping",
        fits=lambda parcel: parcel.status in (Parcel.Status.WAITING, Parcel.Status.PACKED),
        form=SendForm,
    )
    def send(self, request: HttpRequest, record: Parcel, values: dict[str, Any]) -> Any:
        parcels.send(record, carrier=values["carrier"], tracking=values["tracking"], at=timezone.now(), actor=actor_of(request))  # fmt: skip
        return _("The parcel is sent, and the member gets a letter.")

    @deed(
        title=_("Mark as delivered"),
        question=_("The redemption is used with it."),
        button=_("It has arrived"),
        permission=MAY,
        icon="done_all",
        fits=lambda parcel: parcel.status == Parcel.Status.SENT,
    )
    def deliver(self, request: HttpRequest, record: Parcel) -> Any:
        parcels.deliver(record, at=timezone.now(), actor=actor_of(request))
        return _("The parcel is delivered.")

    @deed(
        title=_("One step back"),
        question=_("The last step was recorded by mistake. A letter that went out is not taken back."),
        button=_("One step back"),
        permission=MAY,
        icon="undo",
        fits=lambda parcel: parcel.status in parcels.BACK,
    )
    def step_back(self, request: HttpRequest, record: Parcel) -> Any:
        back = parcels.step_back(record, at=timezone.now(), actor=actor_of(request))
        return _("The parcel is “%(status)s” again.") % {"status": back.get_status_display()}

    @display(description=_("reward"))
    def shown_reward(self, parcel: Parcel) -> str:
        return str(parcel.redemption.reward)

    @display(description=_("member"))
    def shown_member(self, parcel: Parcel) -> str:
        return link(
            reverse("admin:members_member_change", args=[parcel.redemption.member_id]), parcel.redemption.member
        )

    @display(description=_("redemption"))
    def shown_redemption(self, parcel: Parcel) -> str:
        return link(reverse("admin:rewards_redemption_change", args=[parcel.redemption_id]), parcel.redemption)

    @display(description=_("status"))
    def shown_status(self, parcel: Parcel) -> str:
        return badge(parcel.get_status_display(), TONES[parcel.status])

    @display(description=_("goes to"))
    def shown_address(self, parcel: Parcel) -> str:
        return parcel.shown_address or "–"

    @display(description=_("sent with"))
    def shown_tracking(self, parcel: Parcel) -> str:
        return f"{parcel.carrier} {parcel.tracking}".strip() or "–"

    @display(description=_("last changed by"))
    def shown_changer(self, parcel: Parcel) -> str:
        return people.name(parcel.changed_by)
