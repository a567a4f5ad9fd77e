"""Transfers: points move from one account to another and keep their expiry; between wallets they change at a rate.

Off unless the wallet they leave has a transfer limit. Both accounts are locked in id order. The receiver gets one credit
per expiry date, so that what was about to run out still runs out then.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.common.bulk import update_rows
from loyalty.common.errors import Refusal
from loyalty.ledger.drawing import draw, settle
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Entry, Lot
from loyalty.ledger.posting import Accrual, ReferenceConflict, accrue_many
from loyalty.ledger.writing import Line, write_accounts, write_allocations, write_lines


class TransferNotAllowed(Refusal):
    """The wallet does not let points leave, or not so many at once, or not to that account."""

    code = "transfer_not_allowed"


@transaction.atomic
def transfer(
    from_id: int,
    to_id: int,
    amount: int,
    *,
    at: datetime,
    reference: str,
    source: str,
    actor: str,
    rate: Decimal = Decimal(1),
) -> Entry:
    """Move points; the receiver gets `amount x rate`, rounded down, laid over the expiry dates. Returns the debit.

    Amounts are in each wallet's smallest unit. A repeated reference returns the first debit. Raises TransferNotAllowed,
    InsufficientPoints, ReferenceConflict.
    """
    if amount <= 0 or rate <= 0:
        raise ValueError("a transfer moves at least one point, at a rate above 0")
    accounts = lock(from_id, to_id)
    first = Entry.objects.filter(account=from_id, reference=reference, kind=Entry.Kind.TRANSFER).first()
    if first:
        if first.amount != -amount or first.explanation["to"] != to_id:
            raise ReferenceConflict(_("This reference already stands for another transfer."), reference=reference)
        return first
    giver, taker = accounts[from_id], accounts[to_id]
    limit = giver.wallet.transfer_limit
    if limit is None or from_id == to_id:
        raise TransferNotAllowed(_("Points of this kind cannot be passed on."))
    if amount > limit:
        raise TransferNotAllowed(_("At most %(limit)d can be passed on at once.") % {"limit": limit}, limit=limit)
    if rate != 1 and giver.wallet_id == taker.wallet_id:
        raise TransferNotAllowed(_("Points of one kind change hands one for one."))
    settle(giver, at=at)
    drawn = draw(giver, amount, at=at)
    explanation = {"to": to_id, "rate": str(rate)}
    line = Line(from_id, Entry.Kind.TRANSFER, -amount, at, at, source, reference, actor, explanation=explanation)
    (entry_id,) = write_lines(accounts, [line])
    write_allocations([(entry_id, lot_id, part) for lot_id, part in drawn])
    update_rows(Lot, "id", ("+remaining", "+forfeited"), [(lot_id, -part, part) for lot_id, part in drawn])
    giver.available -= amount
    write_accounts([giver])
    credits = [
        Accrual(
            to_id, points, at, f"{reference}/{number}", source, actor, {"from": from_id, "rate": str(rate)},
            available_at=at, expires_at=expires_at, kind=Entry.Kind.TRANSFER,
        )
        for number, (expires_at, points) in enumerate(_by_expiry(drawn, rate), start=1)
    ]  # fmt: skip
    accrue_many(credits, recorded_at=at)
    return Entry.objects.get(id=entry_id)


def _by_expiry(drawn: Sequence[tuple[int, int]], rate: Decimal) -> list[tuple[datetime | None, int]]:
    """What the receiver gets, by expiry, soonest first: running sums rounded down, so that nothing is lost on the way."""
    ends = dict(Lot.objects.filter(id__any_of=[lot_id for lot_id, _ in drawn]).values_list("id", "expires_at"))
    grouped: dict[datetime | None, int] = {}
    for lot_id, part in drawn:
        grouped[ends[lot_id]] = grouped.get(ends[lot_id], 0) + part
    given, sent, parts = 0, 0, []
    for expires_at, points in grouped.items():
        sent += points
        total = int((sent * rate).to_integral_value(rounding=ROUND_FLOOR))
        if total > given:
            parts.append((expires_at, total - given))
        given = total
    return parts
