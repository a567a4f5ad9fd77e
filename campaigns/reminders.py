"""Telling members in time that points run out (DOMAIN 9.2, 11.1).

A member gets one letter for everything that runs out in one month of the program clock, as soon as the first of it is
within the wallet's notice days (and LEAD_DAYS, so that a day or two without jobs still leaves the promised notice).
What each letter told of is kept as notices (`campaigns.notices`); nothing is written twice, however often this runs. Points
that came later, or whose end moved into the month later, are told of in a further letter once they are within the notice.
The work follows what runs out in the window, not what exists: a chunk of lots in the order of their end at a time, each told of by
one statement (`campaigns.notices.telling`).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from campaigns.notices import telling
from campaigns.notices.guarantee import LEAD_DAYS
from campaigns.notices.telling import KIND, LAST_LOT, Month, Place
from loyalty.common.clock import add_months, day_start, local_day
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program, Wallet

__all__ = ["KIND", "months", "remind_expiring"]
CHUNK = 5000


def remind_expiring(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Queue the letters that are due at an instant. Members without an e-mail address are told in the portal, and counted."""
    tally = Tally(report={"letters": 0, "without_address": 0})
    for wallet in program.wallets.select_related("program"):
        for month in months(wallet, at=at):
            chunks = [telling.count(wallet, month)] if dry_run else _write(wallet, month, at)
            for told in chunks:
                tally.found += told.members
                tally.done += 0 if dry_run else told.members
                tally.report["letters"] += told.members
                tally.report["without_address"] += told.without_address
                if not progress(tally.found, tally.done, tally.skipped):
                    return tally
    return tally


def _write(wallet: Wallet, month: Month, at: datetime) -> Iterator[telling.Told]:
    """Tell of a month chunk by chunk, each in a transaction of its own."""
    after: Place = (month.since, LAST_LOT)
    while end := telling.next_place(month, after, most=CHUNK):
        yield telling.write(wallet, month, after, end, at=at)
        after = end
    yield telling.write(wallet, month, after, (month.window_end, LAST_LOT), at=at)


def months(wallet: Wallet, *, at: datetime) -> Iterator[Month]:
    """The months of the program clock that the notice window of an instant reaches into."""
    zone = wallet.program.time_zone
    today = local_day(at, zone)
    window_end = day_start(today + timedelta(days=wallet.notice_days + LEAD_DAYS), zone)
    first = today.replace(day=1)
    while day_start(first, zone) < window_end:
        following = add_months(first, 1)
        until = day_start(following, zone)
        yield Month(f"{first:%Y-%m}", max(at, day_start(first, zone)), until, min(window_end, until))
        first = following
