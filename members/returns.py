"""Goods that come back as a till or shop reports them: what it says, whether it can be right, and which goods are kept.

A return is told by (source, receipt, number). All returns of an order together never bring back more than was bought.
What is kept depends on their sum alone: four returns of 5 leave the same goods as one of 20 (DOMAIN 6.1).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Any

from django.utils.translation import gettext as _

from loyalty.common.bulk import update_rows
from loyalty.common.errors import Refusal
from members.models import Purchase, PurchaseLine, Refund
from members.sales import (
    CENT,
    CLOCK_TOLERANCE,
    EARLIEST,
    GOODS,
    HALF_A_DAY,
    LARGEST_AMOUNT,
    MOST_LINES,
    NOTHING,
    cents,
    plain_number,
)  # fmt: skip


class ReturnRefused(Refusal):
    """A return that cannot be recorded as it was sent."""

    code = "refund_refused"
    status = 422


class RefundConflict(Refusal):
    """The order has a refund of this number already, with other content."""

    code = "refund_conflict"


class MoreThanBought(Refusal):
    """More would come back than was bought."""

    code = "more_than_bought"


class LineUnknown(Refusal):
    """The purchase has no such line."""

    code = "line_unknown"
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedLine:
    """How much of one line came back: a quantity, or an amount of money when the till tells that."""

    line: int
    quantity: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """Goods of one order that came back: either `lines`, or an `amount` of the money that was paid."""

    source: str
    receipt: str
    number: str
    occurred_at: datetime
    amount: Decimal | None = None
    lines: Sequence[ReturnedLine] = ()
    reason: str = ""
    is_dated_by_day: bool = False

    def digest(self) -> str:
        """SHA-256 of the content in one canonical form: the same facts give the same digest, however written."""
        at = self.occurred_at
        parts = [at.astimezone(UTC).isoformat() if at.tzinfo else at.isoformat(), _shown(self.amount)]
        for returned in sorted(self.lines, key=lambda one: one.line):
            parts += [str(returned.line), _shown(returned.quantity), _shown(returned.amount)]
        return sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def as_json(self) -> list[dict[str, Any]]:
        """The lines as they are kept."""
        return [
            {"line": one.line}
            | ({"quantity": _shown(one.quantity)} if one.quantity is not None else {})
            | ({"amount": _shown(one.amount)} if one.amount is not None else {})
            for one in self.lines
        ]


def judge(back: Return, *, at: datetime) -> None:
    """Raise the Refusal that tells why a return cannot be right whatever was bought, if there is one."""
    for name, most in (("source", 32), ("receipt", 80), ("number", 80)):
        text = getattr(back, name)
        if not 0 < len(text) <= most or not text.isprintable():
            raise ReturnRefused(
                _("%(field)s: 1 to %(most)d printable characters are needed.") % {"field": name, "most": most},
                field=name,
            )
    if len(back.reason) > 200 or not back.reason.isprintable():
        raise ReturnRefused(_("reason: at most %(most)d printable characters.") % {"most": 200}, field="reason")
    if back.occurred_at.tzinfo is None:
        raise ReturnRefused(_("occurred_at: say in which time zone, for example 2026-03-01T12:00:00+07:00."))
    if back.occurred_at > at + (HALF_A_DAY if back.is_dated_by_day else CLOCK_TOLERANCE):
        raise ReturnRefused(
            _("occurred_at: the return lies in the future. Check the till's clock."), field="occurred_at"
        )
    if back.occurred_at < EARLIEST:
        raise ReturnRefused(_("occurred_at: returns before %(year)d are not kept.") % {"year": EARLIEST.year})
    if bool(back.lines) == (back.amount is not None):
        raise ReturnRefused(_("Say what came back: either the lines, or an amount."), field="lines")
    if back.amount is not None:
        _judge_number(back.amount, "amount", 2)
    if len({one.line for one in back.lines}) < len(back.lines) or len(back.lines) > MOST_LINES:
        raise ReturnRefused(
            _("lines: name each line once, and at most %(most)d.") % {"most": MOST_LINES}, field="lines"
        )
    for one in back.lines:
        if (one.quantity is None) == (one.amount is None):
            raise ReturnRefused(_("lines: say for each line either its quantity or its amount."), field="lines")
        _judge_number(one.quantity if one.amount is None else one.amount, "lines", 3 if one.amount is None else 2)


def _judge_number(number: Decimal | None, field: str, places: int) -> None:
    """More than zero, exact."""
    if number is None or not number.is_finite() or not 0 < number < LARGEST_AMOUNT or number.scaleb(places) % 1:
        raise ReturnRefused(
            _("%(field)s: write a plain number above 0 with at most %(places)d decimals.")
            % {"field": field, "places": places},
            field=field,
        )


def amounts_of(
    back: Return, purchase: Purchase, lines: Sequence[PurchaseLine], earlier: Iterable[Refund]
) -> list[dict[str, Any]]:
    """The lines of a return with their amounts in money; empty for one by amount.

    Raises LineUnknown, or MoreThanBought when a line or the whole order would bring back more than was bought.
    """
    by_number, came_back = {line.number: line for line in lines}, returned_by_line(earlier)
    told: list[dict[str, Any]] = []
    for one in back.lines:
        line = by_number.get(one.line)
        if line is None:
            raise LineUnknown(
                _("Purchase %(receipt)s has no line %(line)d.") % {"receipt": purchase.receipt, "line": one.line},
                line=one.line,
            )
        amount, quantity = came_back.get(one.line, (NOTHING, NOTHING))
        now = one.amount if one.amount is not None else _worth(line, one.quantity or NOTHING, amount, quantity)
        _fit(now, left=line.amount - amount, of=_("line %(line)d") % {"line": one.line})
        if one.quantity is not None and quantity + one.quantity > line.quantity:
            _fit(one.quantity, left=line.quantity - quantity, of=_("line %(line)d") % {"line": one.line})
        told.append({"line": one.line, "amount": str(now), "quantity": _shown(one.quantity) or "0"})
    asked = back.amount if back.amount is not None else sum((Decimal(one["amount"]) for one in told), NOTHING)
    _fit(asked, left=purchase.total - purchase.refunded, of=_("the order"))
    return told


def _worth(line: PurchaseLine, quantity: Decimal, amount: Decimal, before: Decimal) -> Decimal:
    """What a quantity of a line was paid with; the last piece takes what is left, so that all is exactly all."""
    if quantity + before == line.quantity:
        return line.amount - amount
    exact = (line.amount * quantity / line.quantity).quantize(CENT, ROUND_HALF_UP)
    return min(exact, line.amount - amount)


def _fit(asked: Decimal, *, left: Decimal, of: str) -> None:
    """Raise MoreThanBought when more is asked than is left."""
    if asked > left:
        raise MoreThanBought(
            _("Only %(left)s of %(what)s can still come back, and %(asked)s was sent.")
            % {"left": _shown(left) or "0", "what": of, "asked": _shown(asked)},
            left=_shown(left) or "0",
            asked=_shown(asked),
        )


def returned_by_line(refunds: Iterable[Refund]) -> dict[int, tuple[Decimal, Decimal]]:
    """What came back of each line so far: number -> (amount, quantity)."""
    sums: dict[int, tuple[Decimal, Decimal]] = {}
    for refund in refunds:
        for one in refund.lines:
            amount, quantity = sums.get(one["line"], (NOTHING, NOTHING))
            sums[one["line"]] = amount + Decimal(one["amount"]), quantity + Decimal(one["quantity"])
    return sums


def kept_parts(purchase: Purchase, lines: Sequence[PurchaseLine], refunds: Iterable[Refund]) -> list[Decimal]:
    """The earning part of each line that is still kept after these refunds; of the whole when there are no lines."""
    kept = _kept(purchase, lines, list(refunds))
    if not lines:
        return [_part(purchase.eligible, kept[0], cents(purchase.total))]
    return [_part(line.eligible, have, cents(line.amount)) for line, have in zip(lines, kept, strict=False)]


def write_refunded(purchase: Purchase, lines: Sequence[PurchaseLine], refunds: Sequence[Refund]) -> None:
    """Keep with each line its part of what came back by these refunds, all there are of the purchase."""
    kept = _kept(purchase, lines, refunds)
    back = [(line.pk, line.amount - Decimal(have).scaleb(-2)) for line, have in zip(lines, kept, strict=False)]
    update_rows(PurchaseLine, "id", ("refunded",), back)


def _kept(purchase: Purchase, lines: Sequence[PurchaseLine], refunds: Sequence[Refund]) -> list[int]:
    """What of each line is kept, and last what of the rest, in cents.

    What came back by amount is laid over what the lines still have, by largest remainder.
    """
    by_line = returned_by_line(refunds)
    by_amount = cents(sum((refund.amount for refund in refunds if not refund.lines), NOTHING))
    left = [cents(line.amount - by_line.get(line.number, (NOTHING, NOTHING))[0]) for line in lines]
    besides = cents(purchase.total) - sum(cents(line.amount) for line in lines)  # delivery, or all without lines
    shares = laid_over(by_amount, [*left, besides])
    return [have - share for have, share in zip([*left, besides], shares, strict=True)]


def kept_lines(lines: Sequence[PurchaseLine], refunds: Iterable[Refund]) -> list[PurchaseLine]:
    """The lines with the pieces that are still kept; an amount without pieces counts as its share of them."""
    by_line, kept = returned_by_line(refunds), []
    for line in lines:
        amount, quantity = by_line.get(line.number, (NOTHING, NOTHING))
        if amount and not quantity:
            quantity = (line.quantity * amount / line.amount).quantize(Decimal("0.001"))
        named = {name: getattr(line, name) for name in GOODS}
        kept.append(PurchaseLine(**named, quantity=line.quantity - quantity))
    return kept


def laid_over(total: int, weights: Sequence[int]) -> list[int]:
    """A whole number laid over weights by largest remainder, never more than a weight."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(parts)), key=lambda index: (-(total * weights[index] % whole), index))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def _part(eligible: Decimal, kept: int, whole: int) -> Decimal:
    """The share of an earning part that is kept, to the cent."""
    if kept == whole:
        return eligible
    exact = Fraction(cents(eligible) * kept, whole)
    return Decimal((2 * exact.numerator + exact.denominator) // (2 * exact.denominator)).scaleb(-2)


def happened_at(refund: Refund, purchase: Purchase) -> datetime:
    """When a refund counts from: never before its purchase, whatever the clock of the till said."""
    return max(refund.occurred_at, purchase.occurred_at)


def _shown(number: Decimal | None) -> str:
    """A number in one canonical form; nothing for none."""
    return "" if number is None else plain_number(number)
