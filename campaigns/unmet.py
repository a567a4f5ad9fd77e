"""Why a campaign did not count for a basket: each of its conditions that does not hold, not only the one that alone kept it out.

For marketers who try a draft. What members are told are the near misses of the explanation (`campaigns.missing`), which name no
segment and no control group.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from campaigns.conditions import ABOUT_GOODS, CHECKS, Facts
from campaigns.definitions import GOODS
from campaigns.missing import words_list
from campaigns.models import Campaign
from campaigns.reading import conditions_in_words
from campaigns.terms import RuleTerms


def unmet(terms: RuleTerms, facts: Facts) -> list[str]:
    """The names of all conditions that do not hold, in the order they are judged; "goods" is for what is bought."""
    over = facts.matching(terms) if terms.is_about_goods else None
    plain = {
        "activity": terms.activity == facts.basket.activity,
        "tiers": not terms.tiers or facts.tier in terms.tiers,
        "channels": not terms.channels or facts.basket.channel in terms.channels,
        "minimum": facts.eligible >= terms.minimum,
        "goods": over != (),
    }
    asked = [(name, value) for name, value in terms.conditions if over != () or name not in ABOUT_GOODS]
    failed = [name for name, value in asked if CHECKS[name](value, facts, over) is not None]
    return [name for name, holds in plain.items() if not holds] + failed


def in_words(
    names: Sequence[str], campaign: Campaign, definition: Mapping[str, Any], called: Mapping[str, str]
) -> list[str]:
    """What did not hold as phrases, in the words of the terms; `called` maps short names to names as for `reading`."""
    told = definition.get("conditions", {})
    goods = [word for name in GOODS for word in told.get(name, [])]
    phrases: dict[str, Callable[[], str]] = {
        "when": lambda: _days(campaign),
        "activity": lambda: _("not for purchases"),
        "goods": lambda: _("with %(goods)s in the basket") % {"goods": words_list(goods, "or")},
        "control": lambda: _("not for this member, whom the lot put into its control group"),
    }
    found: list[str] = []
    for name in names:
        found += (
            [phrases[name]()]
            if name in phrases
            else conditions_in_words({name: told.get(name)}, currency=campaign.program.currency, tiers=called)
        )
    return found


def _days(campaign: Campaign) -> str:
    """The first and the last day of a campaign."""
    last = localtime(campaign.until - timedelta(microseconds=1))
    words = {"first": date_format(localtime(campaign.since), "j M Y"), "last": date_format(last, "j M Y")}
    if campaign.pauses:
        return _("from %(first)s to %(last)s, but not while it is paused") % words
    return _("from %(first)s to %(last)s") % words
