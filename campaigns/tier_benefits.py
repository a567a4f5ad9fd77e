"""What the tiers of a program give by rules: a multiplier of the points of every purchase, and points on the birthday.

The multipliers are one standing rule like any other: its versions say what each tier had when, so that refunds, explanations and
back-tests know it (DOMAIN 3.7). It is edited with the tiers only, through their preview (DOMAIN 8.4).
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from campaigns import publishing
from campaigns.models import Rule, RuleVersion
from campaigns.rule_fields import plain
from campaigns.ways import gift_letters
from campaigns.ways.models import BirthdayGift
from loyalty.ledger.models import Program, Wallet
from members.models import Tier

SLUG = "tier-multiplier"
NAMES = {"name": "Tier multiplier", "name_id": "Pengali tingkat", "name_ms": "Pendarab peringkat"}
NONE = "1"
Benefits = dict[str, dict[str, Any]]


def benefits_of(program: Program) -> Benefits:
    """Factor and birthday points of every tier, in the order of the ladder: four queries."""
    rule = Rule.objects.filter(program=program, slug=SLUG, is_active=True).first()
    version = rule.versions.order_by("-number").first() if rule else None
    factors = version.definition["award"].get("by_tier", {}) if version else {}
    gifts = dict(BirthdayGift.objects.filter(tier__program=program).values_list("tier__slug", "points"))
    slugs = Tier.objects.filter(program=program).order_by("rank").values_list("slug", flat=True)
    return {slug: {"factor": factors.get(slug, NONE), "gift": gifts.get(slug, 0)} for slug in slugs}


def definition_of(benefits: Benefits) -> dict[str, Any]:
    """The multipliers as a rule says them."""
    factors = {slug: plain(Decimal(told["factor"])) for slug, told in benefits.items()}
    by_tier = {slug: factor for slug, factor in factors.items() if factor != NONE}
    return {"award": {"kind": "multiplier", "factor": NONE, "by_tier": by_tier}}


def keep_benefits(program: Program, benefits: Benefits, *, at: datetime, actor: str) -> None:
    """Let each tier give this from an instant on. The caller has locked the accounts of the program. Raises RuleRefused."""
    definition = definition_of(benefits)
    rule = Rule.objects.filter(program=program, slug=SLUG).first()
    if rule is None and definition["award"]["by_tier"]:
        rule = Rule.objects.create(program=program, slug=SLUG, **NAMES)
    if rule is not None:
        Rule.objects.filter(pk=rule.pk).update(is_active=True)
        publishing.publish_change(rule, definition, since=at, at=at, actor=actor)
    for tier in Tier.objects.filter(program=program):
        points = int(benefits.get(tier.slug, {}).get("gift", 0))
        kept = BirthdayGift.objects.filter(tier=tier)
        if not kept.update(points=points) and points:
            BirthdayGift.objects.create(tier=tier, points=points)


def in_words(tiers: Sequence[Tier]) -> dict[int, list[str]]:
    """What each of some tiers of a program gives by rules, one line each, in the current language: three queries at most."""
    program_id = tiers[0].program_id
    live = RuleVersion.objects.filter(rule__program=program_id, rule__slug=SLUG, rule__is_active=True)
    version = live.order_by("-number").first()
    factors = version.definition["award"].get("by_tier", {}) if version else {}
    found = (
        BirthdayGift.objects.filter(tier__program=program_id).exclude(points=0, reward=None).select_related("reward")
    )
    gifts = {gift.tier_id: gift for gift in found}
    wallet = Wallet.objects.filter(program=program_id, is_main=True).first() if gifts else None
    said: dict[int, list[str]] = {}
    for tier in tiers:
        if tier.slug in factors:
            factor = format_decimal(Decimal(factors[tier.slug]), locale=get_language() or "en")
            said.setdefault(tier.pk, []).append(_("%(factor)s times the points of every purchase") % {"factor": factor})
        if tier.pk in gifts and wallet is not None:
            words = gift_letters.in_words(gifts[tier.pk].points * 10**wallet.decimals, gifts[tier.pk].reward, wallet)
            said.setdefault(tier.pk, []).append(_("On your birthday: %(gift)s") % {"gift": words})
    return said
