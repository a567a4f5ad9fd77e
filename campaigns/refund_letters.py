"""The letter after goods came back: which order, by which rule, how many points, and the new balance (DOMAIN 6.3)."""

from collections.abc import Sequence
from datetime import datetime

from django.utils import translation

from campaigns import explanations
from campaigns.purchases_again import Account
from loyalty.common.money import show_money, show_points
from loyalty.ledger import statements
from loyalty.mail import outbox
from members.models import Member, MemberAccount, Refund


def tell(applied: Sequence[tuple[Account, Refund]], *, at: datetime) -> None:
    """Write to the members whose points were taken back, once per refund; those without an address read it in the portal."""
    told = [(account, refund) for account, refund in applied if refund.points]
    if not told:
        return
    members = Member.objects.select_related("program").in_bulk({account.bought.member_id for account, _ in told})
    pairs = MemberAccount.objects.filter(member__any_of=list(members), wallet__is_main=True).select_related("wallet")
    held = {pair.member_id: pair for pair in pairs}
    balances = statements.balances([pair.account_id for pair in held.values()], at=at)
    outbox.queue_many(
        _letter(account, refund, members[account.bought.member_id], held[account.bought.member_id], balances, at)
        for account, refund in told
    )


def _letter(
    account: Account,
    refund: Refund,
    member: Member,
    pair: MemberAccount,
    balances: dict[int, statements.Balance],
    at: datetime,
) -> outbox.Letter:
    """One letter, in the member's language."""
    wallet, balance = pair.wallet, balances[pair.account_id]

    def points(amount: int) -> str:
        return f"{show_points(amount, wallet.decimals)} {wallet.name_of(amount)}"

    with translation.override(member.language):
        context = {
            "name": member.name,
            "program": str(member.program),
            "receipt": refund.receipt,
            "amount": show_money(refund.amount, account.bought.currency),
            "points": points(refund.points),
            "why": explanations.sentence(account.explanation or {}),
            "kept": points(account.bought.points - account.bought.points_returned),
            "balance": points(balance.available),
            "debt": points(balance.debt) if balance.debt else "",
        }
    return outbox.Letter(
        recipient=member.number,
        address=member.email,
        language=member.language,
        kind="refunded",
        subject=refund.reference,
        context=context,
        at=at,
    )
