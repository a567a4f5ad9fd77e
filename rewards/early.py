"""Who may have a reward before its first day, because they took early access to it as a reward. Any of it that was not cancelled counts."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Max

from members.models import Member
from rewards.models import Redemption, Reward


def days_of(member: Member, rewards: Iterable[Reward], *, at: datetime) -> dict[int, int]:
    """By how many days these rewards open earlier for the member; one query, none where all are open."""
    coming = [one.pk for one in rewards if one.offered_from and at < one.offered_from]
    if not coming:
        return {}
    taken = Redemption.objects.filter(member=member, reward__opens__in=coming).exclude(
        status=Redemption.Status.CANCELLED
    )
    opened = taken.order_by().values("reward__opens").annotate(days=Max("reward__early_days"))
    return {one["reward__opens"]: one["days"] for one in opened if one["reward__opens"] is not None}


def is_held(member: Member, reward: Reward) -> bool:
    """Whether the member has this early access already."""
    taken = Redemption.objects.filter(member=member, reward=reward)
    return taken.exclude(status=Redemption.Status.CANCELLED).exists()
