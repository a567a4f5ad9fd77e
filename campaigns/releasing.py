"""Points of a purchase that were confirmed or cancelled lot by lot, and not with their order: its tiers follow (DOMAIN 4.1, 8.1)."""

from datetime import datetime

from campaigns import confirmations, qualifying, settling
from campaigns.challenges import following, prizes
from campaigns.corrections import SETTLED, credits_of
from loyalty.ledger import confirming, locking
from loyalty.ledger.models import Entry, ExpiryPolicy, Lot
from members.ladders import ladder
from members.models import MemberAccount, Purchase, QualifyingPart


def hold(origin: Entry) -> None:
    """Lock what may follow, in the one order: the account, and vouchers that were prizes, before anything of the lots."""
    locking.lock(origin.account_id)
    prizes.hold_vouchers(MemberAccount.objects.filter(account=origin.account_id).values_list("member", flat=True))


def released(origin: Entry, *, at: datetime, actor: str) -> None:
    """What these points were earned by counts from when they can be spent, or never. The caller has locked their account.

    A part that several credits make up counts from when the first of them does, and never when all were cancelled.
    """
    lot, bought = Lot.objects.get(entry=origin), _purchase(origin)
    held = MemberAccount.objects.select_related("member__program").filter(account=origin.account_id).first()
    since = lot.available_at
    part = _part(origin, bought) if bought else None
    if part is not None and lot.available_at is not None and lot.available_at <= at:
        part.counts_at = part.counts_at or qualifying.in_time(part, part.purchase.occurred_at, lot.available_at)
        part.save(update_fields=["counts_at"])
    elif part is not None and not _waits(part, origin, at=at):
        part.counts_at, part.is_cancelled, since = None, True, None
        part.save(update_fields=["counts_at", "is_cancelled"])
    if held is None or since is None or since > at:
        return
    steps = ladder(held.member.program)
    if (part is not None and steps.waits) or steps.wallet_id == held.wallet_id:
        begin = {held.member_id: since}
        settling.settle(held.member.program, begin, at=at, actor=actor, steps=steps)
        confirmations.settle_again(begin, at=at, actor=actor)
        following.follow(held.member.program, begin, at=at, actor=actor)


def _purchase(origin: Entry) -> Purchase | None:
    """The purchase that a credit belongs to; None for what was earned otherwise."""
    if origin.reference.startswith(SETTLED):
        return Purchase.objects.filter(pk=int(origin.reference.split(":")[1])).first()
    head = f"purchase:{origin.source}:"
    if not origin.reference.startswith(head):
        return None
    mine = Purchase.objects.filter(member__member_accounts__account=origin.account_id, source=origin.source)
    return mine.filter(receipt=origin.reference.removeprefix(head)).first()


def _part(origin: Entry, bought: Purchase) -> QualifyingPart | None:
    """The part of a purchase that a credit belongs to, while it is not counted."""
    parts = QualifyingPart.objects.select_related("purchase").filter(purchase=bought, policy=_policy(origin))
    return parts.filter(is_cancelled=False, is_counted=False).first()


def _policy(credit: Entry) -> str:
    """The name of the expiry policy that a credit follows; empty for the wallet's own."""
    policy_id = credit.explanation.get("lot", {}).get("policy")
    return ExpiryPolicy.objects.get(pk=policy_id).name if policy_id else ""


def _waits(part: QualifyingPart, origin: Entry, *, at: datetime) -> bool:
    """Whether any credit of a part still waits."""
    mine = [credit for credit in credits_of(part.purchase, origin.account_id) if _policy(credit) == part.policy]
    return any(confirming.is_waiting(lot, at=at) for lot in Lot.objects.filter(entry__any_of=[one.pk for one in mine]))
