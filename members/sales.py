"""A sale as a till or shop reports it: what it says, whether it can be right, and what of it earns.

A sale is told by (source, receipt). The digest of its canonical content tells a retry from a conflict. What earns is the
total after discounts, without the part paid with points; tax and delivery count as the program says (DOMAIN 3.6).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from loyalty.pos.models import Store
from members.models import Member

NOTHING = Decimal(0)
HUNDRED = Decimal(100)
CENT = Decimal("0.01")
LARGEST_AMOUNT = Decimal(10) ** 12
MOST_ITEMS = 1_000_000
MOST_LINES = 1_000
# What a line says of its goods.
GOODS = ("product", "category", "brand", "collection", "supplier")
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
# Clocks of tills run a little ahead; what they report from this near a future is taken as just now.
CLOCK_TOLERANCE = timedelta(minutes=5)
HALF_A_DAY = timedelta(hours=12)


class PurchaseRefused(Refusal):
    """A sale that cannot be recorded as it was sent."""

    code = "purchase_refused"
    status = 422


class PurchaseInFuture(PurchaseRefused):
    """It has not happened yet."""

    code = "purchase_in_future"


class PurchaseTooOld(PurchaseRefused):
    """It happened before anything this system keeps."""

    code = "purchase_too_old"


class WrongCurrency(PurchaseRefused):
    """The program counts another money."""

    code = "wrong_currency"


class LinesDiffer(PurchaseRefused):
    """The lines and the delivery do not add up to the total."""

    code = "lines_do_not_add_up"


class NegativeAmount(PurchaseRefused):
    """An amount below zero, or parts that are more than the whole."""

    code = "negative_amount"


class AmountRefused(PurchaseRefused):
    """An amount that is no plain number of at most two decimals."""

    code = "amount_not_exact"


class TextRefused(PurchaseRefused):
    """A text that is missing, too long or not printable."""

    code = "text_refused"


class MemberUnknown(Refusal):
    """The program has no such member."""

    code = "member_unknown"
    status = 404


class MemberClosed(Refusal):
    """The member has left the program."""

    code = "member_closed"


class ReceiptConflict(Refusal):
    """The receipt was recorded before, with other content."""

    code = "receipt_conflict"


@dataclass(slots=True, kw_only=True)
class SaleLine:
    """One line of a sale. `amount` is what was paid for it: after discounts, with its tax."""

    amount: Decimal
    product: str = ""
    category: str = ""
    quantity: Decimal = Decimal(1)
    brand: str = ""
    collection: str = ""
    supplier: str = ""


@dataclass(slots=True, kw_only=True)
class Sale:
    """One sale as the till reports it, all amounts in `currency` with at most two decimals.

    `total` is what was paid after discounts, with tax and delivery: the lines and `delivery` add up to it. `tax` says how
    much of the total is tax, `paid_with_points` how much of it was paid with points, `payment` how the rest was paid ("cash", "card"). The member is given as a record or
    by `member_id`. A sale of which only the day is known (`is_dated_by_day`) carries that day's midday, and counts from
    now when midday is still to come.
    """

    source: str
    receipt: str
    occurred_at: datetime
    total: Decimal
    currency: str
    member_id: int = 0
    member: Member | None = None
    items: int = 0
    lines: Sequence[SaleLine] = ()
    store: Store | None = None
    channel: str = ""
    tax: Decimal = NOTHING
    delivery: Decimal = NOTHING
    paid_with_points: Decimal = NOTHING
    payment: str = ""
    is_dated_by_day: bool = False

    def __post_init__(self) -> None:
        """A member record gives its id."""
        if self.member is not None:
            self.member_id = self.member.pk

    @property
    def reference(self) -> str:
        """The reference of what this sale earns in the books."""
        return f"purchase:{self.source}:{self.receipt}"

    def digest(self) -> str:
        """SHA-256 of the content in one canonical form: the same facts give the same digest, however written."""
        at = self.occurred_at
        parts = [
            str(self.member_id), at.astimezone(UTC).isoformat() if at.tzinfo else at.isoformat(), self.currency,
            plain_number(self.total), str(self.items), str(self.store.pk if self.store else ""), self.channel,
            plain_number(self.tax), plain_number(self.delivery), plain_number(self.paid_with_points),
        ]  # fmt: skip
        for line in self.lines:
            parts += [line.product, line.category, plain_number(line.quantity), plain_number(line.amount)]
            if line.brand or line.collection:
                parts += ["brand", line.brand, "collection", line.collection]
            if line.supplier:
                parts += ["supplier", line.supplier]
        if self.payment:
            parts.append(f"payment {self.payment}")
        return sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def judge(sale: Sale, program: Program, *, at: datetime) -> None:
    """Raise the Refusal that tells why a sale cannot be recorded, if there is one."""
    _judge_texts(sale)
    _judge_time(sale, at)
    if sale.currency != program.currency:
        raise WrongCurrency(
            _("This program counts %(expected)s, the purchase is in %(given)s.")
            % {"expected": program.currency, "given": sale.currency[:100]},
            expected=program.currency,
        )
    for field in ("total", "tax", "delivery", "paid_with_points"):
        _judge_amount(getattr(sale, field), field)
    if sale.tax + sale.delivery > sale.total or sale.paid_with_points > sale.total:
        raise NegativeAmount(_("Tax, delivery and the part paid with points cannot be more than the total."))
    if not 0 <= sale.items <= MOST_ITEMS:
        raise NegativeAmount(_("items: must be between 0 and %(most)d.") % {"most": MOST_ITEMS}, field="items")
    if sale.lines:
        _judge_lines(sale)


def happened_at(sale: Sale, *, at: datetime) -> datetime:
    """When the sale counts from: what a till with a fast clock reports counts from now."""
    return min(sale.occurred_at, at)


def earning_part(sale: Sale, program: Program, *, by_points: Decimal = NOTHING) -> Decimal:
    """The part of a sale that earns (DOMAIN 3.6). `by_points` is what is known of payments, whatever the sale says."""
    amount = sale.total - max(sale.paid_with_points, min(by_points, sale.total))
    if not program.earns_on_tax:
        amount -= sale.tax
    if not program.earns_on_delivery:
        amount -= sale.delivery
    return max(amount, NOTHING)


def cents(amount: Decimal) -> int:
    """An amount of two decimals as a whole number of hundredths."""
    return int(amount * HUNDRED)


def to_cents(amount: Decimal) -> Decimal:
    """An amount as it is kept: with two decimals."""
    return amount.quantize(CENT)


def _judge_texts(sale: Sale) -> None:
    """Texts that fit their columns and can be read aloud."""
    for field, most, needed in (
        ("source", 32, True),
        ("receipt", 80, True),
        ("channel", 16, False),
        ("payment", 16, False),
    ):
        value = getattr(sale, field)
        if needed and not value:
            raise TextRefused(_("%(field)s: must not be empty.") % {"field": field}, field=field)
        _judge_text(value, field, most)
    for line in sale.lines:
        for field in GOODS:
            _judge_text(getattr(line, field), field, 80)


def _judge_text(value: str, field: str, most: int) -> None:
    """At most so many printable characters."""
    if len(value) > most or not value.isprintable():
        raise TextRefused(
            _("%(field)s: at most %(most)d printable characters.") % {"field": field, "most": most},
            field=field,
            most=most,
        )


def _judge_time(sale: Sale, at: datetime) -> None:
    """Not in the future, not before time began, and with a zone."""
    if sale.occurred_at.tzinfo is None:
        raise PurchaseRefused(_("occurred_at: say in which time zone, for example 2026-03-01T12:00:00+07:00."))
    if sale.occurred_at > at + (HALF_A_DAY if sale.is_dated_by_day else CLOCK_TOLERANCE):
        raise PurchaseInFuture(
            _("occurred_at: the purchase lies in the future. Send it when it has happened, and check the till's clock.")
        )
    if sale.occurred_at < EARLIEST:
        raise PurchaseTooOld(_("occurred_at: purchases before %(year)d are not kept.") % {"year": EARLIEST.year})


def _judge_amount(amount: Decimal, field: str) -> None:
    """A plain number, not negative, of at most two decimals."""
    if amount is NOTHING:
        return
    if not amount.is_finite() or amount.copy_abs() >= LARGEST_AMOUNT or (amount * HUNDRED) % 1:
        raise AmountRefused(
            _("%(field)s: write a plain amount below %(largest)s with at most two decimals.")
            % {"field": field, "largest": LARGEST_AMOUNT},
            field=field,
        )
    if amount < 0:
        raise NegativeAmount(
            _("%(field)s: must not be negative. Send returned goods as a refund.") % {"field": field}, field=field
        )


def _judge_lines(sale: Sale) -> None:
    """Lines with sound amounts and quantities that add up to the total."""
    if len(sale.lines) > MOST_LINES:
        raise PurchaseRefused(_("lines: at most %(most)d lines are taken.") % {"most": MOST_LINES}, most=MOST_LINES)
    for line in sale.lines:
        _judge_amount(line.amount, "amount")
        if not (line.quantity.is_finite() and 0 < line.quantity <= MOST_ITEMS and not (line.quantity * 1000) % 1):
            raise NegativeAmount(
                _("quantity: must be more than 0, at most %(most)d, with at most three decimals.")
                % {"most": MOST_ITEMS},
                field="quantity",
            )
    added = sum((line.amount for line in sale.lines), sale.delivery)
    if added != sale.total:
        raise LinesDiffer(
            _("The lines and the delivery add up to %(added)s, but the total is %(total)s.")
            % {"added": added, "total": sale.total},
            added=str(added),
            total=str(sale.total),
        )


def plain_number(number: Decimal) -> str:
    """A number in one canonical form, whatever trailing zeros it came with."""
    return "0" if number is NOTHING else f"{number.normalize():f}"
