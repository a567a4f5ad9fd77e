"""Telling members in time that points run out (DOMAIN 9.2, 11.1).

A member gets one letter for everything that runs out in one month of the program clock, as soon as the first of it is
within the wallet's notice days (and LEAD_DAYS, so that a day or two without jobs still leaves the promised notice).
The letter is unique by (member, kind, wallet, month); nothing is written twice, however often this runs. The work
follows what runs out in the window, not what exists: lots are read in the order of the index `lot_open_by_expiry`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum

from loyalty.common.clock import add_months, day_start, last_valid_day, local_day
from loyalty.common.languages import in_language
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Lot, Program, Wallet
from loyalty.mail import outbox
from loyalty.mail.models import Message
from members.models import Member

KIND = "expiring"
LEAD_DAYS = 2
PAGE = 2000
MEMBER = "account__member_account__member"


class Month(NamedTuple):
    """One month of the program clock: its name for the letter, and what runs out in it: after `since`, up to `until`.

    The first lot that makes a member hear of the month runs out by `window_end`.
    """

    name: str
    since: datetime
    until: datetime
    window_end: datetime


def remind_expiring(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Queue the letters that are due at an instant. Members without an address are counted as skipped."""
    tally = Tally(report={"letters": 0, "without_address": 0})
    for wallet in program.wallets.all():
        for month in months(wallet, at=at):
            waiting = unnoticed(wallet, month)
            silent = _count_members(waiting.filter(**{MEMBER + "__email": ""}))
            tally.skipped += silent
            tally.found += silent
            tally.report["without_address"] += silent
            to_write = waiting.exclude(**{MEMBER + "__email": ""})
            written = [_count_members(to_write)] if dry_run else _write_letters(wallet, month, to_write, at=at)
            for letters in written:
                tally.found += letters
                tally.done += 0 if dry_run else letters
                tally.report["letters"] += letters
                if not progress(tally.found, tally.done, tally.skipped):
                    return tally
    return tally


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


def unnoticed(wallet: Wallet, month: Month) -> QuerySet[Lot]:
    """Lots in the window whose active member has no letter about that month yet."""
    letter = Message.objects.filter(
        recipient=OuterRef(MEMBER + "__number"), kind=KIND, subject=wallet.slug, period=month.name
    )
    return running_out(wallet, since=month.since, until=month.window_end).filter(
        ~Exists(letter), **{MEMBER + "__status": Member.Status.ACTIVE}
    )


def running_out(wallet: Wallet, *, since: datetime, until: datetime) -> QuerySet[Lot]:
    """Lots with points left that run out after `since` and up to `until`."""
    ever_spendable = Q(available_at__isnull=True) | Q(available_at__lt=F("expires_at"))
    return Lot.objects.filter(
        ever_spendable,
        account__wallet=wallet,
        remaining__gt=0,
        expires_at__isnull=False,
        expires_at__gt=since,
        expires_at__lte=until,
    ).filter(remaining__gt=F("held"))


def _count_members(lots: QuerySet[Lot]) -> int:
    return lots.values("account_id").distinct().order_by().count()


def _write_letters(wallet: Wallet, month: Month, waiting: QuerySet[Lot], *, at: datetime) -> Iterator[int]:
    """Queue the letters page by page, each page its own transaction of a fixed number of statements."""
    columns = [MEMBER + part for part in ("__number", "__email", "__language", "__name")]
    after: tuple[datetime, int] | None = None
    while True:
        lots = waiting.order_by("expires_at", "account_id")
        if after:
            later = Q(expires_at=after[0], account_id__gt=after[1]) | Q(expires_at__gt=after[0])
            lots = lots.filter(later, expires_at__gte=after[0])
        page = list(lots.values_list("expires_at", "account_id", *columns)[:PAGE])
        members = {account_id: member for _, account_id, *member in page}
        if members:
            outbox.queue_many(_letters(wallet, month, members, at=at))
            yield len(members)
        if len(page) < PAGE:
            return
        after = page[-1][:2]


def _letters(wallet: Wallet, month: Month, members: dict[int, Any], *, at: datetime) -> Iterator[outbox.Letter]:
    """The letters of one page: everything of these accounts that runs out in the month, day by day."""
    zone = wallet.program.time_zone
    lots = running_out(wallet, since=month.since, until=month.until).filter(account__any_of=list(members))
    per_day = (
        lots.order_by("account_id", "expires_at").values_list("account_id", "expires_at")
        .annotate(points=Sum(F("remaining") - F("held")))
    )  # fmt: skip
    for account_id, days in groupby(per_day, key=lambda row: row[0]):
        number, address, language, name = members[account_id]
        listed = [[last_valid_day(expires_at, zone).isoformat(), points] for _, expires_at, points in days]
        yield outbox.Letter(
            recipient=number,
            address=address,
            language=language,
            kind=KIND,
            subject=wallet.slug,
            period=month.name,
            context=_told(wallet, listed, language) | {"name": name},
            at=at,
        )


def _told(wallet: Wallet, days: list[list], language: str) -> dict[str, Any]:
    """What the letter says. Numbers stay numbers; the letter writes them in the member's language."""
    points = sum(amount for _, amount in days)
    worth = (points * wallet.money_per_unit).scaleb(-wallet.decimals)
    return {
        "program": in_language(wallet.program, "name", language),
        "days": days,
        "points": points,
        "decimals": wallet.decimals,
        "units": in_language(wallet, "units", language),
        "currency": wallet.program.currency,
        "worth": f"{worth:.2f}" if worth else "",
    }
