"""The report of a campaign on the desk: what it did, against its control group and its goal (DOMAIN 10.4)."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from campaigns.lift import Lift
from campaigns.measuring import Report, groups, report, seal_of
from campaigns.models import Campaign, Rule
from loyalty.backoffice import EXPORT
from loyalty.common.money import show_money, show_points, show_share
from loyalty.desk import exporting
from loyalty.desk.panels import Panel, Stat

FIGURES = "loyalty.see_figures"
FILES = ("csv", "groups")


class ReportsCampaigns:
    """What the page of a campaign offers: “What did it bring?”."""

    admin_site: Any
    opts: Any
    get_object: Any
    has_view_permission: Any
    log_export: Any
    page_of: Any

    @action(description=gettext_lazy("What did it bring?"), url_path="report", icon="monitoring")
    def report(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The figures of a campaign until now, as a page or as a CSV file."""
        campaign = self.get_object(request, object_id)
        if campaign is None:
            raise Http404
        if not self.has_view_permission(request) or not request.user.has_perm(FIGURES):
            raise PermissionDenied
        if request.GET.get("as") in FILES:
            return self._file(request, campaign, request.GET["as"])
        told = report(campaign, at=timezone.now())
        context = self.admin_site.each_context(request) | {
            "title": _("What “%(campaign)s” brought") % {"campaign": campaign},
            "opts": self.opts,
            "original": campaign,
            "back": self.page_of(campaign),
            "has_begun": campaign.since <= timezone.now(),
            "stats": _stats(campaign, told),
            "goal": _goal(campaign, told),
            "panels": [_groups(campaign, told.lift), _overlaps(campaign, told)],
            "draw": _draw(campaign) if campaign.control_percent else [],
            "may_export": request.user.has_perm(EXPORT),
        }
        return TemplateResponse(request, "admin/campaigns/report.html", context)

    def _file(self, request: HttpRequest, campaign: Campaign, name: str) -> HttpResponseBase:
        """The report, or who is in which group, as CSV."""
        if not request.user.has_perm(EXPORT):
            raise PermissionDenied
        self.log_export(request)
        if name == "groups":
            drawn = groups(campaign, at=timezone.now())
            lines = ([row["id"], row["number"], row["group"], row["since"].isoformat()] for row in drawn)
            return exporting.stream_rows(f"groups-{campaign.slug}", ["id", "number", "group", "since"], lines)
        told = rows(report(campaign, at=timezone.now()))
        return exporting.stream_rows(f"campaign-{campaign.slug}", [_("What"), _("Value")], told)


def rows(told: Report) -> list[list[Any]]:
    """The report as lines of a CSV file."""
    found: list[list[Any]] = [
        ["members", told.members], ["purchases", told.purchases], ["points", told.points], ["cost", told.cost],
        ["revenue", told.revenue],
    ]  # fmt: skip
    if told.borne:
        found.append(["borne_by_partner", told.borne])
    if told.lift:
        lift = told.lift
        found += [
            ["treated", lift.treated.members], ["control", lift.control.members], ["lift", lift.difference],
            ["lift_low", lift.low], ["lift_high", lift.high], ["incremental_revenue", lift.revenue],
            ["incremental_revenue_low", lift.revenue_low], ["incremental_revenue_high", lift.revenue_high],
            ["roi", told.roi], *[list(edge) for edge in zip(["roi_low", "roi_high"], told.roi_between or (), strict=False)],
        ]  # fmt: skip
    return found + [[f"with {slug}", count] for slug, count in told.overlaps]


