"""The first page of the desk: what needs a person, then how the program does. Figures are at most a minute old."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from babel.numbers import format_percent
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from campaigns import attention, figures
from campaigns.models import Rule
from loyalty.common.money import show_money, show_points
from loyalty.desk import programs
from loyalty.desk.panels import Panel, Stat
from loyalty.ledger.models import Program, Wallet
from members.models import Member, Tier

FRESH_SECONDS = 60


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page shows, for the program and the period that were chosen."""
    at, program = timezone.now(), programs.chosen(request)
    context |= {"warnings": attention.warnings(request, program, at=at), "shortcuts": shortcuts(request)}
    steps = first_steps(program) if program is None or not Member.objects.filter(program=program).exists() else []
    if steps:
        return context | {"steps": steps}
    wallet = program.wallets.filter(is_main=True).first() if program else None
    if not request.user.has_perm("loyalty.see_figures") or wallet is None:
        return context
    wallet.program = program
    offered = figures.periods(program, at=at)
    period = offered.get(request.GET.get("period", ""), offered["month"])
    found = cache.get_or_set(
        f"desk:2:{program.pk}:{wallet.pk}:{period.name}", lambda: collect(program, wallet, period, at), FRESH_SECONDS
    )
    return context | {
        "periods": list(offered.values()),
        "period": period,
        "stats": stats(found, program, wallet, period),
        "charts": charts(found, program),
    }


def collect(program: Program, wallet: Wallet, period: figures.Period, at: datetime) -> dict[str, Any]:
    """The raw figures: numbers only, so that one copy serves every language."""
    outstanding = figures.outstanding_points(wallet, at=at)
    return {
        "at": at,
        "members": figures.members(program, at=at),
        "active": figures.active_members(program, at=at),
        "enrolments": figures.enrolments(program, period=period),
        "moved": figures.points_moved(wallet, period=period),
        "sales": figures.sales(program, period=period),
        "outstanding": outstanding,
        "running_out": figures.running_out(wallet, at=at),
        "liability": figures.liability_of(wallet, outstanding),
        "rate": figures.redemption_rate(wallet, at=at),
        "tiers": [(row["tier"].pk, row["members"]) for row in figures.members_by_tier(program)],
        "months": figures.points_by_month(wallet, at=at),
        "weeks": figures.purchases_by_week(program, at=at),
    }


def stats(found: dict[str, Any], program: Program, wallet: Wallet, period: figures.Period) -> list[Stat]:
    """The figures as tiles, each with its written definition."""

    def tile(name: str, value: str, note: Any = "", url: str = "") -> Stat:
        known = figures.FIGURES[name]
        return Stat(known.title, value, known.definition, note, url=url)

    def points(amount: int) -> str:
        return show_points(amount, wallet.decimals)

    average = figures.average(found["sales"])
    share = Decimal(found["active"]) / found["members"] if found["members"] else Decimal(0)
    bought = ngettext("%(count)s purchase", "%(count)s purchases", found["sales"]["count"]) % {
        "count": show_points(found["sales"]["count"])
    }
    return [
        tile("active_members", show_points(found["active"]), _("%(share)s of %(members)s members") % {"share": percent(share), "members": show_points(found["members"])}, reverse("admin:members_member_changelist")),
        tile("enrolments", show_points(found["enrolments"]), period.title),
        tile("sales", show_money(found["sales"]["total"], program.currency), bought),
        tile("average_purchase", show_money(average, program.currency) if average is not None else "–", period.title),
        tile("points_issued", points(found["moved"]["issued"]), period.title),
        tile("points_redeemed", points(found["moved"]["redeemed"]), period.title),
        tile("points_expired", points(found["moved"]["expired"]), period.title),
        tile("outstanding_points", points(found["outstanding"]), _("%(points)s run out in 30 days") % {"points": points(found["running_out"])}),
        tile("liability", show_money(found["liability"], program.currency), _("now")),
        tile("redemption_rate", percent(found["rate"]) if found["rate"] is not None else "–", _("last 12 months")),
    ]  # fmt: skip


def percent(share: Decimal) -> str:
    """A share as a percentage with one decimal, in the reader's number format."""
    return format_percent(share, format="#,##0.0%", locale=get_language() or "en")


def charts(found: dict[str, Any], program: Program) -> list[dict[str, Any]]:
    """The charts, each with the same numbers as a table for whoever does not see them."""
    names = {tier.pk: str(tier) for tier in Tier.objects.filter(program=program)}
    months = [date_format(row["month"], "M Y") for row in found["months"]]
    weeks = [date_format(row["week"], "j M") for row in found["weeks"]]
    tiers = [names.get(pk, "") for pk, _members in found["tiers"]]
    return [
        _chart(
            "points_by_month", "bar", months,
            [
                (_("Issued"), [row["issued"] for row in found["months"]], "var(--color-primary-500)"),
                (_("Redeemed"), [row["redeemed"] for row in found["months"]], "#2563eb"),
                (_("Expired"), [row["expired"] for row in found["months"]], "#d97706"),
            ],
            _("Month"),
        ),
        _chart("members_by_tier", "bar", tiers, [(_("Members"), [count for _pk, count in found["tiers"]], "var(--color-primary-500)")], _("Tier"), sideways=True),
        _chart("purchases_by_week", "line", weeks, [(_("Purchases"), [row["count"] for row in found["weeks"]], "var(--color-primary-500)")], _("Week from")),
    ]  # fmt: skip


def _chart(
    name: str,
    kind: str,
    labels: list[str],
    series: list[tuple[Any, list[int], str]],
    first: Any,
    *,
    sideways: bool = False,
) -> dict[str, Any]:
    known = figures.FIGURES[name]
    datasets = [
        {"label": str(label), "data": values, "backgroundColor": colour, "borderColor": colour, "borderRadius": 3, "maxBarThickness": 28, "tension": 0.3, "pointRadius": 0 if kind == "line" else 3}
        for label, values, colour in series
    ]  # fmt: skip
    ticks = {"color": "#6b7280", "maxRotation": 0, "autoSkipPadding": 12}
    options = {
        "locale": get_language() or "en",
        "responsive": True,
        "maintainAspectRatio": False,
        "animation": False,
        "indexAxis": "y" if sideways else "x",
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {"legend": {"display": len(series) > 1, "position": "bottom", "labels": {"boxWidth": 12, "boxHeight": 12, "color": "#6b7280"}}},
        "scales": {
            "x": {"grid": {"display": sideways}, "border": {"display": False}, "ticks": ticks},
            "y": {"grid": {"display": not sideways}, "border": {"display": False}, "ticks": ticks, "beginAtZero": True},
        },
    }  # fmt: skip
    rows = [
        (label, *[show_points(values[index]) for _label, values, _colour in series])
        for index, label in enumerate(labels)
    ]
    return {
        "title": known.title,
        "definition": known.definition,
        "type": kind,
        "value": json.dumps({"labels": labels, "datasets": datasets}),
        "options": json.dumps(options),
        "table": Panel("", [first, *[label for label, _values, _colour in series]], rows, numeric=frozenset(range(1, len(series) + 1))),
    }  # fmt: skip


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
        ("tier", _("Make the first tier, from rank 0. Everybody begins there."), "admin:members_tier_add"),
        ("rule", _("Write the standing rule: how many points for how much money."), "admin:campaigns_rule_add"),
        ("reward", _("Offer a reward, so that points are worth collecting."), "admin:rewards_reward_add"),
        ("member", _("Enrol the first member, or import purchases."), "admin:members_member_add"),
    ]
    return [{"text": text, "url": reverse(url), "is_done": facts.get(name, False)} for name, text, url in steps]
