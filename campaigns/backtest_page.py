"""A back-test told as data: figures side by side with what is live, charts, and tables (DOMAIN 10.5)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from campaigns.backtest_segments import known_since
from campaigns.models import BackTest, Rule
from campaigns.naming import names_of
from campaigns.reading import definition_in_words
from loyalty.common.money import show_money, show_points, show_share
from loyalty.desk import charts
from loyalty.desk.charts import Series
from loyalty.desk.panels import EMPTY, Panel, Stat, day, link
from members.models import Member, Tier
from members.segments.models import Segment

MOST_PAIRS = 10


def page(test: BackTest) -> dict[str, Any]:
    """What the page of a finished back-test shows: four queries."""
    told = test.figures
    if not told:
        return {"stats": [], "panels": []}
    live, tried = told["live"], told["tried"]
    tiers = {tier.slug: str(tier) for tier in Tier.objects.filter(program=test.program_id).order_by("rank")}
    names = {rule.slug: str(rule) for rule in Rule.objects.filter(program=test.program_id)}
    segments = {one.slug: str(one) for one in Segment.objects.filter(program=test.program_id)}
    parts = told.get("by_segment", {})
    return {
        "stats": _stats(test, live, tried, told),
        "charts": [_months(live, tried), _tiers(live, tried, tiers), *([_segments(parts, segments)] if parts else [])],
        "panels": [
            *([_segment_panel(parts, segments)] if parts else []),
            _rules(live, tried, names, test.rule.slug),
            _together(live, tried, names),
            _moves(told["moves"], tiers),
            *_members(told),
        ],
    }


def change_in_words(test: BackTest) -> str:
    """What is another under the tried rules, as sentences."""
    others = ", ".join(one["rule"] for one in test.change.get("with", ()))
    beside = _("Together with the drafts: %(rules)s.") % {"rules": others} if others else ""
    parts = [part for part in (_one_change(test), beside, *_segments_assumed(test)) if part]
    return " ".join(parts) if len(parts) == 1 else " ".join(f"{part.removesuffix('.')}." for part in parts)


def _segments_assumed(test: BackTest) -> list[str]:
    """Of which segments the members of today counted, and until when: two queries where a segment is asked for."""
    tried = [
        one["definition"].get("conditions", {})
        for one in (test.change, *test.change.get("with", ()))
        if "definition" in one
    ]
    asked = sorted({slug for told in tried for slug in told.get("segments", ())})
    if not asked:
        return []
    known = known_since(test.program, asked)
    names = {one.slug: str(one) for one in Segment.objects.filter(program=test.program_id, slug__in=asked)}
    return [
        _("Who was in “%(segment)s” is known since %(day)s; before then its members of today count.") % {"segment": names[slug], "day": day(known[slug])}
        for slug in asked if slug in known and known[slug] > test.since
    ]  # fmt: skip


def _one_change(test: BackTest) -> str:
    """What is another of the rule that was asked about."""
    change = test.change
    if change.get("leave_out"):
        return _("The live rules without “%(rule)s”.") % {"rule": test.rule}
    terms = definition_in_words(change["definition"], currency=test.program.currency, tiers=names_of(test.program))
    if not change.get("since"):
        return _("“%(rule)s” all the time: %(terms)s") % {"rule": test.rule, "terms": terms}
    days = {"since": _day(change["since"]), "until": _day(change["until"], back=timedelta(microseconds=1))}
    told = {"rule": test.rule, "terms": terms} | days
    return _("“%(rule)s” from %(since)s to %(until)s: %(terms)s") % told


def _day(text: str, back: timedelta = timedelta(0)) -> str:
    return day(datetime.fromisoformat(text) - back)


def rows(test: BackTest) -> list[list[Any]]:
    """The figures as lines of a CSV file: what, of what, live, tried, difference."""
    live, tried = test.figures.get("live", {}), test.figures.get("tried", {})
    found: list[list[Any]] = []
    for name in ("points", "cost", "members", "earning"):
        found.append(_line(name, "", Decimal(live.get(name, 0)), Decimal(tried.get(name, 0))))
    for name in ("by_month", "by_tier", "tiers"):
        there, here = live.get(name, {}), tried.get(name, {})
        found += [_line(name, key, there.get(key, 0), here.get(key, 0)) for key in sorted({*there, *here})]
    for slug, (_members_of, there, here) in test.figures.get("by_segment", {}).items():
        found.append(_line("by_segment", slug, there, here))
    there, here = live.get("by_rule", {}), tried.get("by_rule", {})
    for slug in sorted({*there, *here}):
        found.append(_line("by_rule", slug, there.get(slug, {}).get("points", 0), here.get(slug, {}).get("points", 0)))
    return found


def _line(what: str, of: str, live: Any, tried: Any) -> list[Any]:
    return [what, of, live, tried, tried - live]


def _stats(test: BackTest, live: dict[str, Any], tried: dict[str, Any], told: dict[str, Any]) -> list[Stat]:
    """The four figures people ask for first."""
    currency = test.program.currency
    cost = Decimal(tried["cost"]) - Decimal(live["cost"])
    return [
        Stat(_("Points"), _more(tried["points"] - live["points"]), _("Points more or fewer than under the live rules, net of what came back."), _beside(show_points(live["points"]), show_points(tried["points"]))),
        Stat(_("Cost"), ("+" if cost > 0 else "") + show_money(cost, currency), _("These points times the money value of one point."), _beside(show_money(Decimal(live["cost"]), currency), show_money(Decimal(tried["cost"]), currency))),
        Stat(_("Members it changes"), show_points(told["differing"]), _("Members who would have had more or fewer points."), _("%(live)s earned, %(tried)s would have") % {"live": show_points(live["members"]), "tried": show_points(tried["members"])}),
        Stat(_("Tier moves"), _("%(up)s up, %(down)s down") % {"up": show_points(told["moves"]["up"]), "down": show_points(told["moves"]["down"])}, _("Members who would be in another tier at the end.")),
    ]  # fmt: skip


def _beside(live: str, tried: str) -> str:
    return _("%(live)s live, %(tried)s tried") % {"live": live, "tried": tried}


def _more(points: int) -> str:
    return ("+" if points > 0 else "") + show_points(points)


def _months(live: dict[str, Any], tried: dict[str, Any]) -> dict[str, Any]:
    """Points by month, both sides."""
    months = sorted({*live["by_month"], *tried["by_month"]})
    labels = [date_format(date.fromisoformat(f"{month}-01"), "M Y") for month in months]
    sides = [[side["by_month"].get(month, 0) for month in months] for side in (live, tried)]
    return _beside_each_other(_("Points by month"), _("Points of the purchases of each month, net of what came back."), _("Month"), labels, sides)  # fmt: skip


def _tiers(live: dict[str, Any], tried: dict[str, Any], tiers: dict[str, str]) -> dict[str, Any]:
    """Points by the tier of the purchase, both sides."""
    sides = [[side["by_tier"].get(slug, 0) for slug in tiers] for side in (live, tried)]
    return _beside_each_other(_("Points by tier"), _("Points by the tier that each purchase met."), _("Tier"), list(tiers.values()), sides)  # fmt: skip


def _segments(parts: dict[str, list[int]], names: dict[str, str]) -> dict[str, Any]:
    """Points by the segments members are in today, both sides."""
    labels = [names.get(slug, slug) for slug in parts]
    sides = [[told[side] for told in parts.values()] for side in (1, 2)]
    return _beside_each_other(_("Points by segment"), _("Points of the members who are in each segment today; one may be in several."), _("Segment"), labels, sides, is_sideways=True)  # fmt: skip


def _segment_panel(parts: dict[str, list[int]], names: dict[str, str]) -> Panel:
    """What the members of each segment would have earned more or less."""
    lines = [
        (names.get(slug, slug), show_points(members), show_points(live), show_points(tried), _more(tried - live), _growth(live, tried))
        for slug, (members, live, tried) in parts.items()
    ]  # fmt: skip
    headers = [_("Segment"), _("Members"), _("Points live"), _("Points tried"), _("Difference"), _("Growth")]
    return Panel(_("By segment"), headers, lines, "", numeric=frozenset({1, 2, 3, 4, 5}), note=_("Members who bought in these months, by the segments they are in today."))  # fmt: skip


def _growth(live: int, tried: int) -> str:
    return ("+" if tried > live else "") + show_share(Decimal(tried - live) / live) if live else EMPTY


def _beside_each_other(
    title: str, definition: str, first: str, labels: Sequence[str], sides: Any, *, is_sideways: bool = False
) -> dict[str, Any]:
    """Two bars side by side."""
    live, tried = sides
    return charts.chart(title, definition, first, labels, [Series(_("Live"), live, charts.QUIET), Series(_("Tried"), tried, charts.INK)], is_sideways=is_sideways)  # fmt: skip


def _rules(live: dict[str, Any], tried: dict[str, Any], names: dict[str, str], asked: str) -> Panel:
    """What each rule gave, before the one rounding; the one `asked` about also where it gave nothing."""
    nothing = {"purchases": 0, "points": 0, "members": 0}
    lines = []
    for slug in sorted({asked, *live["by_rule"], *tried["by_rule"]}):
        there, here = live["by_rule"].get(slug, nothing), tried["by_rule"].get(slug, nothing)
        lines.append(
            (names.get(slug, slug), show_points(there["points"]), show_points(here["points"]), show_points(here["purchases"]), show_points(here["members"]))
        )  # fmt: skip
    headers = [_("Rule"), _("Points live"), _("Points tried"), _("Purchases"), _("Members")]
    return Panel(_("What each rule gives"), headers, lines, _("No rule gave anything."), numeric=frozenset({1, 2, 3, 4}), note=_("Before rounding, and before goods came back. Purchases and members are those of the tried rules."))  # fmt: skip


def _together(live: dict[str, Any], tried: dict[str, Any], names: dict[str, str]) -> Panel:
    """Which rules counted for the same purchases."""
    there = {(a, b): count for a, b, count in live["together"]}
    lines = [
        (f"{names.get(a, a)} + {names.get(b, b)}", show_points(there.get((a, b), 0)), show_points(count))
        for a, b, count in tried["together"][:MOST_PAIRS]
    ]
    headers = [_("Rules"), _("Purchases live"), _("Purchases tried")]
    return Panel(_("Rules that count together"), headers, lines, _("No two rules counted for one purchase."), numeric=frozenset({1, 2}))  # fmt: skip


def _moves(moves: dict[str, Any], tiers: dict[str, str]) -> Panel:
    lines = [(tiers.get(a, a), tiers.get(b, b), show_points(count)) for a, b, count in moves["between"]]
    headers = [_("Tier under the live rules"), _("Tier under the tried ones"), _("Members")]
    return Panel(_("Tier moves"), headers, lines, _("Nobody would be in another tier."), numeric=frozenset({2}))


def _members(told: dict[str, Any]) -> list[Panel]:
    """Who would have gained and lost most."""
    pairs = [*told["winners"], *told["losers"]]
    numbers = dict(Member.objects.filter(pk__in=[pk for pk, _points in pairs]).values_list("pk", "number"))
    return [
        _people(_("Biggest winners"), told["winners"], numbers, _("Nobody would have had more points.")),
        _people(_("Biggest losers"), told["losers"], numbers, _("Nobody would have had fewer points.")),
    ]


def _people(title: str, pairs: list[list[int]], numbers: dict[int, str], empty: str) -> Panel:
    lines = [
        (link(reverse("admin:members_member_change", args=[pk]), numbers[pk]), _more(points))
        for pk, points in pairs
        if pk in numbers
    ]
    return Panel(title, [_("Member"), _("Points")], lines, empty, numeric=frozenset({1}))
