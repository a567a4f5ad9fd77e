"""Pools of prizes on the desk: written as a draft with their odds, published, closed."""

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
from loyalty.desk.deeds import deed
from loyalty.desk.panels import Panel, Stat, badge, link, moment
from loyalty.desk.stamps import StampedForm
from rewards.chances import publishing, showing
from rewards.chances.terms import unfit
from rewards.models import DRAWN_THEMSELVES, PoolDraw, PoolPrize, PrizePool, Reward

STATES = {"draft": (_("draft"), ""), "open": (_("open"), "good"), "closed": (_("closed"), "")}
ROWS = 20


class PrizePoolForm(StampedForm):
    """A pool with a chance to win."""

    class Meta:
        model = PrizePool
        fields = "__all__"
        help_texts = {
            "slug": _("Stands in the address of the public page and never changes."),
            "one_in": _("1: every number wins something, for mystery rewards. 20: one number in twenty wins."),
            "is_counted": _(
                "Exactly one of every 20 numbers in a row wins, chosen by the seed, instead of one in twenty by chance."
            ),
        }

    def clean(self) -> dict[str, Any]:
        """One in one or more; counting means something. What was published meanwhile is not edited as a draft."""
        was = self.instance.status
        cleaned = super().clean()  # it locks the row
        if self.instance.pk and PrizePool.objects.filter(pk=self.instance.pk).exclude(status=was).exists():
            raise forms.ValidationError(_("Somebody else changed this pool meanwhile. Look at it again."))
        if cleaned.get("one_in") == 0:
            self.add_error("one_in", _("Write at least 1."))
        elif cleaned.get("one_in") and (refusal := unfit(self.instance, one_in=cleaned["one_in"])):
            self.add_error("one_in", str(refusal))
        if cleaned.get("is_counted") and cleaned.get("one_in") == 1:
            self.add_error("is_counted", _("Every number wins here, so there is nothing to count."))
        return cleaned


class PoolPrizeForm(forms.ModelForm):
    """A prize: a reward of the same program, or points."""

    class Meta:
        model = PoolPrize
        fields = ("position", "name", "name_id", "name_ms", "weight", "pieces", "reward", "points")

    def clean(self) -> dict[str, Any]:
        """One of both, with a weight."""
        cleaned: dict[str, Any] = super().clean() or {}
        reward, points, pool = cleaned.get("reward"), cleaned.get("points"), self.instance.prize_pool
        if bool(reward) == bool(points) or (points or 0) < 0:
            self.add_error("points", _("Choose a reward or write points, one of both."))
        for name in ("weight", "pieces"):
            if cleaned.get(name) == 0:
                self.add_error(name, _("Write at least 1."))
        if reward and pool.program_id and reward.program_id != pool.program_id:
            self.add_error("reward", _("This belongs to another program."))
        if reward and reward.kind in DRAWN_THEMSELVES:
            self.add_error("reward", _("What is drawn itself cannot be a prize here."))
        return cleaned


class PoolPrizeSet(BaseInlineFormSet):
    """The prizes of a pool; each knows the pool it is being saved with."""

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        form = super()._construct_form(i, **kwargs)  # type: ignore[misc]
        form.instance.prize_pool = self.instance
        return form