def _stats(campaign: Campaign, told: Report) -> list[Stat]:
    currency, lift = campaign.program.currency, told.lift
    stats = [
        Stat(_("Members reached"), show_points(told.members), _("Members who earned by it at least once.")),
        Stat(_("Points"), show_points(told.points), _("What its rules gave, before rounding and before goods came back."), _("for %(count)s purchases") % {"count": show_points(told.purchases)}),
        Stat(_("Cost"), show_money(told.cost, currency), _("These points times the money value of one point.")),
        Stat(_("Sales"), show_money(told.revenue, currency), _("What the members reached paid in its time, less what came back.")),
    ]  # fmt: skip
    if campaign.partner:
        said = _(
            "%(percent)d percent of the cost. What was really given, less what came back, is in the monthly settlement."
        )
        stats.append(Stat(_("Borne by %(partner)s") % {"partner": campaign.partner}, show_money(told.borne, currency), said % {"percent": campaign.partner_percent}))  # fmt: skip
    if lift:
        stats.append(Stat(_("Lift per member"), _signed(lift.difference, currency), _("Average spend of treated members less that of the control group, with the interval that holds the true difference in 95 of 100 such campaigns."), _between(lift.low, lift.high, currency), tone="good" if lift.low > 0 else "bad" if lift.high < 0 else ""))  # fmt: skip
        stats.append(Stat(_("Incremental sales"), _signed(lift.revenue, currency), _("The lift times the treated members."), _between(lift.revenue_low, lift.revenue_high, currency)))  # fmt: skip
    if told.roi is not None:
        stats.append(Stat(_("Return on what it cost"), show_share(told.roi), _("Incremental sales less cost, divided by cost. Sales, not profit."), _return_between(told)))  # fmt: skip
    return stats


def _between(low: Decimal, high: Decimal, currency: str) -> str:
    return _("between %(low)s and %(high)s") % {"low": _signed(low, currency), "high": _signed(high, currency)}


def _return_between(told: Report) -> str:
    low, high = told.roi_between or (Decimal(0), Decimal(0))
    return _("between %(low)s and %(high)s") % {"low": show_share(low), "high": show_share(high)}


def _signed(amount: Decimal, currency: str) -> str:
    return ("+" if amount > 0 else "") + show_money(amount, currency)


def _goal(campaign: Campaign, told: Report) -> dict[str, Any] | None:
    """How far the goal is reached, for a progress bar."""
    if not campaign.goal or not campaign.goal_amount:
        return None
    share = told.goal_reached / campaign.goal_amount
    show = (
        (lambda number: show_money(number, campaign.program.currency))
        if campaign.goal == Campaign.Goal.REVENUE
        else (lambda number: show_points(int(number)))
    )
    words = {"reached": show(told.goal_reached), "goal": show(campaign.goal_amount), "share": show_share(share)}
    return {
        "title": campaign.get_goal_display(),
        "said": _("%(reached)s of %(goal)s (%(share)s)") % words,
        "width": min(100, int(share * 100)),
    }


def _groups(campaign: Campaign, lift: Lift | None) -> Panel:
    """Treated and control side by side."""
    currency = campaign.program.currency
    lines = [
        (name, show_points(group.members), show_money(Decimal(group.average).quantize(Decimal("0.01")), currency))
        for name, group in ((_("Treated"), lift.treated), (_("Control group"), lift.control))
    ] if lift else []  # fmt: skip
    empty = (
        _("The groups are still too small: ten members each are needed whom it is open to.")
        if campaign.control_percent
        else _(
            "This campaign keeps nobody out. With a control group it would tell what it brought, not only what it cost."
        )
    )
    note = ""
    if lift:
        clear = _("The difference is clear.") if lift.is_certain else _("The difference may be chance: the interval holds zero.")  # fmt: skip
        note = clear + " " + _("Compared are the members it is open to, each from the day it was.")
    headers = [_("Group"), _("Members"), _("Average spend")]
    return Panel(_("Against the control group"), headers, lines, empty, numeric=frozenset({1, 2}), note=note)


def _overlaps(campaign: Campaign, told: Report) -> Panel:
    """Which other rules counted for the same purchases."""
    names = {rule.slug: str(rule) for rule in Rule.objects.filter(program=campaign.program_id)}
    lines = [(names.get(slug, slug), show_points(count)) for slug, count in told.overlaps]
    return Panel(_("Counted together with"), [_("Rule"), _("Purchases")], lines, _("Nothing else counted for these purchases."), numeric=frozenset({1}))  # fmt: skip


def _draw(campaign: Campaign) -> list[tuple[Any, Any]]:
    """How the control group is drawn, so that anybody can draw it again."""
    return [
        (_("Share kept out"), f"{campaign.control_percent} %"),
        (_("Secret of the draw"), campaign.control_secret),
        (_("Fingerprint of the secret (SHA-256)"), seal_of(campaign)),
    ]
