"""Proof of the ends that follow from more than a day: seasons, inactivity, and policies that points were re-dated under.

A lot of a season ends with the days its entry names; a lot that ends by inactivity ends where the facts alone put it; a
re-dated lot has the policy that its last re-dating gave it (laws of the books 4, 5 and 20).
"""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Q, QuerySet

from loyalty.common.clock import day_start
from loyalty.ledger.models import Account, Entry, ExpiryPolicy, Lot, SeasonPeriod
from loyalty.ledger.policies import terms_of
from loyalty.ledger.redating import REDATED_BY, policies_given
from loyalty.ledger.trails import end_of, trails
from loyalty.ledger.violations import Violation

ACCOUNTS_AT_ONCE = 2000


def check_ends(accounts: QuerySet[Account]) -> Iterator[Violation]:
    """Every lot of a season, of inactivity or re-dated ends where the facts put it, under the policy they gave it."""
    given = dict(_policies_given(accounts))
    yield from _check_policies(accounts, given)
    yield from _check_seasons(accounts, set(given))
    ids = accounts.filter(has_idle_lots=True).order_by("id").values_list("id", flat=True)
    unmarked = Lot.objects.filter(account__in=accounts.filter(has_idle_lots=False), available_at__isnull=False)
    for lot in unmarked.filter(expiry_policy__kind__in=ExpiryPolicy.IDLE).order_by("id")[:100]:
        yield Violation("lot dates", lot.account_id, "ends by inactivity, its account does not remember", lot=lot.id)
    first = 0
    while part := list(ids.filter(id__gt=first)[:ACCOUNTS_AT_ONCE]):
        yield from _check_idle(part)
        first = part[-1]


def _policies_given(accounts: QuerySet[Account]) -> Iterator[tuple[int, int | None]]:
    """By lot: the policy that the last re-dating gave it."""
    told = Entry.objects.filter(account__in=accounts, kind__in=REDATED_BY).exclude(explanation={})
    for explanation in told.order_by("account_id", "number").values_list("explanation", flat=True).iterator():
        for lot_id, (policy_id, _before) in policies_given(explanation).items():
            yield lot_id, policy_id


def _check_policies(accounts: QuerySet[Account], given: dict[int, int | None]) -> Iterator[Violation]:
    """A lot's policy is the one its last re-dating or its entry names, or else one of the wallet's own."""
    lots = Lot.objects.filter(account__in=accounts, expiry_policy__isnull=False).order_by("id")
    named = lots.exclude(expiry_policy__name="").values_list(
        "id", "account_id", "expiry_policy_id", "entry__explanation"
    )
    for lot_id, account_id, policy_id, explanation in named.iterator(chunk_size=5000):
        due = given.get(lot_id, explanation.get("lot", {}).get("policy"))
        if policy_id != due:
            yield Violation("lot dates", account_id, f"under policy {policy_id}, should be under {due}", lot=lot_id)
    for lot_id, account_id, policy_id in lots.filter(id__any_of=list(given)).values_list(
        "id", "account_id", "expiry_policy_id"
    ):
        if policy_id != given[lot_id]:
            yield Violation(
                "lot dates", account_id, f"under policy {policy_id}, re-dated under {given[lot_id]}", lot=lot_id
            )


def _check_seasons(accounts: QuerySet[Account], redated: set[int]) -> Iterator[Violation]:
    """Lots of a season end with the last of the days that their entry names."""
    lots = Lot.objects.filter(account__in=accounts, expiry_policy__kind="season", available_at__isnull=False)
    columns = ("id", "account_id", "expires_at", "entry__explanation", "account__wallet__program__time_zone")
    periods: dict[int, SeasonPeriod] = {}
    moved = {
        int(lot_id)
        for told in Entry.objects.filter(account__in=accounts, kind__in=REDATED_BY).values_list(
            "explanation", flat=True
        )
        for lot_id in told.get("extension", {}).get("lots", {})
    }
    for lot_id, account_id, expires_at, explanation, zone in lots.order_by("id").values_list(*columns).iterator():
        if lot_id in moved or lot_id in redated:
            continue
        period_id = explanation.get("lot", {}).get("season")
        if period_id and not periods:
            periods = SeasonPeriod.objects.in_bulk()
        period = periods.get(period_id)
        due = None
        if period and period.last_day:
            due = day_start(period.last_day + timedelta(days=1), zone)
        if expires_at != due:
            yield Violation("lot dates", account_id, f"ends at {expires_at}, its season at {due}", lot=lot_id)


def _check_idle(account_ids: list[int]) -> Iterator[Violation]:
    """Lots that end by inactivity end where activities and moves put them."""
    lots = Lot.objects.filter(account__any_of=account_ids, expiry_policy__kind__in=ExpiryPolicy.IDLE)
    columns = ("id", "account_id", "available_at", "expires_at", "expiry_policy_id", "account__wallet_id")
    # What is wholly spent moves no more; should it come back, its end is settled then.
    lots = lots.filter(Q(remaining__gt=0) | Q(expired__gt=0), available_at__isnull=False)
    rows = list(lots.order_by("id").values_list(*columns))
    terms = terms_of({row[5] for row in rows})
    told = trails(account_ids)
    for lot_id, account_id, available_at, expires_at, policy_id, wallet_id in rows:
        trail = told[account_id]
        due = end_of(available_at, policy_id, trail, trail.moves.get(lot_id, ()), terms[wallet_id])
        if expires_at != due:
            yield Violation("lot dates", account_id, f"ends at {expires_at}, activity puts it at {due}", lot=lot_id)
