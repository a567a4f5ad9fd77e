"""Telling members in time that points run out (DOMAIN 9.2, 11.1).

A member gets one letter for everything that runs out in one month of the program clock, as soon as the first of it is
within the wallet's notice days (and LEAD_DAYS, so that a day or two without jobs still leaves the promised notice).
What each letter told of is kept as notices (`campaigns.notices`); nothing is written twice, however often this runs. Points
that came later, or whose end moved into the month later, are told of in a further letter once they are within the notice.
The work follows what runs out in the window, not what exists: lots are read in the order of the index `lot_open_by_expiry`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum

from campaigns.notices.guarantee import LEAD_DAYS
from campaigns.notices.models import Notice
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
                unheard = {account: member for account, member in page.items() if account not in counted}
                to_write = {account: member for account, member in unheard.items() if member.email}
                silent = unheard.keys() - to_write.keys()
                # Who got a letter is known by its notices from now on; the others are remembered here.
                counted |= unheard.keys() if dry_run else silent
                if to_write and not dry_run:
                    _tell(wallet, month, to_write, at=at)
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
    """The active members, by account, with lots in the window that no letter told of: page by page in the order of the lots' expiry."""
    lots = running_out(wallet, since=month.since, until=month.window_end)
    told = Notice.objects.filter(
        account=OuterRef("account"), expires_at=OuterRef("expires_at"), last_lot__gte=OuterRef("id")
    ).exclude(letter__stopped_for=Message.Stop.STALE)
    lots = lots.filter(~Exists(told), **{MEMBER + "__status": Member.Status.ACTIVE}).order_by(
        "expires_at", "account_id"
    )
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


@transaction.atomic
def _tell(wallet: Wallet, month: Month, members: dict[int, Reader], *, at: datetime) -> None:
    """Write the letters of one page, and keep what each of them told of."""
    zone = wallet.program.time_zone
    lots = running_out(wallet, since=month.since, until=month.until).filter(account__any_of=list(members))
    per_day = (
        lots.order_by("account_id", "expires_at").values_list("account_id", "expires_at")
        .annotate(points=Sum(F("remaining") - F("held")), idle=Count("id", filter=KEPT_BY_SHOPPING), last=Max("id"))
    )  # fmt: skip
    groups = {account_id: list(days) for account_id, days in groupby(per_day, key=lambda row: row[0])}
    periods = _periods(wallet, month, [members[account_id].number for account_id in groups])
    letters = []
    for account_id, found in groups.items():
        reader = members[account_id]
        listed = [[last_valid_day(end, zone).isoformat(), points] for _, end, points, _idle, _last in found]
        told = _told(wallet, listed, reader.language) | {"name": reader.name}
        kept = {"is_kept_by_shopping": True} if any(row[3] for row in found) else {}
        letters.append(
            outbox.Letter(
                reader.number, reader.email, reader.language, KIND, wallet.slug, told | kept, at, periods[reader.number]
            )
        )
    outbox.queue_many(letters)
    _keep_proof(wallet, {members[account_id].number: found for account_id, found in groups.items()}, periods)


def _letters_about(wallet: Wallet, numbers: list[str], **terms: Any) -> QuerySet[Message]:
    """Letters of ours to some members about a wallet, asked by number so that the plan never depends on luck."""
    return Message.objects.filter(kind=KIND, subject=wallet.slug, recipient__any_of=numbers, **terms).order_by()


def _periods(wallet: Wallet, month: Month, numbers: list[str]) -> dict[str, str]:
    """By member, what the next letter about a month is called: `2026-03`, a further one `2026-03.2`."""
    known = (
        _letters_about(wallet, numbers, period__startswith=month.name).values("recipient").annotate(known=Count("id"))
    )
    further = {recipient: f"{month.name}.{count + 1}" for recipient, count in known.values_list("recipient", "known")}
    return dict.fromkeys(numbers, month.name) | further


def _keep_proof(wallet: Wallet, told: dict[str, list[Any]], periods: dict[str, str]) -> None:
    """A notice for each group of lots that a letter told of."""
    written = _letters_about(wallet, list(told), period__any_of=sorted(set(periods.values())))
    ids = {(number, period): pk for number, period, pk in written.values_list("recipient", "period", "id")}
    Notice.objects.bulk_create(
        [
            Notice(account_id=account, expires_at=end, points=points, last_lot=last, letter_id=ids[number, periods[number]])
            for number, days in told.items()
            for account, end, points, _idle, last in days
        ],
        batch_size=PAGE,
        ignore_conflicts=True,
    )  # fmt: skip


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
