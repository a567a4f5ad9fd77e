"""Points become a reward, and a cancelled reward becomes points again.

A redemption is one transaction: the account is locked first, a known reference is answered with its first redemption
before balance or stock are judged, then the points are drawn, the voucher is issued, and last, because everybody waits
for that row, the stock is taken by a conditional update whose count is looked at (DOMAIN 7.1). Cancelling gives the
points back to the lots they came from, frees stock and limit, and kills the code, all in one transaction; doing it
twice gives the first answer (DOMAIN 7.2).
"""

from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Subquery
from django.utils.translation import gettext as _

from loyalty.common.bulk import insert_one
from loyalty.common.errors import Refusal
from loyalty.common.prepared import Given, Prepared
from loyalty.common.retrying import atomic, retried
from loyalty.jobs.changes import people
from loyalty.ledger import posting, statements
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Entry, Program
from loyalty.pos.models import Store
from members import tiers
from members.models import Member, MemberAccount
from rewards import cards, early, kinds, limits
from rewards.accounts import no_account
from rewards.eligibility import judge, judge_price, segments_asked
from rewards.kinds.base import Chosen
from rewards.models import Redemption, Reward, RewardPrice, StoreStock, Voucher
from rewards.pricing import Price, price_of
from rewards.stocks import judge_store
from rewards.telling import tell

STAFF_GRACE_DAYS = 14
NOTHING_CHOSEN: Chosen = MappingProxyType({})


class ReferenceConflict(Refusal):
    """The reference already stands for another redemption."""

    code = "reference_conflict"


class RedemptionUnknown(Refusal):
    """The program has no redemption with this reference."""

    code = "redemption_unknown"
    status = 404


class RedemptionUsed(Refusal):
    """A used reward cannot be cancelled."""

    code = "redemption_used"


class CodeSeen(Refusal):
    """A member has seen the partner's code; only staff can cancel."""

    code = "code_seen"


class RedemptionExpired(Refusal):
    """An expired reward cannot be cancelled."""

    code = "redemption_expired"


@retried
@atomic
def redeem(
    member: Member, reward: Reward, *, at: datetime, reference: str, source: str, actor: str, store: Store | None = None,
    chosen: Chosen = NOTHING_CHOSEN,
) -> Redemption:  # fmt: skip
    """Give a member a reward for points and issue its voucher; a known reference gets its first redemption again.

    `store` says where it is collected, for rewards that stores keep; `chosen` what else its kind asks. Raises InsufficientPoints, OutOfStock, NotOffered,
    TierTooLow, NotForMember, MemberTooNew, LimitReached, CoolingDown, StoreNeeded, StoreUnknown, MemberClosed or
    ReferenceConflict.
    """
    account_id = _account_id(member, reward)
    kind = kinds.of(reward)
    account = lock(account_id, *kind.also_locked(member, reward))[account_id]
    now = _present.first(reward=reward.pk, member=member.pk, program=member.program_id, reference=reference, at=at)
    if now.is_known:
        return _first(member, reward, store, chosen, reference)
    reward, member.status, member.tier_id = now, now.member_status, now.member_tier
    if now.tier_is_due:  # a review, or points that began to count, which no job has come to yet
        member.tier = tiers.tier_at(member, at)
    price = _judge(member, reward, store, at)
    if refusal := kind.refusal(member, reward, chosen, at=at):
        raise refusal
    entry = _draw(account, reward, price, at=at, reference=reference, source=source, actor=actor)
    ended = kind.ended(at=at, actor=actor)
    redemption = _record(member, reward, entry, price, store, ended, reference=reference, at=at)
    redemption.chosen = chosen
    kind.issue(redemption, at=at)
    kind.complete(redemption, at=at, actor=actor)
    redemption.balance = statements.balance(account_id, at=at)
    tell(redemption, at=at)
    kind.take(redemption, at=at)
    return redemption


def _judge(member: Member, reward: Any, store: Store | None, at: datetime) -> Price:
    """Raise why the member cannot have it, else the price; asks only what this reward asks."""
    prices = list(reward.prices.select_related("tier")) if reward.has_prices else []
    stocks = list(reward.store_stocks.select_related("store")) if reward.has_stores or store else []
    segments = segments_asked([reward], member, at=at, prices=prices)
    had = limits.had(member, at=at, rewards=[reward]) if reward.has_limits else {}
    opened = early.days_of(member, [reward], at=at)
    refusal = judge(reward, member, at=at, had=had.get(reward.pk, limits.NEVER), segments=segments, early=opened)
    refusal = refusal or judge_store(stocks, store)
    if refusal:
        raise refusal
    return price_of(reward, prices, member, at=at, segments=segments)


@retried
@transaction.atomic
def cancel(
    redemption: Redemption, *, at: datetime, actor: str, by_member: bool, even_expired: bool = False
) -> Redemption:
    """Cancel an unused redemption: points back to their lots, stock and limit free, code dead.

    Lots that expired meanwhile live on for 0 days when the member cancels and for 14 when the merchant does. Raises
    RedemptionUsed, or RedemptionExpired unless `even_expired`; a cancelled one is answered as it is. Staff cancel nothing of their own
    (OwnAccount, law 19).
    """
    if not by_member:
        people.refuse_own(actor, [redemption.account_id])
    lock(redemption.account_id, *kinds.of(redemption.reward).also_locked(redemption.member, redemption.reward))
    redemption = _held(redemption.pk)
    if redemption.status == Redemption.Status.CANCELLED:
        return redemption
    _refuse_when_ended(redemption, at, even_expired)
    _refuse_when_begun(redemption, by_member=by_member)
    kind = kinds.of(redemption.reward)
    if refusal := kind.uncancellable(redemption, at=at, by_member=by_member):
        raise refusal
    cards.hold([redemption.voucher], at=at)
    if redemption.entry is not None:
        redemption.reversal = posting.reverse(
            redemption.entry,
            at=at,
            reference=f"cancel:{redemption.reference}",
            source=redemption.entry.source,
            actor=actor,
            grace_days=0 if by_member else STAFF_GRACE_DAYS,
        )
    redemption.status, redemption.ended_at, redemption.ended_by = Redemption.Status.CANCELLED, at, actor
    redemption.save(update_fields=["status", "reversal", "ended_at", "ended_by"])
    Voucher.objects.filter(redemption=redemption).update(is_live=False)
    redemption.voucher.is_live = False
    kind.give_back(redemption, at=at, actor=actor)
    return redemption


