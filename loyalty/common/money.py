"""Points, money and shares as people read them, in their language; and sums of money that are exact on every engine."""

from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel.numbers import (
    format_currency,
    format_decimal,
    format_percent,
    get_currency_precision,
    get_currency_symbol,
)
from django.db.models import BigIntegerField, DecimalField, ExpressionWrapper, F, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Round
from django.utils.translation import get_language

HOME = {"IDR": "id", "MYR": "ms"}  # whose everyday symbol is read in every language: Rp, RM

AS_KEPT = DecimalField(max_digits=18, decimal_places=2)


def sum_in_cents(amount: str | Combinable, **more: Any) -> Sum:
    """The sum of a money column or expression, in whole hundredths: SQLite keeps money as binary numbers, whose sums drift."""
    money = F(amount) if isinstance(amount, str) else amount
    hundredths = Cast(Round(ExpressionWrapper(money * 100, output_field=AS_KEPT)), BigIntegerField())
    return Sum(hundredths, **more)


def from_cents(cents: int | None) -> Decimal:
    """Money from the whole hundredths of a sum; nothing from none."""
    return Decimal(cents or 0).scaleb(-2)


def show_money(amount: Decimal, currency: str) -> str:
    """An amount with its currency as the reader's language writes it, e.g. `Rp 1.500` or `$12.50`."""
    return _money(amount, currency, get_language() or "en")


# Writing a number takes as long as asking the database, and the same ones come again: prices, rates, round sums.
@lru_cache(maxsize=4096)
def _money(amount: Decimal, currency: str, locale: str) -> str:
    places = get_currency_precision(currency)
    pattern = "¤#,##0" + ("." + "0" * places if places and currency != "IDR" else "")
    shown = format_currency(amount, currency, format=pattern, locale=locale, currency_digits=False)
    if currency in HOME:
        shown = shown.replace(get_currency_symbol(currency, locale), get_currency_symbol(currency, HOME[currency]))
    return shown


def show_points(amount: int, decimals: int = 0) -> str:
    """Points in the reader's number format; `amount` is in the wallet's smallest unit."""
    value = Decimal(amount).scaleb(-decimals)
    return _number(value, "#,##0" + ("." + "0" * decimals if decimals else ""), get_language() or "en")


def show_number(value: Decimal) -> str:
    """A number in the reader's format, with the decimals it has, at most six."""
    return _number(value, "#,##0.######", get_language() or "en")


@lru_cache(maxsize=4096)
def _number(value: Decimal, pattern: str, locale: str) -> str:
    return format_decimal(value, format=pattern, locale=locale)


def show_share(share: Decimal) -> str:
    """A share as a percentage with one decimal, in the reader's number format."""
    return format_percent(share, format="#,##0.0%", locale=get_language() or "en")
