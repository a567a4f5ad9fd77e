"""The demo's tiers are reviewed each January, give more than points, and one member was given a tier by hand."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model

from campaigns.ways.models import BirthdayGift
from loyalty.jobs.changes import deciding, drafting
from loyalty.jobs.models import ChangeRequest
from loyalty.ledger.models import Program
from members.models import Member, TierGrant, TierPolicy
from members.tiers import editing, granting
from rewards.models import Reward

ACTOR = "job:load_demo"
FACTORS = {"silver": "1.1", "gold": "1.25", "platinum": "1.5"}
GIFTS = {"bronze": 50, "silver": 100, "gold": 250, "platinum": 500}
EARLY = {"gold": 3, "platinum": 7}


def review_yearly(program: Program, stars: list[Member], *, at: datetime) -> None:
    """From now on tiers are reviewed on 1 January, with two weeks of grace; the last of the stars gets the highest one for a time."""
    if program.tier_policy.review == TierPolicy.Review.NEVER:
        terms = editing.terms_of(program)
        terms["policy"] |= {"review": "yearly", "grace_days": 14}
        _edit(program, terms, "Tiers are reviewed from now on", at=at)
        TierPolicy.objects.filter(program=program).update(warn_days=60)
        give_benefits(program, at=at + timedelta(seconds=1))
    if stars and not TierGrant.objects.filter(member__program=program).exists():
        highest = program.tiers.order_by("-rank")[0]
        granting.give(
            stars[-1], highest, until=at + timedelta(days=120), reason="Thank you for playing at our anniversary",
            reference="demo", at=at, actor=ACTOR,
        )  # fmt: skip


def give_benefits(program: Program, *, at: datetime) -> None:
    """Multipliers and birthday gifts from now on. The points are above the limit: where there is staff, the manager has approved them."""
    for slug, days in EARLY.items():
        program.tiers.filter(slug=slug).update(early_access_days=days)
    terms = editing.terms_of(program)
    for slug, points in GIFTS.items():
        terms["benefits"][slug] = {"factor": FACTORS.get(slug, "1"), "gift": points}
    terms["prices"]["gold"] = [9000, 365]
    asked = _edit(program, terms, "Thanks to those who come often", at=at)
    manager = get_user_model().objects.filter(email="manager@setia.example").first()
    if asked.status == ChangeRequest.Status.WAITING and manager is not None:
        deciding.approve(asked, at=at, actor=f"staff:{manager.pk}")
    gift = Reward.objects.filter(program=program, slug="free-cd").first()
    BirthdayGift.objects.filter(tier__program=program, tier__slug="platinum").update(reward=gift)


def _edit(program: Program, terms: dict[str, Any], reason: str, *, at: datetime) -> ChangeRequest:
    asked = {"terms": terms, "moves_down_at_once": False}
    drafted = drafting.draft(program, "tiers", parameters=asked, reason=reason, at=at, actor=ACTOR)
    return deciding.submit(drafted, at=at, actor=ACTOR)
