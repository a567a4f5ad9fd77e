"""A month of a wallet as tables and charts: roll-forward, ageing, what ends when, breakage; told as data for the desk.

A closed month is told as it was signed. Every table can be taken out as CSV: the same rows, plain numbers.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlencode

from babel.numbers import format_percent
from django.core.cache import cache
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from loyalty.common.clock import add_months, local_day
from loyalty.common.money import show_money, show_points
from loyalty.desk import people
from loyalty.desk.panels import Panel, Stat, badge, link, moment, strong, two_lines
from loyalty.ledger import besides, closing, finance, revenue
from loyalty.ledger.models import Entry, PeriodClose, Wallet

FRESH_SECONDS = 60
MONTHS_OFFERED = 60
Figures = TypeVar("Figures")


@dataclass(frozen=True, slots=True)
class Month:
    """All figures of one month of a wallet; `close` when it was signed off."""

    wallet: Wallet
    roll_forward: finance.RollForward
    close: PeriodClose | None
    valued: finance.Valued
    breakage: revenue.Breakage
    at: datetime


def read(wallet: Wallet, month: date, *, at: datetime) -> Month:
    """The month's figures: as signed when it is closed, else computed; the open part is at most a minute old."""
    figures, close = closing.figures_of(wallet, month)
    until = min(at, finance.month_end(month, wallet.program.time_zone))
    if close and close.valued:
        valued = finance.Valued.from_json(close.valued)
    else:
        valued = _fresh(f"finance:valued:{wallet.pk}:{month:%Y%m}", lambda: finance.valued(wallet, at=until))
    broken = _fresh(f"finance:broken:{wallet.pk}", lambda: revenue.breakage(wallet, at=at))
    return Month(wallet, figures, close, valued, broken, until)


def _fresh(key: str, count: Callable[[], Figures]) -> Figures:
    found: Any = cache.get_or_set(key, count, FRESH_SECONDS)
    return found


def months(wallet: Wallet, *, at: datetime) -> list[date]:
    """The months one can look at, newest first: from the first entry on."""
    this = local_day(at, wallet.program.time_zone).replace(day=1)
    first = (
        Entry.objects.filter(account__wallet=wallet)
        .order_by("recorded_at")
        .values_list("recorded_at", flat=True)
        .first()
    )
    begin = local_day(first, wallet.program.time_zone).replace(day=1) if first else this
    found = [this]
    while found[-1] > begin and len(found) < MONTHS_OFFERED:
        found.append(add_months(found[-1], -1))
    return found


def name_of(month: date) -> str:
    """A month for people."""
    return date_format(month, "F Y")


def columns() -> dict[str, tuple[str, str]]:
    """Each line of the roll-forward: its sign with its name, and what it counts."""
    return {
        "opening": (_("Opening"), _("what was there before the month")),
        "issued": (_("+ Issued"), _("what members earned")),
        "reinstated": (_("+ Reinstated"), _("redemptions undone, and expired points given again")),
        "burned": (_("− Burned"), _("what members spent")),
        "expired": (_("− Expired"), _("what ran out unused")),
        "reversed": (_("− Reversed"), _("what returned goods took back")),
        "adjusted": (_("± Adjusted"), _("corrections by hand, transfers, extensions and write-offs")),
        "closing": (_("= Closing"), _("what is left on the lots, less what members owe")),
    }


def stats(told: Month) -> list[Stat]:
    """The figures at the top."""
    wallet, currency = told.wallet, told.wallet.program.currency
    share = told.breakage.share
    worth = show_money(told.valued.per_unit * 1000, currency)
    return [
        Stat(_("Closing"), _points(told, told.roll_forward.closing), _("What is left on the lots at the end of the month, less what members owe.")),
        Stat(_("Outstanding"), _points(told, told.valued.points), _("Points that members could still spend at the end of the month, or now while it runs."), _("%(money)s for 1,000") % {"money": worth}),
        Stat(_("Liability"), show_money(told.valued.money, currency), _("The outstanding points at the wallet's worth of a point."), wallet.name_of(told.valued.points)),
        *_owed_besides(told),
        Stat(_("Breakage, estimated"), percent(share) if share is not None else "–", what_breakage_is(), certainty(told.breakage)),
        Stat(_("State"), _("signed") if told.close else _("open"), _("A signed month takes no more entries.")),
    ]  # fmt: skip


