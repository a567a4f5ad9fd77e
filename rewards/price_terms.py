"""The prices of a reward as plain JSON, as they are or as somebody would have them (DOMAIN 8.4).

{"cost", "money", "prices": [{"cost", "money", "tier", "segment", "since", "until", "season_from", "season_until"}]}: tiers and segments
by their short names, instants in ISO 8601, in one order always.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from loyalty.common.clock import last_valid_day
from loyalty.common.errors import Refusal
from loyalty.common.money import show_money
from loyalty.ledger.models import Program
from members.models import Tier
from members.segments.models import Segment
from rewards.eligibility import show_amount
from rewards.models import Reward, RewardPrice

Terms = dict[str, Any]


class PriceUnknown(Refusal):
    """A price names a reward, a tier or a segment that the program does not have."""

    code = "price_unknown"
    status = 422


def find(program: Program, reward_id: Any) -> Reward:
    """A reward of the program. Raises PriceUnknown."""
    found = (
        Reward.objects.filter(program=program, pk=reward_id).select_related("wallet", "minimum_tier", "program").first()
    )
    if found is None:
        raise PriceUnknown(_("This program has no such reward."))
    return found


def terms_of(reward: Reward) -> Terms:
    """What a reward costs now: one query."""
    return in_order(reward.cost, reward.money, [told(one) for one in reward.prices.select_related("tier", "segment")])


def in_order(cost: int, money: Decimal, prices: list[Terms]) -> Terms:
    """Terms as they are kept and compared."""
    return {
        "cost": cost,
        "money": two(money),
        "prices": sorted(prices, key=lambda one: json.dumps(one, sort_keys=True)),
    }


def told(price: RewardPrice) -> Terms:
    """One other price as JSON."""
    return {
        "cost": price.cost,
        "money": two(price.money),
        "tier": price.tier.slug if price.tier else None,
        "segment": price.segment.slug if price.segment else None,
        "since": instant(price.since),
        "until": instant(price.until),
        "season_from": price.season_from,
        "season_until": price.season_until,
    }


def prices_of(reward: Reward, terms: Terms) -> list[RewardPrice]:
    """The other prices as rows that are not written: two queries. Raises PriceUnknown."""
    tiers = {tier.slug: tier for tier in Tier.objects.filter(program=reward.program_id)}
    segments = {one.slug: one for one in Segment.objects.filter(program=reward.program_id)}
    made = []
    for one in terms["prices"]:
        if (one["tier"] and one["tier"] not in tiers) or (one["segment"] and one["segment"] not in segments):
            raise PriceUnknown(_("A price names a tier or a segment that the program does not have."))
        until, since = (datetime.fromisoformat(one[name]) if one[name] else None for name in ("until", "since"))
        made.append(
            RewardPrice(
                reward=reward, cost=one["cost"], money=Decimal(one["money"]), tier=tiers.get(one["tier"]), segment=segments.get(one["segment"]),
                since=since, until=until, season_from=one["season_from"], season_until=one["season_until"],
            )
        )  # fmt: skip
    return made


def write(reward: Reward, terms: Terms) -> None:
    """Let a reward cost this from now on; prices that stay keep their rows."""
    Reward.objects.filter(pk=reward.pk).update(cost=terms["cost"], money=Decimal(terms["money"]))
    wanted = [(told(one), one) for one in prices_of(reward, terms)]
    for there in reward.prices.select_related("tier", "segment"):
        same = next((place for place, (one, _row) in enumerate(wanted) if one == told(there)), None)
        if same is None:
            there.delete()
        else:
            wanted.pop(same)
    RewardPrice.objects.bulk_create([row for _told, row in wanted])


def in_words(reward: Reward, terms: Terms) -> str:
    """Terms in one sentence."""
    parts = [_paid(reward, terms)]
    for one, row in zip(terms["prices"], prices_of(reward, terms), strict=True):
        whose = [str(part) for part in (row.tier and _("from %(tier)s") % {"tier": row.tier}, row.segment) if part]
        whose += _when(reward, row)
        parts.append(f"{_paid(reward, one)} ({', '.join(whose) or _('everybody')})")
    return "; ".join(parts)


def _when(reward: Reward, price: RewardPrice) -> list[str]:
    """When a price holds, in words; nothing for always."""
    zone, said = reward.program.time_zone, []
    if price.since:
        said.append(_("from %(day)s") % {"day": date_format(price.since.astimezone(ZoneInfo(zone)), "j M Y, H:i")})
    if price.until:
        said.append(_("through %(day)s") % {"day": date_format(last_valid_day(price.until, zone), "j M Y")})
    if price.season_from:
        said.append(_("every year %(since)s to %(until)s") % {"since": price.season_from, "until": price.season_until})
    return said


def _paid(reward: Reward, terms: Terms) -> str:
    points, money = show_amount(terms["cost"], reward.wallet), Decimal(terms["money"])
    if not money:
        return points
    return _("%(points)s and %(money)s") % {"points": points, "money": show_money(money, reward.program.currency)}


def two(amount: Decimal) -> str:
    """Money as JSON, always the same way."""
    return str(Decimal(amount).quantize(Decimal("0.01")))


def instant(at: datetime | None) -> str | None:
    """An instant as JSON, always the same way."""
    return at.astimezone(UTC).isoformat() if at else None
