"""Standing rules and all versions of rules on the desk."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from campaigns import publishing, season_notes, tier_benefits
from campaigns.backtest_desk import AsksBackTests
from campaigns.desk_terms import TermsAdmin
from campaigns.forms import RuleForm
from campaigns.models import Rule, RuleVersion
from campaigns.naming import name_all, names_for
from campaigns.reading import definition_in_words
from campaigns.scoped import NEWEST_FIRST, versions_panel
from loyalty.backoffice import BookAdmin, actor_of
from loyalty.desk import programs
from loyalty.desk.panels import Panel, link
from members.tiers.tiers_desk import edit_of


def _words(version: RuleVersion, names: dict[str, str]) -> str:
    """The terms of a version in plain words."""
    return definition_in_words(version.definition, currency=version.rule.program.currency, tiers=names)


@admin.register(Rule)
class RuleAdmin(AsksBackTests, TermsAdmin):
    """Standing rules: what every purchase and event earns, campaigns aside."""

    form = RuleForm
    list_display = ["name", "shown_terms", "is_active", "version_count"]
    search_fields = ["name"]
    actions_detail = ["try_on_past"]
    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [
        (_("Names"), {"fields": ["name", ("name_id", "name_ms"), ("slug", "is_active")]}),
        (_("What is earned"), {"fields": [("kind", "activity"), ("points", "per"), ("qualifying", "on")]}),
        (_("From when"), {"fields": ["since"]}),
    ]
    groups = ("who", "what", "where", "when", "caps", "lasting")
    keep_instead = _("Take the tick from “counts” instead.")
    empty_words = _("Without a standing rule nothing earns points. Begin with points per amount of money.")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        kwargs["form"] = self.terms_form(RuleForm, request, {})
        return super().get_form(request, obj, change=change, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        standing = super().get_queryset(request).filter(campaign__isnull=True)
        return standing.select_related("program").prefetch_related(NEWEST_FIRST)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_fieldsets(request, obj), *self.condition_rows()]

    def get_readonly_fields(self, request: HttpRequest, obj: Rule | None = None) -> list[str]:
        return ["slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Rule | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def has_change_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        """What tiers multiply by is edited with the tiers, through their preview (DOMAIN 8.4)."""
        return super().has_change_permission(request, obj) and (obj is None or obj.slug != tier_benefits.SLUG)

    def has_delete_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.slug != tier_benefits.SLUG)

    def complete(self, rows: list[Rule]) -> None:
        """What tiers and segments are called, once for all."""
        name_all((rule, rule.program) for rule in rows)

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
        panels = [versions_panel(record, self.names(request))]
        if (latest := record.versions.order_by("-number").first()) is not None:
            panels = season_notes.panel(record.program, latest.definition, at=timezone.now()) + panels
        if record.slug == tier_benefits.SLUG:
            words = link(edit_of(record.program_id), _("Edit the tiers, with a preview of what it costs"))
            panels.insert(0, Panel(_("Edited with the tiers"), [], [], words))
        return {"panels": panels}

    @display(description=_("terms"))
    def shown_terms(self, rule: Rule) -> str:
        version = next(iter(rule.versions.all()), None)
        return _words(version, names_for(rule, rule.program)) if version else "–"

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

    def complete(self, rows: list[RuleVersion]) -> None:
        """What tiers and segments are called, once for all."""
        name_all((version, version.rule.program) for version in rows)

    @display(description=_("terms"))
    def shown_terms(self, version: RuleVersion) -> str:
        return _words(version, names_for(version, version.rule.program))
