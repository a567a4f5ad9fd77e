"""Points become a reward, and a cancelled reward becomes points again.

A redemption is one transaction: the account is locked first, a known reference is answered with its first redemption
before balance or stock are judged, then the points are drawn, the voucher is issued, and last, because everybody waits
for that row, the stock is taken by a conditional update whose count is looked at (DOMAIN 7.1). Cancelling gives the
points back to the lots they came from, frees stock and limit, and kills the code, all in one transaction; doing it
twice gives the first answer (DOMAIN 7.2).
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, Q, Subquery
from django.utils import translation
from django.utils.translation import gettext as _

from loyalty.common.bulk import insert_one
from loyalty.common.clock import day_start, last_valid_day, local_day
from loyalty.common.errors import Refusal
from loyalty.common.ids import voucher_code
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger import posting, statements
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Entry, Program
from loyalty.mail import outbox
from members.models import Member, MemberAccount
from rewards.eligibility import judge, judge_price, out_of_stock, show_amount
from rewards.models import Redemption, Reward, Voucher
from rewards.vouchers import code_digest

STAFF_GRACE_DAYS = 14
TAKE_ONE = 'UPDATE "rewards_reward" SET taken = taken + 1 WHERE id = %s AND (stock IS NULL OR taken < stock)'


class ReferenceConflict(Refusal):
    """The reference already stands for another redemption."""

    code = "reference_conflict"


class NoAccount(Refusal):
    """The member has no account in the wallet the reward is paid from."""

    code = "no_account"


class RedemptionUnknown(Refusal):
    """The program has no redemption with this reference."""

    code = "redemption_unknown"
    status = 404


class RedemptionUsed(Refusal):
    """A used reward cannot be cancelled."""

    code = "redemption_used"


class RedemptionExpired(Refusal):
    """An expired reward cannot be cancelled."""

    code = "redemption_expired"


@transaction.atomic
def redeem(member: Member, reward: Reward, *, at: datetime, reference: str, source: str, actor: str) -> Redemption:
    """Give a member a reward for points and issue its voucher; a known reference gets its first redemption again.

    Raises InsufficientPoints, OutOfStock, NotOffered, TierTooLow, LimitReached, MemberClosed or ReferenceConflict.
    """
    account_id = _account_id(member, reward)
    account = lock(account_id)[account_id]
    now = _present.first(reward=reward.pk, member=member.pk, program=member.program_id, reference=reference)
    if now.is_known:
        return _first(member, reward, reference)
    reward, member.status, member.tier_id = now, now.member_status, now.member_tier
    refusal = judge(reward, member, at=at, redeemed=_times_redeemed(member, reward))
    if refusal:
        raise refusal
    entry = _draw(account, reward, at=at, reference=reference, source=source, actor=actor)
    redemption = _record(member, reward, entry, reference=reference, at=at)
    _issue(redemption, at)
    redemption.balance = statements.balance(account_id, at=at)
    _tell(redemption, at=at)
    _take_stock(reward)
    return redemption


@transaction.atomic
def cancel(redemption: Redemption, *, at: datetime, actor: str, by_member: bool) -> Redemption:
    """Cancel an unused redemption: points back to their lots, stock and limit free, code dead.

    Lots that expired meanwhile live on for 0 days when the member cancels and for 14 when the merchant does. Raises
    RedemptionUsed or RedemptionExpired; a cancelled one is answered as it is.
    """
    lock(redemption.account_id)
    redemption = _held(redemption.pk)
    if redemption.status == Redemption.Status.CANCELLED:
        return redemption
    _refuse_when_ended(redemption, at)
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
    Reward.objects.filter(pk=redemption.reward_id, taken__gt=0).update(taken=F("taken") - 1)
    return redemption


def find(program: Program, reference: str) -> Redemption:
    """The redemption of a program with this reference. Raises RedemptionUnknown."""
    related = Redemption.objects.select_related("reward__wallet", "member__program", "program", "voucher", "entry")
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
            member_status=Subquery(Member.objects.filter(pk=Given("member")).values("status")),
            member_tier=Subquery(Member.objects.filter(pk=Given("member")).values("tier_id")),
        )
    )
)


def _account_id(member: Member, reward: Reward) -> int:
    """The member's account in the wallet the reward is paid from."""
    account_id = _account_of.first(member=member.pk, wallet=reward.wallet_id)
    if account_id is None:
        raise NoAccount(_("This member has no account in the wallet this reward is paid from."))
    return account_id


