"""The first page of the desk: what needs a person, then how the program does. Figures are at most a minute old."""

from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from campaigns import attention, season_notes
from campaigns.figures import FIGURES, Reading, page, periods, telling
from campaigns.figures.catalogue import A_MOMENT
from campaigns.models import Campaign, Rule
from campaigns.showing import budget_in_words, state_badge
from loyalty.desk import programs
from loyalty.desk.panels import Panel, day, link
from loyalty.ledger.models import Program
from loyalty.ledger.span import counted
from members.models import Member

FRESH_SECONDS = 60
MOST_CAMPAIGNS = 6
# What an operator and a marketer look at first, and what is drawn below it; all others are on the page of figures.
FIRST = [
    "active_members", "enrolments", "sales", "average_purchase", "repeat_purchase_rate",
    "points_issued", "points_redeemed", "outstanding_points", "running_out", "liability",
]  # fmt: skip
DRAWN = ["points_by_month", "members_by_tier", "purchases_by_week"]


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page shows, for the program and the period that were chosen."""
    at, program = timezone.now(), programs.chosen(request)
    context |= {"warnings": attention.warnings(request, program, at=at), "shortcuts": shortcuts(request)}
    steps = first_steps(program) if program is None or not Member.objects.filter(program=program).exists() else []
    if steps:
        return context | {"steps": steps}
    if program and request.user.has_perm("campaigns.view_campaign"):
        context |= {"campaigns_panel": campaigns_panel(program, at=at)}
    wallet = counted(program.wallets.filter(is_main=True)).first() if program else None
    if not request.user.has_perm("loyalty.see_figures") or wallet is None:
        return context
    wallet.program = program
    offered = periods(program, at=at)
    period = offered.get(request.GET.get("period", ""), offered["month"])
    asked = Reading(program, wallet, period, at)
    key = f"desk:3:{program.pk}:{wallet.pk}:{period.name}:{period.after}:{get_language()}"
    found: Any = cache.get_or_set(key, lambda: collect(asked), FRESH_SECONDS)
    return context | {"periods": list(offered.values()), "period": period, **found}


def collect(asked: Reading) -> dict[str, Any]:
    """The first figures as tiles, and three charts, in the reader's language."""
    query = f"?period={asked.period.name}"
    told = telling.tell(asked, [FIGURES[name] for name in FIRST])
    return {
        "stats": [page.tile(one, asked, query) for one in told],
        "charts": [page.chart(FIGURES[name], asked) | {"more": _page_of(name) + query, "more_words": _("More")} for name in DRAWN],
    }  # fmt: skip


def _page_of(name: str) -> str:
    return reverse("admin:campaigns_figure", args=[name])


def campaigns_panel(program: Program, *, at: datetime) -> Panel:
    """What runs now and what comes next, with what is left of budgets."""
    found = Campaign.objects.filter(program=program, until__gt=at).exclude(status=Campaign.Status.ENDED)
    found = found.select_related("program").order_by("since", "pk")[:MOST_CAMPAIGNS]
    found = list(found)
    waits = season_notes.between_seasons(found, at=at)
    rows = [
        (
            link(reverse("admin:campaigns_campaign_change", args=[one.pk]), str(one)),
            state_badge(one, waits.get(one.pk), at=at),
            season_notes.span_in_words(waits[one.pk])
            if one.pk in waits
            else _("%(since)s to %(until)s") % {"since": day(one.since), "until": day(one.until - A_MOMENT)},
            budget_in_words(one),
        )
        for one in found
    ]
    headers = [_("Campaign"), _("State"), _("Days"), _("Budget")]
    empty = _("No campaign runs or is planned.")
    return Panel(_("Running and coming campaigns"), headers, rows, empty, more=reverse("admin:campaigns_campaign_timeline"), more_words=_("Timeline"))  # fmt: skip


def shortcuts(request: HttpRequest) -> list[dict[str, Any]]:
    """What people come to the desk for, for those who may."""
    offered = [
        ("members.view_member", "person_search", _("Find a member"), reverse("admin:members_member_changelist")),
        ("members.add_member", "person_add", _("Enrol a member"), reverse("admin:members_member_add")),
        ("rewards.view_voucher", "qr_code_scanner", _("Check a voucher"), reverse("admin:rewards_voucher_check")),
        ("campaigns.add_campaign", "campaign", _("New campaign"), reverse("admin:campaigns_campaign_add")),
    ]
    return [{"icon": i, "title": t, "url": u} for needs, i, t, u in offered if request.user.has_perm(needs)]


def first_steps(program: Program | None) -> list[dict[str, Any]]:
    """What an empty installation still needs before the first member earns a point."""
    facts = {
        "program": program is not None,
        "wallet": bool(program and program.wallets.filter(is_main=True).exists()),
        "tier": bool(program and program.tiers.filter(rank=0).exists()),
        "rule": bool(program and Rule.objects.filter(program=program, versions__isnull=False).exists()),
        "reward": bool(program and program.rewards.exists()),
    }
    steps = [
        ("program", _("Make the program: its name, its clock, its currency."), "admin:ledger_program_add"),
        ("wallet", _("Make its main wallet: what points are called and what one is worth."), "admin:ledger_wallet_add"),
        ("tier", _("Make the first tier, reached from 0. Everybody begins there."), "admin:members_tier_add"),
        ("rule", _("Write the standing rule: how many points for how much money."), "admin:campaigns_rule_add"),
        ("reward", _("Offer a reward, so that points are worth collecting."), "admin:rewards_reward_add"),
        ("member", _("Enrol the first member, or import purchases."), "admin:members_member_add"),
    ]
    return [{"text": text, "url": reverse(url), "is_done": facts.get(name, False)} for name, text, url in steps]
