"""What became of the points granted in each month: kept with every signed month, so that only what is newer is read.

A cohort is what was granted in one month of the program clock. Its figures only move by entries, so those of a signed
month's end plus the movements recorded since are the present ones; the cost is what happened since, not what exists.
"""

from collections import Counter
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import BooleanField, Case, DateField, F, Q, Sum, When
from django.db.models.functions import TruncMonth

from loyalty.common.clock import add_months, day_start
from loyalty.ledger.models import Allocation, Entry, Lot, PeriodClose, Wallet
from loyalty.ledger.span import of_wallet, recorded

# What an entry of a kind does to the lots it draws on or gives back to.
PART_OF = {
    Entry.Kind.CLAW_BACK: "taken",
    Entry.Kind.ADJUSTMENT: "taken",
    Entry.Kind.TRANSFER: "taken",
    Entry.Kind.EXPIRY: "expired",
    Entry.Kind.REINSTATEMENT: "reinstated",
    Entry.Kind.REDEMPTION: "redeemed",
    Entry.Kind.REVERSAL: "reversed",
}
# Points that change places: one lot gives them as if they had been redeemed, another has them back.
CHANGED = {True: "redeemed", False: "reversed"}
Figures = dict[date, Counter[str]]


def until(wallet: Wallet, end: datetime | None) -> Figures:
    """Each cohort's granted, taken, expired, reinstated, redeemed and reversed points, as recorded before an instant (None: all)."""
    since, kept = _kept(wallet, end)
    if since is None and end is None:
        return on_lots(wallet)
    return _sum(kept, moved(wallet, since=since, until=end))


def again(close: PeriodClose) -> Figures:
    """What a signed month has to say: the month before it and what was recorded in it."""
    since, kept = _kept(close.wallet, day_start(close.month, close.wallet.program.time_zone))
    return _sum(kept, moved(close.wallet, since=since, until=_end(close.wallet, close)))


def moved(wallet: Wallet, *, since: datetime | None, until: datetime | None) -> Figures:
    """The same figures of what was recorded in `[since, until)` alone. Two queries."""
    found: Figures = {}
    lots = Lot.objects.filter(of_wallet(wallet, "account__"), recorded("entry__", since, until)).order_by()
    granted = lots.annotate(month=_month(wallet, "granted_at")).values_list("month").annotate(points=Sum("granted"))
    for month, points in granted:
        found.setdefault(month, Counter())["granted"] += points
    parts = Allocation.objects.filter(
        of_wallet(wallet, "entry__account__"), recorded("entry__", since, until)
    ).order_by()
    taken = Case(When(entry__amount__lt=0, then=True), default=False, output_field=BooleanField())
    drawn = parts.annotate(month=_month(wallet, "lot__granted_at"), is_taken=taken).values_list(
        "month", "entry__kind", "is_taken"
    )
    for month, kind, is_taken, points in drawn.annotate(points=Sum("amount")):
        part = CHANGED[bool(is_taken)] if kind == Entry.Kind.EXTENSION else PART_OF[Entry.Kind(kind)]
        found.setdefault(month, Counter())[part] += points
    return found


def on_lots(wallet: Wallet) -> Figures:
    """The present figures as the lots carry them: what is read as long as nothing is kept. Two queries."""
    lots = Lot.objects.filter(of_wallet(wallet, "account__")).annotate(month=_month(wallet, "granted_at")).order_by()
    sums = lots.values_list("month").annotate(
        Sum("granted"), Sum("clawed_back"), Sum("forfeited"), Sum("expired"), Sum("redeemed"), Sum("returned")
    )
    given = Allocation.objects.filter(of_wallet(wallet, "entry__account__"), entry__kind=Entry.Kind.REINSTATEMENT)
    months = given.annotate(month=_month(wallet, "lot__granted_at")).order_by().values_list("month")
    back = dict(months.annotate(points=Sum("amount")))
    return {
        month: Counter(
            granted=granted, taken=taken + forfeited, expired=expired, redeemed=redeemed, reinstated=back.get(month, 0),
            reversed=returned - back.get(month, 0),
        )
        for month, granted, taken, forfeited, expired, redeemed, returned in sums
    }  # fmt: skip


def left(wallet: Wallet, *, at: datetime) -> dict[date, tuple[int, int]]:
    """What is left of each cohort on its lots: past its end at an instant, and still open. Reads open lots only."""
    past = Q(expires_at__isnull=False, expires_at__lte=at)
    lots = Lot.objects.filter(of_wallet(wallet, "account__"), remaining__gt=0).order_by()
    sums = lots.annotate(month=_month(wallet, "granted_at")).values_list("month").annotate(
        ran_out=Sum("remaining", filter=past, default=0), still_open=Sum("remaining", filter=~past, default=0)
    )  # fmt: skip
    return {month: (ran_out, still_open) for month, ran_out, still_open in sums}


def as_json(figures: Figures) -> dict[str, dict[str, int]]:
    """Figures as plain values."""
    return {f"{month:%Y-%m}": dict(sorted((+figures[month]).items())) for month in sorted(figures)}


def _kept(wallet: Wallet, end: datetime | None) -> tuple[datetime | None, Figures]:
    """When the last signed month ended that ended by an instant, and the figures kept of it."""
    for close in PeriodClose.objects.filter(wallet=wallet).exclude(cohorts={}).order_by("-month"):
        if end is None or _end(wallet, close) <= end:
            return _end(wallet, close), {
                date.fromisoformat(f"{m}-01"): Counter(told) for m, told in close.cohorts.items()
            }
    return None, {}


def _end(wallet: Wallet, close: PeriodClose) -> datetime:
    return day_start(add_months(close.month, 1), wallet.program.time_zone)


def _month(wallet: Wallet, path: str) -> TruncMonth:
    return TruncMonth(F(path), tzinfo=ZoneInfo(wallet.program.time_zone), output_field=DateField())


def _sum(first: Figures, second: Figures) -> Figures:
    return {month: first.get(month, Counter()) + second.get(month, Counter()) for month in {*first, *second}}
