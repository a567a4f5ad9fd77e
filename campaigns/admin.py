"""Campaigns and standing rules on the desk."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from campaigns import publishing
from campaigns.forms import TIER, CampaignForm, RuleForm
from campaigns.models import Campaign, Rule, RuleVersion
from campaigns.reading import definition_in_words
from loyalty.backoffice import BookAdmin, DeskAdmin, actor_of
from loyalty.desk import programs
from loyalty.desk.deeds import deed
from loyalty.desk.panels import Panel, badge, day, moment

Status = Campaign.Status
NEWEST_FIRST = Prefetch("versions", RuleVersion.objects.order_by("-number"))


def versions_panel(rule: Rule | None, tiers: dict[str, str]) -> Panel:
    """Every version a rule ever had, newest first."""
    currency = rule.program.currency if rule else ""
    rows = [
        (v.number, definition_in_words(v.definition, currency=currency, tiers=tiers), moment(v.since), v.created_by)
        for v in (rule.versions.order_by("-number")[:50] if rule else [])
    ]
    headers = [_("Version"), _("Terms"), _("Counts from"), _("By")]
    note = _("Points keep the version that made them; a change counts for what is earned afterwards.")
    return Panel(_("Versions"), headers, rows, _("No version yet."), note=note)


class ProgramScoped(DeskAdmin):
    """Lists what belongs to the program being looked at, so that dates are always in its clock."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(program=programs.chosen(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and programs.chosen(request) is not None

    def tier_names(self, request: HttpRequest) -> dict[str, str]:
        """Short name to name of the program's tiers, lowest first; asked once per request."""
        if not hasattr(request, "_tier_names"):
            program = programs.chosen(request)
            request._tier_names = {tier.slug: str(tier) for tier in program.tiers.order_by("rank")} if program else {}
        return request._tier_names


