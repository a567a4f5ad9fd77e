"""Points that ran out are brought back for what is told late and would have found them (DOMAIN 2.5): one reinstatement per expiry.

What no sweep has written off yet is there still, and needs none. They are given to something at once: nobody gets them to spend.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import F, OuterRef, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from loyalty.common.bulk import update_rows
from loyalty.ledger.closing import open_since
from loyalty.ledger.models import Account, Allocation, Entry, Lot
from loyalty.ledger.writing import Line, write_allocations, write_lines

ACTOR = "books"
# What the reinstatement says: the expiry that had taken them.
TOLD = "told_late"
BACK = Entry.Kind.REINSTATEMENT


def given_back(account_ids: Iterable[int]) -> dict[int, int]:
    """By lot, what reinstatements have given back to it of what had run out: one query."""
    parts = Allocation.objects.filter(entry__account__any_of=list(account_ids), entry__kind=BACK).order_by()
    return dict(parts.values_list("lot_id").annotate(points=Sum("amount")))


def answered(expiry_ids: Iterable[int]) -> tuple[dict[int, int], set[int]]:
    """Of expiry entries, how many points of each were brought back for what was told late, and which something else gave back: one query."""
    late: dict[int, int] = {}
    otherwise: set[int] = set()
    back = Entry.objects.filter(corrects__any_of=list(expiry_ids), kind=BACK).order_by("id")
    for expiry_id, amount, told in back.values_list("corrects_id", "amount", "explanation"):
        if TOLD in told:
            late[expiry_id] = late.get(expiry_id, 0) + amount
        else:
            otherwise.add(expiry_id)
    return late, otherwise


def bring_back(accounts: Mapping[int, Account], wanted: Sequence[tuple[int, int]], *, at: datetime) -> None:
    """See to it that lots of locked accounts have so many points, (lot id, points), of what expiry took if need be.

    Changes the accounts in memory, the lots in the database.
    """
    points: dict[int, int] = {}
    for lot, part in wanted:
        points[lot] = points.get(lot, 0) + part
    found = Lot.objects.filter(id__any_of=list(points)).annotate(free=F("remaining") - F("held"))
    free = dict(found.values_list("id", "free"))
    lacking = {lot: part - free[lot] for lot, part in points.items() if part > free[lot]}
    if not lacking:
        return
    begins = open_since({account.wallet_id for account in accounts.values()})
    rows, lines = [], []
    for entry_id, account_id, effective_at, lot, part in _taken(list(lacking)):
        part = min(part, lacking[lot])
        lacking[lot] -= part
        if part > 0:
            since = max(effective_at, begins.get(accounts[account_id].wallet_id) or effective_at)
            reference = f"told-late:{entry_id}:{accounts[account_id].last_number + 1}"
            lines.append(Line(account_id, BACK, part, since, at, "books", reference, ACTOR, explanation={TOLD: {"expiry": entry_id}}, corrects_id=entry_id))  # fmt: skip
            rows.append((lot, part))
            accounts[account_id].available += part
    ids = write_lines(dict(accounts), lines)
    write_allocations([(entry, lot, part) for entry, (lot, part) in zip(ids, rows, strict=True)])
    update_rows(Lot, "id", ("+remaining", "+returned"), [(lot, part, part) for lot, part in _sums(rows)])


def _taken(lots: Sequence[int]) -> list[tuple[int, int, datetime, int, int]]:
    """What expiry took from some lots and nothing gave back: entry, account, when, lot, points."""
    back = Entry.objects.filter(corrects=OuterRef("entry"), kind=BACK).order_by().values("corrects")
    given = Coalesce(Subquery(back.annotate(sum=Sum("amount")).values("sum")), Value(0))
    parts = Allocation.objects.filter(lot__any_of=list(lots), entry__kind=Entry.Kind.EXPIRY).annotate(given=given)
    rows = parts.order_by("entry__account", "entry__number").values_list(
        "entry_id", "entry__account_id", "entry__effective_at", "lot_id", "amount", "given"
    )
    return [(entry, account, when, lot, amount - given) for entry, account, when, lot, amount, given in rows]


def _sums(rows: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found: dict[int, int] = {}
    for lot, part in rows:
        found[lot] = found.get(lot, 0) + part
    return list(found.items())
