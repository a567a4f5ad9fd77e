"""Proof beyond sums: dates of lots, what was drawn when, holds, and lines that belong to nothing.

Compared by the database in whole sets where it can be; the dates of lots are recomputed one by one from the policy
version that made them and the entries that moved them since (laws of the books 4, 5, 14, 20 and 21).
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from loyalty.ledger import lifetimes
from loyalty.ledger.models import (
    Account,
    Allocation,
    Entry,
    ExpiryPolicy,
    Hold,
    HoldPart,
    Lot,
)
from loyalty.ledger.policies import Terms
from loyalty.ledger.redating import REDATED_BY, confirmed, redated
from loyalty.ledger.violations import NAMED_AT_MOST, Violation

# By kind: the part of the amount that allocations have to explain.
DRAWN = Q(kind__in=["redemption", "expiry"]) | Q(kind__in=["adjustment", "transfer", "extension"], amount__lt=0)
GIVEN_BACK = Q(kind__in=["reversal", "reinstatement"]) | Q(kind="extension", amount__gt=0)
UNALLOCATED = (
    Q(kind__in=["accrual", "write_off"])
    | Q(kind__in=["adjustment", "transfer"], amount__gt=0)
    | Q(kind="extension", amount=0)
)


def check_draws(accounts: QuerySet[Account]) -> Iterator[Violation]:
    """What an entry drew or gave back adds up to it, and nothing pending, expired or of another account was spent."""
    parts = Allocation.objects.filter(entry=OuterRef("id")).order_by().values("entry")
    total = parts.annotate(total=Sum("amount")).values("total")
    entries = Entry.objects.filter(account__in=accounts).annotate(allocated=Coalesce(Subquery(total), Value(0)))
    fits = (
        (DRAWN & Q(amount=-F("allocated"))) | (GIVEN_BACK & Q(amount=F("allocated"))) | (UNALLOCATED & Q(allocated=0))
    )
    for entry in entries.exclude(kind=Entry.Kind.CLAW_BACK).exclude(fits).order_by("id")[:NAMED_AT_MOST]:
        yield Violation(
            "allocations", entry.account_id, f"{entry.allocated} allocated of {entry.amount}", entry=entry.id
        )
    moved = Entry.objects.filter(account__in=accounts, kind=Entry.Kind.EXTENSION).exclude(amount=0).order_by()
    for account_id, points in moved.values_list("account_id").annotate(points=Sum("amount")).exclude(points=0):
        yield Violation("allocations", account_id, f"points that changed places add up to {points}, not to nothing")
    for entry in entries.filter(kind=Entry.Kind.CLAW_BACK).order_by("id").iterator(chunk_size=2000):
        told = entry.explanation
        if entry.allocated != told.get("taken", told.get("repaid")):
            yield Violation(
                "allocations", entry.account_id, f"{entry.allocated} allocated of {entry.amount}", entry=entry.id
            )
    drawn = Allocation.objects.filter(entry__account__in=accounts).select_related("entry")
    for part in drawn.exclude(lot__account=F("entry__account"))[:NAMED_AT_MOST]:
        yield _drawn_wrongly(part, "drew on another account's lot")
    spent = drawn.filter(entry__kind=Entry.Kind.REDEMPTION, entry__hold__isnull=True)
    over, early = Q(lot__expires_at__lte=F("entry__recorded_at")), Q(lot__available_at__gt=F("entry__recorded_at"))
    for part in spent.filter(over | early)[:NAMED_AT_MOST]:
        yield _drawn_wrongly(part, "spent points that were pending or past their end")


def _drawn_wrongly(part: Allocation, found: str) -> Violation:
    return Violation("allocations", part.entry.account_id, found, entry=part.entry_id, lot=part.lot_id)


def check_holds(accounts: QuerySet[Account]) -> Iterator[Violation]:
    """What a lot holds back is what open holds reserve on it."""
    parts = HoldPart.objects.filter(lot=OuterRef("id"), hold__status=Hold.Status.HELD).order_by().values("lot")
    reserved = Coalesce(Subquery(parts.annotate(total=Sum("amount")).values("total")), Value(0))
    lots = Lot.objects.filter(account__in=accounts).filter(Q(held__gt=0) | Q(hold_parts__hold__status="held"))
    wrong = lots.annotate(reserved=reserved).exclude(held=F("reserved")).order_by("id").distinct()
    for lot in wrong[:NAMED_AT_MOST]:
        yield Violation("holds", lot.account_id, f"{lot.held} held, holds reserve {lot.reserved}", lot=lot.id)
    yield from _check_parts_of_holds(accounts)


def _check_parts_of_holds(accounts: QuerySet[Account]) -> Iterator[Violation]:
    """A hold's parts add up to it, on lots of its own account; a captured one became a redemption of no more."""
    parts = HoldPart.objects.filter(hold=OuterRef("id")).order_by().values("hold")
    total = Coalesce(Subquery(parts.annotate(total=Sum("amount")).values("total")), Value(0))
    holds = Hold.objects.filter(account__in=accounts).annotate(parted=total)
    for hold in holds.exclude(amount=F("parted")).order_by("id")[:NAMED_AT_MOST]:
        yield Violation("holds", hold.account_id, f"hold {hold.id}: {hold.amount} in all, {hold.parted} in its parts")
    strange = Q(entry__account=F("account"), entry__kind=Entry.Kind.REDEMPTION, entry__amount__gte=-F("amount"))
    for hold in holds.filter(entry__isnull=False).exclude(strange).order_by("id")[:NAMED_AT_MOST]:
        yield Violation("holds", hold.account_id, f"hold {hold.id}: not what its redemption says", entry=hold.entry_id)
    foreign = HoldPart.objects.filter(hold__account__in=accounts).exclude(lot__account=F("hold__account"))
    for part in foreign.select_related("hold").order_by("id")[:NAMED_AT_MOST]:
        yield Violation(
            "holds", part.hold.account_id, f"hold {part.hold_id} rests on another account's lot", lot=part.lot_id
        )


