"""What a member holds: their redemptions with the vouchers, and what a cancellation would give back."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q, QuerySet

from loyalty.common.clock import last_valid_day
from loyalty.ledger.models import Allocation
from loyalty.pos.models import Store
from members.models import Member
from rewards.models import Redemption, Reward, RewardKind

SHOWN_AT_ONCE, USABLE_AT_ONCE = 50, 200


@dataclass(frozen=True, slots=True)
class Return:
    """Points that come back when a redemption is cancelled. `last_day` is empty when they never expire."""

    points: int
    last_day: date | None
    is_lost: bool


def of_member(member: Member) -> QuerySet[Redemption]:
    """The member's redemptions, newest first, with what a page shows of them."""
    related = Redemption.objects.filter(member=member).select_related(
        "reward__wallet", "reward__program", "voucher", "store"
    )
    return related.order_by("-id")


def usable(member: Member, *, at: datetime, kind: str = "", store: Store | None = None) -> list[Redemption]:
    """The member's vouchers that have not ended, of one kind or of all, soonest end first. One query.

    Asked for a store, what is collected at another one is left out.
    """
    found = of_member(member).filter(status=Redemption.Status.ISSUED, voucher__expires_at__gt=at)
    found = found.filter(reward__kind=kind) if kind else found
    found = found.filter(Q(store=None) | Q(store=store)) if store else found
    related = found.select_related("reward__wallet", "voucher", "store", "program", "member__program", "seat__session")
    return list(related.order_by("voucher__expires_at", "id")[:USABLE_AT_ONCE])


def ready(member: Member, reward: Reward, *, at: datetime) -> Redemption | None:
    """The member's newest voucher of this reward that can still be used."""
    issued = Redemption.objects.filter(member=member, reward=reward, status=Redemption.Status.ISSUED)
    return issued.filter(voucher__expires_at__gt=at).order_by("-id").first()


def badges(member: Member) -> list[Redemption]:
    """The badges the member took as rewards, newest first, each once."""
    found = Redemption.objects.filter(member=member, reward__kind=RewardKind.BADGE, status=Redemption.Status.USED)
    each = {one.reward_id: one for one in found.select_related("reward").order_by("id")}
    return sorted(each.values(), key=lambda one: -one.pk)


def by_state(member: Member, *, at: datetime) -> dict[str, list[Redemption]]:
    """The member's latest vouchers by what they are at this instant. One query."""
    found: dict[str, list[Redemption]] = {state: [] for state in Redemption.Status.values}
    for redemption in of_member(member)[:SHOWN_AT_ONCE]:
        state = redemption.state(at=at)
        redemption.shown_state = state  # type: ignore[attr-defined]
        found[state].append(redemption)
    found[Redemption.Status.ISSUED].sort(key=lambda redemption: redemption.voucher.expires_at)
    return found


def returns(redemption: Redemption, *, at: datetime) -> list[Return]:
    """What a cancellation by the member gives back: each part with its old last day; what has expired is lost."""
    zone = redemption.member.program.time_zone
    by_end: dict[datetime | None, int] = {}
    drawn = Allocation.objects.filter(entry=redemption.entry_id).values_list("lot__expires_at", "amount")
    for expires_at, amount in drawn:
        by_end[expires_at] = by_end.get(expires_at, 0) + amount
    ends = sorted(by_end, key=lambda end: (end is None, end and end.timestamp()))
    return [
        Return(by_end[end], last_valid_day(end, zone) if end else None, end is not None and end <= at) for end in ends
    ]