@admin.register(Campaign)
class CampaignAdmin(ProgramScoped):
    """Campaigns, as a marketer thinks of them: names, dates, and how many times the points."""

    form = CampaignForm
    list_display = ["name", "shown_status", "shown_terms", "shown_dates", "version_count"]
    list_filter = [("status", ChoicesDropdownFilter)]
    search_fields = ["name"]
    in_command_search = True
    command_icon = "campaign"
    prepopulated_fields = {"slug": ["name"]}
    actions_detail = ["go_live", "pause"]
    keep_instead = _("Pause it instead of deleting it.")
    empty_words = _(
        "A campaign multiplies points for a time. Write the first one; it stays a draft until you set it live."
    )

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        """The campaign form with one multiplier field per tier of the program."""
        names = self.tier_names(request)
        extra: dict[str, Any] = {
            TIER + slug: forms.DecimalField(
                label=_("For %(tier)s") % {"tier": name}, required=False, min_value=1, max_value=100, max_digits=6, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget,
            )
            for slug, name in names.items()
        }  # fmt: skip
        kwargs["form"] = type("CampaignForm", (CampaignForm,), extra | {"tier_slugs": list(names)})
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        by_tier = [TIER + slug for slug in self.tier_names(request)]
        pairs = [tuple(by_tier[i : i + 2]) for i in range(0, len(by_tier), 2)]
        return [
            (_("What it is"), {"fields": ["name", "summary", "slug"]}),
            (
                _("When"),
                {
                    "fields": ["since", "until"],
                    "description": _("In the clock of the program. The end is the first moment it no longer counts."),
                },
            ),
            (
                _("How many times the points"),
                {"fields": ["factor", *pairs], "description": _("A tier with its own number gets that one instead.")},
            ),
            (_("Which purchases"), {"fields": [("channels", "minimum")]}),
            (_("Indonesian"), {"classes": ["tab"], "fields": ["name_id", "summary_id"]}),
            (_("Malay"), {"classes": ["tab"], "fields": ["name_ms", "summary_ms"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> list[str]:
        return ["slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Campaign | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        return (
            super()
            .get_queryset(request)
            .prefetch_related(Prefetch("rules", Rule.objects.prefetch_related(NEWEST_FIRST).order_by("id")))
        )

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term) | Q(slug__istartswith=term)

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        """The campaign's own fields are settings; its terms are published as a version."""
        if not change:
            obj.program = programs.chosen(request)
        super().save_model(request, obj, form, change)
        publishing.publish_campaign(obj, form.definition(), at=timezone.now(), actor=actor_of(request))

    def page_context(self, request: HttpRequest, record: Campaign) -> dict[str, Any]:
        rule = record.rules.select_related("program").order_by("id").first()
        return {"panels": [versions_panel(rule, self.tier_names(request))]}

    def _latest(self, campaign: Campaign) -> RuleVersion | None:
        rule = next(iter(campaign.rules.all()), None)
        return next(iter(rule.versions.all()), None) if rule else None

    @display(description=_("status"))
    def shown_status(self, campaign: Campaign) -> str:
        at = timezone.now()
        if campaign.status == Status.LIVE and at < campaign.since:
            return badge(_("live, not begun"), "info")
        if campaign.status == Status.LIVE and at >= campaign.until:
            return badge(_("ended"), "")
        tones = {Status.LIVE: "good", Status.PAUSED: "warn", Status.DRAFT: ""}
        return badge(campaign.get_status_display(), tones[campaign.status])

    @display(description=_("terms"))
    def shown_terms(self, campaign: Campaign) -> str:
        version = self._latest(campaign)
        return definition_in_words(version.definition, currency="", tiers={}) if version else "–"

    @display(description=_("dates"))
    def shown_dates(self, campaign: Campaign) -> str:
        return f"{day(campaign.since)} – {day(campaign.until - timezone.timedelta(microseconds=1))}"

    @display(description=_("version"))
    def version_count(self, campaign: Campaign) -> Any:
        version = self._latest(campaign)
        return version.number if version else "–"

    @deed(
        title=_("Set live"),
        question=_("From its first to its last moment, purchases earn by this campaign."),
        button=_("Set live"),
        permission="campaigns.change_campaign",
        icon="play_circle",
        fits=lambda campaign: campaign.status != Status.LIVE,
    )
    def go_live(self, request: HttpRequest, record: Campaign) -> str:
        publishing.set_status(record, Status.LIVE, was=record.status)
        return _("The campaign is live.")

    @deed(
        title=_("Pause"),
        question=_(
            "Purchases from now on earn nothing by this campaign, until you set it live again. What was earned stays."
        ),
        button=_("Pause it"),
        permission="campaigns.change_campaign",
        icon="pause_circle",
        fits=lambda campaign: campaign.status == Status.LIVE,
    )
    def pause(self, request: HttpRequest, record: Campaign) -> str:
        publishing.set_status(record, Status.PAUSED, was=record.status)
        return _("The campaign is paused.")


@admin.register(Rule)
class RuleAdmin(ProgramScoped):
    """Standing rules: what every purchase and event earns, campaigns aside."""

    form = RuleForm
    list_display = ["name", "shown_terms", "is_active", "version_count"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [
        (_("Names"), {"fields": ["name", ("name_id", "name_ms"), ("slug", "is_active")]}),
        (_("What is earned"), {"fields": [("kind", "activity"), ("points", "per"), "qualifying"]}),
        (_("Which purchases"), {"fields": [("channels", "minimum")]}),
        (_("From when"), {"fields": ["since"]}),
    ]
    keep_instead = _("Take the tick from “counts” instead.")
    empty_words = _("Without a standing rule nothing earns points. Begin with points per amount of money.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        standing = super().get_queryset(request).filter(campaign__isnull=True)
        return standing.select_related("program").prefetch_related(NEWEST_FIRST)

    def get_readonly_fields(self, request: HttpRequest, obj: Rule | None = None) -> list[str]:
        return ["slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Rule | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term) | Q(slug__istartswith=term)

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        """Names and the switch are settings; the terms are published as a version."""
        if not change:
            obj.program = programs.chosen(request)
        super().save_model(request, obj, form, change)
        at = timezone.now()
        since = form.cleaned_data.get("since") or at
        publishing.publish_change(obj, form.definition(), since=since, at=at, actor=actor_of(request))

    def page_context(self, request: HttpRequest, record: Rule) -> dict[str, Any]:
        return {"panels": [versions_panel(record, self.tier_names(request))]}

    @display(description=_("terms"))
    def shown_terms(self, rule: Rule) -> str:
        version = next(iter(rule.versions.all()), None)
        return definition_in_words(version.definition, currency=rule.program.currency, tiers={}) if version else "–"

    @display(description=_("version"))
    def version_count(self, rule: Rule) -> Any:
        version = next(iter(rule.versions.all()), None)
        return version.number if version else "–"


@admin.register(RuleVersion)
class RuleVersionAdmin(BookAdmin):
    """All versions of all rules: only read."""

    list_display = ["rule", "number", "shown_terms", "since", "created_by"]
    list_select_related = ["rule__program"]
    fields = ["rule", "number", "shown_terms", "since", "created_at", "created_by"]
    readonly_fields = ["shown_terms"]

    @display(description=_("terms"))
    def shown_terms(self, version: RuleVersion) -> str:
        return definition_in_words(version.definition, currency=version.rule.program.currency, tiers={})
