"""Closed months: what finance has signed off takes no more back-dated entries (DOMAIN 13.2).

Months are the program clock's and are closed in order; the first close takes everything before its month along. What
would have been true in a closed month is true from the first instant of the first open one, as a correction there. The
figures of a close are kept with it, and the ledger has to give them again at any later time.
"""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from loyalty.common.clock import add_months, day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.ledger import finance
from loyalty.ledger.anchors import quiet_entry
from loyalty.ledger.models import PeriodClose, Wallet


class MonthNotOver(Refusal):
    """The month still runs in the program clock."""

    code = "month_not_over"


class MonthClosed(Refusal):
    """The month has been closed before."""

    code = "month_closed"


class MonthOutOfOrder(Refusal):
    """An earlier month is still open."""

    code = "month_out_of_order"


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


def close_month(wallet: Wallet, month: date, *, at: datetime, actor: str) -> PeriodClose:
    """Sign a month off: its roll-forward is kept, and nothing is posted into it any more.

    Waits for postings that began in the month to end. Raises MonthNotOver, MonthClosed (also when a later month is
    closed) or MonthOutOfOrder; then nothing has changed.
    """
    quiet_entry()
    with transaction.atomic():
        return _close(wallet, month.replace(day=1), at=at, actor=actor)


def _close(wallet: Wallet, month: date, *, at: datetime, actor: str) -> PeriodClose:
    locked = Wallet.objects.select_for_update(of=("self",)).select_related("program").get(id=wallet.id)
    zone = locked.program.time_zone
    last = locked.period_closes.aggregate(last=Max("month"))["last"]
    shown = f"{month:%Y-%m}"
    if last and month <= last:
        raise MonthClosed(_("%(month)s is closed already.") % {"month": shown}, month=shown)
    if last and month > add_months(last, 1):
        first = f"{add_months(last, 1):%Y-%m}"
        raise MonthOutOfOrder(
            _("Months are closed in order: close %(first)s first.") % {"first": first}, month=shown, first=first
        )
    if at < day_start(add_months(month, 1), zone):
        raise MonthNotOver(
            _("%(month)s is not over yet: it can be closed from %(day)s in the program clock.")
            % {"month": shown, "day": add_months(month, 1).isoformat()},
            month=shown,
        )
    figures = finance.roll_forward(locked, month)
    return PeriodClose.objects.create(
        wallet=locked, month=month, closed_at=at, closed_by=actor, figures=figures.as_json()
    )


def last_month(wallet: Wallet, *, at: datetime) -> date:
    """The first day of the month before the one that runs at an instant."""
    return add_months(local_day(at, wallet.program.time_zone).replace(day=1), -1)
