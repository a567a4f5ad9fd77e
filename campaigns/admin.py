"""Campaigns on the desk; standing rules have a module of their own."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from campaigns import publishing, standing
from campaigns.forms import TIER, CampaignForm
from campaigns.models import Campaign, Rule, RuleVersion
from campaigns.reading import definition_in_words
from campaigns.scoped import NEWEST_FIRST, ProgramScoped, versions_panel
from loyalty.backoffice import actor_of
from loyalty.desk import programs
from loyalty.desk.dates import MidnightByDefault
from loyalty.desk.deeds import deed
from loyalty.desk.panels import Stat, badge, day

__all__ = ["CampaignAdmin", "standing"]
Status = Campaign.Status


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
        kwargs["form"] = type(
            "CampaignForm", (CampaignForm,), extra | {"tier_slugs": list(names), "program": programs.chosen(request)}
        )
        return super().get_form(request, obj, change=change, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Dates begin at midnight unless a time is told."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
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
                    "fields": ["since", "until"],
                    "description": _(
                        "In the clock of the program, %(zone)s. The end is the first moment it no longer counts: for a campaign through 9 March say 10 March, 00:00. A date without a time means 00:00."
                    )
                    % {"zone": self.zone_name(request)},
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

    def zone_name(self, request: HttpRequest) -> str:
        """The clock dates are meant in, such as Asia/Jakarta."""
        program = programs.chosen(request)
        return program.time_zone if program else "UTC"

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
        made = publishing.publish_campaign(obj, form.definition(), at=timezone.now(), actor=actor_of(request))
        obj.just_saved = (form, made)

    def _tell(self, request: HttpRequest, campaign: Campaign) -> None:
        """What saving meant: which version counts now, and what still keeps it from counting."""
        form, made = campaign.just_saved
        if made and made.number > 1:
            messages.info(
                request,
                _("Version %(number)s counts from now on; what was earned before keeps its own.")
                % {"number": made.number},
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

    def page_context(self, request: HttpRequest, record: Campaign) -> dict[str, Any]:
        rule = record.rules.select_related("program").order_by("id").first()
        return {
            "stats": [
                Stat(_("Status"), self.shown_status(record), _("Only a live campaign earns, and only between its dates.")),
                Stat(_("Terms"), self._terms(request, record), _("What a purchase earns by it now.")),
                Stat(_("Dates"), self.shown_dates(record), _("First and last day.")),
            ],
            "panels": [versions_panel(rule, self.tier_names(request))],
        }  # fmt: skip

    def _terms(self, request: HttpRequest, campaign: Campaign) -> str:
        version = self._latest(campaign)
        if version is None:
            return "–"
        return definition_in_words(
            version.definition, currency=campaign.program.currency, tiers=self.tier_names(request)
        )

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
        question=lambda self, request, campaign: (
            _("%(dates)s: purchases earn %(terms)s.")
            % {"dates": self.shown_dates(campaign), "terms": self._terms(request, campaign)}
        ),
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
