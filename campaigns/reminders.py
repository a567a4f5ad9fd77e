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

from django.db.models import Count, F, Q, QuerySet, Sum

from loyalty.common.clock import add_months, day_start, last_valid_day, local_day
from loyalty.common.languages import in_language
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import ExpiryPolicy, Lot, Program, Wallet
from loyalty.mail import outbox
from loyalty.mail.models import Message
from members.models import Member

# Points that end by inactivity and that a purchase keeps alive.
KEPT_BY_SHOPPING = Q(expiry_policy__kind__in=ExpiryPolicy.IDLE) & (
    Q(expiry_policy__resets__contains="purchase") | Q(expiry_policy__resets__contains="earn")
)
KIND = "expiring"
LEAD_DAYS = 2
PAGE = 2000
MEMBER = "account__member_account__member"


class Reader(NamedTuple):
    """Whom a letter goes to."""

    number: str
    email: str
    language: str
    name: str


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
            counted: set[int] = set()
            for page in pages(wallet, month):
                unheard = _unheard(wallet, month, page, counted)
                to_write = {account: member for account, member in unheard.items() if member.email}
                silent = unheard.keys() - to_write.keys()
                # Who got a letter is known to the outbox from now on; the others are remembered here.
                counted |= unheard.keys() if dry_run else silent
                if to_write and not dry_run:
                    outbox.queue_many(_letters(wallet, month, to_write, at=at))
                    tally.done += len(to_write)
                tally.found += len(unheard)
                tally.skipped += len(silent)
                tally.report["letters"] += len(to_write)
                tally.report["without_address"] += len(silent)
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


def running_out(wallet: Wallet, *, since: datetime, until: datetime) -> QuerySet[Lot]:
    """Lots with points left that run out after `since` and up to `until`."""
    ever_spendable = Q(available_at__lt=F("expires_at"))  # not what still waits for a confirming event
    return Lot.objects.filter(
        ever_spendable,
        account__wallet=wallet,
        remaining__gt=0,
        expires_at__isnull=False,
        expires_at__gt=since,
        expires_at__lte=until,
    ).filter(remaining__gt=F("held"))


def pages(wallet: Wallet, month: Month) -> Iterator[dict[int, Reader]]:
    """The active members, by account, with lots in the window: page by page in the order of the lots' expiry."""
    lots = running_out(wallet, since=month.since, until=month.window_end)
    lots = lots.filter(**{MEMBER + "__status": Member.Status.ACTIVE}).order_by("expires_at", "account_id")
    columns = [MEMBER + part for part in ("__number", "__email", "__language", "__name")]
    page = list(lots.values_list("expires_at", "account_id", *columns)[:PAGE])
    while page:
        yield {account_id: Reader(*member) for _, account_id, *member in page}
        if len(page) < PAGE:
            return
        expires_at, account_id = page[-1][:2]
        later = Q(expires_at=expires_at, account_id__gt=account_id) | Q(expires_at__gt=expires_at)
        following = lots.filter(later, expires_at__gte=expires_at)
        page = list(following.values_list("expires_at", "account_id", *columns)[:PAGE])


def _unheard(wallet: Wallet, month: Month, page: dict[int, Reader], counted: set[int]) -> dict[int, Reader]:
    """Those of a page who have no letter about the month yet, asked by number so that the plan never depends on luck."""
    numbers = [reader.number for reader in page.values()]
    letters = Message.objects.filter(kind=KIND, subject=wallet.slug, period=month.name, recipient__any_of=numbers)
    heard = set(letters.values_list("recipient", flat=True))
    return {
        account_id: reader
        for account_id, reader in page.items()
        if reader.number not in heard and account_id not in counted
    }


def _letters(wallet: Wallet, month: Month, members: dict[int, Reader], *, at: datetime) -> Iterator[outbox.Letter]:
    """The letters of one page: everything of these accounts that runs out in the month, day by day."""
    zone = wallet.program.time_zone
    lots = running_out(wallet, since=month.since, until=month.until).filter(account__any_of=list(members))
    per_day = (
        lots.order_by("account_id", "expires_at").values_list("account_id", "expires_at")
        .annotate(points=Sum(F("remaining") - F("held")), idle=Count("id", filter=KEPT_BY_SHOPPING))
    )  # fmt: skip
    for account_id, days in groupby(per_day, key=lambda row: row[0]):
        reader, found = members[account_id], list(days)
        listed = [[last_valid_day(expires_at, zone).isoformat(), points] for _, expires_at, points, _idle in found]
        yield outbox.Letter(
            recipient=reader.number,
            address=reader.email,
            language=reader.language,
            kind=KIND,
            subject=wallet.slug,
            period=month.name,
            context=_told(wallet, listed, reader.language)
            | {"name": reader.name}
            | ({"is_kept_by_shopping": True} if any(row[3] for row in found) else {}),
            at=at,
        )


def _told(wallet: Wallet, days: list[list], language: str) -> dict[str, Any]:
    """What the letter says. Numbers stay numbers; the letter writes them in the member's language."""
    points = sum(amount for _, amount in days)
    worth = (points * wallet.money_per_unit).scaleb(-wallet.decimals)
    return {
        "program": in_language(wallet.program, "name", language),
        "days": [[day, amount, wallet.name_of(amount, language)] for day, amount in days],
        "points": points,
        "decimals": wallet.decimals,
        "units": wallet.name_of(points, language),
        "currency": wallet.program.currency,
        "worth": f"{worth:.2f}" if worth else "",
    }