class PoolPrizeInline(TabularInline):
    """The prizes and what they weigh; they stand once the pool is published."""

    model = PoolPrize
    form = PoolPrizeForm
    formset = PoolPrizeSet
    extra = 0
    tab = True
    fields = ["position", "name", "name_id", "name_ms", "weight", "pieces", "reward", "points"]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Rewards of the program being looked at."""
        if db_field.name == "reward":
            offered = Reward.objects.filter(program=programs.chosen(request))
            kwargs["queryset"] = offered.exclude(kind__in=DRAWN_THEMSELVES)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _may(self, obj: PrizePool | None) -> bool:
        return obj is None or obj.status == PrizePool.Status.DRAFT

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(obj) and super().has_delete_permission(request, obj)


@admin.register(PrizePool)
class PrizePoolAdmin(DeskAdmin):
    """Pools of the program being looked at. What was published stands, but for the words."""

    form = PrizePoolForm
    inlines = [PoolPrizeInline]
    list_display = ["name", "shown_state", "shown_rule", "shown_numbers"]
    list_filter = ["status"]
    list_select_related = ["program"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    actions_detail = ["publish", "close"]
    keep_instead = _("Close it instead of deleting it.")
    empty_words = _("Mystery rewards and instant wins draw from a pool of prizes, and everybody can check the odds. Write the first one; it stays a draft until you publish it.")  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The program is the one being looked at."""
        return [
            (_("What it is"), {"fields": ["name", "summary", "slug", *(["shown_page"] if obj else [])]}),
            (_("Who wins"), {"fields": [("one_in", "is_counted")]}),
            (_("Indonesian"), {"classes": ["tab"], "fields": ["name_id", "summary_id"]}),
            (_("Malay"), {"classes": ["tab"], "fields": ["name_ms", "summary_ms"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: PrizePool | None = None) -> list[str]:
        if obj is None:
            return []
        is_draft = obj.status == PrizePool.Status.DRAFT
        return ["slug", "shown_page"] if is_draft else ["shown_page", "name", "slug", "one_in", "is_counted"]

    def get_prepopulated_fields(self, request: HttpRequest, obj: PrizePool | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[PrizePool]:
        return super().get_queryset(request).filter(program=programs.chosen(request)).select_related("program")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and programs.chosen(request) is not None

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term) | Q(slug__istartswith=term)

    def save_model(self, request: HttpRequest, obj: PrizePool, form: Any, change: bool) -> None:
        """A new pool belongs to the program being looked at."""
        program = programs.chosen(request)
        if not change and program is not None:
            obj.program = program
        super().save_model(request, obj, form, change)

    def page_context(self, request: HttpRequest, record: PrizePool) -> dict[str, Any]:
        if record.status == PrizePool.Status.DRAFT:
            note = _("Add the prizes and publish it, then make a mystery reward or an instant win that draws from it.")
            return {"panels": [Panel(_("Numbers drawn"), [], [], note)]}
        told = showing.chances(record, at=timezone.now())
        gone = badge(_("none left"), "bad")
        now = [(one.words, one.chance, gone if one.is_out else show_points(one.left) if one.left is not None else _("unlimited")) for one in told.prizes]  # fmt: skip
        return {
            "stats": [
                Stat(_("Status"), self.shown_state(record)),
                Stat(_("Numbers drawn"), show_points(record.numbers), told.rule),
                Stat(_("Digest of the seed"), record.promise.seed_digest[:12] + "…", _("The public page shows all of it.")),
            ],
            "panels": [
                Panel(_("Odds of the next number"), [_("Prize"), _("Chance"), _("Left")], now, "", numeric=frozenset({1, 2})),
                draws_panel(record, request.user.has_perm("members.view_member")),
            ],
        }  # fmt: skip

    @display(description=_("state"))
    def shown_state(self, pool: PrizePool) -> str:
        return badge(*STATES[pool.status])

    @display(description=_("who wins"))
    def shown_rule(self, pool: PrizePool) -> str:
        return showing.rule(pool)

    @display(description=_("numbers drawn"))
    def shown_numbers(self, pool: PrizePool) -> str:
        return show_points(pool.numbers)

    @display(description=_("public page"))
    def shown_page(self, pool: PrizePool) -> str:
        is_there = pool.status != PrizePool.Status.DRAFT
        address = pool.get_absolute_url()
        return link(address, address) if is_there else str(_("as soon as it is published"))

    @deed(title=_("Publish"), question=_("The prizes and their odds stand from now on. A secret seed is fixed, and everybody can read its digest on the public page."), button=_("Publish it"), permission="rewards.change_prizepool", icon="lock", fits=lambda pool: pool.status == PrizePool.Status.DRAFT)  # fmt: skip
    def publish(self, request: HttpRequest, record: PrizePool) -> str:
        publishing.publish(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The pool is published."))

    @deed(title=_("Close"), question=_("Nothing is drawn from it any more, and everybody can read the seed and compute every number again. This cannot be undone."), button=_("Close it"), permission="rewards.change_prizepool", icon="lock_open", danger=True, fits=lambda pool: pool.status == PrizePool.Status.OPEN)  # fmt: skip
    def close(self, request: HttpRequest, record: PrizePool) -> str:
        publishing.close(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The pool is closed, and its seed is shown."))


def draws_panel(pool: PrizePool, sees_members: bool) -> Panel:
    """The latest numbers and what they won."""
    latest = PoolDraw.objects.filter(prize_pool=pool).select_related("prize", "member").order_by("-number")[:ROWS]
    rows = [
        (
            link(reverse("admin:rewards_redemption_change", args=[one.ticket_id]), one.number), moment(one.drawn_at),
            link(reverse("admin:members_member_change", args=[one.member_id]), one.member) if sees_members else "–",
            one.prize or _("nothing"),
        )
        for one in latest
    ]  # fmt: skip
    headers = [_("Number"), _("When"), _("Member"), _("Prize")]
    return Panel(_("Numbers drawn"), headers, rows, _("No number was drawn yet."), numeric=frozenset({0}))
