"""The letter to a winner of a draw, in the member's language."""

from datetime import datetime

from django.utils import translation

from loyalty.common.clock import last_valid_day
from loyalty.mail import outbox
from members.models import Member
from rewards.draws.wording import prize_in_words
from rewards.models import DrawWin


def tell_winner(win: DrawWin, member: Member, *, at: datetime) -> None:
    """Queue the letter about a prize that was given just now, once per win."""
    voucher = win.redemption.voucher if win.redemption else None
    with translation.override(member.language):
        context = {
            "name": member.name,
            "program": str(member.program),
            "draw": str(win.draw),
            "prize": prize_in_words(win.prize),
            "number": win.entry.number,
            "code": voucher.shown_code if voucher and voucher.is_live else "",
            "valid_until": last_valid_day(voucher.expires_at, member.program.time_zone).isoformat() if voucher else "",
            "page": win.draw.get_absolute_url(),
        }
    outbox.queue(
        recipient=member.number, address=member.email, language=member.language, kind="draw_won", subject=f"draw:{win.pk}",
        context=context, at=at,
    )  # fmt: skip