def check_orphans() -> Iterator[Violation]:
    """No line belongs to an account, an entry or a lot that is gone; a database without its foreign keys may hold such."""
    without_account = ~Exists(Account.objects.filter(id=OuterRef("account_id")))
    without_entry = ~Exists(Entry.objects.filter(id=OuterRef("entry_id")))
    without_lot = ~Exists(Lot.objects.filter(id=OuterRef("lot_id")))
    for entry in Entry.objects.filter(without_account).order_by("id")[:NAMED_AT_MOST]:
        yield Violation("orphans", entry.account_id, "an entry of an account that is gone", entry=entry.id)
    for lot in Lot.objects.filter(without_account | without_entry).order_by("id")[:NAMED_AT_MOST]:
        yield Violation("orphans", lot.account_id, "a lot whose account or entry is gone", lot=lot.id)
    for part in Allocation.objects.filter(without_entry | without_lot).order_by("id")[:NAMED_AT_MOST]:
        found = f"allocation {part.id}: its entry or its lot is gone"
        yield Violation("orphans", 0, found, entry=part.entry_id, lot=part.lot_id)


def check_dates(accounts: QuerySet[Account]) -> Iterator[Violation]:
    """Every lot begins with its entry, and ends as its policy, its entry or the last entry that moved its end says."""
    for lot in Lot.objects.filter(account__in=accounts).exclude(granted_at=F("entry__effective_at"))[:NAMED_AT_MOST]:
        yield Violation(
            "lot dates", lot.account_id, f"granted at {lot.granted_at}, its entry says otherwise", lot=lot.id
        )
    moved = _moved_ends(accounts)
    terms: dict[int, Terms] = {}
    policies = ExpiryPolicy.objects.select_related("wallet__program").in_bulk()
    lots = Lot.objects.filter(account__in=accounts).filter(Q(expiry_policy__isnull=False) | Q(id__any_of=list(moved)))
    lots = lots.exclude(expiry_policy__kind__in=ExpiryPolicy.IDLE).exclude(
        ~Q(id__any_of=list(moved)), expiry_policy__kind="season"
    )
    columns = ("id", "account_id", "available_at", "expires_at", "expiry_policy_id")
    for lot_id, account_id, available_at, expires_at, policy_id in lots.values_list(*columns).iterator(chunk_size=5000):
        if lot_id in moved:
            due = moved[lot_id]
        elif policy_id and available_at:
            if policy_id not in terms:
                terms[policy_id] = Terms(policies[policy_id], policies[policy_id].wallet.program.time_zone, 0)
            due = terms[policy_id].expires_at(available_at)
        else:
            continue
        if expires_at != due:
            yield Violation("lot dates", account_id, f"ends at {expires_at}, should end at {due}", lot=lot_id)
    yield from _check_given_ends(accounts, moved)
    yield from lifetimes.check_ends(accounts)
    yield from _check_confirmations(accounts)
    yield from _check_begins(accounts)


