"""Closed months: what finance has signed off takes no more back-dated entries (DOMAIN 13.2).

Months are the program clock's and are closed in order; the first close takes everything before its month along. What
would have been true in a closed month is true from the first instant of the first open one, as a correction there. The
figures of a close are kept and sealed with it, and the ledger has to give them again at any later time. A closed month
is never opened again: what was wrong in it is corrected by an entry in the open one, which is what a reopening would
come to, with both figures kept.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, F, Func, Max, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from loyalty.common.clock import add_months, day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.common.retrying import retried
from loyalty.ledger import besides, cohorts, finance
from loyalty.ledger.anchors import let_nobody_post, quiet_entry
from loyalty.ledger.models import Account, Entry, PeriodClose, Verification, Wallet
from loyalty.ledger.seals import seal_of
from loyalty.ledger.span import of_wallet


class MonthNotOver(Refusal):
    """The month still runs in the program clock."""

    code = "month_not_over"


class MonthClosed(Refusal):
    """The month has been closed before."""

    code = "month_closed"


class MonthOutOfOrder(Refusal):
    """An earlier month is still open."""

    code = "month_out_of_order"


class BooksUnproven(Refusal):
    """The last verification found something wrong, or the accounts do not give the month's closing figure."""

    code = "books_unproven"


def begin_of_month(at: datetime, zone: str) -> datetime:
    """The first instant of the month of the program clock that an instant lies in."""
    return day_start(local_day(at, zone).replace(day=1), zone)


def open_since(wallet_ids: Iterable[int]) -> dict[int, datetime]:
    """The first instant of the first open month of each wallet that has closed one: one query."""
    closes = (
        PeriodClose.objects.filter(wallet__any_of=list(wallet_ids))
        .order_by()
        .values_list("wallet_id", "wallet__program__time_zone")
        .annotate(last=Max("month"))
    )
    return {wallet_id: day_start(add_months(last, 1), zone) for wallet_id, zone, last in closes}


def surely_over(month: date) -> datetime:
    """An instant at which a month is over in every time zone: twelve hours after it is in UTC."""
    return datetime.combine(add_months(month, 1), time(12), UTC)


@retried
def close_month(wallet: Wallet, month: date, *, at: datetime, actor: str) -> PeriodClose:
    """Sign a month off: its figures are kept and sealed, and nothing is posted into it any more.

    Waits for postings that began in the month to end; what is posted while it is being signed is counted or refused.
    Raises MonthNotOver, MonthClosed (also when a later month is closed), MonthOutOfOrder or BooksUnproven; then nothing has changed.
    """
    last_entry = quiet_entry()
    with transaction.atomic():
        return _close(wallet, month.replace(day=1), last_entry, at=at, actor=actor)


def _close(wallet: Wallet, month: date, last_entry: int, *, at: datetime, actor: str) -> PeriodClose:
    """Figures take a while: they are read while others post, and once more if one of those recorded something in the month.

    Nobody posts from that look until the month is signed, so whoever locks an account afterwards knows of it.
    """
    locked = Wallet.objects.select_for_update(no_key=True, of=("self",)).select_related("program").get(id=wallet.id)
    before = locked.period_closes.order_by("-month").first()
    refuse_unless_due(locked, month, last=before.month if before else None, at=at)
    if found_wrong(locked):
        raise BooksUnproven(
            _("The last verification found damage in the books: mend it and verify again, then close the month.")
        )
    close, left = _reckoned(locked, month, at=at, actor=actor)
    let_nobody_post()
    if _recorded_meanwhile(locked, month, last_entry):
        close, left = _reckoned(locked, month, at=at, actor=actor)
    if close.figures["closing"] != left:
        raise BooksUnproven(
            _("The accounts do not give the closing figure of %(month)s: verify the books first.")
            % {"month": f"{month:%Y-%m}"}
        )
    close.besides = besides.figures(locked.program, at=finance.month_end(month, locked.program.time_zone))
    close.seal = seal_of(close, before.seal if before else "")
    close.save(force_insert=True)
    return close


