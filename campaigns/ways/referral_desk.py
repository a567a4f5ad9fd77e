"""Friends brought, at the desk: what was found, both sides beside each other, and what staff decide, also a second time."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Count, F, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from campaigns.ways import reconsidering, referral, suspicions
from campaigns.ways.forms import NoteForm
from campaigns.ways.models import Referral
from campaigns.ways.scoped_desk import OfProgram, member_link
from loyalty.backoffice import BookAdmin, actor_of
from loyalty.common.money import from_cents, show_money, show_points, sum_in_cents
from loyalty.desk.deeds import deed
from loyalty.desk.panels import EMPTY, Panel, badge, day
from members.models import Member, Purchase

TONES = {"bound": "info", "held": "warn", "rewarded": "good", "taken_back": "bad", "refused": "bad", "lapsed": ""}


@admin.register(Referral)
class ReferralAdmin(OfProgram, BookAdmin):
    """Friends whom members brought; those held for review are decided here."""

    list_display = ["friend", "shown_referrer", "shown_status", "shown_reasons", "bound_at", "points"]
    list_filter = ["status"]
    search_fields = ["friend__number"]
    list_select_related = ["friend", "referrer"]
    actions_list = ["export_list"]
    actions_detail = ["approve", "refuse", "hold", "revoke"]
    export_columns = (
        (_("Friend"), lambda one: one.friend.number), (_("Brought by"), lambda one: one.referrer.number),
        (_("Status"), lambda one: one.status), (_("Reasons"), lambda one: " ".join(one.reasons)),
        (_("Bound at"), lambda one: one.bound_at), (_("Points"), lambda one: one.points), (_("Points of the friend"), lambda one: one.friend_points),
    )  # fmt: skip
    fieldsets = [(None, {"fields": [
        ("shown_friend", "shown_referrer"), ("shown_status", "bound_at"), ("buys_before", "rewarded_at"),
        ("points", "friend_points"), ("decided_at", "decided_by"), "note",
    ]})]  # fmt: skip
    readonly_fields = ["shown_friend", "shown_referrer", "shown_status"]
    empty_words = _("Nobody was brought yet. Members find their code in the portal under “Bring a friend”.")

    def found_by(self, term: str) -> Q:
        digits = term.replace(" ", "")
        who = Member.objects.filter(Q(number=digits) | Q(name__istartswith=term) | Q(email__istartswith=term))
        return Q(friend__in=who) | Q(referrer__in=who)

    def page_context(self, request: HttpRequest, record: Referral) -> dict[str, Any]:
        rows = [(said,) for said in suspicions.in_words(record.reasons)]
        found = Panel(_("What was found"), [_("Finding")], rows, _("Nothing speaks against it."))
        sides = [side_by_side(record)] if request.user.has_perm("members.view_member") else []
        return {"panels_before": [found, *sides]}

    @deed(
        title=_("Approve"), question=_("Both are rewarded once the friend's purchase is kept."), button=_("Approve it"),
        permission="ways.change_referral", icon="check_circle", fits=lambda one: one.status == "held",
    )  # fmt: skip
    def approve(self, request: HttpRequest, record: Referral) -> str:
        referral.approve(record, at=timezone.now(), actor=actor_of(request))
        return str(_("Approved: it goes on like any other."))

    @deed(
        title=_("Refuse"), question=_("Neither gets anything, for good."), button=_("Refuse it"), danger=True,
        permission="ways.change_referral", icon="block", form=NoteForm, fits=lambda one: one.status == "held",
    )  # fmt: skip
    def refuse(self, request: HttpRequest, record: Referral, values: dict[str, Any]) -> str:
        referral.refuse(record, at=timezone.now(), actor=actor_of(request), note=values["note"])
        return str(_("Refused."))

    @deed(
        title=_("Hold for review"), question=_("Neither is rewarded until somebody decides again. What was decided before no longer counts."),
        button=_("Hold it"), permission="ways.change_referral", icon="undo", form=NoteForm,
        fits=lambda one: one.status in reconsidering.HOLDABLE,
    )  # fmt: skip
    def hold(self, request: HttpRequest, record: Referral, values: dict[str, Any]) -> str:
        reconsidering.hold(record, at=timezone.now(), actor=actor_of(request), note=values["note"])
        return str(_("It is held for review."))

    @deed(
        title=_("Take the rewards back"), question=_("What both got is taken back, with the milestone that rests on it, and both get a letter. It can be held for review again."),
        button=_("Take them back"), danger=True, permission="ways.change_referral", icon="block", form=NoteForm,
        fits=lambda one: one.status == "rewarded",
    )  # fmt: skip
    def revoke(self, request: HttpRequest, record: Referral, values: dict[str, Any]) -> str:
        reconsidering.revoke(record, at=timezone.now(), actor=actor_of(request), note=values["note"])
        return str(_("The rewards were taken back."))

    @display(description=_("friend"))
    def shown_friend(self, one: Referral) -> str:
        return member_link(one.friend)

    @display(description=_("brought by"))
    def shown_referrer(self, one: Referral) -> str:
        return member_link(one.referrer)

    @display(description=_("status"))
    def shown_status(self, one: Referral) -> str:
        return badge(one.get_status_display(), TONES[one.status])

    @display(description=_("reasons"))
    def shown_reasons(self, one: Referral) -> str:
        return " ".join(suspicions.in_words(one.reasons)) or "–"


def side_by_side(one: Referral) -> Panel:
    """Who brought and who came, to be compared; three queries."""
    both = (one.referrer, one.friend)
    kept = Purchase.objects.filter(Q(refunded__lt=F("total")) | Q(total=0), member__in=both).order_by()
    bought = {
        pk: (times, from_cents(spent))
        for pk, times, spent in kept.values_list("member").annotate(
            times=Count("pk"), spent=sum_in_cents(F("total") - F("refunded"))
        )
    }
    brought = dict(Referral.objects.filter(referrer__in=both).order_by().values_list("referrer").annotate(Count("pk")))

    def purchases(member: Member) -> str:
        times, spent = bought.get(member.pk, (0, Decimal(0)))
        return f"{show_points(times)} ({show_money(spent, one.program.currency)})" if times else EMPTY

    told = [
        (_("Member"), member_link), (_("Number"), lambda member: member.shown_number), (_("E-mail"), lambda member: member.email or EMPTY),
        (_("Phone"), lambda member: member.phone or EMPTY), (_("Member since"), lambda member: day(member.enrolled_at)),
        (_("Kept purchases"), purchases), (_("Friends brought"), lambda member: show_points(brought.get(member.pk, 0))),
    ]  # fmt: skip
    rows = [(title, *(show(member) for member in both)) for title, show in told]
    return Panel(_("Side by side"), [_("What"), _("Brought by"), _("Friend")], rows)
