"""Points and money as people read them, in their language."""

from decimal import Decimal

from babel.numbers import format_currency, format_decimal, get_currency_precision
from django.utils.translation import get_language


def show_money(amount: Decimal, currency: str) -> str:
    """An amount with its currency as the reader's language writes it, e.g. `Rp 1.500` or `$12.50`."""
    places = get_currency_precision(currency)
    pattern = "¤#,##0" + ("." + "0" * places if places and currency != "IDR" else "")
    return format_currency(amount, currency, format=pattern, locale=get_language() or "en", currency_digits=False)


def show_points(amount: int, decimals: int = 0) -> str:
    """Points in the reader's number format; `amount` is in the wallet's smallest unit."""
    value = Decimal(amount).scaleb(-decimals)
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    return format_decimal(value, format=pattern, locale=get_language() or "en")