def _recorded_meanwhile(wallet: Wallet, month: date, last_entry: int) -> bool:
    until = finance.month_bounds(month, wallet.program.time_zone)[1]
    return Entry.objects.filter(of_wallet(wallet, "account__"), id__gt=last_entry, recorded_at__lt=until).exists()


def _reckoned(locked: Wallet, month: date, *, at: datetime, actor: str) -> tuple[PeriodClose, int]:
    """The close with its figures, not signed yet, and what the accounts hold at the month's end."""
    zone = locked.program.time_zone
    close = PeriodClose(
        wallet=locked,
        month=month,
        closed_at=at,
        closed_by=actor,
        figures=finance.roll_forward(locked, month).as_json(),
        valued=finance.valued(locked, at=finance.month_end(month, zone)).as_json(),
        cohorts=cohorts.as_json(cohorts.until(locked, finance.month_bounds(month, zone)[1])),
    )
    return close, left_on_accounts(locked, month)


def refuse_unless_due(wallet: Wallet, month: date, *, last: date | None, at: datetime) -> None:
    """Whether a month is the next to be closed. Raises MonthClosed, MonthOutOfOrder or MonthNotOver."""
    shown = f"{month:%Y-%m}"
    if last and month <= last:
        raise MonthClosed(_("%(month)s is closed already.") % {"month": shown}, month=shown)
    if last and month > add_months(last, 1):
        first = f"{add_months(last, 1):%Y-%m}"
        raise MonthOutOfOrder(
            _("Months are closed in order: close %(first)s first.") % {"first": first}, month=shown, first=first
        )
    if at < day_start(add_months(month, 1), wallet.program.time_zone):
        raise MonthNotOver(
            _("%(month)s is not over yet: it can be closed from %(day)s in the program clock.")
            % {"month": shown, "day": add_months(month, 1).isoformat()},
            month=shown,
        )


def left_on_accounts(wallet: Wallet, month: date) -> int:
    """What the accounts hold less what they owe, at the end of a month: from their figures, not from its entries.

    One statement, so that what is posted at the same time is in both of its sums or in neither.
    """
    _since, until = finance.month_bounds(month, wallet.program.time_zone)
    held = F("available") + F("pending") + F("held") - F("debt")
    now = Account.objects.filter(wallet=wallet).order_by().values(points=Func(held, function="SUM"))
    later = Entry.objects.filter(of_wallet(wallet, "account__"), recorded_at__gte=until).order_by()
    later_sum = later.values(points=Func(F("amount"), function="SUM"))
    nothing = Value(0, output_field=BigIntegerField())
    left = Coalesce(_number(now), nothing) - Coalesce(_number(later_sum), nothing)
    return Wallet.objects.filter(pk=wallet.pk).values_list(left, flat=True).get()


def _number(rows: QuerySet[Any, Any]) -> Subquery:
    return Subquery(rows, output_field=BigIntegerField())


def last_verification(wallet: Wallet) -> Verification | None:
    """The last whole verification of the wallet's program."""
    return Verification.objects.filter(program=wallet.program_id, is_whole=True).order_by("-id").first()


def found_wrong(wallet: Wallet) -> bool:
    """Whether the last verification of the wallet's program found violations."""
    last = last_verification(wallet)
    return bool(last and last.violation_count)


def last_closed(wallet: Wallet) -> PeriodClose | None:
    """The last closed month of a wallet."""
    return PeriodClose.objects.filter(wallet=wallet).order_by("-month").first()


def last_month(wallet: Wallet, *, at: datetime) -> date:
    """The first day of the month before the one that runs at an instant."""
    return add_months(local_day(at, wallet.program.time_zone).replace(day=1), -1)


def figures_of(wallet: Wallet, month: date) -> tuple[finance.RollForward, PeriodClose | None]:
    """A month's roll-forward, and its close if it has one: then the figures that were signed, at no cost."""
    close = PeriodClose.objects.filter(wallet=wallet, month=month.replace(day=1)).first()
    if close is None:
        return finance.roll_forward(wallet, month), None
    told: dict[str, Any] = {name: value for name, value in close.figures.items() if name not in ("month", "closing")}
    return finance.RollForward(month=close.month, **told), close