def _first(member: Member, reward: Reward, reference: str) -> Redemption:
    """What this reference was answered with before."""
    first = find(member.program, reference)
    if (first.member_id, first.reward_id) != (member.pk, reward.pk):
        raise _conflict()
    return first


def _conflict() -> ReferenceConflict:
    """The refusal of a reference that means something else already."""
    return ReferenceConflict(_("This reference was used for another redemption. Please send a new one."))


def _times_redeemed(member: Member, reward: Reward) -> int:
    """How often the member has this reward, cancelled ones not counted; only asked where there is a limit."""
    if reward.limit_per_member is None:
        return 0
    return Redemption.objects.filter(~Q(status=Redemption.Status.CANCELLED), member=member, reward=reward).count()


def _draw(account: Account, reward: Reward, *, at: datetime, reference: str, source: str, actor: str) -> Entry:
    """Draw the price from the account's lots; a refusal says the price and what is missing."""
    names = {"en": reward.name, "id": reward.name_id, "ms": reward.name_ms}
    explanation = {
        "kind": "redemption",
        "reward": reward.slug,
        "name": reward.name,
        "names": names,
        "cost": reward.cost,
    }
    try:
        return posting.redeem(
            account.id,
            reward.cost,
            at=at,
            reference=f"redemption:{reference}",
            source=source,
            actor=actor,
            reason=reward.name,
            explanation=explanation,
            locked=account,
        )
    except posting.InsufficientPoints as refusal:
        raise judge_price(reward, available=refusal.numbers.get("available", 0)) or refusal from None


def _take_stock(reward: Reward) -> None:
    """Take one piece, in one statement that cannot take what is not there."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_ONE, [reward.pk])
        if not cursor.rowcount:
            raise out_of_stock()


def _record(member: Member, reward: Reward, entry: Entry, *, reference: str, at: datetime) -> Redemption:
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
                cost=reward.cost,
                redeemed_at=at,
            )
        )
    except IntegrityError:
        raise _conflict() from None


def _issue(redemption: Redemption, at: datetime) -> None:
    """Issue the code: valid at once and through the last of its days in the program clock."""
    zone = redemption.member.program.time_zone
    end = day_start(local_day(at, zone) + timedelta(days=redemption.reward.voucher_days + 1), zone)
    code = voucher_code()
    insert_one(Voucher(redemption=redemption, code=code, code_digest=code_digest(code), valid_from=at, expires_at=end))


def _tell(redemption: Redemption, *, at: datetime) -> None:
    """Queue the letter with the code, in the member's language."""
    member, reward, voucher = redemption.member, redemption.reward, redemption.voucher
    if not member.email:
        return
    available = redemption.balance.available if redemption.balance else 0
    with translation.override(member.language):
        context = {
            "name": member.name,
            "program": str(member.program),
            "reward": str(reward),
            "summary": reward.shown_summary,
            "code": voucher.shown_code,
            "cost": show_amount(redemption.cost, reward.wallet),
            "balance": show_amount(available, reward.wallet),
            "valid_until": last_valid_day(voucher.expires_at, member.program.time_zone).isoformat(),
        }
    outbox.queue(
        recipient=member.number,
        address=member.email,
        language=member.language,
        kind="redeemed",
        subject=f"redemption:{redemption.pk}",
        context=context,
        at=at,
    )


def _held(pk: int) -> Redemption:
    """The redemption as it is now, its row locked until the transaction ends."""
    related = Redemption.objects.select_related("reward__wallet", "member__program", "program", "voucher", "entry")
    return related.select_for_update(no_key=True, of=("self",)).get(pk=pk)


def _refuse_when_ended(redemption: Redemption, at: datetime) -> None:
    """Only what is still ready to use can be cancelled."""
    state = redemption.state(at=at)
    if state == Redemption.Status.USED:
        raise RedemptionUsed(_("This reward has been used, so it cannot be cancelled."))
    if state == Redemption.Status.EXPIRED:
        raise RedemptionExpired(_("This voucher has expired, so it cannot be cancelled any more."))
