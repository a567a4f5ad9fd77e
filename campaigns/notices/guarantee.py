"""No points end in silence: what nobody was told of in time lasts longer, and the run says so (DOMAIN 9.2).

Points may end when a letter about them was handed to the mail system at least the wallet's notice days before, and did not come
back, or was taken in that time by another system that the shop passes letters to. That is asked when
the notice window closes, so ahead of their end, each night before anything is swept. What was not told of lasts until the end of the
month in which the promised notice can still be kept, so that members hear of it in one letter. If jobs were down until the points
had ended, they come back. Whatever had ended before it was even recorded was never an open promise.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from campaigns.notices.models import Notice
from campaigns.notices.passed import taken
from loyalty.common.clock import add_months, day_start, local_day
from loyalty.common.retrying import retried
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.ends import Moved, Returned, move_ends, reinstate_many
from loyalty.ledger.lapsing import lapse, overdue
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Allocation, Entry, Lot, Program, Wallet
from loyalty.mail.models import Message
from members.models import Member

BY = "job:expire_points"
# So many days before the notice window closes letters are written: a day or two without jobs or mail still keeps the promise.
LEAD_DAYS = 2
PAGE = 2000


def keep_untold(
    program: Program, *, at: datetime, recorded_at: datetime | None = None, progress: Progress = unwatched
) -> Tally:
    """Give points more time whose notice window has closed without a notice. May be stopped, repeated or run twice at once.

    A day that is made up for later leaves only the time from `recorded_at`, when the letters can truly be written.
    """
    now = max(at, recorded_at or at)
    tally = Tally(report={"extended_lots": 0, "extended_points": 0, "extended_members": 0})
    for wallet in program.wallets.exclude(notice_guarantee=Wallet.Guarantee.OFF):
        until = new_end(wallet, at=now)
        while page := list(untold(wallet, at=now).order_by("expires_at", "id").values_list("id", flat=True)[:PAGE]):
            lots, points, accounts = _keep(wallet, page, until, now)
            tally.done += lots
            tally.report["extended_lots"] += lots
            tally.report["extended_points"] += points
            tally.report["extended_members"] += accounts
            if not progress(tally.done, tally.done, 0) or not lots:
                break
    tally.found = tally.done
    return tally


def untold(wallet: Wallet, *, at: datetime) -> QuerySet[Lot]:
    """Open lots of active members whose notice window has closed at an instant without a notice in time."""
    notice = timedelta(days=wallet.notice_days)
    in_time = F("expires_at") - notice
    mailed = Q(letter__status=Message.Status.SENT, letter__sent_at__lte=in_time, letter__bounced_at__isnull=True)
    told = Notice.objects.filter(
        mailed | Exists(taken().filter(sent_at__lte=OuterRef("expires_at") - notice)),
        account=OuterRef("account"),
        expires_at=OuterRef("expires_at"),
        last_lot__gte=OuterRef("id"),
    )
    lots = Lot.objects.filter(
        account__wallet=wallet,
        account__member_account__member__status=Member.Status.ACTIVE,
        remaining__gt=F("held"),
        available_at__isnull=False,
        available_at__lt=F("expires_at"),
        expires_at__lte=at + notice,
        entry__recorded_at__lt=F("expires_at"),
    ).filter(~Exists(told), remaining__gt=0)
    if wallet.notice_guarantee == Wallet.Guarantee.REACHABLE:
        lots = lots.exclude(account__member_account__member__email="")
    return lots


def spared(program: Program, *, at: datetime) -> QuerySet[Lot]:
    """The lots past their end that a sweep at an instant leaves alone, because nobody was told of them in time."""
    found = Q(pk__in=[])
    for wallet in program.wallets.exclude(notice_guarantee=Wallet.Guarantee.OFF):
        found |= Q(pk__in=untold(wallet, at=at).filter(expires_at__lte=at).values("pk"))
    return Lot.objects.filter(found)


def foreseen(program: Program, *, at: datetime) -> dict[str, int]:
    """What the night would give more time: lots, points and members."""
    totals = {"extended_lots": 0, "extended_points": 0, "extended_members": 0}
    for wallet in program.wallets.exclude(notice_guarantee=Wallet.Guarantee.OFF):
        told = untold(wallet, at=at).aggregate(
            lots=Count("id"), points=Sum(F("remaining") - F("held")), members=Count("account", distinct=True)
        )
        for name, value in told.items():
            totals[f"extended_{name}"] += value or 0
    return totals


def new_end(wallet: Wallet, *, at: datetime) -> datetime:
    """Until when untold points last: the end of the month in which a letter written now still keeps the promise."""
    zone = wallet.program.time_zone
    soonest = local_day(at, zone) + timedelta(days=wallet.notice_days + LEAD_DAYS + 1)
    return day_start(add_months(soonest.replace(day=1), 1), zone)


@retried
@transaction.atomic
def _keep(wallet: Wallet, lot_ids: list[int], until: datetime, at: datetime) -> tuple[int, int, int]:
    """Give these lots more time, or their points back: how many lots, points and accounts. Looked at again under the lock."""
    lock(*Lot.objects.filter(id__any_of=lot_ids).order_by().values_list("account_id", flat=True))
    columns = ("id", "account_id", "expires_at", "remaining", "held")
    lots = list(untold(wallet, at=at).filter(id__any_of=lot_ids).order_by("account_id", "id").values_list(*columns))
    ends: dict[int, dict[int, Any]] = {}
    for lot_id, account_id, end, _left, _held in lots:
        if end > at:
            ends.setdefault(account_id, {})[lot_id] = (end, until)
    moves = [Moved(account, f"untold:{min(own)}:{at.isoformat()}", own) for account, own in ends.items()]
    reason = _("Nobody could be told in time that these points run out.")
    move_ends(moves, at=at, actor=BY, reason=reason)
    _bring_back([lot[0] for lot in lots if lot[2] <= at], until, at, reason)
    return len(lots), sum(left - held for *_lot, left, held in lots), len({lot[1] for lot in lots})


def _bring_back(lot_ids: list[int], until: datetime, at: datetime, reason: str) -> None:
    """Points that had ended before anybody looked: their end is written down, and they come back."""
    gone = overdue(lot_ids, at=at)
    if not gone:
        return
    lapse(lock(*(lot[1] for lot in gone)), gone, recorded_at=at)
    parts = Allocation.objects.filter(lot__any_of=[lot[0] for lot in gone], entry__kind=Entry.Kind.EXPIRY)
    latest = {
        lot: (account, entry)
        for lot, account, entry in parts.order_by("entry_id").values_list("lot_id", "entry__account_id", "entry_id")
    }
    back = [Returned(account, entry, f"untold:{entry}", until) for account, entry in latest.values()]
    reinstate_many(back, at=at, actor=BY, reason=reason)
