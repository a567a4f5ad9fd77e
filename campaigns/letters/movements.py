"""Letters about points that moved: earned, adjusted, to be spent from now on, expired (DOMAIN 9.5, 11.1).

What is written in the books at some instant is told at the next look, entry by entry; what happened long ago, as the purchases
of an import, is not told any more. What time does is told once a day: what began since yesterday, and what the sweep of the last days
wrote off. Every letter is known by what it tells of, so nothing is told twice however often these run.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, CharField, F, Min, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Abs, Cast, Concat, TruncDate

from campaigns.letters.models import LetterTerms
from campaigns.letters.terms import terms_of
from campaigns.letters.writing import Written, write
from loyalty.common.clock import day_start, local_day
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.lapsing import UNCONFIRMED
from loyalty.ledger.models import Entry, Lot, Program, Wallet

NEWS_FOR = timedelta(days=7)
# Entries that were dated before the last look may have been committed after it.
LATE_BY = timedelta(minutes=10)
EARNED, ADJUSTED, ACTIVATED, EXPIRED = "points_earned", "points_adjusted", "points_activated", "points_expired"
BY_HAND = [Entry.Kind.ADJUSTMENT, Entry.Kind.REINSTATEMENT]
MEMBER = F("account__member_account__member")
INSTANT = timedelta(microseconds=1)


def tell_entries(
    program: Program | None = None, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched
) -> Tally:
    """Letters about what was earned and adjusted since the last look, where the program wants them; the job `tell_entries`."""
    tally = Tally(report={})
    programs = Program.objects.filter(is_active=True)
    for one in programs.filter(pk=program.pk) if program else programs:
        terms = LetterTerms.objects.get_or_create(program=one, defaults={"entries_told_until": at})[0] if not dry_run else terms_of(one)  # fmt: skip
        since = (terms.entries_told_until or at) - LATE_BY
        for wallet in one.wallets.all():
            for kind, entries in _news(terms, wallet, since=since, at=at):
                count(tally, kind, _about(kind, entries, wallet, at=at, dry_run=dry_run))
        if not dry_run:
            LetterTerms.objects.filter(pk=terms.pk).update(entries_told_until=at)
        if not progress(tally.found, tally.done, tally.skipped):
            break
    return tally


def tell_points(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Letters about points that can be spent since yesterday, and about those that ended; the job `tell_points`."""
    tally, terms = Tally(report={}), terms_of(program)
    for wallet in program.wallets.all():
        if terms.tells_activated:
            count(tally, ACTIVATED, _activated(wallet, at=at, dry_run=dry_run))
        for day in _days_ended(wallet, at=at) if terms.tells_expired else ():
            count(tally, EXPIRED, _expired(wallet, day, at=at, dry_run=dry_run))
        if not progress(tally.found, tally.done, tally.skipped):
            break
    return tally


def count(tally: Tally, kind: str, written: Written) -> None:
    """Add to the figures of a run: letters by kind, and how many of them cannot be mailed."""
    tally.found += written.found
    tally.done += written.letters
    for name, number in ((kind, written.letters), ("without_address", written.without_address)):
        if number:
            tally.report[name] = tally.report.get(name, 0) + number


def _news(
    terms: LetterTerms, wallet: Wallet, *, since: datetime, at: datetime
) -> Iterator[tuple[str, QuerySet[Entry]]]:
    """The entries of a wallet that are to be told of, by kind of letter."""
    lately = Entry.objects.filter(
        account__wallet=wallet, recorded_at__gt=since, recorded_at__lte=at, effective_at__gte=at - NEWS_FOR
    )
    if terms.tells_earned:
        yield EARNED, lately.filter(kind=Entry.Kind.ACCRUAL, reference__startswith="purchase:")
    if terms.tells_adjusted:
        yield ADJUSTED, lately.filter(kind__in=BY_HAND).exclude(amount=0)


def _about(kind: str, entries: QuerySet[Entry], wallet: Wallet, *, at: datetime, dry_run: bool) -> Written:
    """One letter for each entry. Points that wait say from which day on they can be spent."""
    waits = When(lot__available_at__gt=at, then=Cast(_day("lot__available_at", wallet), CharField()))
    told = entries.order_by().values(
        "account", member=MEMBER, points=Abs("amount"), sign=Case(When(amount__lt=0, then=-1), default=1),
        subject=Concat(Value("entry:"), Cast("id", CharField())), period=Value("", CharField()),
        begins=Case(waits, default=Value(""), output_field=CharField()),
    )  # fmt: skip
    facts = ["points", "sign"] if kind == ADJUSTED else ["points", "begins"]
    return write(kind, told, program=wallet.program, at=at, facts=facts, wallet=wallet, dry_run=dry_run)


def _activated(wallet: Wallet, *, at: datetime, dry_run: bool) -> Written:
    """One letter to each member whose waiting points began since a day before."""
    zone = wallet.program.time_zone
    today = local_day(at, zone)
    waited = Lot.objects.filter(account__wallet=wallet, available_at__gt=F("granted_at"), remaining__gt=0)
    begun = waited.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=at),
        available_at__gt=day_start(today - timedelta(days=1), zone),
        available_at__lte=at,
    )
    told = begun.order_by().values("account", member=MEMBER).annotate(points=Sum("remaining"), **_named(wallet, today))
    return write(ACTIVATED, told, program=wallet.program, at=at, facts=["points"], wallet=wallet, dry_run=dry_run)


def _swept(wallet: Wallet, *, at: datetime) -> QuerySet[Entry]:
    """What was written off lately, but for what nobody confirmed: that has a letter of its own."""
    lately = {"recorded_at__gt": at - NEWS_FOR, "effective_at__gt": at - NEWS_FOR, "effective_at__lte": at}
    entries = Entry.objects.filter(account__wallet=wallet, kind=Entry.Kind.EXPIRY, **lately)
    return entries.exclude(explanation=UNCONFIRMED).order_by()


def _days_ended(wallet: Wallet, *, at: datetime) -> list[Any]:
    """The last valid days of what was written off lately."""
    return sorted(_swept(wallet, at=at).values_list(_day("effective_at", wallet, INSTANT), flat=True).distinct())


def _expired(wallet: Wallet, day: Any, *, at: datetime, dry_run: bool) -> Written:
    """One letter to each member about the points whose last day this was."""
    zone = wallet.program.time_zone
    ended = _swept(wallet, at=at).filter(
        effective_at__gt=day_start(day, zone), effective_at__lte=day_start(day + timedelta(days=1), zone)
    )
    summed = {"points": Abs(Sum("amount")), "last_day": Min(Value(day.isoformat(), CharField()))}
    told = ended.values("account", member=MEMBER).annotate(**summed, **_named(wallet, day))
    facts = ["points", "last_day"]
    return write(EXPIRED, told, program=wallet.program, at=at, facts=facts, wallet=wallet, dry_run=dry_run)


def _named(wallet: Wallet, day: Any) -> dict[str, Any]:
    """What a letter is known by: the wallet and the day."""
    return {
        "subject": Min(Value(wallet.slug, CharField())),
        "period": Min(Value(day.isoformat(), CharField())),
    }


def _day(column: str, wallet: Wallet, less: timedelta = timedelta(0)) -> Any:
    """The day of an instant in the program clock."""
    return TruncDate(F(column) - less if less else F(column), tzinfo=ZoneInfo(wallet.program.time_zone))