def _check_begins(accounts: QuerySet[Account]) -> Iterator[Violation]:
    """What waits for no event begins when its entry says, else with it; only credits of older versions may be delayed without a word."""
    lots = Lot.objects.filter(account__in=accounts, confirm_by__isnull=True).order_by("id")
    early = Q(available_at__isnull=True) | Q(available_at__lt=F("granted_at"))
    delayed = Q(available_at__gt=F("granted_at"), entry_id__gt=F("account__wallet__begins_told_after"))
    asked = lots.filter(early | delayed | Q(entry__explanation__lot__has_key="available_at"))
    rows = asked.values_list("id", "account_id", "granted_at", "available_at", "entry__explanation")
    for lot_id, account_id, granted_at, available_at, explanation in rows.iterator(chunk_size=5000):
        told = explanation.get("lot", {})
        due = datetime.fromisoformat(told["available_at"]) if "available_at" in told else granted_at
        if available_at != due and "confirm_by" not in told:
            yield Violation(
                "lot dates", account_id, f"can be spent from {available_at}, should be from {due}", lot=lot_id
            )


def _check_given_ends(accounts: QuerySet[Account], moved: dict[int, Any]) -> Iterator[Violation]:
    """Lots outside any policy end where their entry says, or never."""
    lots = Lot.objects.filter(account__in=accounts, expiry_policy__isnull=True, confirm_by__isnull=True).order_by("id")
    rows = lots.values_list("id", "account_id", "expires_at", "entry__explanation").iterator(chunk_size=5000)
    for lot_id, account_id, expires_at, explanation in rows:
        told = explanation.get("lot", {}).get("expires_at")
        due = datetime.fromisoformat(told) if told else None
        if lot_id not in moved and expires_at != due:
            yield Violation("lot dates", account_id, f"ends at {expires_at}, should end at {due}", lot=lot_id)


def _check_confirmations(accounts: QuerySet[Account]) -> Iterator[Violation]:
    """What waits for a confirming event lapses when its entry says, and begins when the event's entry says."""
    asked = Q(confirm_by__isnull=False) | Q(entry__explanation__lot__has_key="confirm_by")
    lots = Lot.objects.filter(asked, account__in=accounts).order_by("id")
    columns = ("id", "account_id", "confirm_by", "available_at", "expires_at", "entry__explanation")
    told = Entry.objects.filter(account__in=accounts, kind__in=REDATED_BY, explanation__has_key="confirmed")
    begins = {lot: at for text in told.values_list("explanation", flat=True) for lot, at in confirmed(text).items()}
    for lot_id, account_id, confirm_by, available_at, expires_at, explanation in lots.values_list(*columns).iterator():
        until = explanation.get("lot", {}).get("confirm_by")
        due = datetime.fromisoformat(until) if until else None
        if confirm_by != due:
            yield Violation(
                "lot dates", account_id, f"to be confirmed by {confirm_by}, its entry says {due}", lot=lot_id
            )
        if available_at != begins.get(lot_id):
            found = f"can be spent from {available_at}, was confirmed from {begins.get(lot_id)}"
            yield Violation("lot dates", account_id, found, lot=lot_id)
        if available_at is None and expires_at != due:
            yield Violation("lot dates", account_id, f"unconfirmed, ends at {expires_at}, should at {due}", lot=lot_id)


def _moved_ends(accounts: QuerySet[Account]) -> dict[int, Any]:
    """The end that the last entry which moved it gave each such lot."""
    ends = {}
    entries = Entry.objects.filter(account__in=accounts, kind__in=REDATED_BY).exclude(explanation={})
    for explanation in entries.order_by("account_id", "number").values_list("explanation", flat=True).iterator():
        for lot_id, _, until in redated(explanation):
            ends[lot_id] = until
    return ends
