"""How the portal writes points, money, days and pictures."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import segno
from babel.numbers import format_decimal
from django import template
from django.conf import settings
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from loyalty.common.clock import last_valid_day
from loyalty.common.languages import LANGUAGES
from loyalty.common.money import show_money, show_points
from loyalty.ledger.models import Program, Wallet
from members.models import Tier
from members.tiers.benefits import lines_of

register = template.Library()


@register.filter
def number(amount: int, wallet: Wallet) -> str:
    """Points without their name, e.g. `1,250`."""
    return show_points(amount, wallet.decimals)


@register.filter
def signed(amount: int, wallet: Wallet) -> str:
    """Points with a real plus or minus sign, e.g. `+120` or `−80`."""
    return ("+" if amount > 0 else "−" if amount < 0 else "") + show_points(abs(amount), wallet.decimals)


@register.filter
def points(amount: int, wallet: Wallet) -> str:
    """Points with their name, e.g. `1,250 points` or `1 point`."""
    return f"{show_points(amount, wallet.decimals)} {unit(amount, wallet)}"


@register.filter
def unit(amount: int, wallet: Wallet) -> str:
    """The name of the points alone, as many as there are."""
    return wallet.name_of(amount)


@register.filter
def rate(value: Decimal) -> str:
    """A rate without its trailing zeros, in the reader's number format."""
    return format_decimal(value, format="#,##0.######", locale=get_language() or "en")


@register.filter
def benefits(tier: Tier) -> list[str]:
    """What a tier gives, one line each, in the reader's language."""
    return lines_of([tier])[tier.pk]


@register.filter
def collected(offer: Any) -> str:
    """How much of a reward's cost the member has, as a progress bar needs it."""
    return str(offer.cost - offer.missing)


@register.filter
def unlocalized(value: int) -> str:
    """A number as an address needs it."""
    return str(value)


@register.filter
def worth(amount: int, wallet: Wallet) -> str:
    """What the points are worth in the program's money; empty when they have no set worth."""
    if not wallet.money_per_unit:
        return ""
    value = Decimal(amount).scaleb(-wallet.decimals) * wallet.money_per_unit
    return show_money(value, wallet.program.currency)


@register.filter
def money(amount: Decimal, program: Program) -> str:
    """An amount in the program's money."""
    return show_money(amount, program.currency)


@register.filter
def last_day(expires_at: datetime) -> date:
    """The last valid day of an exclusive end, in the program clock (DOMAIN 2.2)."""
    return last_valid_day(expires_at, timezone.get_current_timezone_name())


@register.filter
def initials(name: str) -> str:
    """One or two letters that stand for a name."""
    words = [word for word in name.split() if word[:1].isalpha()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@register.filter
def first_name(name: str) -> str:
    """The part of a name that a greeting uses."""
    return name.split()[0] if name.split() else ""


@register.simple_tag
def wish_to(wish: Any, **other: Any) -> str:
    """The end of an address for a wish with some of it said otherwise."""
    return wish.address(**{name: str(value) for name, value in other.items()})


@register.simple_tag
def qr(text: str, label: str) -> SafeString:
    """A QR code as an inline picture without style attributes; `label` is what a screen reader says."""
    picture = segno.make(text, error="m", micro=False).svg_inline(scale=4, border=3, omitsize=True, svgclass="qr")
    named = template.base.render_value_in_context(label, template.Context(autoescape=True))
    return mark_safe(picture.replace("<svg ", f'<svg role="img" aria-label="{named}" ', 1))  # noqa: S308


@register.simple_tag
def in_demo() -> bool:
    """Whether this is the demo, where letters and second factors can be read on pages."""
    return settings.DEMO


@register.simple_tag
def tongues() -> list[tuple[str, str]]:
    """The languages to choose from, each by its own name."""
    return LANGUAGES


@register.simple_tag(takes_context=True)
def program_name(context: template.Context) -> Any:
    """The program this page speaks for: the member's own, else the first active one."""
    member = getattr(context.get("request"), "member", None)
    return member.program if member else (Program.objects.filter(is_active=True).first() or "Setia")


@register.simple_tag(takes_context=True)
def here(context: template.Context, *names: str) -> SafeString | str:
    """`aria-current` when the page shown is one of these."""
    match = getattr(context.get("request"), "resolver_match", None)
    return mark_safe('aria-current="page"') if match and match.url_name in names else ""
