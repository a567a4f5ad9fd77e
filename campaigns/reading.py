"""A rule's definition as a short phrase for staff, e.g. “2× points (gold 3×), from Rp 50,000, web only”."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from campaigns.earning import FIXED, MULTIPLIER, PURCHASE
from loyalty.common.money import show_money


def definition_in_words(definition: Mapping[str, Any], *, currency: str, tiers: Mapping[str, str]) -> str:
    """The terms in one line; `tiers` maps short names to names."""
    phrases = [_award(definition["award"], definition.get("conditions", {}), currency, tiers)]
    conditions = definition.get("conditions", {})
    if conditions.get("tiers"):
        phrases.append(
            _("only %(tiers)s") % {"tiers": ", ".join(tiers.get(slug, slug) for slug in conditions["tiers"])}
        )
    if conditions.get("minimum") and Decimal(conditions["minimum"]):
        phrases.append(_("from %(amount)s") % {"amount": _money(conditions["minimum"], currency)})
    if conditions.get("channels"):
        phrases.append(_("only %(channels)s") % {"channels": ", ".join(conditions["channels"])})
    return ", ".join(phrases)


def _award(award: Mapping[str, Any], conditions: Mapping[str, Any], currency: str, tiers: Mapping[str, str]) -> str:
    if award["kind"] == MULTIPLIER:
        factor = _("%(factor)s× points") % {"factor": award.get("factor", "1")}
        by_tier = [f"{tiers.get(slug, slug)} {number}×" for slug, number in award.get("by_tier", {}).items()]
        return f"{factor} ({', '.join(by_tier)})" if by_tier else factor
    if award["kind"] == FIXED:
        activity = conditions.get("activity", PURCHASE)
        return _("%(points)s points for each %(activity)s") % {"points": award["points"], "activity": activity}
    return _("%(points)s points per %(amount)s") % {"points": award["points"], "amount": _money(award["per"], currency)}


def _money(amount: str, currency: str) -> str:
    return show_money(Decimal(amount), currency) if currency else amount
