"""What letters need to show days, points and money from the plain values they keep."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django import template
from django.utils.formats import date_format

from loyalty.common.money import show_money, show_points

register = template.Library()


@register.filter
def day(value: Any) -> str:
    """A day kept as `2026-03-31`, written out in the letter's language. Anything else stays as it is."""
    try:
        return date_format(date.fromisoformat(value))
    except (TypeError, ValueError):
        return str(value)


@register.filter
def month(value: Any) -> str:
    """The month of a day kept as `2026-03-01`, with its year. Anything else stays as it is."""
    try:
        return date_format(date.fromisoformat(value), "YEAR_MONTH_FORMAT")
    except (TypeError, ValueError):
        return str(value)


@register.filter
def points(value: Any, decimals: Any = 0) -> str:
    """Points in the smallest unit, in the number format of the letter's language."""
    try:
        return show_points(int(value), int(decimals or 0))
    except (TypeError, ValueError):
        return str(value)


@register.filter
def money(value: Any, currency: str) -> str:
    """An amount kept as text, with its currency."""
    try:
        return show_money(Decimal(str(value)), currency)
    except (InvalidOperation, TypeError):
        return str(value)
