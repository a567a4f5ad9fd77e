"""Campaigns on the desk; standing rules have a module of their own."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from campaigns import (
    award_desk,
    beginnings,
    challenge_desk,
    confirmation_desk,
    publishing,
    refund_desk,
    season_notes,
    standing,
)
from campaigns.backtest_desk import AsksBackTests
from campaigns.deeds import CampaignDeeds
from campaigns.desk_terms import TermsAdmin
from campaigns.figures.figures_desk import ShowsFigures
from campaigns.forms import TIER, CampaignForm
from campaigns.measuring_desk import ReportsCampaigns
from campaigns.models import Campaign, Rule, RuleVersion
from campaigns.naming import name_all, names_for
from campaigns.reading import definition_in_words
from campaigns.scoped import NEWEST_FIRST, versions_panel
from campaigns.showing import StateFilter, budget_in_words, changed_words, state_badge, uses_panel
from campaigns.turns_page import turns_panel
from loyalty.backoffice import actor_of
from loyalty.desk import programs
from loyalty.desk.dates import MidnightByDefault
from loyalty.desk.panels import Panel, Stat, day, link

__all__ = ["CampaignAdmin", "award_desk", "challenge_desk", "confirmation_desk", "refund_desk", "standing"]
Status = Campaign.Status


@admin.register(Campaign)
class CampaignAdmin(CampaignDeeds, AsksBackTests, ReportsCampaigns, ShowsFigures, TermsAdmin):
    """Campaigns, as a marketer thinks of them: names, dates, what they give, to whom and under which caps."""

    form = CampaignForm
    list_display = ["name", "shown_status", "shown_terms", "shown_dates", "shown_budget", "version_count"]
    list_filter = [StateFilter]
    search_fields = ["name"]
    in_command_search = True
    command_icon = "campaign"
    prepopulated_fields = {"slug": ["name"]}
    actions_list = ["timeline", "try_basket"]
    actions_detail = ["go_live", "announce", "pause", "resume", "end", "try_it", "try_on_past", "report", "duplicate"]
    keep_instead = _("End it instead of deleting it.")
    empty_words = _(
        "A campaign gives more points for a time. Write the first one; it stays a draft until you set it live."
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
        kwargs["form"] = self.terms_form(CampaignForm, request, extra | {"tier_slugs": list(names)})
        return super().get_form(request, obj, change=change, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Dates begin at midnight unless a time is told."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "partner":
            field.queryset = field.queryset.filter(program=programs.chosen(request))
        if db_field.name in ("since", "until"):
            field.widget = MidnightByDefault()
        return field

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        by_tier = [TIER + slug for slug in self.tier_names(request)]
        pairs = [tuple(by_tier[i : i + 2]) for i in range(0, len(by_tier), 2)]
        return [
            (_("What it is"), {"fields": ["name", "summary", "slug"]}),
            (
                _("When"),
                {
                    "fields": ["since", "until", "opens_early"],
                    "description": _(
                        "In the clock of the program, %(zone)s. The end is the first moment it no longer counts: for a campaign through 9 March say 10 March, 00:00. A date without a time means 00:00."
                    )
                    % {"zone": self.zone_name(request)},
                },
            ),
            (
                _("What it gives"),
                {
                    "fields": [
                        "kind",
                        ("factor", "compounding"),
                        *pairs,
                        ("points", "per"),
                        ("activity", "qualifying"),
                        "on",
                    ],
                    "description": _("A tier with its own number gets that one instead."),
                },
            ),
            *self.condition_rows(),
            (
                _("Budget"),
                {
                    "classes": ["collapse"],
                    "fields": [("budget_points", "budget_money"), ("partner", "partner_percent")],
                },
            ),
            (
                _("Measuring"),
                {"classes": ["collapse"], "fields": ["control_percent", ("goal", "goal_amount")]},
            ),
            (_("Indonesian"), {"classes": ["tab"], "fields": ["name_id", "summary_id"]}),
            (_("Malay"), {"classes": ["tab"], "fields": ["name_ms", "summary_ms"]}),
        ]

    def zone_name(self, request: HttpRequest) -> str:
        """The clock dates are meant in, such as Asia/Jakarta."""
        program = programs.chosen(request)
        return program.time_zone if program else "UTC"

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> list[str]:
        if obj is None:
            return []
        return ["slug"] if obj.status == Status.DRAFT else ["slug", "opens_early"]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Campaign | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        return (
            super()
            .get_queryset(request)
            .select_related("program")
            .prefetch_related(Prefetch("rules", Rule.objects.prefetch_related(NEWEST_FIRST).order_by("id")))
        )

    def complete(self, rows: list[Campaign]) -> None:
        """What tiers and segments are called, once for all."""
        name_all((campaign, campaign.program) for campaign in rows)
        waits = season_notes.between_seasons(rows, at=timezone.now())
        for campaign in rows:
            campaign.waits_for = waits.get(campaign.pk)

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term) | Q(slug__istartswith=term)

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        """The campaign's own fields are settings; its terms are published as a version."""
        if not change:
            obj.program = programs.chosen(request)
        super().save_model(request, obj, form, change)
        made = publishing.publish_campaign(obj, form.definition(), at=timezone.now(), actor=actor_of(request))
        obj.just_saved = (form, made)

    def _tell(self, request: HttpRequest, campaign: Campaign) -> None:
        """What saving meant: which version counts now, and what still keeps it from counting."""
        form, made = campaign.just_saved
        if made and made.number > 1:
            messages.info(
                request,
                _(
                    "Version %(number)s counts from now on; what was earned before keeps its own. Before: %(before)s. Now: %(now)s."
                )
                % {"number": made.number, **changed_words(made, self.names(request))},
            )
        for word in form.unheard_channels():
            messages.warning(
                request,
                _("No purchase came from “%(channel)s” lately. Is it spelled as the shop spells it?")
                % {"channel": word},
            )
        if campaign.status != Status.LIVE:
            messages.warning(request, _("This campaign earns nothing until you set it live."))

    def response_add(self, request: HttpRequest, obj: Campaign, post_url_continue: str | None = None) -> HttpResponse:
        """A new campaign leads to its own page, where it is set live."""
        answer = super().response_add(request, obj, post_url_continue)
        self._tell(request, obj)
        leads_to_list = (
            "_addanother" not in request.POST and "_continue" not in request.POST and "_popup" not in request.POST
        )
        return HttpResponseRedirect(self.page_of(obj)) if leads_to_list else answer

    def response_change(self, request: HttpRequest, obj: Campaign) -> HttpResponse:
        answer = super().response_change(request, obj)
        self._tell(request, obj)
        return answer

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new campaign may begin from a common one."""
        begin, program = request.GET.get("begin", ""), programs.chosen(request)
        return super().get_changeform_initial_data(request) | beginnings.fields_of(begin, program, at=timezone.now())

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The empty form, with common campaigns to begin from."""
        rows = [
            (link(f"?begin={one.slug}", one.title), one.what_for)
            for one in beginnings.offered(programs.chosen(request))
        ]
        panel = Panel(_("Begin from a common one"), [_("Campaign"), _("What it does")], rows)
        context = {} if request.GET.get("begin") or request.method == "POST" else {"panels_before": [panel]}
        return super().add_view(request, form_url, (extra_context or {}) | context)

    def page_context(self, request: HttpRequest, record: Campaign) -> dict[str, Any]:
        rule = record.rules.select_related("program").order_by("id").first()
        stats = [
            Stat(_("Status"), self.shown_status(record), _("Only a live campaign earns, and only between its dates.")),
            Stat(_("Terms"), self._terms(request, record), _("What is earned by it now.")),
            Stat(_("Dates"), self.shown_dates(record), _("First and last day.")),
        ]
        if record.budget_points is not None or record.budget_money is not None:
            stats.append(
                Stat(
                    _("Budget"),
                    self.shown_budget(record),
                    _("Given so far, less what came back, of the most it may give."),
                )
            )
        latest = self._latest(record)
        days = season_notes.panel(record.program, latest.definition, at=timezone.now()) if latest else []
        return {
            "stats": stats,
            "panels": [*days, versions_panel(rule, self.names(request)), *turns_panel(record), uses_panel(record)],
        }

    def _terms(self, request: HttpRequest, campaign: Campaign) -> str:
        version = self._latest(campaign)
        if version is None:
            return "–"
        return definition_in_words(version.definition, currency=campaign.program.currency, tiers=self.names(request))

    def _latest(self, campaign: Campaign) -> RuleVersion | None:
        rule = next(iter(campaign.rules.all()), None)
        return next(iter(rule.versions.all()), None) if rule else None

    @display(description=_("status"))
    def shown_status(self, campaign: Campaign) -> str:
        return state_badge(campaign, self._season_awaited(campaign), at=timezone.now())

    def _season_awaited(self, campaign: Campaign) -> Any:
        """The next days of its season, as the list found them, or asked for now."""
        if not hasattr(campaign, "waits_for"):
            campaign.waits_for = season_notes.between_seasons([campaign], at=timezone.now()).get(campaign.pk)
        return campaign.waits_for

    @display(description=_("budget"))
    def shown_budget(self, campaign: Campaign) -> str:
        return budget_in_words(campaign)

    @display(description=_("terms"))
    def shown_terms(self, campaign: Campaign) -> str:
        version = self._latest(campaign)
        return (
            definition_in_words(version.definition, currency="", tiers=names_for(campaign, campaign.program))
            if version
            else "–"
        )

    @display(description=_("dates"))
    def shown_dates(self, campaign: Campaign) -> str:
        dates = f"{day(campaign.since)} – {day(campaign.until - timezone.timedelta(microseconds=1))}"
        awaited = self._season_awaited(campaign)
        return (
            _("%(dates)s, next %(days)s") % {"dates": dates, "days": season_notes.span_in_words(awaited)}
            if awaited
            else dates
        )

    @display(description=_("version"))
    def version_count(self, campaign: Campaign) -> Any:
        version = self._latest(campaign)
        return version.number if version else "–"
