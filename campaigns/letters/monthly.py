"""The monthly statement: what was earned, spent, expired and otherwise changed in the month that is over, and the balance (DOMAIN 11.1).

It is written on the first of the month by the program clock, once per member, wallet and month, to members whose points moved.
Lines count in the month in which they were recorded, as in the closed books, so that a statement never has to be taken back.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import CharField, F, Max, Min, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from campaigns.letters.movements import count
from campaigns.letters.terms import terms_of
from campaigns.letters.writing import write
from loyalty.common.clock import day_start, local_day
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Account, Entry, Program, Wallet

STATEMENT = "statement"
ACCOUNTS = 20_000
Kind = Entry.Kind
SUMS = {
    "earned": Q(kind=Kind.ACCRUAL),
    "spent": Q(kind__in=[Kind.REDEMPTION, Kind.REVERSAL]),
    "expired": Q(kind=Kind.EXPIRY),
    "other": ~Q(kind__in=[Kind.ACCRUAL, Kind.REDEMPTION, Kind.REVERSAL, Kind.EXPIRY]),
}


def send_statements(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """On the first of a month the statements of the one before, some accounts at a time; the job `send_statements`."""
    tally, today = Tally(report={}), local_day(at, program.time_zone)
    if today.day != 1 or not terms_of(program).sends_statement:
        return tally
    for wallet in program.wallets.all():
        ends = Account.objects.filter(wallet=wallet).aggregate(first=Min("pk"), last=Max("pk"))
        for first in range(ends["first"] or 0, (ends["last"] or -1) + 1, ACCOUNTS):
            told = _moved(wallet, today, Q(account__gte=first, account__lt=first + ACCOUNTS))
            facts = ["month", *SUMS]
            count(tally, STATEMENT, write(STATEMENT, told, program=program, at=at, facts=facts, wallet=wallet, dry_run=dry_run))  # fmt: skip
            if not progress(tally.found, tally.done, tally.skipped):
                return tally
    return tally


def _moved(wallet: Wallet, today: Any, those: Q) -> QuerySet[Entry, Any]:
    """The sums of the month before, for each account with a line in it. `points` are none: their name is that of many."""
    zone, until = wallet.program.time_zone, today
    since = (until - timedelta(days=1)).replace(day=1)
    lines = Entry.objects.filter(
        those, account__wallet=wallet, recorded_at__gte=day_start(since, zone), recorded_at__lt=day_start(until, zone)
    ).exclude(amount=0)
    sums = {name: Coalesce(Sum("amount", filter=which), 0) for name, which in SUMS.items()}
    said = {"subject": wallet.slug, "period": f"{since:%Y-%m}", "month": since.isoformat()}
    named = {name: Min(Value(value, CharField())) for name, value in said.items()}
    member = F("account__member_account__member")
    return lines.order_by().values("account", member=member).annotate(points=Min(Value(0)), **sums, **named)
