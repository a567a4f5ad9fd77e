"""Transfers: points move from one account to another and keep their expiry; between wallets they change at a rate.

Off unless the wallet they leave has a transfer limit; it may limit a day and a month of the program clock too, and say
what has to stay. Both accounts are locked in id order. The receiver gets one credit per expiry date, so that what was
about to run out still runs out then.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from loyalty.common.bulk import update_rows
from loyalty.common.clock import day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.common.money import show_points
from loyalty.ledger.drawing import draw, settle
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Entry, ExchangeRate, Lot, Wallet
from loyalty.ledger.posting import Accrual, ReferenceConflict, accrue_many
from loyalty.ledger.statements import balance
from loyalty.ledger.writing import Line, write_accounts, write_allocations, write_lines


class TransferNotAllowed(Refusal):
    """The wallet does not let points leave, or not to that account."""

    code = "transfer_not_allowed"


class NoExchange(Refusal):
    """No rate was agreed between the two wallets."""

    code = "no_exchange"


class NothingArrives(Refusal):
    """So few points would become none at the rate."""

    code = "nothing_arrives"


class TransferLimitReached(TransferNotAllowed):
    """So many points may not be passed on at once, in a day or in a month; `left` may."""

    code = "transfer_limit_reached"


class TransferKeepsTooLittle(TransferNotAllowed):
    """Fewer points would stay than have to; `most` can go."""

    code = "transfer_keeps_too_little"


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
    is_limited: bool = True,
    reason: str = "",
) -> Entry:
    """Move points; the receiver gets `amount x rate`, rounded down, laid over the expiry dates. Returns the debit.

    Amounts are in each wallet's smallest unit. A repeated reference returns the first debit. Raises TransferNotAllowed,
    InsufficientPoints, ReferenceConflict. What staff move is not held against the wallet's limits (`is_limited`).
    """
    if amount <= 0 or rate <= 0:
        raise ValueError("a transfer moves at least one point, at a rate above 0")
    accounts = lock(from_id, to_id)
    first = known(from_id, reference)
    if first:
        if first.amount != -amount or first.explanation["to"] != to_id:
            raise ReferenceConflict(_("This reference already stands for another transfer."), reference=reference)
        return first
    giver, taker = accounts[from_id], accounts[to_id]
    _refuse_senseless(giver, taker, amount, rate)
    if is_limited:
        judge(giver, amount, at=at)
    settle(giver, at=at)
    drawn = draw(giver, amount, at=at)
    explanation = {"to": to_id, "rate": str(rate)}
    line = Line(
        from_id, Entry.Kind.TRANSFER, -amount, at, at, source, reference, actor, reason, explanation=explanation
    )
    (entry_id,) = write_lines(accounts, [line])
    write_allocations([(entry_id, lot_id, part) for lot_id, part in drawn])
    update_rows(Lot, "id", ("+remaining", "+forfeited"), [(lot_id, -part, part) for lot_id, part in drawn])
    giver.available -= amount
    write_accounts([giver])
    told = Accrual(
        to_id, 0, at, reference, source, actor, {"from": from_id, "rate": str(rate)}, reason=reason, available_at=at,
        kind=Entry.Kind.TRANSFER,
    )  # fmt: skip
    accrue_many(_credits(told, by_expiry(drawn, rate)), recorded_at=at)
    return Entry.objects.get(id=entry_id)


def _refuse_senseless(giver: Account, taker: Account, amount: int, rate: Decimal) -> None:
    """Two accounts, a rate only between kinds, and something that arrives."""
    if giver.pk == taker.pk:
        raise TransferNotAllowed(_("Points of this kind cannot be passed on."))
    if rate != 1 and giver.wallet_id == taker.wallet_id:
        raise TransferNotAllowed(_("Points of one kind change hands one for one."))
    if not received(amount, rate):
        raise NothingArrives(_("So few points become none of the other kind. Pass on more."), rate=str(rate))


def _credits(told: Accrual, parts: Sequence[tuple[datetime | None, int]]) -> list[Accrual]:
    """What the receiver gets, one credit for each end."""
    return [
        replace(told, amount=points, reference=f"{told.reference}/{number}", expires_at=expires_at)
        for number, (expires_at, points) in enumerate(parts, start=1)
    ]


def judge(giver: Account, amount: int, *, at: datetime) -> None:
    """Whether the wallet lets so many points leave an account now; that they are there is another question.

    Raises TransferNotAllowed, TransferLimitReached, TransferKeepsTooLittle with the numbers.
    """
    wallet = giver.wallet
    if wallet.transfer_limit is None:
        raise TransferNotAllowed(_("Points of this kind cannot be passed on."))
    left = left_to_pass(giver, at=at)
    if amount > left:
        shown = show_points(left, wallet.decimals)
        message = _("At most %(left)s can be passed on now.") % {"left": shown}
        raise TransferLimitReached(message, limit=wallet.transfer_limit, left=left)
    if wallet.transfer_keep:
        most = max(0, balance(giver.pk, at=at).available - wallet.transfer_keep)
        if amount > most:
            told = {
                name: show_points(n, wallet.decimals) for name, n in (("keep", wallet.transfer_keep), ("most", most))
            }
            message = _("%(keep)s have to stay on the account: at most %(most)s can be passed on.") % told
            raise TransferKeepsTooLittle(message, keep=wallet.transfer_keep, most=most)


def known(account_id: int, reference: str) -> Entry | None:
    """The transfer out of an account that a reference stands for."""
    return Entry.objects.filter(account=account_id, reference=reference, kind=Entry.Kind.TRANSFER, amount__lt=0).first()


def rate_of(entry: Entry) -> Decimal:
    """The rate a transfer was made at, between smallest units."""
    return Decimal(entry.explanation["rate"])


def left_to_pass(giver: Account, *, at: datetime) -> int:
    """How many points the wallet's limits still let leave an account at once, today and this month; 0 for none."""
    wallet, zone = giver.wallet, giver.wallet.program.time_zone
    limits = [wallet.transfer_limit or 0]
    today = local_day(at, zone)
    periods = ((wallet.transfer_daily_limit, today), (wallet.transfer_monthly_limit, today.replace(day=1)))
    for limit, first in periods:
        if limit is not None:
            limits.append(limit - _passed_since(giver, day_start(first, zone)))
    return max(0, min(limits))


