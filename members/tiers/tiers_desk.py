"""Tiers at the desk: the ladder and its benefits, the policy and its versions, stays, and tiers given by hand."""

import secrets
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from loyalty.backoffice import BookAdmin, DeskAdmin, actor_of
from loyalty.common.errors import Refusal
from loyalty.desk.deeds import deed
from loyalty.desk.panels import link
from members.models import Member, Tier, TierGrant, TierPolicy, TierPolicyVersion, TierStay
from members.tiers import buying, granting, rungs

JUDGED = {"rank", "threshold", "keep_threshold", "price", "lasts_days", "is_on_ladder"}


class TierDeeds:
    """What staff can do about a member's tier from the member's page."""

    @action(description=_("Give a tier"), icon="military_tech")
    def give_tier(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the form, filled in for this member."""
        return HttpResponseRedirect(f"{reverse('admin:members_tiergrant_add')}?member={object_id}")

    give_tier.needs = "members.add_tiergrant"


@admin.register(TierStay)
class TierStayAdmin(BookAdmin):
    """Who was in which tier, from when until when, and why."""

    list_display = ["member", "tier", "since", "until", "review_at", "cause"]
    list_select_related = ["member", "tier"]
    ordering = ["-id"]


@admin.register(TierPolicyVersion)
class TierPolicyVersionAdmin(BookAdmin):
    """How the ladder was at any time."""

    list_display = ["program", "number", "since", "recorded_by", "reason"]
    list_select_related = ["program"]


class GrantForm(forms.ModelForm):
    """A tier by hand: for whom, which one, until when, and why."""

    class Meta:
        model = TierGrant
        fields = ("member", "tier", "kind", "until", "reason")


@admin.register(TierGrant)
class TierGrantAdmin(DeskAdmin):
    """Tiers given by hand, bought or matched. What was given is not edited; it can be withdrawn."""

    form = GrantForm
    list_display = ["member", "tier", "kind", "since", "until", "reason", "granted_by", "withdrawn_at"]
    list_filter = ["kind", "tier"]
    list_select_related = ["member", "tier"]
    autocomplete_fields = ["member"]
    fields = ["member", "tier", "kind", "until", "reason"]
    actions_detail = ["withdraw", "give_back"]
    empty_words = _("Nobody was given a tier by hand. Look a member up and choose “Give a tier”.")

    def get_readonly_fields(self, request: HttpRequest, obj: TierGrant | None = None) -> list[str]:
        return [*self.fields, "since", "reference", "granted_by", "withdrawn_at", "withdrawn_by"] if obj else []

    def get_fields(self, request: HttpRequest, obj: TierGrant | None = None) -> list[str]:
        return self.get_readonly_fields(request, obj) or self.fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: TierGrant, form: Any, change: bool) -> None:
        """Given by the verb, which judges it and moves the member."""
        if change:
            return
        made = granting.give(
            obj.member, obj.tier, until=obj.until, reason=obj.reason, kind=obj.kind, at=timezone.now(),
            reference=f"desk:{secrets.token_hex(8)}", actor=actor_of(request),
        )  # fmt: skip
        obj.__dict__.update({k: v for k, v in made.__dict__.items() if k != "_state"})
        obj._state.adding = False

    @action(description=_("Withdraw"), icon="undo")
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End it now."""
        if not request.user.has_perm("members.change_tiergrant"):
            raise PermissionDenied
        grant = get_object_or_404(TierGrant, pk=object_id)
        granting.withdraw(grant, at=timezone.now(), actor=actor_of(request))
        self.log_change(request, grant, str(_("Withdrawn")))
        messages.success(request, _("The given tier has ended. The member has the tier that was reached."))
        return HttpResponseRedirect(self.page_of(grant))

    @deed(
        title=_("Withdraw and give the points back"),
        question=_("The tier ends now, and the points it was bought with return to the lots they came from."),
        button=_("Give them back"),
        permission="members.change_tiergrant",
        icon="currency_exchange",
        danger=True,
        fits=lambda grant: grant.kind == TierGrant.Kind.BOUGHT and grant.withdrawn_at is None and buying.entry_of(grant) is not None,
    )  # fmt: skip
    def give_back(self, request: HttpRequest, record: TierGrant) -> str:
        buying.give_back(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The tier has ended, and the points are back."))

    withdraw.needs = "members.change_tiergrant"
    withdraw.fits = lambda grant: grant.withdrawn_at is None and grant.until > timezone.now()


def edit_of(program_id: int) -> str:
    """The page where thresholds and the policy are edited through a preview."""
    return f"{reverse('admin:jobs_change_new', args=['tiers'])}?program={program_id}"


class TierForm(forms.ModelForm):
    """A tier; a new one is judged where it would stand."""

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        program = told.get("program")
        if self.instance.pk is None and program is not None and not self.errors:
            found = Tier(**{name: told.get(name) for name in ("slug", "threshold", "price")})
            try:
                rungs.judge(found, list(Tier.objects.filter(program=program)))
            except Refusal as refusal:
                raise forms.ValidationError(str(refusal)) from refusal
        return told


@admin.register(Tier)
class TierAdmin(DeskAdmin):
    """The ladder of a program. What decides who is in a tier is edited through a preview (DOMAIN 8.4)."""

    form = TierForm
    list_display = ["name", "program", "is_on_ladder", "threshold", "keep_threshold", "price", "member_count"]
    list_filter = ["program", "is_on_ladder"]
    list_select_related = ["program"]
    fieldsets = [
        (_("Names"), {"classes": ["tab"], "fields": ["program", "slug", "name", "name_id", "name_ms", "icon"]}),
        (
            _("Reached from"),
            {
                "classes": ["tab"],
                "fields": ["is_on_ladder", "threshold", "keep_threshold", ("price", "lasts_days"), "preview"],
            },
        ),
        (
            _("Benefits"),
            {
                "classes": ["tab"],
                "fields": ["benefits", "benefits_id", "benefits_ms", "early_access_days"],
            },
        ),
    ]
    keep_instead = _(
        "Members are or were in it. An edit of the tiers takes it off the ladder, with a preview of who moves."
    )

    def complete(self, rows: list[Tier]) -> None:
        counted = dict(
            Member.objects.filter(tier__in=rows).order_by().values_list("tier").annotate(members=Count("pk"))
        )
        for tier in rows:
            tier.members_shown = f"{counted.get(tier.pk, 0):,}"

    def get_readonly_fields(self, request: HttpRequest, obj: Tier | None = None) -> list[str]:
        return ["program", "slug", *sorted(JUDGED), "preview"] if obj else []

    def get_fieldsets(self, request: HttpRequest, obj: Tier | None = None) -> Any:
        """Whether a new tier stands on the ladder is not for the form to say."""
        if obj is not None:
            return self.fieldsets
        judged = ["threshold", "keep_threshold", ("price", "lasts_days")]
        return [
            (name, told | {"fields": judged} if "preview" in told["fields"] else told) for name, told in self.fieldsets
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Tier | None = None) -> bool:
        """What stands on the ladder leaves it by an edit, with a preview."""
        return super().has_delete_permission(request, obj) and (obj is None or rungs.may_be_deleted(obj))

    def save_model(self, request: HttpRequest, obj: Tier, form: Any, change: bool) -> None:
        """A new tier goes where its threshold puts it, and waits for an edit where somebody could move."""
        if change:
            super().save_model(request, obj, form, change)
            return
        rungs.add(obj)
        if not obj.is_on_ladder:
            messages.info(
                request, _("Nobody is in it yet: bring it onto the ladder when it is ready, and see who moves before.")
            )

    @display(description=_("members"))
    def member_count(self, tier: Tier) -> str:
        return getattr(tier, "members_shown", "")

    @display(description=_("edit"))
    def preview(self, tier: Tier) -> str:
        if tier.pk is None:
            return "–"
        if not tier.is_on_ladder:
            return link(
                f"{edit_of(tier.program_id)}&on_{tier.slug}=on",
                _("Bring it onto the ladder, with a preview of who moves"),
            )
        return link(edit_of(tier.program_id), _("Edit thresholds and policy, with a preview of who moves"))


class TierPolicyForm(forms.ModelForm):
    """The policy of a program in which nobody could move yet."""

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        program = told.get("program")
        if self.instance.pk is None and program is not None and rungs.has_members(program):
            raise forms.ValidationError(
                _("Members could move by it. Use “Edit the tiers” under Changes, which shows who does.")
            )
        return told


@admin.register(TierPolicy)
class TierPolicyAdmin(DeskAdmin):
    """What counts towards tiers, over which window, and when it is reviewed; edited through a preview (DOMAIN 8.4)."""

    form = TierPolicyForm
    list_display = ["program", "metric", "window", "months", "review", "down"]
    list_select_related = ["program", "wallet"]
    fields = [
        "program", ("metric", "wallet"), ("window", "months"), ("review", "review_months"), ("review_month", "review_day"),
        ("down", "soft_landing"), ("grace_days", "warn_days"), "preview",
    ]  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: TierPolicy | None = None) -> list[str]:
        if obj is None:
            return ["preview"]
        flat = [name for row in self.fields for name in (row if isinstance(row, tuple) else (row,))]
        return [name for name in flat if name != "warn_days"]

    @display(description=_("edit"))
    def preview(self, policy: TierPolicy) -> str:
        if policy.pk is None:
            return "–"
        return link(edit_of(policy.program_id), _("Edit thresholds and policy, with a preview of who moves"))
