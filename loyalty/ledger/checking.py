"""Proof of the books: finds and names any altered, missing or inserted line, and any figure that is not its sum.

Reads entries account by account in order, so memory stays flat; lots, allocations and caches are compared by the
database in whole sets (DOMAIN 12.2, laws of the books 1 to 4, 9, 11 and 21).
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce, Greatest
from django.utils.module_loading import import_string

from loyalty.ledger import auditing, chain, custody
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Allocation, Anchor, Entry, Hold, Lot, Program
from loyalty.ledger.violations import NAMED_AT_MOST, Violation
from loyalty.ledger.writing import DRAWS

ACCOUNTS_AT_ONCE = 20_000
# Points that changed places (`exchanging`) are taken as if they had been redeemed, and given back.
CHANGED_PLACES, NO_CHANGE = Q(entry__kind=Entry.Kind.EXTENSION), Q(pk__in=[])
CREDITS = [Entry.Kind.ACCRUAL, Entry.Kind.ADJUSTMENT, Entry.Kind.TRANSFER]


def verify(
    program: Program | None = None,
    *,
    account: int | None = None,
    since_anchor: bool = False,
    progress: Callable[[int], Any] = lambda entries: None,
) -> Iterator[Violation]:
    """Check every account (of a program) and yield each violation; `progress` gets the number of entries read.

    With `account` only that one. With `since_anchor` the accounts that moved since the last anchor of their program are
    read; for all others the anchor proves that no entry's hash was changed, added or removed.
    """
    accounts = Account.objects.filter(wallet__program=program) if program else Account.objects.all()
    if account is not None:
        yield from _verify_accounts(accounts.filter(id=account), progress)
        return
    if since_anchor:
        accounts = _moved_since(accounts, program)
    read, looked_at = 0, set()
    for part in _ranges(accounts):
        for violation in _verify_accounts(part, partial(_go_on, progress, read)):
            if violation.account not in looked_at:
                looked_at.add(violation.account)
                yield from _at_rest(violation)
        read += Entry.objects.filter(account__in=part).count()
        progress(read)
    yield from auditing.check_orphans()
    for one in [program] if program else Program.objects.order_by("id"):
        yield from custody.check(one)
        for dotted in settings.SETIA_PROOFS:
            yield from import_string(dotted)(one)


def _go_on(progress: Callable[[int], Any], before: int, entries: int) -> None:
    progress(before + entries)


def _verify_accounts(accounts: QuerySet[Account], progress: Callable[[int], Any]) -> Iterator[Violation]:
    yield from _check_chains(accounts, progress)
    yield from _check_lots(accounts)
    yield from auditing.check_draws(accounts)
    yield from auditing.check_holds(accounts)
    yield from auditing.check_dates(accounts)
    yield from _check_caches(accounts)


def _ranges(accounts: QuerySet[Account]) -> Iterator[QuerySet[Account]]:
    """The accounts in ranges of ids, so that every statement stays short and memory flat."""
    first = 0
    ids = accounts.order_by("id").values_list("id", flat=True)
    while found := list(ids.filter(id__gt=first)[:ACCOUNTS_AT_ONCE]):
        yield accounts.filter(id__gt=first, id__lte=found[-1])
        first = found[-1]


def _at_rest(suspicion: Violation) -> list[Violation]:
    """What is wrong with a suspected account while nobody posts to it: postings during the reading are no damage."""
    with transaction.atomic():
        try:
            lock(suspicion.account)
        except Account.DoesNotExist:
            return [suspicion]
        return list(_verify_accounts(Account.objects.filter(id=suspicion.account), lambda entries: None))


def _moved_since(accounts: QuerySet[Account], program: Program | None) -> QuerySet[Account]:
    """The accounts with entries after the last anchor of their program; all of a program that has none."""
    condition = Q(pk__in=[])
    for one in [program] if program else Program.objects.all():
        last = Anchor.objects.filter(program=one).order_by("-day").values_list("last_entry", flat=True).first() or 0
        moved = Entry.objects.filter(id__gt=last, account__wallet__program=one).order_by().values("account")
        condition |= Q(pk__in=moved)
    return accounts.filter(condition)


def _check_chains(accounts: QuerySet[Account], progress: Callable[[int], Any]) -> Iterator[Violation]:
    heads = accounts.order_by("id").values_list("id", "last_number", "last_hash").iterator(chunk_size=5000)
    entries = (
        Entry.objects.filter(account__in=accounts)
        .order_by("account_id", "number")
        .values_list(
            "id", "account_id", "number", "kind", "amount", "effective_at", "recorded_at", "source", "reference", "actor",
            "explanation", "corrects_id", "hash", "reason",
        )
        .iterator(chunk_size=5000)
    )  # fmt: skip
    entry = next(entries, None)
    read = 0
    for account_id, last_number, last_hash in heads:
        number, previous = 0, chain.FIRST
        while entry and entry[1] == account_id:
            read += 1
            if read % 5000 == 0:
                progress(read)
            number += 1
            previous, violation = _check_entry(entry, number, previous)
            if violation:
                yield violation
                number = entry[2]
            entry = next(entries, None)
        if number != last_number or bytes(previous) != bytes(last_hash):
            yield Violation("tail", account_id, f"the entries end at {number}, the account remembers {last_number}")
    progress(read)


def _check_entry(entry: tuple[Any, ...], number: int, previous: bytes) -> tuple[bytes, Violation | None]:
    """The hash to go on with, and what is wrong with this entry."""
    entry_id, account_id = entry[0], entry[1]
    stored = bytes(entry[12])
    if entry[2] != number:
        return stored, Violation("numbering", account_id, f"number {entry[2]} where {number} was due", entry=entry_id)
    expected = chain.link(
        previous,
        account_id=account_id,
        number=entry[2],
        kind=entry[3],
        amount=entry[4],
        effective_at=entry[5],
        recorded_at=entry[6],
        source=entry[7],
        reference=entry[8],
        actor=entry[9],
        explanation=entry[10],
        corrects_id=entry[11],
        reason=entry[13],
    )
    if expected != stored:
        return stored, Violation("chain", account_id, f"entry number {number} does not fit its hash", entry=entry_id)
    return stored, None


def _check_lots(accounts: QuerySet[Account]) -> Iterator[Violation]:
    """Each lot's parts equal what entries and allocations say of it."""

    def allocated(*kinds: str, changed: Q = NO_CHANGE) -> Any:
        total = (
            Allocation.objects.filter(Q(entry__kind__in=kinds) | changed, lot=OuterRef("id"))
            .order_by()
            .values("lot")
            .annotate(total=Sum("amount"))
            .values("total")
        )
        return Coalesce(Subquery(total), 0)

    lots = Lot.objects.filter(account__in=accounts).annotate(
        was_redeemed=allocated(Entry.Kind.REDEMPTION, changed=CHANGED_PLACES & Q(entry__amount__lt=0)),
        was_expired=allocated(Entry.Kind.EXPIRY),
        was_clawed_back=allocated(Entry.Kind.CLAW_BACK),
        was_forfeited=allocated(Entry.Kind.ADJUSTMENT, Entry.Kind.TRANSFER),
        was_returned=allocated(
            Entry.Kind.REVERSAL, Entry.Kind.REINSTATEMENT, changed=CHANGED_PLACES & Q(entry__amount__gt=0)
        ),
    )
    wrong = lots.exclude(
        redeemed=F("was_redeemed"),
        expired=F("was_expired"),
        clawed_back=F("was_clawed_back"),
        forfeited=F("was_forfeited"),
        returned=F("was_returned"),
        granted=F("entry__amount"),
        account=F("entry__account"),
    )
    for lot in wrong.order_by("id")[:NAMED_AT_MOST]:
        yield Violation(
            "lot parts",
            lot.account_id,
            f"granted {lot.granted}, redeemed {lot.redeemed} of {lot.was_redeemed}, expired {lot.expired} of {lot.was_expired}, "
            f"taken back {lot.clawed_back} of {lot.was_clawed_back}, returned {lot.returned} of {lot.was_returned}",
            lot=lot.id,
        )
    credits = Entry.objects.filter(account__in=accounts, kind__in=CREDITS, amount__gt=0, lot__isnull=True)
    for entry in credits[:NAMED_AT_MOST]:
        yield Violation("lot parts", entry.account_id, "a credit without its lot", entry=entry.id)


