"""What happened in the demo's last months: redemptions, vouchers used and cancelled, points expired month by month."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from django.db.models import Count, OuterRef, Q, Subquery, Sum

from campaigns.demo.program import ZONE
from loyalty.common.clock import day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.ledger import expiry
from loyalty.ledger.models import Lot, Program
from loyalty.ledger.policies import open_at
from members.models import Member, MemberAccount
from rewards import redemption, vouchers
from rewards.models import Redemption, Reward

DAYS = 170
REDEMPTIONS = 90
SOURCE = "portal"
Progress = Callable[[str, int, int], None]


def live(program: Program, *, at: datetime, with_redemptions: bool, progress: Progress) -> tuple[int, list[Member]]:
    """Redeem and expire in order of time up to `at`; returns the points expired and the members to show."""
    stars = stars_of(program, at=at)
    expired = 0
    is_lived = Redemption.objects.filter(member__program=program, reference=f"demo:{REDEMPTIONS - 1}").exists()
    moments = _moments(at) if with_redemptions and not is_lived else []
    rewards = list(Reward.objects.filter(program=program).order_by("position"))
    for number, moment in enumerate(moments):
        expired += _expire_until(program, moment)
        _redeem_one(program, rewards, stars, number=number, at=moment, until=at)
        progress("redemptions", number + 1, len(moments))
    expired += expiry.run_sweep(program, at=at).report["points"]
    vouchers.expire_due(program, at=at)
    return expired, stars


def _moments(at: datetime) -> list[datetime]:
    """When members redeemed: by day, in shop hours, more often lately."""
    chance = Random("setia moments")
    days = sorted((int(DAYS * chance.random() ** 1.3) + 1 for _ in range(REDEMPTIONS)), reverse=True)
    today = local_day(at, ZONE)
    return sorted(
        day_start(today - timedelta(days=day), ZONE) + timedelta(minutes=chance.randrange(9 * 60, 21 * 60))
        for day in days
    )


def _expire_until(program: Program, moment: datetime) -> int:
    """The sweep of the month's first day, recorded then."""
    month = day_start(local_day(moment, ZONE).replace(day=1), ZONE)
    return expiry.run_sweep(program, at=month).report["points"] if month <= moment else 0


def _redeem_one(
    program: Program, rewards: list[Reward], stars: list[Member], *, number: int, at: datetime, until: datetime
) -> None:
    """One redemption by somebody who could afford it then, and what became of its voucher."""
    reference = f"demo:{number}"
    if Redemption.objects.filter(member__program=program, reference=reference).exists():
        return
    chance = Random(f"setia redemption {number}")
    people = [stars[number // 15 % len(stars)]] if number % 15 == 7 and stars else []
    for member in (*people, _somebody(program, chance, stars, at=at)):
        wishes = [reward for reward in rewards if member not in people or reward.cost <= 1000]
        for reward in chance.sample(wishes, len(wishes)):
            try:
                taken = redemption.redeem(
                    member, reward, at=at, reference=reference, source=SOURCE, actor=f"member:{member.number}"
                )
            except Refusal:
                continue
            _end(taken, chance, number=number, until=until)
            return


def _end(taken: Redemption, chance: Random, *, number: int, until: datetime) -> None:
    """Use most vouchers within some days, cancel a few, leave the rest."""
    ended_at = taken.redeemed_at + timedelta(days=chance.randrange(1, 25), minutes=chance.randrange(600))
    if ended_at >= until or chance.random() < 0.25:
        return
    if chance.random() < 0.06:
        redemption.cancel(taken, at=ended_at, actor=taken.entry.actor, by_member=True)
    else:
        vouchers.use(taken.voucher, at=ended_at, till="jakarta/1", receipt=f"V{number:05}", actor="import")


def _somebody(program: Program, chance: Random, stars: list[Member], *, at: datetime) -> Member:
    """One of the other members who had something to spend at an instant."""
    rich = (
        Lot.objects.filter(open_at(at), account__wallet__program=program, remaining__gt=0)
        .values("account__member_account__member")
        .annotate(points=Sum("remaining"))
        .filter(points__gte=400)
        .exclude(account__member_account__member__in=stars)
        .order_by("account__member_account__member")
        .values_list("account__member_account__member", flat=True)
    )
    return Member.objects.select_related("program").get(pk=chance.choice(list(rich)))


def stars_of(program: Program, *, at: datetime) -> list[Member]:
    """One member per language with much to look at: points, some of them running out soon, purchases, a good tier.

    Judged by what was earned, which later redemptions do not change.
    """
    kept = Q(account__lots__expires_at__gt=at)
    soon = kept & Q(account__lots__expires_at__lte=at + timedelta(days=45))
    own = MemberAccount.objects.filter(member=OuterRef("pk")).order_by().values("member")
    busy = (
        Member.objects.filter(program=program, tier__slug__in=["silver", "gold"])
        .annotate(earned=Subquery(own.annotate(points=Sum("account__lots__granted", filter=kept)).values("points")))
        .annotate(ending=Subquery(own.annotate(points=Sum("account__lots__granted", filter=soon)).values("points")))
        .annotate(recent=Count("purchases", filter=Q(purchases__occurred_at__gte=at - timedelta(days=365))))
        .filter(earned__gte=2000, ending__gte=200)
        .select_related("program", "tier")
        .order_by("-recent", "source_key")
    )
    stars = [busy.filter(language=language).first() for language in ("en", "id", "ms")]
    return [star for star in stars if star is not None]
