"""The lines that give expired points back, and those that take them away again, for change requests.

A line is one expiry entry. Points that lapsed because nothing confirmed them are never given back by hand: only what they
waited for brings them back (`confirming.py`). Taking back reaches only what is left of the very lots that were given back.
"""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from loyalty.common.changes import Asked, Plan, Row
from loyalty.common.money import show_points
from loyalty.ledger import bringing_back
from loyalty.ledger.adjusting import Adjustment, adjust_many, settled
from loyalty.ledger.ends import Returned, reinstate_many
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Allocation, Entry, Lot, Wallet


def plan_return(
    expiries: QuerySet[Entry], *, until: datetime, wallet: Wallet, locked: bool, only: Sequence[Row] | None = None
) -> Plan:
    """A line for each expiry entry that nothing has given back yet, lapses of unconfirmed points aside.

    Of what a refund told late has brought back and used already only the rest is given; the preview says whose and how much.
    """
    if only is not None:
        expiries = expiries.filter(id__any_of=[row.facts["entry"] for row in only])
    if locked:
        lock(*set(expiries.order_by().values_list("account_id", flat=True)))
    lapse = Allocation.objects.filter(entry=OuterRef("id"), lot__confirm_by=OuterRef("effective_at"))
    found = list(
        expiries.exclude(Exists(lapse)).order_by("account_id", "number").values_list("id", "account_id", "amount")
    )
    late, otherwise = bringing_back.answered(entry for entry, _account, _amount in found)
    kind = Entry.Kind.REINSTATEMENT.value
    facts = {"until": until.isoformat()}
    rows = [
        Row(str(entry), account, kind, -amount - late.get(entry, 0), {"entry": entry} | facts)
        for entry, account, amount in found
        if entry not in otherwise and -amount > late.get(entry, 0)
    ]
    used = [(account, late[entry], -amount) for entry, account, amount in found if entry in late]
    return Plan(rows, wallet, left_out=_told_late(used, wallet) if only is None else [])


def _told_late(used: Sequence[tuple[int, int, int]], wallet: Wallet) -> list[tuple[str, str]]:
    """Whose expired points were used already, as (account, points used, points that had expired): who, and why in words."""
    if not used:
        return []
    holders = import_string(settings.SETIA_HOLDERS)([account for account, _points, _of in used])
    why = _("%(points)s of %(expired)s expired points are left out: a refund that was told late has used them already.")
    return [
        (
            holders.get(account, f"#{account}"),
            why % {"points": show_points(points, wallet.decimals), "expired": show_points(of, wallet.decimals)},
        )
        for account, points, of in used
    ]


def post_return(asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
    """Give back what these lines say."""
    returns = [
        Returned(
            row.account_id or 0, row.facts["entry"], asked.reference(row), datetime.fromisoformat(row.facts["until"])
        )
        for row in rows
    ]
    reinstate_many(returns, at=at, actor=actor, reason=asked.reason)


def plan_taking(
    asked: Asked, done: Sequence[Row], *, at: datetime, locked: bool, only: Sequence[Row] | None = None
) -> Plan:
    """A line for each reinstatement whose lot still has points: as many as are left, the rest is short."""
    keys = {row.key for row in only} if only is not None else None
    done = [row for row in done if keys is None or row.key in keys]
    if locked:
        settled([row.account_id or 0 for row in done], at=at)
    wallet = Wallet.objects.select_related("program").filter(accounts__in=[row.account_id for row in done[:1]]).first()
    references = [f"change:{asked.undoes}:{row.key}" for row in done]
    parts = Allocation.objects.filter(entry__reference__any_of=references, entry__kind=Entry.Kind.REINSTATEMENT)
    given = {ref: (lot, n) for ref, lot, n in parts.values_list("entry__reference", "lot_id", "amount")}
    lots = Lot.objects.filter(id__any_of=[lot for lot, _n in given.values()]).annotate(free=F("remaining") - F("held"))
    free = {lot: 0 if end and end <= at else left for lot, left, end in lots.values_list("id", "free", "expires_at")}
    made = Plan([], wallet)
    for row, reference in zip(done, references, strict=True):
        lot, amount = given[reference]
        part = min(amount, free[lot])
        free[lot] -= part
        if part:
            facts = {"lots": [[lot, part]]}
            made.rows.append(
                Row(row.key, row.account_id, Entry.Kind.ADJUSTMENT.value, -part, facts, short=amount - part)
            )
    short = sum(row.amount for row in done) + sum(row.amount for row in made.rows)
    if short:
        told = {"short": show_points(short, wallet.decimals if wallet else 0)}
        made.warnings.append(_("%(short)s points were spent or have run out and cannot be taken back.") % told)
    return made


def post_taking(asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
    """Take away what these lines say."""
    taken = [
        Adjustment(
            row.account_id or 0, row.amount, asked.reference(row), lots=[(lot, n) for lot, n in row.facts["lots"]]
        )
        for row in rows
    ]
    adjust_many(taken, at=at, actor=actor, reason=asked.reason)
