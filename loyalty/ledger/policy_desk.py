"""How long points live and what they are worth in others, on the desk: expiry policies, seasons, exchange rates; the second half of the books' admin."""

import json
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display

from loyalty.backoffice import BookAdmin, DeskAdmin, actor_of
from loyalty.desk import people, programs
from loyalty.desk.panels import EMPTY, Panel, badge, day, moment
from loyalty.ledger import policies, seasons
from loyalty.ledger.forms import ExpiryPolicyForm, SeasonPeriodForm
from loyalty.ledger.models import ExchangeRate, ExpiryPolicy, Season, SeasonPeriod, Wallet
from loyalty.ledger.policy_change import needs_preview, terms_of
from loyalty.ledger.showing import example_in_words, words_of

PERIOD_HEADERS = [_("Year"), _("First day"), _("Last day"), _("Source"), _("Recorded at"), _("By")]


@admin.register(ExchangeRate)
class ExchangeRateAdmin(DeskAdmin):
    """Exchange rates: which points may become which others, and how many."""

    list_display = ["from_wallet", "to_wallet", "rate", "is_active"]
    list_select_related = ["from_wallet__program", "to_wallet__program"]
    fields = ["from_wallet", "to_wallet", "rate", "is_active"]
    empty_words = _("Points of one kind can become points of another, also of a partner's program. Agree on a rate first.")  # fmt: skip
    keep_instead = _("Take its mark “active” away: past transfers keep their rate.")

    def get_readonly_fields(self, request: HttpRequest, obj: ExchangeRate | None = None) -> list[str]:
        """The pair stays what it is; the rate may change."""
        return ["from_wallet", "to_wallet"] if obj else []


POLICY_HEADERS = [_("For"), _("Version"), _("Points expire"), _("Counts since"), _("By")]


def policy_rows(wallet: Wallet) -> list[tuple[Any, ...]]:
    """Every version of a wallet's policies, newest first; the one that counts for new points is marked."""
    rows, seen = [], set()
    versions = list(wallet.expiry_policies.select_related("season").order_by("-version"))
    makers = people.names(policy.created_by for policy in versions)
    for policy in versions:
        newest = policy.name not in seen
        seen.add(policy.name)
        version = badge(policy.version, "good") if newest else policy.version
        rows.append(
            (
                policy.name or _("all points"),
                version,
                words_of(policy),
                moment(policy.created_at),
                makers[policy.created_by],
            )
        )
    return rows


