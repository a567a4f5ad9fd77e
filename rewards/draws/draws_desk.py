"""Prize draws on the desk: written as a draft with their prizes, published, called off."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from loyalty.backoffice import DeskAdmin, actor_of
from loyalty.common.money import show_points
from loyalty.desk import programs
from loyalty.desk.dates import MidnightByDefault
from loyalty.desk.deeds import deed
from loyalty.desk.panels import Panel, Stat, badge, day, link
from loyalty.desk.stamps import StampedForm
from rewards.draws import publishing, showing
from rewards.draws.wins_desk import wins_panel
from rewards.models import Draw, DrawPrize, Reward

STATES = {
    "draft": (_("draft"), ""), "coming": (_("opens soon"), "info"), "open": (_("takes entries"), "good"),
    "closed": (_("being drawn"), "warn"), "drawn": (_("drawn"), ""), "called_off": (_("called off"), "bad"),
}  # fmt: skip


class DrawForm(StampedForm):
    """A draw that closes after it opened."""

    class Meta:
        model = Draw
        fields = "__all__"
        help_texts = {"slug": _("Stands in the address of the public page and never changes."), "opens_at": _("In the program clock.")}  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Dates in order, limits that mean something."""
        cleaned = super().clean()
        since, until = cleaned.get("opens_at"), cleaned.get("closes_at")
        if since and until and since >= until:
            self.add_error("closes_at", _("The draw must close after it opens."))
        for name in ("limit_per_member", "limit_in_all"):
            if cleaned.get(name) == 0:
                self.add_error(name, _("Write at least 1, or leave it empty."))
        return cleaned


class PrizeForm(forms.ModelForm):
    """A prize: a reward of the same program, or points."""

    class Meta:
        model = DrawPrize
        fields = ("position", "name", "name_id", "name_ms", "winners", "reward", "points")

    def clean(self) -> dict[str, Any]:
        """One of both, at least one winner."""
        cleaned: dict[str, Any] = super().clean() or {}
        reward, points, draw = cleaned.get("reward"), cleaned.get("points"), self.instance.draw
        if bool(reward) == bool(points) or (points or 0) < 0:
            self.add_error("points", _("Choose a reward or write points, one of both."))
        if cleaned.get("winners") == 0:
            self.add_error("winners", _("Write at least 1."))
        if reward and draw.program_id and reward.program_id != draw.program_id:
            self.add_error("reward", _("This belongs to another program."))
        if reward and reward.kind == Reward.Kind.DRAW:
            self.add_error("reward", _("An entry in a draw cannot be the prize of one."))
        return cleaned


class PrizeSet(BaseInlineFormSet):
    """The prizes of a draw; each knows the draw it is being saved with."""

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        form = super()._construct_form(i, **kwargs)  # type: ignore[misc]
        form.instance.draw = self.instance
        return form


