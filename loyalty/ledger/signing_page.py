"""What is looked at before a month is signed, and revenue from points with the program's own figures."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.money import show_money, show_points
from loyalty.desk.panels import Panel, moment
from loyalty.ledger import closing, finance, month_page, revenue
from loyalty.ledger.models import Lot, PeriodClose, Wallet
from loyalty.ledger.span import of_wallet


@dataclass(frozen=True, slots=True)
class Look:
    """One thing that is looked at: in words, how it is, and whether it stands in the way ("bad"), may wait ("warn") or is fine."""

    words: str
    tone: str


def review(wallet: Wallet, month: date, close: PeriodClose | None, *, at: datetime) -> list[Look]:
    """What is looked at before a month is signed; nothing for one that is. A constant number of queries."""
    if close:
        return []
    last = closing.last_closed(wallet)
    try:
        closing.refuse_unless_due(wallet, month, last=last.month if last else None, at=at)
    except Refusal as refusal:
        return [Look(str(refusal), "bad")]
    return [_ties(wallet, month), _proven(wallet, month), _recorded(wallet, month)]


def _ties(wallet: Wallet, month: date) -> Look:
    figures, left = finance.roll_forward(wallet, month), closing.left_on_accounts(wallet, month)
    told = {"closing": show_points(figures.closing, wallet.decimals), "left": show_points(left, wallet.decimals)}
    if figures.closing == left:
        return Look(_("The roll-forward ties: entries and accounts both give %(closing)s.") % told, "good")
    return Look(_("The roll-forward does not tie: entries give %(closing)s, accounts %(left)s.") % told, "bad")


def _proven(wallet: Wallet, month: date) -> Look:
    last = closing.last_verification(wallet)
    if last is None:
        return Look(_("The books were never verified. Verify them on the proof page first."), "warn")
    told = {"when": moment(last.made_at), "count": last.violation_count}
    if last.violation_count:
        return Look(_("The verification of %(when)s found %(count)s violations: mend them first.") % told, "bad")
    if last.made_at < finance.month_bounds(month, wallet.program.time_zone)[1]:
        return Look(_("Last verified on %(when)s, before the month ended. Verify again first.") % told, "warn")
    return Look(_("The books were verified on %(when)s, and nothing was found.") % told, "good")


def _recorded(wallet: Wallet, month: date) -> Look:
    until = finance.month_bounds(month, wallet.program.time_zone)[1]
    ended = Q(expires_at__lt=until) | Q(is_pending=True, available_at__lt=until)
    lots = Lot.objects.filter(ended, of_wallet(wallet, "account__"), remaining__gt=0, entry__recorded_at__lt=until)
    waiting = lots.aggregate(points=Sum("remaining"))["points"] or 0
    if not waiting:
        return Look(_("Nothing of the month waits to be recorded."), "good")
    points = show_points(waiting, wallet.decimals)
    return Look(
        _("%(points)s points expired or became spendable in the month and no run has recorded it: it will count in the month it is recorded in.") % {"points": points},
        "warn",
    )  # fmt: skip


def revenue_page(
    wallet: Wallet, *, at: datetime, allocated: Decimal | None = None, recognised: Decimal | None = None
) -> dict[str, Any]:
    """The program's own figures under IFRS 15, from all points granted so far.

    Without `allocated`, the price that belongs to the points is taken as the worth of those expected to be redeemed.
    """
    broken = revenue.breakage(wallet, at=at)
    kept = sum(cohort.kept for cohort in broken.cohorts)
    redeemed = sum(cohort.redeemed for cohort in broken.cohorts)
    share = broken.share or Decimal(0)
    expected = max(redeemed, int((kept * (1 - share)).quantize(Decimal(1), rounding=ROUND_HALF_UP)))
    price = finance.worth(wallet, expected) if allocated is None else allocated
    before = recognised or Decimal(0)
    booked = revenue.revenue(allocated=price, redeemed=redeemed, expected=expected, recognised=before) if expected else None  # fmt: skip
    currency = wallet.program.currency
    points = {name: show_points(value, wallet.decimals) for name, value in {"kept": kept, "redeemed": redeemed, "expected": expected}.items()}  # fmt: skip
    rows = [
        (_("Points granted and not taken back"), points["kept"]),
        (_("Breakage, estimated"), f"{month_page.percent(share)} ({month_page.certainty(broken)})"),
        (_("Points expected to be redeemed in all"), points["expected"]),
        (_("Points redeemed so far"), points["redeemed"]),
        (_("Price that belongs to the points"), show_money(price, currency)),
        (_("Booked before"), show_money(before, currency)),
        (_("Revenue to book now"), show_money(booked, currency) if booked is not None else "–"),
        (_("Contract liability that is left"), show_money(price - before - booked, currency) if booked is not None else "–"),
    ]  # fmt: skip
    return {
        "allocated": f"{price:f}",
        "recognised": f"{before:f}",
        "own": Panel(_("Your own figures"), [_("What"), _("Figure")], rows, numeric=frozenset({1})),
        "example": _example(),
    }


def _example() -> Panel:
    """The worked example of the standard, computed by the same function."""
    whole, price = {"smallest": Decimal(1)}, Decimal(9000)
    first = revenue.revenue(allocated=price, redeemed=4500, expected=9700, recognised=Decimal(0), **whole)
    raised = revenue.revenue(allocated=price, redeemed=8500, expected=9900, recognised=first, **whole)
    rows = [
        (_("First year"), "4,500", "9,700", f"{first:,}", f"{first:,}"),
        (_("Second year, more expected"), "8,500", "9,900", f"{raised:,}", f"{first + raised:,}"),
    ]
    headers = [_("When"), _("Redeemed so far"), _("Expected in all"), _("Revenue"), _("Revenue so far")]
    note = _("9,000 of the price belongs to 10,000 points. Revenue so far is 9,000 times redeemed, divided by expected; what was booked before comes off.")  # fmt: skip
    return Panel(_("The worked example"), headers, rows, numeric=frozenset({1, 2, 3, 4}), note=note)