def _passed_since(giver: Account, since: datetime) -> int:
    """What left an account by transfers recorded since an instant."""
    gone = Entry.objects.filter(account=giver, kind=Entry.Kind.TRANSFER, amount__lt=0, recorded_at__gte=since)
    return -(gone.aggregate(points=Sum("amount"))["points"] or 0)


def rate_between(giver: Wallet, taker: Wallet) -> Decimal:
    """How many smallest units of one wallet one of another becomes; 1 within a wallet. Raises NoExchange."""
    if giver.pk == taker.pk:
        return Decimal(1)
    agreed = ExchangeRate.objects.filter(from_wallet=giver, to_wallet=taker, is_active=True).first()
    if agreed is None:
        raise NoExchange(_("Points of the one kind cannot become points of the other: no rate was agreed."))
    return agreed.rate.scaleb(taker.decimals - giver.decimals)


def received(amount: int, rate: Decimal) -> int:
    """What arrives of an amount at a rate, rounded down."""
    return int((amount * rate).to_integral_value(rounding=ROUND_FLOOR))


def by_expiry(drawn: Sequence[tuple[int, int]], rate: Decimal) -> list[tuple[datetime | None, int]]:
    """What the receiver gets, by expiry, soonest first: running sums rounded down, so that nothing is lost on the way."""
    ends = dict(Lot.objects.filter(id__any_of=[lot_id for lot_id, _ in drawn]).values_list("id", "expires_at"))
    grouped: dict[datetime | None, int] = {}
    for lot_id, part in drawn:
        grouped[ends[lot_id]] = grouped.get(ends[lot_id], 0) + part
    given, sent, parts = 0, 0, []
    for expires_at, points in grouped.items():
        sent += points
        total = received(sent, rate)
        if total > given:
            parts.append((expires_at, total - given))
        given = total
    return parts
