"""How the portal draws progress."""

from decimal import Decimal

from django import template
from django.utils.safestring import SafeString, mark_safe

from campaigns.challenges import words

register = template.Library()


@register.filter
def plain(value: Decimal) -> str:
    """A number in the reader's format, with the decimals it has."""
    return words.number(Decimal(value))


@register.simple_tag
def ring(percent: int) -> SafeString:
    """A ring that is filled to a percentage; the words beside it say the same."""
    return mark_safe(  # noqa: S308  # only a number is put in
        '<svg viewBox="0 0 64 64" aria-hidden="true" focusable="false"><circle class="track" cx="32" cy="32" r="28"/>'
        f'<circle class="fill" cx="32" cy="32" r="28" pathLength="100" stroke-dasharray="{int(percent)} 100"/></svg>'
    )
