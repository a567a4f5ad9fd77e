"""What an edit of the tiers is worth: the points and money it would have given over the last twelve months (DOMAIN 8.4).

What a tier gives by rules (its multiplier, its birthday points) is kept on the floor of rules, which is asked by name. Benefits
are plain JSON here: {tier: {"factor": "1.5", "gift": 500}}.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from loyalty.common.money import show_money, show_points
from loyalty.ledger import finance, statements
from loyalty.ledger.models import Program, Wallet

Benefits = dict[str, dict[str, Any]]
# Who moves: member -> (tier before, tier after), by their keys.
Moves = Mapping[int, tuple[int, int]]


def benefits_of(program: Program) -> Benefits:
    """What each tier of a program gives by rules now."""
    told: Benefits = import_string(settings.SETIA_TIER_BENEFITS)(program)
    return told


def keep_benefits(program: Program, benefits: Benefits, *, at: datetime, actor: str) -> None:
    """Let each tier give this by rules from an instant on."""
    import_string(settings.SETIA_KEEP_TIER_BENEFITS)(program, benefits, at=at, actor=actor)


def worth_of(program: Program, moves: Moves, benefits: Benefits, *, at: datetime) -> dict[str, Any]:
    """What members would have had more in the twelve months before an instant, in their tiers after the edit than in their tiers of now.

    {"points": by purchases, "gifts": by birthdays, both in the wallet's smallest unit and below 0 for less; "purchases": how many were
    rated; "every": of so many members one was looked at, and the points multiplied.}
    """
    told: dict[str, Any] = import_string(settings.SETIA_TIER_WORTH)(program, moves, benefits, at=at)
    return told


def in_words(wallet: Wallet, worth: Mapping[str, Any], *, at: datetime) -> list[str]:
    """The worth for whoever decides: points, money, and what it makes of the liability."""
    if not worth:
        return []
    program, points = wallet.program, worth["points"] + worth["gifts"]
    told = {"points": show_points(abs(points), wallet.decimals), "money": show_money(abs(finance.worth(wallet, points)), program.currency)}  # fmt: skip
    if not points:
        said = [_("Over the last 12 months members would have earned as much as now.")]
    elif points > 0:
        said = [_("Over the last 12 months members would have earned %(points)s points more, worth %(money)s.") % told]
    else:
        said = [_("Over the last 12 months members would have earned %(points)s points less, worth %(money)s.") % told]
    if worth["every"] > 1:
        said.append(_("Estimated from one member in %(every)d.") % worth)
    now = statements.liability(wallet, at=at)
    then = now + finance.worth(wallet, points)
    amounts = {"now": show_money(now, program.currency), "then": show_money(max(then, 0 * then), program.currency)}
    return [*said, _("Liability now: %(now)s. After such a year: %(then)s.") % amounts]
