"""Telling the books that members were active: purchases and events keep points of all their accounts alive (DOMAIN 9.1)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from loyalty.common.prepared import Given, Prepared
from loyalty.ledger import idling
from loyalty.ledger.models import Account, ExpiryPolicy, Program
from loyalty.ledger.trails import Act
from members.models import MemberAccount
from members.turns import TakePart

_present = Prepared(
    lambda: (
        MemberAccount.objects.filter(member__any_of=Given("members"), member__program=Given("program"))
        .annotate(
            is_idle=Exists(ExpiryPolicy.objects.filter(wallet=OuterRef("wallet"), kind__in=ExpiryPolicy.IDLE)),
            turn=TakePart(Given("program")),
        )
        .filter(Q(wallet__is_main=True) | Q(is_idle=True))
        .values_list("member_id", "member__status", "account_id", "wallet__is_main", "is_idle", "turn")
    )
)


def present(program: Program, member_ids: Iterable[int]) -> tuple[dict[int, tuple[str, int]], dict[int, list[int]]]:
    """Status and main account of members as `activity.members_of` gives them, and by member the accounts to lock with it
    whose points may end by inactivity. One query, which takes part in the turn of `members.turns`.
    """
    found: dict[int, tuple[str, int]] = {}
    alive: dict[int, list[int]] = {}
    rows = _present(members=list(member_ids), program=program.pk)
    for member_id, status, account_id, is_main, is_idle, _turn in rows:
        if is_main:
            found[member_id] = (status, account_id)
        if is_idle:
            alive.setdefault(member_id, []).append(account_id)
    return found, alive


def note(
    acts: Sequence[tuple[int, datetime]],
    kind: str,
    accounts: Mapping[int, list[int]],
    locked: dict[int, Account],
    *,
    recorded_at: datetime,
) -> None:
    """Record that members (member id, when) bought something or came by, in their locked `accounts`."""
    told = [Act(account, kind, at) for member, at in acts for account in accounts.get(member, ())]
    if told:
        idling.note(told, recorded_at=recorded_at, locked=locked)
