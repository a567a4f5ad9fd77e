"""What happened in the demo's last months: redemptions, vouchers used and cancelled, goods returned, points expired."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Sum

from campaigns import reminders
from campaigns.demo import cashback
from campaigns.demo.more_kinds import MORE
from campaigns.demo.program import ZONE
from campaigns.demo.returning import give_back
from campaigns.demo.tiers import review_yearly
from loyalty.common.clock import day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.ledger import expiry
from loyalty.ledger.crediting import Accrual
from loyalty.ledger.models import Lot, Program
from loyalty.ledger.policies import open_at
from loyalty.ledger.posting import accrue_many
from loyalty.mail.models import Message
from loyalty.pos.models import Store
from members.enrolment import main_account
from members.models import Member, MemberAccount, TierGrant
from rewards import kinds, redemption, vouchers
from rewards.models import Redemption, Reward

DAYS = 170
REDEMPTIONS = 90
TOLD_DAYS = 30
SOURCE = "portal"
Progress = Callable[[str, int, int], None]


def live(program: Program, *, at: datetime, with_redemptions: bool, progress: Progress) -> tuple[int, list[Member]]:
    """Redeem and expire in order of time up to `at`; returns the points expired and the members to show."""
    stars = stars_of(program, at=at)
    expired = 0
    is_lived = Redemption.objects.filter(member__program=program, reference=f"demo:{REDEMPTIONS - 1}").exists()
    moments = _moments(at) if with_redemptions and not is_lived else []
    months = {local_day(moment, ZONE).replace(day=1): moment for moment in reversed(moments)}
    new = [one["slug"] for one in MORE]  # nobody has redeemed these in the months before
    rewards = list(Reward.objects.filter(program=program).exclude(slug__in=new).order_by("position"))
    for number, moment in enumerate(moments):
        if moment in months.values():
            expired += _expire_until(program, moment)
        _redeem_one(program, rewards, stars, number=number, at=moment, until=at)
        progress("redemptions", number + 1, len(moments))
    if with_redemptions:
        give_back(program, stars, at=at)
    tell_in_time(program, at=at)
    expired += expiry.run_sweep(program, at=at).report["points"]
    vouchers.expire_due(program, at=at)
    _await_visit(stars, at=at)
    cashback.give(program, stars, at=at)
    review_yearly(program, stars, at=at)
    return expired, stars


def tell_in_time(program: Program, *, at: datetime) -> None:
    """The letters of the last weeks about points that run out, as the mail system took them then."""
    for days in range(TOLD_DAYS, 0, -1):
        reminders.remind_expiring(program, at=at - timedelta(days=days))
    waiting = Message.objects.filter(kind=reminders.KIND, status=Message.Status.QUEUED, queued_at__lt=at)
    waiting.update(status=Message.Status.SENT, sent_at=F("queued_at"), attempts=1)


def _await_visit(stars: list[Member], *, at: datetime) -> None:
    """Points of a seat at the next record fair: the members to show have them once they come, or not at all."""
    fair = day_start(local_day(at, ZONE) + timedelta(days=21), ZONE)
    booked = [
        Accrual(
            main_account(star).pk, 150, at - timedelta(days=2), "event:fair:seat", SOURCE, "import",
            reason="A seat at the record fair", confirm_by=fair,
        )
        for star in stars
    ]  # fmt: skip
    accrue_many(booked, recorded_at=at)


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
                    member, reward, at=at, reference=reference, source=SOURCE, actor=f"member:{member.number}",
                    store=_where(reward, chance),
                )  # fmt: skip
            except Refusal:
                continue
            _end(taken, chance, number=number, until=until)
            return


def _where(reward: Reward, chance: Random) -> Store | None:
    """One of the stores that keep a reward; none where stores do not."""
    keeping = [kept.store for kept in reward.store_stocks.select_related("store")]
    return chance.choice(keeping) if keeping else None


def _end(taken: Redemption, chance: Random, *, number: int, until: datetime) -> None:
    """Use most vouchers within some days, cancel a few, leave the rest; what no till uses is left as it is."""
    if taken.reward.is_sent or not kinds.of(taken.reward).is_for_tills:
        return
    ended_at = taken.redeemed_at + timedelta(days=chance.randrange(1, 25), minutes=chance.randrange(600))
    if ended_at >= until or chance.random() < 0.25 or taken.status != Redemption.Status.ISSUED:
        return
    if chance.random() < 0.06:
        has_own_code = taken.reward.pool_id is None
        actor = f"member:{taken.member.number}" if has_own_code else SOURCE
        redemption.cancel(taken, at=ended_at, actor=actor, by_member=has_own_code)
    else:
        left = taken.voucher.left
        part = min(left, Decimal("3.50")) if left else None  # of a gift card
        vouchers.use(taken.voucher, at=ended_at, till="jakarta/1", receipt=f"V{number:05}", actor="import", amount=part)


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

    Judged by what was earned, which later redemptions do not change; who was given a higher tier by hand stays one of them.
    """
    kept = Q(account__lots__expires_at__gt=at)
    soon = kept & Q(account__lots__expires_at__lte=at + timedelta(days=45))
    own = MemberAccount.objects.filter(member=OuterRef("pk")).order_by().values("member")
    busy = (
        Member.objects.filter(
            Q(tier__slug__in=["silver", "gold"])
            | Exists(TierGrant.objects.filter(member=OuterRef("pk"), reference="demo")),
            program=program,
        )
        .annotate(earned=Subquery(own.annotate(points=Sum("account__lots__granted", filter=kept)).values("points")))
        .annotate(ending=Subquery(own.annotate(points=Sum("account__lots__granted", filter=soon)).values("points")))
        .annotate(recent=Count("purchases", filter=Q(purchases__occurred_at__gte=at - timedelta(days=365))))
        .filter(earned__gte=2000, ending__gte=200)
        .select_related("program", "tier")
        .order_by("-recent", "source_key")
    )
    stars = [busy.filter(language=language).first() for language in ("en", "id", "ms")]
    return [star for star in stars if star is not None]
