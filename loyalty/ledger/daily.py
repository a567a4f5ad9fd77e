"""The figures of each day that is over, kept so that a year of days is read at once (DOMAIN 9.5, "balance figures").

A day counts what was *recorded* in it, in the program clock, as months do (`finance`): the days of a month add up to its
roll-forward, and the opening of a day is the closing of the day before. What is written down before midnight and committed after the
night's run, as a long import is, is made good by the next night: the last few days are looked at again each time.
"""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from loyalty.common.clock import day_start, local_day
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger import finance
from loyalty.ledger.models import DayFigures, Entry, Program, Wallet
from loyalty.ledger.span import of_wallet, recorded

LOOKED_AT_AGAIN = 3


def keep_figures(
    program: Program,
    *,
    at: datetime,
    recorded_at: datetime | None = None,
    dry_run: bool = False,
    progress: Progress = unwatched,
) -> Tally:
    """Keep the figures of the day that ended last before `at`, wallet by wallet, and mend those of the days before it; the job `daily_figures`.

    Done counts the rows that are new or say something else now; the others are skipped. May be repeated.
    """
    last = local_day(at, program.time_zone) - timedelta(days=1)
    days = [last - timedelta(days=back) for back in reversed(range(LOOKED_AT_AGAIN))]
    due = [(wallet, day) for wallet in program.wallets.order_by("id") for day in days]
    tally = Tally(found=len(due))
    for wallet, day in due:
        is_news = keep(wallet, day, at=recorded_at or at, dry_run=dry_run)
        tally.done += is_news and not dry_run
        tally.skipped += not is_news
        if not progress(tally.found, tally.done, tally.skipped):
            break
    return tally


def keep(wallet: Wallet, day: date, *, at: datetime, dry_run: bool = False) -> bool:
    """Keep one day of a wallet; whether that said anything new. Days before the first points say nothing. Money is the wallet's value of today for a day that is new."""
    figures = figures_of(wallet, day)
    known = DayFigures.objects.filter(wallet=wallet, day=day)
    is_empty = not any(figures.values()) and not DayFigures.objects.filter(wallet=wallet, day__lte=day).exists()
    if is_empty or known.filter(**figures).exists():
        return False
    if not dry_run:
        told = figures | {"worth": finance.worth(wallet, figures["closing"]), "kept_at": at}
        DayFigures.objects.update_or_create(wallet=wallet, day=day, defaults=told)
    return True


def figures_of(wallet: Wallet, day: date) -> dict[str, Any]:
    """What a day did to a wallet, from the ledger. Costs what was recorded since the last signed month before it."""
    zone = wallet.program.time_zone
    since, until = day_start(day, zone), day_start(day + timedelta(days=1), zone)
    rolled = finance.rolled(wallet, day, since, until)
    entries = Entry.objects.filter(of_wallet(wallet, "account__"), recorded("", since, until)).order_by()

    def accounts(kind: str) -> int:
        return entries.filter(kind=kind).values("account").distinct().count()

    told = asdict(rolled) | {"closing": rolled.closing}
    del told["month"]
    return told | {"earners": accounts(Entry.Kind.ACCRUAL), "spenders": accounts(Entry.Kind.REDEMPTION)}