def _check_caches(accounts: QuerySet[Account]) -> Iterator[Violation]:
    """Cached figures equal the lots, and the lots less the debt equal the entries."""

    def lots(**condition: Any) -> Any:
        part = condition.pop("part", F("remaining"))
        total = (
            Lot.objects.filter(account=OuterRef("id"))
            .order_by()
            .values("account")
            .annotate(total=Sum(Case(When(then=part, **condition), default=0) if condition else part))
            .values("total")
        )
        return Coalesce(Subquery(total), 0)

    entries = (
        Entry.objects.filter(account=OuterRef("id"))
        .order_by()
        .values("account")
        .annotate(total=Sum("amount"))
        .values("total")
    )
    figures = accounts.annotate(
        was_available=lots(is_pending=False, part=F("remaining") - F("held")),
        was_pending=lots(is_pending=True),
        was_held=lots(part=F("held")),
        was_left=lots(),
        was_posted=Coalesce(Subquery(entries), 0),
    )
    yield from _check_draw_times(accounts)
    wrong = figures.exclude(
        available=F("was_available"), pending=F("was_pending"), held=F("was_held"), was_posted=F("was_left") - F("debt")
    )
    for account in wrong.order_by("id")[:NAMED_AT_MOST]:
        yield Violation(
            "balance",
            account.id,
            f"available {account.available} of {account.was_available}, pending {account.pending} of {account.was_pending}, "
            f"held {account.held} of {account.was_held}, entries {account.was_posted}, left {account.was_left}, debt {account.debt}",
        )


def _check_draw_times(accounts: QuerySet[Account]) -> Iterator[Violation]:
    """What an account remembers of when something drew on it last is what its entries and holds say."""
    drawn = (
        Entry.objects.filter(account=OuterRef("id"), kind__in=DRAWS).order_by("-effective_at").values("effective_at")
    )
    held = Hold.objects.filter(account=OuterRef("id")).order_by("-held_at").values("held_at")
    seen = accounts.annotate(drawn_at=Subquery(drawn[:1]), was_held_at=Subquery(held[:1]))
    told = Greatest(Coalesce("drawn_at", "was_held_at"), Coalesce("was_held_at", "drawn_at"))
    wrong = seen.annotate(told=told).exclude(Q(last_draw_at=F("told")) | Q(last_draw_at=None, told=None))
    for account in wrong.order_by("id")[:NAMED_AT_MOST]:
        yield Violation(
            "balance", account.id, f"something drew on it at {account.told}, it remembers {account.last_draw_at}"
        )