def find(program: Program, reference: str) -> Redemption:
    """The redemption of a program with this reference. Raises RedemptionUnknown."""
    related = Redemption.objects.select_related(
        "reward__wallet", "member__program", "program", "voucher", "entry", "store", "seat__session", "parcel"
    )
    found = related.filter(program=program, reference=reference).first()
    if found is None:
        raise RedemptionUnknown(_("There is no redemption with this reference. Please check it."))
    return found


_account_of = Prepared(
    lambda: MemberAccount.objects.filter(member=Given("member"), wallet=Given("wallet")).values_list(
        "account_id", flat=True
    )
)
# The reward as it is now, with the member's status and tier, and whether the reference was used before.
_present = Prepared(
    lambda: (
        Reward.objects.filter(pk=Given("reward"))
        .select_related("wallet", "minimum_tier")
        .annotate(
            is_known=Exists(Redemption.objects.filter(program=Given("program"), reference=Given("reference"))),
            has_prices=Exists(RewardPrice.objects.filter(reward=OuterRef("pk"))),
            has_stores=Exists(StoreStock.objects.filter(reward=OuterRef("pk"))),
            member_status=Subquery(Member.objects.filter(pk=Given("member")).values("status")),
            member_tier=Subquery(Member.objects.filter(pk=Given("member")).values("tier_id")),
            tier_is_due=tiers.is_due(Given("member"), Given("at")),
        )
    )
)


def _account_id(member: Member, reward: Reward) -> int:
    """The member's account in the wallet the reward is paid from."""
    account_id = _account_of.first(member=member.pk, wallet=reward.wallet_id)
    if account_id is None:
        raise no_account()
    return account_id


def _first(member: Member, reward: Reward, store: Store | None, chosen: Chosen, reference: str) -> Redemption:
    """What this reference was answered with before."""
    first = find(member.program, reference)
    if (first.member_id, first.reward_id) != (member.pk, reward.pk) or (store and first.store_id != store.pk):
        raise _conflict()
    if not kinds.of(reward).is_same(first, chosen):
        raise _conflict()
    return first


def _conflict() -> ReferenceConflict:
    """The refusal of a reference that means something else already."""
    return ReferenceConflict(_("This reference was used for another redemption. Please send a new one."))


def _draw(
    account: Account, reward: Reward, price: Price, *, at: datetime, reference: str, source: str, actor: str
) -> Entry:
    """Draw the price from the account's lots; a refusal says the price and what is missing."""
    names = {"en": reward.name, "id": reward.name_id, "ms": reward.name_ms}
    explanation = {
        "kind": "redemption",
        "reward": reward.slug,
        "name": reward.name,
        "names": names,
        "cost": price.cost,
    }
    try:
        return posting.redeem(
            account.id,
            price.cost,
            at=at,
            reference=f"redemption:{reference}",
            source=source,
            actor=actor,
            reason=reward.name,
            explanation=explanation,
            locked=account,
        )
    except posting.InsufficientPoints as refusal:
        raise judge_price(reward, cost=price.cost, available=refusal.numbers.get("available", 0)) or refusal from None


def _record(
    member: Member, reward: Reward, entry: Entry, price: Price, store: Store | None, ended: dict[str, Any], *,
    reference: str, at: datetime,
) -> Redemption:  # fmt: skip
    """Write the redemption; another member's use of the same reference, made just now, is a conflict."""
    try:
        return insert_one(
            Redemption(
                program=member.program,
                reward=reward,
                member=member,
                account_id=entry.account_id,
                entry=entry,
                reference=reference,
                cost=price.cost,
                to_pay=price.money,
                store=store,
                redeemed_at=at,
                **ended,
            )
        )
    except IntegrityError:
        raise _conflict() from None


def _held(pk: int) -> Redemption:
    """The redemption as it is now, its row locked until the transaction ends."""
    related = Redemption.objects.select_related(
        "reward__wallet", "member__program", "program", "voucher", "entry", "seat__session", "parcel"
    )
    return related.select_for_update(no_key=True, of=("self",)).get(pk=pk)


def _refuse_when_begun(redemption: Redemption, *, by_member: bool) -> None:
    """What was used in part is used, and a partner's code that a member has seen cannot be made unseen by them."""
    if redemption.voucher.uses:
        raise RedemptionUsed(_("This reward has been used in part, so it cannot be cancelled."))
    if by_member and redemption.reward.pool_id is not None:
        raise CodeSeen(
            _("The partner's code was shown to you, so this cannot be cancelled. Ask us if it does not work.")
        )


def _refuse_when_ended(redemption: Redemption, at: datetime, even_expired: bool) -> None:
    """Only what is still ready to use can be cancelled."""
    state = redemption.state(at=at)
    if state == Redemption.Status.USED:
        raise RedemptionUsed(_("This reward has been used, so it cannot be cancelled."))
    if state == Redemption.Status.EXPIRED and not even_expired:
        raise RedemptionExpired(_("This voucher has expired, so it cannot be cancelled any more."))
