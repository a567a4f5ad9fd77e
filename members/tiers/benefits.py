"""What tiers give, in words: their own lines, and what they give by rules, told by the floor of rules (DOMAIN 8)."""

from collections.abc import Callable, Sequence

from django.utils import translation
from django.utils.translation import ngettext

from loyalty.common.languages import in_language
from members.models import Tier

# What upper floors tell: functions of tiers of one program that give the lines of each by its key, in the current language.
told_by: list[Callable[[Sequence[Tier]], dict[int, list[str]]]] = []


def lines_of(tiers: Sequence[Tier], language: str = "") -> dict[int, list[str]]:
    """Every benefit of some tiers of one program, one line each, by tier, in a language or the reader's: a few queries for all."""
    with translation.override(language or translation.get_language()):
        ruled = [tell(tiers) for tell in told_by] if tiers else []
        return {
            tier.pk: [*written(tier), *(line for told in ruled for line in told.get(tier.pk, ()))] for tier in tiers
        }


def written(tier: Tier) -> list[str]:
    """What is written of a tier itself, in the reader's language: no query."""
    own = [line.strip() for line in in_language(tier, "benefits").splitlines() if line.strip()]
    days = tier.early_access_days
    early = ngettext("New rewards and campaigns %(days)d day earlier", "New rewards and campaigns %(days)d days earlier", days)  # fmt: skip
    return [*own, early % {"days": days}] if days else own