def _owed_besides(told: Month) -> list[Stat]:
    """What is owed besides points: as signed, else as of the instant."""
    signed, program = told.close.besides if told.close else {}, told.wallet.program
    return [
        Stat(one.title, show_money(Decimal(signed[one.name]) if one.name in signed else one.amount(program, told.at), program.currency), one.definition)
        for one in besides.told_by
    ]  # fmt: skip


def what_breakage_is() -> str:
    """What breakage means."""
    return _(
        "The share of granted points that ends unused. It is taken from matured months: those whose points can all no longer be spent. The estimate is their mean, weighted by points, over the last twelve of them."
    )


def certainty(told: revenue.Breakage) -> str:
    """How sure the estimate is, in words."""
    if told.share is None:
        return _("no month has matured yet")
    if told.low is None or told.high is None:
        return _("too few matured months to say how sure")
    return _("95%% interval: %(low)s to %(high)s") % {"low": percent(told.low), "high": percent(told.high)}


def percent(share: Decimal) -> str:
    """A share as a percentage with one decimal."""
    return str(format_percent(share, format="#,##0.0%", locale=get_language() or "en"))


def entries_page(wallet: Wallet, month: date, column: str = "") -> str:
    """The list of the entries behind a figure."""
    asked = {"account__wallet__id__exact": wallet.pk, "month": f"{month:%Y-%m}"} | (
        {"column": column} if column else {}
    )
    return reverse("admin:ledger_entry_changelist") + "?" + urlencode(asked)


def table(name: str, told: Month) -> tuple[list[str], list[list[Any]]]:
    """One table as plain headers and rows, for CSV: amounts in the wallet's smallest unit. Raises KeyError."""
    makers = {"roll-forward": _roll_rows, "ageing": _age_rows, "ends": _end_rows, "breakage": _breakage_rows}
    return makers[name](told)


def _roll_rows(told: Month) -> tuple[list[str], list[list[Any]]]:
    figures = told.roll_forward.as_json()
    rows = [[name, figures[name], finance.worth(told.wallet, figures[name])] for name in columns()]
    return ["column", "points", "money"], rows


def _age_rows(told: Month) -> tuple[list[str], list[list[Any]]]:
    return ["granted_since", "granted_before", "points", "money"], _slices(told.valued.ages)


def _end_rows(told: Month) -> tuple[list[str], list[list[Any]]]:
    return ["ends_since", "ends_before", "points", "money"], _slices(told.valued.ends)


def _slices(parts: Iterable[finance.Slice]) -> list[list[Any]]:
    return [[part.since or "", part.until or "", part.points, part.money] for part in parts]


def _breakage_rows(told: Month) -> tuple[list[str], list[list[Any]]]:
    headers = ["month", "granted", "kept", "unused", "open", "breakage"]
    rows = [[f"{c.month:%Y-%m}", c.granted, c.kept, c.unused, c.open, c.breakage] for c in told.breakage.cohorts]
    return headers, [[*row[:5], "" if row[5] is None else row[5]] for row in rows]


def panels(told: Month, files: Callable[[str], dict[str, Any]] = lambda name: {}) -> dict[str, Panel]:
    """The tables of the page by name; `files` says where each can be taken out."""
    roll, ageing, breakage = _roll_panel(told), _age_panel(told), _breakage_panel(told)
    found = {"roll": (roll, "roll-forward"), "ageing": (ageing, "ageing"), "breakage": (breakage, "breakage")}
    return {key: replace(panel, stays_table=True, **files(name)) for key, (panel, name) in found.items()}


def _roll_panel(told: Month) -> Panel:
    figures, month, currency = told.roll_forward.as_json(), told.roll_forward.month, told.wallet.program.currency
    rows = []
    for name, (title, hint) in columns().items():
        shown: Any = _points(told, figures[name])
        if name not in ("opening", "closing") and figures[name]:
            shown = link(entries_page(told.wallet, month, name), shown)
        row = [title, shown, show_money(finance.worth(told.wallet, figures[name]), currency)]
        title, *amounts = [strong(cell) for cell in row] if name in ("opening", "closing") else row
        rows.append((two_lines(title, hint), *amounts))
    note = _(
        "By when an entry was recorded, in the program clock: a month that is over never changes. A figure leads to its entries."
    )
    return Panel(_("Roll-forward of %(month)s") % {"month": name_of(month)}, [_("Column"), _("Points"), _("Money")], rows, numeric=frozenset({1, 2}), note=note)  # fmt: skip


