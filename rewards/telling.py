"""The letter about a reward that was redeemed, in the member's language."""

from datetime import datetime

from django.utils import translation

from loyalty.common.clock import last_valid_day
from loyalty.mail import outbox
from rewards import kinds
from rewards.eligibility import show_amount
from rewards.models import Redemption


def tell(redemption: Redemption, *, at: datetime) -> None:
    """Queue the letter with the code, in the member's language."""
    member, reward, voucher = redemption.member, redemption.reward, redemption.voucher
    available = redemption.balance.available if redemption.balance else 0
    with translation.override(member.language):
        context = {
            "name": member.name,
            "program": str(member.program),
            "reward": str(reward),
            "summary": reward.shown_summary,
            "code": voucher.shown_code if kinds.of(reward).shows_code(reward) else "",
            "given": "" if kinds.of(reward).shows_code(reward) else str(kinds.of(reward).words_for(reward)),
            "facts": [list(fact) for fact in kinds.of(reward).facts(redemption, at=at)],
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
