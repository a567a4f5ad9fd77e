"""How often one member may have a reward: per day, week, month and year of the program clock, in all, and with a pause between.

Cancelled redemptions do not count. Weeks begin on Monday.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.clock import add_months, day_start, local_day
from loyalty.common.errors import Refusal
from members.models import Member
from rewards.models import Redemption, Reward

PERIODS = ("day", "week", "month", "year")
WORDS = {
    "day": gettext_lazy("%(limit)d a day is the most, and that has been reached. The next one: %(day)s."),
    "week": gettext_lazy("%(limit)d a week is the most, and that has been reached. The next one: %(day)s."),
    "month": gettext_lazy("%(limit)d a month is the most, and that has been reached. The next one: %(day)s."),
    "year": gettext_lazy("%(limit)d a year is the most, and that has been reached. The next one: %(day)s."),
    "lifetime": gettext_lazy("%(limit)d in all is the most for each member, and that has been reached."),
}


class LimitReached(Refusal):
    """The member has had this reward as often as one member may (`limit`, in `period`); `again_on` says when next."""

    code = "limit_reached"


class CoolingDown(Refusal):
    """The member had this reward a short while ago; `again_at` says when next."""

    code = "cooling_down"


@dataclass(frozen=True, slots=True)
class Had:
    """How often a member has had a reward, by period, and when last."""

    counts: dict[str, int] = field(default_factory=dict)
    last_at: datetime | None = None

    @property
    def total(self) -> int:
        """How often in all."""
        return self.counts.get("lifetime", 0)


NEVER = Had()


def had(member: Member, *, at: datetime, rewards: Sequence[Reward] | None = None) -> dict[int, Had]:
    """By reward, how often the member has had it at that instant; one query. `rewards` narrows it down."""
    counted = Redemption.objects.filter(~Q(status=Redemption.Status.CANCELLED), member=member)
    if rewards is not None:
        counted = counted.filter(reward__in=[reward.pk for reward in rewards])
    begins = {period: begin_of(period, at, member.program.time_zone) for period in PERIODS}
    asked: dict[str, Any] = {
        f"in_{period}": Count("id", filter=Q(redeemed_at__gte=begin)) for period, begin in begins.items()
    }
    rows: Any = counted.order_by().values("reward").annotate(lifetime=Count("id"), last=Max("redeemed_at"), **asked)
    return {
        row["reward"]: Had(
            {"lifetime": row["lifetime"]} | {period: row[f"in_{period}"] for period in PERIODS}, row["last"]
        )
        for row in rows
    }


def first_day(period: str, today: date) -> date:
    """The first day of the day, week, month or year that `today` lies in."""
    if period == "week":
        return today - timedelta(days=today.weekday())
    if period == "month":
        return today.replace(day=1)
    return today.replace(month=1, day=1) if period == "year" else today


def begin_of(period: str, at: datetime, zone: str) -> datetime:
    """When the period of an instant began, in the program clock."""
    return day_start(first_day(period, local_day(at, zone)), zone)


def next_day(period: str, today: date) -> date:
    """The first day of the period after the one that `today` lies in."""
    first = first_day(period, today)
    if period in ("day", "week"):
        return first + timedelta(days=1 if period == "day" else 7)
    return add_months(first, 1 if period == "month" else 12)


def judge_limits(reward: Reward, had: Had, *, at: datetime, zone: str) -> Refusal | None:
    """Whether the member may have another one, the longest wait first."""
    today = local_day(at, zone)
    for period in ("lifetime", *reversed(PERIODS)):
        limit = reward.limits[period]
        if limit is None or had.counts.get(period, 0) < limit:
            continue
        again = None if period == "lifetime" else next_day(period, today)
        message = WORDS[period] % {"limit": limit, "day": date_format(again) if again else ""}
        numbers = {"limit": limit, "period": period} | ({"again_on": again.isoformat()} if again else {})
        return LimitReached(message, **numbers)
    return _judge_pause(reward, had, at, zone)


def _judge_pause(reward: Reward, had: Had, at: datetime, zone: str) -> Refusal | None:
    """Whether enough days have passed since the last one."""
    if not reward.cooldown_days or had.last_at is None:
        return None
    again = had.last_at + timedelta(days=reward.cooldown_days)
    if at >= again:
        return None
    message = _("You had this a short while ago. The next one: %(day)s.") % {"day": date_format(local_day(again, zone))}
    return CoolingDown(message, again_at=again.isoformat(), days=reward.cooldown_days)