class PrizeInline(TabularInline):
    """The prizes, the first one first."""

    model = DrawPrize
    form = PrizeForm
    formset = PrizeSet
    extra = 0
    tab = True
    fields = ["position", "name", "name_id", "name_ms", "winners", "reward", "points"]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Rewards of the program being looked at."""
        if db_field.name == "reward":
            kwargs["queryset"] = Reward.objects.filter(program=programs.chosen(request)).exclude(kind=Reward.Kind.DRAW)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _may(self, obj: Draw | None) -> bool:
        return obj is None or obj.status == Draw.Status.DRAFT

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(obj) and super().has_delete_permission(request, obj)


@admin.register(Draw)
class DrawAdmin(DeskAdmin):
    """Draws of the program being looked at. What was published stands, but for the words."""

    form = DrawForm
    inlines = [PrizeInline]
    list_display = ["name", "shown_state", "shown_dates", "shown_entries"]
    list_filter = ["status"]
    list_select_related = ["program"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    actions_detail = ["publish", "call_off"]
    keep_instead = _("Call it off instead of deleting it.")
    empty_words = _("Members enter a prize draw with points, and everybody can check who won. Write the first one; it stays a draft until you publish it.")  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The program is the one being looked at."""
        return [
            (_("What it is"), {"fields": ["name", "summary", "slug", *(["shown_page"] if obj else [])]}),
            (_("When"), {"fields": ["opens_at", "closes_at"]}),
            (_("Limits"), {"fields": [("limit_per_member", "limit_in_all")]}),
            (_("Indonesian"), {"classes": ["tab"], "fields": ["name_id", "summary_id"]}),
            (_("Malay"), {"classes": ["tab"], "fields": ["name_ms", "summary_ms"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Draw | None = None) -> list[str]:
        if obj is None:
            return []
        is_draft = obj.status == Draw.Status.DRAFT
        return (
            ["slug", "shown_page"]
            if is_draft
            else ["shown_page", "name", "slug", "opens_at", "closes_at", "limit_per_member", "limit_in_all"]
        )

    def get_prepopulated_fields(self, request: HttpRequest, obj: Draw | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Dates begin at midnight unless a time is told."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in ("opens_at", "closes_at"):
            field.widget = MidnightByDefault()
        return field

    def get_queryset(self, request: HttpRequest) -> QuerySet[Draw]:
        return super().get_queryset(request).filter(program=programs.chosen(request)).select_related("program")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and programs.chosen(request) is not None

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term) | Q(slug__istartswith=term)

    def save_model(self, request: HttpRequest, obj: Draw, form: Any, change: bool) -> None:
        """A new draw belongs to the program being looked at."""
        program = programs.chosen(request)
        if not change and program is not None:
            obj.program = program
        super().save_model(request, obj, form, change)

    def page_context(self, request: HttpRequest, record: Draw) -> dict[str, Any]:
        if record.status == Draw.Status.DRAFT:
            note = _(
                "Add the prizes, then make a reward of the kind “entry in a prize draw” that leads here, then publish it."
            )
            return {"panels": [Panel(_("Winners"), [], [], note)]}
        tickets = list(Reward.objects.filter(draw=record))
        by = _("A member enters by redeeming it.")
        ways = [(link(reverse("admin:rewards_reward_change", args=[one.pk]), one), one.draw_entries, show_points(one.taken)) for one in tickets]  # fmt: skip
        return {
            "stats": [
                Stat(_("Status"), self.shown_state(record)),
                Stat(_("Entries that take part"), show_points(record.standing), _("Withdrawn ones are left out.")),
                Stat(_("Digest of the seed"), record.promise.seed_digest[:12] + "…", _("The public page shows all of it.")),
            ],
            "panels": [
                Panel(_("Ways to enter"), [_("Reward"), _("Entries"), _("Redeemed")], ways, _("No reward leads here yet, so nobody can enter."), note=by, numeric=frozenset({1, 2})),
                wins_panel(record, request.user.has_perm("members.view_member")),
            ],
        }  # fmt: skip

    @display(description=_("state"))
    def shown_state(self, draw: Draw) -> str:
        return badge(*STATES[showing.state(draw, at=timezone.now()) if draw.status != Draw.Status.DRAFT else "draft"])

    @display(description=_("public page"))
    def shown_page(self, draw: Draw) -> str:
        is_there = draw.status != Draw.Status.DRAFT
        return (
            link(draw.get_absolute_url(), draw.get_absolute_url()) if is_there else str(_("as soon as it is published"))
        )

    @display(description=_("dates"))
    def shown_dates(self, draw: Draw) -> str:
        return f"{day(draw.opens_at)} – {day(draw.closes_at - timedelta(microseconds=1))}"

    @display(description=_("entries"))
    def shown_entries(self, draw: Draw) -> str:
        return show_points(draw.standing)

    @deed(title=_("Publish"), question=_("Dates, limits and prizes stand from now on. A secret seed is fixed, and everybody can read its digest on the public page."), button=_("Publish it"), permission="rewards.change_draw", icon="lock", fits=lambda draw: draw.status == Draw.Status.DRAFT)  # fmt: skip
    def publish(self, request: HttpRequest, record: Draw) -> str:
        publishing.publish(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The draw is published."))

    @deed(title=_("Call off"), question=_("Nobody wins, and the points of every entry go back. This cannot be undone."), button=_("Call it off"), permission="rewards.change_draw", icon="cancel", danger=True, fits=lambda draw: draw.status == Draw.Status.OPEN)  # fmt: skip
    def call_off(self, request: HttpRequest, record: Draw) -> str:
        publishing.call_off(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The draw is called off. The points go back within minutes."))
