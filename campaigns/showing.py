"""How the desk shows campaigns: their state, what is left of their budgets, who used them, and what a new version changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign, RuleUse, RuleVersion
from campaigns.publishing import DRAFT, ENDED, LIVE, PAUSED, SCHEDULED, state_at
from campaigns.reading import definition_in_words
from loyalty.common.money import show_money
from loyalty.desk.panels import EMPTY, Panel, badge, link, moment
from loyalty.ledger.seasons import Period

STATES = {
    DRAFT: _("draft"),
    SCHEDULED: _("live, not begun"),
    LIVE: _("live"),
    PAUSED: _("paused"),
    ENDED: _("ended"),
}
TONES = {DRAFT: "", SCHEDULED: "info", LIVE: "good", PAUSED: "warn", ENDED: ""}
Status = Campaign.Status


class StateFilter(admin.SimpleListFilter):
    """Campaigns by what they are now: what is written, and what the dates say."""

    title = _("status")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Every state."""
        return list(STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> QuerySet[Campaign]:
        """The campaigns in the state asked for."""
        at = timezone.now()
        over = Q(status=Status.ENDED) | (~Q(status=Status.DRAFT) & Q(until__lte=at))
        states = {
            DRAFT: Q(status=Status.DRAFT),
            SCHEDULED: Q(status=Status.LIVE, since__gt=at),
            LIVE: Q(status=Status.LIVE, since__lte=at, until__gt=at),
            PAUSED: Q(status=Status.PAUSED, until__gt=at),
            ENDED: over,
        }
        asked = self.value()
        return queryset.filter(states[asked]) if asked in states else queryset


def state_badge(campaign: Campaign, waits_for: Period | None, *, at: datetime) -> str:
    """What a campaign is at an instant, and that it waits for its season when it does."""
    if waits_for:
        return badge(_("live, waits for its season"), "info")
    state = state_at(campaign, at)
    return badge(STATES[state], TONES[state])


def budget_in_words(campaign: Campaign) -> str:
    """What is used of the budget, e.g. "1,200 of 5,000 points (24%)"."""
    parts = []
    if campaign.budget_points is not None:
        share = 100 * campaign.spent_points // campaign.budget_points if campaign.budget_points else 100
        parts.append(
            _("%(spent)s of %(most)s points (%(share)d%%)")
            % {"spent": f"{campaign.spent_points:,}", "most": f"{campaign.budget_points:,}", "share": share}
        )
    if campaign.budget_money is not None:
        currency = campaign.program.currency
        parts.append(
            _("%(spent)s of %(most)s")
            % {
                "spent": show_money(campaign.spent_money, currency),
                "most": show_money(campaign.budget_money, currency),
            }
        )
    return ", ".join(str(part) for part in parts) or EMPTY


def uses_panel(campaign: Campaign) -> Panel:
    """The latest awards that took of the campaign's caps or budget."""
    uses = RuleUse.objects.filter(rule__campaign=campaign).select_related("member").order_by("-id")[:20]
    rows = [
        (
            moment(use.occurred_at),
            link(reverse("admin:members_member_change", args=[use.member_id]), use.member),
            use.reference,
            use.points,
            use.points_back or EMPTY,
        )
        for use in uses
    ]
    headers = [_("When"), _("Member"), _("Reference"), _("Points"), _("Given back")]
    empty = _("Nothing yet. What is given is listed here when the campaign has caps or a budget.")
    return Panel(_("Latest awards under its caps and budget"), headers, rows, empty, numeric=frozenset({3, 4}))


def changed_words(made: RuleVersion, tiers: Mapping[str, str]) -> dict[str, str]:
    """The terms before and now, to tell what publishing changed."""
    before = made.rule.versions.filter(number=made.number - 1).first()
    currency = made.rule.program.currency
    return {
        "before": definition_in_words(before.definition, currency=currency, tiers=tiers) if before else EMPTY,
        "now": definition_in_words(made.definition, currency=currency, tiers=tiers),
    }