def _age_panel(told: Month) -> Panel:
    rows = []
    for part in told.valued.ages:
        if part.since and part.until:
            said = _("%(since)s to %(until)s") % {"since": _day(part.since), "until": _day(part.until)}
        else:
            said = _("since %(day)s") % {"day": _day(part.since)} if part.since else _("before %(day)s") % {"day": _day(part.until)}  # fmt: skip
        rows.append((said, *_amounts(told, part)))
    note = _("Outstanding points by when they were granted: the last 3, 6, 12 and 24 months, and older.")
    return Panel(_("Ageing"), [_("Granted"), _("Points"), _("Money")], rows, numeric=frozenset({1, 2}), note=note)


def ends_chart(told: Month, file: dict[str, Any]) -> dict[str, Any]:
    """Outstanding points by the month of their last valid day, as bars and as a table; `file` says where to take it out."""
    title = _("Outstanding by the month it ends in")
    parts = told.valued.ends
    names = [date_format(part.since, "M Y") if part.since else _("never") for part in parts]
    shade = "var(--color-primary-500)"
    value = {"labels": names, "datasets": [{"label": str(_("Points")), "data": [p.points for p in parts], "backgroundColor": shade, "borderRadius": 3, "maxBarThickness": 28}]}  # fmt: skip
    ticks = {"color": "#6b7280", "maxRotation": 0, "autoSkipPadding": 12}
    axis = {"border": {"display": False}, "ticks": ticks}
    options = {
        "locale": get_language() or "en", "responsive": True, "maintainAspectRatio": False, "animation": False,
        "plugins": {"legend": {"display": False}},
        "scales": {"x": {**axis, "grid": {"display": False}}, "y": {**axis, "beginAtZero": True}},
    }  # fmt: skip
    rows = [(name, *_amounts(told, part)) for name, part in zip(names, parts, strict=True)]
    return file | {
        "title": title,
        "definition": _("Points that could still be spent, by the month of their last valid day."),
        "type": "bar",
        "value": json.dumps(value),
        "options": json.dumps(options),
        "table": Panel("", [_("Month"), _("Points"), _("Money")], rows, numeric=frozenset({1, 2})),
    }


def _breakage_panel(told: Month) -> Panel:
    rows = []
    for cohort in reversed(told.breakage.cohorts[-24:]):
        share = badge(_("open"), "info") if cohort.breakage is None else percent(cohort.breakage)
        amounts = (cohort.granted, cohort.kept, cohort.unused, cohort.open)
        rows.append((name_of(cohort.month), *[_points(told, amount) for amount in amounts], share))
    headers = [_("Granted in"), _("Granted"), _("Kept"), _("Unused"), _("Still open"), _("Breakage")]
    return Panel(_("Breakage by month of granting"), headers, rows, _("Nothing was granted yet."), numeric=frozenset({1, 2, 3, 4, 5}), note=f"{what_breakage_is()} {certainty(told.breakage)}.")  # fmt: skip


def closes_panel(wallet: Wallet) -> Panel:
    """The months that were signed off, newest first."""
    closes = list(PeriodClose.objects.filter(wallet=wallet).order_by("-month")[:24])
    known = people.names(close.closed_by for close in closes)
    page = reverse("admin:ledger_finance")
    rows = [
        (
            link(f"{page}?" + urlencode({"wallet": wallet.pk, "month": f"{close.month:%Y-%m}"}), name_of(close.month)),
            show_points(close.figures["closing"], wallet.decimals),
            known[close.closed_by],
            moment(close.closed_at),
            close.seal[:12],
        )
        for close in closes
    ]
    headers = [_("Month"), _("Closing"), _("Signed by"), _("Signed at"), _("Seal")]
    return Panel(_("Signed months"), headers, rows, _("No month was signed yet. Months are signed in order, once they are over."), numeric=frozenset({1}))  # fmt: skip


def _amounts(told: Month, part: finance.Slice) -> tuple[str, str]:
    return _points(told, part.points), show_money(part.money, told.wallet.program.currency)


def _points(told: Month, amount: int) -> str:
    return show_points(amount, told.wallet.decimals)


def _day(day: date | None) -> str:
    return date_format(day, "j M Y") if day else ""


def this_month(wallet: Wallet, *, at: datetime) -> date:
    """The month that runs in the program clock."""
    return local_day(at, wallet.program.time_zone).replace(day=1)
