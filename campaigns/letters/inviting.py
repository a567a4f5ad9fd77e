"""Letters that invite: to those who have not bought for some time, and about a reward that is there now (DOMAIN 11.1, 11.2).

Both need consent to news; it is asked when they are written, so that nobody's outbox fills with what may not go, and again when
they are claimed for delivery. An absence is known by the day of the last purchase and told of once. A reward is told of when a
member's points have come to its price since the day before (the dearest such one), once ever, and again when it was sold out and is back.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import (
    BigIntegerField,
    BooleanField,
    CharField,
    Exists,
    F,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Cast, Coalesce, TruncDate

from campaigns.letters import entitled
from campaigns.letters.entitled import MEMBER
from campaigns.letters.models import SoldOut
from campaigns.letters.movements import count
from campaigns.letters.terms import terms_of
from campaigns.letters.writing import write
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Lot, Program, Wallet
from loyalty.mail.kinds import MARKETING
from loyalty.mail.models import Message
from members.models import Consent, Member, MemberAccount, Purchase
from rewards import catalogue
from rewards.models import Reward

FREE = Sum(F("remaining") - F("held"))
WIN_BACK, THERE = "win_back", "reward_there"
# Whose absence came to its length longer ago is not called back any more: also not when this is first switched on.
FRESH_FOR = timedelta(days=30)


def win_back(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Letters to members whose last purchase, or enrolment, is as long ago as the program says; the job `win_back`."""
    tally, days = Tally(report={}), terms_of(program).win_back_days
    if not days:
        return tally
    wallet = program.wallets.get(is_main=True)
    told = _absent(program, wallet, since=at - timedelta(days=days), at=at)
    count(tally, WIN_BACK, write(WIN_BACK, told, program=program, at=at, wallet=wallet, dry_run=dry_run))
    progress(tally.found, tally.done, tally.skipped)
    return tally


def tell_rewards(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Letters about rewards that can be had now: newly affordable, or in stock again; the job `tell_rewards`."""
    tally = Tally(report={})
    back: set[int] = set() if dry_run else _note_stock(program, at=at)
    if not terms_of(program).tells_rewards:
        return tally
    for wallet in program.wallets.all():
        for reward in _there(wallet, at=at):
            period = f"{at:%Y-%m-%d}" if reward.pk in back else ""
            told = _reached(wallet, reward, period, at=at)
            count(tally, THERE, write(THERE, told, program=program, at=at, wallet=wallet, spoken={"reward": reward}, dry_run=dry_run))  # fmt: skip
            if not progress(tally.found, tally.done, tally.skipped):
                return tally
    return tally


def _there(wallet: Wallet, *, at: datetime) -> list[Reward]:
    """What is to be had for points of a wallet, the dearest first."""
    on_offer = (
        catalogue.on_offer(wallet.program, at=at).filter(wallet=wallet).select_related("tier", "opens", "segment")
    )
    found = [one for one in on_offer if entitled.is_open(one, at=at)]
    left = catalogue.left(found, at=at)
    return sorted((one for one in found if left[one.pk] != 0), key=lambda one: (-one.cost, one.pk))


def _agreed(member: str) -> Subquery:
    """Whether the latest word of a member about news by e-mail is yes."""
    said = Consent.objects.filter(member=OuterRef(member), channel=Consent.Channel.EMAIL, purpose=MARKETING)
    return Subquery(said.order_by("-at", "-id").values("is_given")[:1], output_field=BooleanField())


def _absent(program: Program, wallet: Wallet, *, since: datetime, at: datetime) -> QuerySet[MemberAccount, Any]:
    """Who agreed and bought last, or joined, at most FRESH_FOR before `since` and not after it."""
    bought = Purchase.objects.filter(member=OuterRef("member")).order_by("-occurred_at").values("occurred_at")[:1]
    held = _spendable(Lot.objects.filter(account=OuterRef("account")), at=at).order_by().values("account")
    accounts = MemberAccount.objects.filter(wallet=wallet, member__program=program, member__status=Member.Status.ACTIVE)
    found = accounts.annotate(
        last=Coalesce(Subquery(bought), F("member__enrolled_at")), agreed=_agreed("member"),
        points=Coalesce(Subquery(held.annotate(free=FREE).values("free")), 0, output_field=BigIntegerField()),
    ).filter(agreed=True, last__gt=since - FRESH_FOR, last__lte=since)  # fmt: skip
    last_day = Cast(TruncDate("last", tzinfo=ZoneInfo(program.time_zone)), CharField())
    return found.order_by().values(
        "member", "account", "points", subject=Value("absence", CharField()), period=last_day
    )


def _reached(wallet: Wallet, reward: Reward, period: str, *, at: datetime) -> QuerySet[Lot, Any]:
    """Who agreed who may have a reward and can pay their own price since a day before; where it is back (`period`), whoever can have it."""
    begun = at - timedelta(days=1)
    mine = {"recipient": OuterRef(f"{MEMBER}__number"), "kind": THERE, "queued_at": at}
    lots: QuerySet[Lot, Any] = (
        _spendable(Lot.objects.filter(account__wallet=wallet), at=at).alias(agreed=_agreed(MEMBER)).filter(agreed=True)
    )
    lots = entitled.of_entitled(lots, reward, at=at)
    if not period:
        lots = lots.filter(Exists(Lot.objects.filter(account=OuterRef("account"), available_at__gt=begun, available_at__lte=at)))  # fmt: skip
    named = {name: Min(Value(value, CharField())) for name, value in (("subject", reward.slug), ("period", period))}
    rows = lots.exclude(Exists(Message.objects.filter(**mine))).order_by().values("account", member=F(MEMBER))
    rows = rows.annotate(
        points=FREE, before=Sum(F("remaining") - F("held"), filter=Q(available_at__lte=begun)),
        price=Min(entitled.price(reward, at=at)), **named,
    ).filter(points__gte=F("price"))  # fmt: skip
    return rows if period else rows.filter(Q(before__isnull=True) | Q(before__lt=F("price")))


def _spendable(lots: QuerySet[Lot], *, at: datetime) -> QuerySet[Lot]:
    """The lots that have points to spend at an instant."""
    return lots.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at), remaining__gt=0, available_at__lte=at)


@transaction.atomic
def _note_stock(program: Program, *, at: datetime) -> set[int]:
    """Note which rewards are sold out, and which are back since the last look: those."""
    kept = Reward.objects.filter(program=program, stock__isnull=False, is_active=True)
    gone = kept.filter(taken__gte=F("stock")).exclude(times_sold_out__until__isnull=True, times_sold_out__isnull=False)
    SoldOut.objects.bulk_create([SoldOut(reward=one, since=at) for one in gone], ignore_conflicts=True)
    open_ones = SoldOut.objects.filter(reward__program=program, until__isnull=True)
    open_ones.filter(Q(reward__stock__isnull=True) | Q(reward__taken__lt=F("reward__stock"))).update(until=at)
    return set(SoldOut.objects.filter(reward__program=program, until=at).values_list("reward", flat=True))
