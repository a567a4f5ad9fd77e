"""Points, money and shares as people read them, in their language."""

from decimal import Decimal

from babel.numbers import (
    format_currency,
    format_decimal,
    format_percent,
    get_currency_precision,
    get_currency_symbol,
)
from django.utils.translation import get_language

HOME = {"IDR": "id", "MYR": "ms"}  # whose everyday symbol is read in every language: Rp, RM


def show_money(amount: Decimal, currency: str) -> str:
    """An amount with its currency as the reader's language writes it, e.g. `Rp 1.500` or `$12.50`."""
    places = get_currency_precision(currency)
    pattern = "¤#,##0" + ("." + "0" * places if places and currency != "IDR" else "")
    locale = get_language() or "en"
    shown = format_currency(amount, currency, format=pattern, locale=locale, currency_digits=False)
    if currency in HOME:
        shown = shown.replace(get_currency_symbol(currency, locale), get_currency_symbol(currency, HOME[currency]))
    return shown


def show_points(amount: int, decimals: int = 0) -> str:
    """Points in the reader's number format; `amount` is in the wallet's smallest unit."""
    value = Decimal(amount).scaleb(-decimals)
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    return format_decimal(value, format=pattern, locale=get_language() or "en")


def show_share(share: Decimal) -> str:
    """A share as a percentage with one decimal, in the reader's number format."""
    return format_percent(share, format="#,##0.0%", locale=get_language() or "en")
