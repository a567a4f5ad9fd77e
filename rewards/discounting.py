"""How many per cent a business member gets: the highest step that what they bought in twelve months, or their years, reach.

What came back does not count. Years are whole ones, by the anniversaries of joining in the program clock.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import F
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.common.clock import add_months, day_start, local_day
from loyalty.common.money import from_cents, show_money, sum_in_cents
from loyalty.ledger.models import Program
from members.models import Member, Purchase
from rewards.models import Measure, Redemption


@dataclass(frozen=True, slots=True)
class Standing:
    """A business member's discount: how much counts, the per cent it gives, and the next step where there is one."""

    program: Program
    measure: str
    counted: Decimal
    percent: Decimal
    next_from: Decimal | None
    next_percent: Decimal | None


def standing(redemption: Redemption, *, at: datetime) -> Standing:
    """What the discount of a redemption is at that instant."""
    program, reward = redemption.program, redemption.reward
    counted = _counted(redemption.member, program, reward.measure, at)
    steps = list(reward.steps.order_by("least").values_list("least", "percent"))
    percent = max((share for least, share in steps if least <= counted), default=Decimal(0))
    coming = next(((least, share) for least, share in steps if least > counted), (None, None))
    return Standing(program, reward.measure, counted, percent, *coming)


def _counted(member: Member, program: Program, measure: str, at: datetime) -> Decimal:
    today = local_day(at, program.time_zone)
    if measure == Measure.TENURE:
        return Decimal(_years(local_day(member.enrolled_at, program.time_zone), today))
    since = day_start(add_months(today, -12), program.time_zone)
    bought = Purchase.objects.filter(member=member, occurred_at__gte=since, occurred_at__lte=at)
    return from_cents(bought.aggregate(kept=sum_in_cents(F("total") - F("refunded")))["kept"])


def _years(joined: date, today: date) -> int:
    """The anniversaries that have come; that of 29 February comes on the 28th of other years."""
    years = today.year - joined.year
    return max(0, years if add_months(joined, 12 * years) <= today else years - 1)


def in_words(told: Standing) -> list[tuple[str, str]]:
    """The standing as a page, a letter or the till tells it."""
    found = [(_("Discount now"), _percent(told.percent)), (_("Counted"), _amount(told, told.counted))]
    if told.next_from is not None and told.next_percent is not None:
        words = {"percent": _percent(told.next_percent), "amount": _amount(told, told.next_from)}
        found.append((_("Next step"), _("%(percent)s from %(amount)s on") % words))
    return found


def _percent(share: Decimal) -> str:
    return _("%(number)s %%") % {"number": number_format(share.normalize() if share % 1 else int(share))}


def _amount(told: Standing, amount: Decimal) -> str:
    if told.measure == Measure.TENURE:
        years = int(amount)
        return ngettext("%(years)s year as a member", "%(years)s years as a member", years) % {"years": years}
    return _("%(money)s in twelve months") % {"money": show_money(amount, told.program.currency)}