@admin.register(ExpiryPolicy)
class ExpiryPolicyAdmin(DeskAdmin):
    """Expiry policies are never edited: a new version is added."""

    form = ExpiryPolicyForm
    list_display = ["wallet", "shown_name", "version", "shown", "created_at", "shown_maker"]
    list_filter = [("wallet", RelatedDropdownFilter)]
    list_select_related = ["wallet__program", "season"]
    fieldsets = [
        (None, {"fields": ["wallet", "name"]}),
        (
            _("How long points last"),
            {"fields": ["kind", ("count", "round_to"), "last_day", "days", "season", "at_least", "resets"]},
        ),
        (_("Until they can be spent"), {"fields": ["activation_days", ("confirmed_by", "confirm_days")]}),
    ]

    class Media:
        js = ("desk/kinds.js", "desk/terms.js")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        """Where the page asks what the policy means."""
        example = path("in-words/", self.admin_site.admin_view(self.in_words), name="ledger_expirypolicy_in_words")
        return [example, *super().get_urls()]

    def in_words(self, request: HttpRequest) -> HttpResponse:
        """The policy as it stands in the form, with what it would mean for points earned today; or what is wrong with it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return JsonResponse({"words": "", "problems": []}, status=405)
        form = ExpiryPolicyForm(request.POST)
        if not form.is_valid():
            return JsonResponse({"words": "", "problems": [text for texts in form.errors.values() for text in texts]})
        return JsonResponse({"words": example_in_words(form.instance, at=timezone.now()), "problems": []})

    @display(description=_("for"))
    def shown_name(self, policy: ExpiryPolicy) -> str:
        return policy.name or str(_("all points"))

    def complete(self, rows: list[ExpiryPolicy]) -> None:
        """The names of all who made a policy of the page, at once."""
        known = people.names(policy.created_by for policy in rows)
        for policy in rows:
            policy.maker_shown = known[policy.created_by]

    @display(description=_("by"))
    def shown_maker(self, policy: ExpiryPolicy) -> str:
        return getattr(policy, "maker_shown", None) or people.name(policy.created_by)

    @display(description=_("points expire"))
    def shown(self, policy: ExpiryPolicy) -> str:
        return words_of(policy)

    def save_model(self, request: HttpRequest, obj: ExpiryPolicy, form: Any, change: bool) -> None:
        """A new version, made by the verb; what somebody may know already goes through a preview first."""
        if needs_preview(obj.wallet, obj.name):
            return
        made = policies.set_expiry(
            obj.wallet, name=obj.name, kind=obj.kind, count=obj.count, last_valid_day=obj.last_day, round_to=obj.round_to,
            days=obj.days, season=obj.season, at_least=obj.at_least, resets=obj.resets, confirmed_by=obj.confirmed_by, confirm_days=obj.confirm_days,
            activation_days=obj.activation_days, at=timezone.now(), actor=actor_of(request),
        )  # fmt: skip
        obj.pk, obj.version = made.pk, made.version

    def log_addition(self, request: HttpRequest, obj: ExpiryPolicy, message: Any) -> Any:
        """Only what was made is noted."""
        return super().log_addition(request, obj, message) if obj.pk else None

    def response_add(self, request: HttpRequest, obj: ExpiryPolicy, post_url_continue: str | None = None) -> HttpResponse:  # fmt: skip
        """What is not made yet is asked for as a change, with the terms of the form."""
        if obj.pk:
            return super().response_add(request, obj, post_url_continue)
        told = {"program": obj.wallet.program_id, "wallet": obj.wallet.slug, "name": obj.name, "terms": json.dumps(terms_of(obj))}  # fmt: skip
        return HttpResponseRedirect(f"{reverse('admin:jobs_change_new', args=['expiry_terms'])}?{urlencode(told)}")


@admin.register(Season)
class SeasonAdmin(DeskAdmin):
    """Seasons: their names, and the table of their days."""

    list_display = ["name", "slug", "program", "shown_next"]
    list_filter = [("program", RelatedDropdownFilter)]
    list_select_related = ["program"]
    search_fields = ["name"]
    fields = ["program", "name", ("name_id", "name_ms"), "slug"]
    prepopulated_fields = {"slug": ["name"]}
    actions_list = ["load_known"]
    empty_words = _("Campaigns can come back every season, and points can last until its end. Load the seasons that come with Setia, or add your own.")  # fmt: skip
    keep_instead = _("Leave it: a season that nothing uses changes nothing.")

    def get_readonly_fields(self, request: HttpRequest, obj: Season | None = None) -> list[str]:
        """A season stays what it is; its names may be corrected."""
        return ["program", "slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Season | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        """Only who may add seasons may load them."""
        offered = super().get_actions_list(request)
        return offered if self.has_add_permission(request) else []

    def complete(self, rows: list[Season]) -> None:
        """The periods of all seasons of the page: one query."""
        known = seasons.periods_of([season.pk for season in rows])
        today = timezone.localdate()
        for season in rows:
            season.next_period = seasons.next_end(known[season.pk], today)

    @display(description=_("now or next"))
    def shown_next(self, season: Season) -> str:
        period = season.next_period
        if period is None:
            return str(_("no days entered: please add the next year"))
        return f"{period.label}: {day(period.first_day)} – {day(period.last_day)}"

    @action(description=_("Load the known seasons"), url_path="load-known", icon="event_repeat")
    def load_known(self, request: HttpRequest) -> HttpResponse:
        """Ramadan, Eid al-Fitr, Lunar New Year and others with their days until 2035."""
        page = reverse("admin:ledger_season_changelist")
        program = programs.chosen(request)
        if not self.has_add_permission(request) or program is None:
            messages.error(request, _("Choose a program first."))
            return HttpResponseRedirect(page)
        added = seasons.load_known(program, at=timezone.now(), actor=actor_of(request))
        told = ngettext("%(count)d period was added.", "%(count)d periods were added.", added) % {"count": added}
        messages.success(request, told)
        return HttpResponseRedirect(page)

    def page_context(self, request: HttpRequest, record: Season) -> dict[str, Any]:
        periods = list(record.periods.order_by("-first_day", "label", "-revision"))
        known = people.names(period.recorded_by for period in periods)
        rows = [
            (p.label, day(p.first_day), day(p.last_day), p.source, moment(p.recorded_at), known[p.recorded_by])
            for p in periods
        ]
        panel = Panel(
            _("Days, with every correction"), PERIOD_HEADERS, rows, _("No days entered yet."),
            more=reverse("admin:ledger_seasonperiod_add") + f"?season={record.pk}", more_words=_("Add or correct a year"),
            note=_("The newest line of a year counts. Points that were promised earlier keep the day they were promised."),
        )  # fmt: skip
        return {"panels": [panel]}


@admin.register(SeasonPeriod)
class SeasonPeriodAdmin(BookAdmin):
    """The days of seasons: added and corrected by the verb, never changed."""

    form = SeasonPeriodForm
    list_display = ["season", "label", "shown_first", "shown_last", "source", "revision", "recorded_at"]
    list_filter = [("season", RelatedDropdownFilter)]
    list_select_related = ["season"]
    fields = ["season", "label", "first_day", "last_day", "source"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SeasonPeriod]:
        return super().get_queryset(request).select_related("season")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("ledger.add_seasonperiod"))

    @display(description=_("first day"))
    def shown_first(self, period: SeasonPeriod) -> str:
        return day(period.first_day) if period.first_day else EMPTY

    @display(description=_("last day"))
    def shown_last(self, period: SeasonPeriod) -> str:
        return day(period.last_day) if period.last_day else str(_("withdrawn"))

    def save_model(self, request: HttpRequest, obj: SeasonPeriod, form: Any, change: bool) -> None:
        """Another revision, made by the verb."""
        made = seasons.set_period(
            obj.season, obj.label, first_day=obj.first_day, last_day=obj.last_day, source=obj.source, at=timezone.now(), actor=actor_of(request),
        )  # fmt: skip
        obj.pk, obj.revision = made.pk, made.revision
