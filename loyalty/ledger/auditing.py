"""Proof beyond sums: dates of lots, what was drawn when, holds, closed months, and the last anchor.

Compared by the database in whole sets where it can be; the dates of lots are recomputed one by one from the policy
version that made them and the entries that moved them since (laws of the books 4, 5, 14, 20 and 21).
"""

import hmac
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from loyalty.ledger import anchors, finance
from loyalty.ledger.models import (
    Account,
    Allocation,
    Anchor,
    Entry,
    ExpiryPolicy,
    Hold,
    HoldPart,
    Lot,
    PeriodClose,
    Program,
)
from loyalty.ledger.policies import Terms
from loyalty.ledger.redating import REDATED_BY, redated
from loyalty.ledger.violations import NAMED_AT_MOST, Violation

# By kind: the part of the amount that allocations have to explain.
DRAWN = Q(kind__in=["redemption", "expiry"]) | Q(kind__in=["adjustment", "transfer"], amount__lt=0)
GIVEN_BACK = Q(kind__in=["reversal", "reinstatement"])
UNALLOCATED = Q(kind__in=["accrual", "extension", "write_off"]) | Q(kind__in=["adjustment", "transfer"], amount__gt=0)


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


def _check_given_ends(accounts: QuerySet[Account], moved: dict[int, Any]) -> Iterator[Violation]:
    """Lots outside any policy end where their entry says, or never."""
    lots = Lot.objects.filter(account__in=accounts, expiry_policy__isnull=True).order_by("id")
    rows = lots.values_list("id", "account_id", "expires_at", "entry__explanation").iterator(chunk_size=5000)
    for lot_id, account_id, expires_at, explanation in rows:
        told = explanation.get("lot", {}).get("expires_at")
        due = datetime.fromisoformat(told) if told else None
        if lot_id not in moved and expires_at != due:
            yield Violation("lot dates", account_id, f"ends at {expires_at}, should end at {due}", lot=lot_id)


def _moved_ends(accounts: QuerySet[Account]) -> dict[int, Any]:
    """The end that the last entry which moved it gave each such lot."""
    ends = {}
    entries = Entry.objects.filter(account__in=accounts, kind__in=REDATED_BY).exclude(explanation={})
    for explanation in entries.order_by("account_id", "number").values_list("explanation", flat=True).iterator():
        for lot_id, _, until in redated(explanation):
            ends[lot_id] = until
    return ends


def check_closings(program: Program | None) -> Iterator[Violation]:
    """The ledger still gives every closed month the figures that were signed off."""
    closes = PeriodClose.objects.select_related("wallet__program").order_by("wallet_id", "month")
    for close in closes.filter(wallet__program=program) if program else closes:
        figures = finance.roll_forward(close.wallet, close.month).as_json()
        if figures != close.figures:
            wrong = ", ".join(f"{name} {value} of {close.figures.get(name)}" for name, value in figures.items()
                              if value != close.figures.get(name))  # fmt: skip
            yield Violation("closed month", 0, f"{close.wallet.slug} {close}: {wrong}")


def check_anchor(program: Program) -> Iterator[Violation]:
    """The books still give the last anchor of a program: no head that it signed has changed."""
    anchor = Anchor.objects.filter(program=program).select_related("program").order_by("-day").first()
    if anchor is None:
        return
    signed = anchors.again(anchor)
    if not hmac.compare_digest(signed.digest, anchor.digest):
        told = f"{signed.accounts} accounts with {signed.points} points, {anchor.accounts} with {anchor.points} were signed"
        yield Violation("anchor", 0, f"the books no longer give the anchor of {anchor.day}: {told}")
