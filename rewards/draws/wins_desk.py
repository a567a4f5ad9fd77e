"""Who won in prize draws, on the desk: given by the job, passed on by staff with a reason."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from loyalty.backoffice import BookAdmin, actor_of
from loyalty.desk import people, programs
from loyalty.desk.deeds import deed
from loyalty.desk.panels import Panel, badge, link, moment
from rewards.draws import giving
from rewards.models import Draw, DrawWin

ROWS = 20


def wins_panel(draw: Draw, sees_members: bool) -> Panel:
    """The places and who has them."""
    wins = DrawWin.objects.filter(draw=draw).select_related("prize", "entry__member").order_by("place", "id")[:ROWS]
    rows = [
        (
            link(reverse("admin:rewards_drawwin_change", args=[one.pk]), one.place), one.prize, one.entry.number,
            link(reverse("admin:members_member_change", args=[one.entry.member_id]), one.entry.member) if sees_members else one.entry.holder,
            win_badge(one),
        )
        for one in wins
    ]  # fmt: skip
    headers = [_("Place"), _("Prize"), _("Number"), _("Member"), _("State")]
    more = reverse("admin:rewards_drawwin_changelist") + f"?draw__id__exact={draw.pk}"
    return Panel(_("Winners"), headers, rows, _("Nobody has won yet."), more=more, numeric=frozenset({2}))


def win_badge(win: DrawWin) -> str:
    """given, passed on, owed or to be given."""
    if win.passed_at:
        return badge(_("passed on"), "bad")
    if win.given_at:
        return badge(_("given"), "good")
    return badge(_("owed"), "warn") if win.owed else badge(_("to be given"), "info")


class WhyForm(forms.Form):
    """Why a prize goes to the next."""

    why = forms.ChoiceField(label=_("Why"), choices=DrawWin.Passed.choices, widget=UnfoldAdminSelectWidget, help_text=_("Everybody reads this on the public page."))  # fmt: skip


@admin.register(DrawWin)
class DrawWinAdmin(BookAdmin):
    """Who won what in draws: given by the job, passed on by staff with a reason."""

    list_display = ["won_at", "draw", "place", "prize", "shown_number", "shown_member", "shown_state"]
    list_filter = ["draw", "owed"]
    list_select_related = ["draw", "prize", "entry__member"]
    search_fields = ["draw__slug"]
    fields = ["draw", "place", "prize", "shown_number", "shown_member", "shown_state", "won_at", "given_at", "owed", "redemption", "credit", "passed_at", "passed_why", "shown_passer"]  # fmt: skip
    readonly_fields = ["shown_number", "shown_member", "shown_state", "shown_passer"]
    actions_detail = ["give", "pass_on"]
    actions_list = ["export_list"]
    export_columns = (
        (_("Draw"), lambda one: one.draw.slug), (_("Place"), lambda one: one.place), (_("Prize"), lambda one: one.prize.name),
        (_("Number"), lambda one: one.entry.number), (_("Member"), lambda one: one.entry.member.number), (_("Given at"), lambda one: one.given_at),
        (_("Passed on at"), lambda one: one.passed_at), (_("Why"), lambda one: one.passed_why),
    )  # fmt: skip
    empty_words = _("Nobody has won in a draw yet.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DrawWin]:
        return super().get_queryset(request).filter(draw__program=programs.chosen(request))

    def found_by(self, term: str) -> Q:
        return Q(draw__slug__istartswith=term) | Q(entry__member__number=term.replace(" ", ""))

    @display(description=_("number"))
    def shown_number(self, win: DrawWin) -> str:
        return str(win.entry.number)

    @display(description=_("member"))
    def shown_member(self, win: DrawWin) -> str:
        return link(reverse("admin:members_member_change", args=[win.entry.member_id]), win.entry.member)

    @display(description=_("state"))
    def shown_state(self, win: DrawWin) -> str:
        return win_badge(win)

    @display(description=_("passed on by"))
    def shown_passer(self, win: DrawWin) -> str:
        return f"{people.name(win.passed_by)}, {moment(win.passed_at)}" if win.passed_at else "–"

    @deed(title=_("Give the prize"), question=_("The prize could not be given when the winners were drawn. Give it now?"), button=_("Give it"), permission="rewards.change_draw", icon="redeem", fits=lambda win: bool(win.owed) and not win.passed_at)  # fmt: skip
    def give(self, request: HttpRequest, record: DrawWin) -> str:
        given = giving.give(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The prize is given, and the member gets a letter.") if given.given_at else _("It still cannot be given. Look at the stock of its reward."))  # fmt: skip

    @deed(title=_("Pass on to the next"), question=_("The place goes to the next entry in the order of the draw. Everybody can check that too."), button=_("Pass it on"), permission="rewards.change_draw", icon="redo", danger=True, form=WhyForm, fits=lambda win: not win.given_at and not win.passed_at)  # fmt: skip
    def pass_on(self, request: HttpRequest, record: DrawWin, values: dict[str, Any]) -> str:
        giving.pass_on(record, at=timezone.now(), actor=actor_of(request), why=values["why"])
        return str(_("The place is passed on."))
