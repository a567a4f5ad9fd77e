"""The letter of a birthday gift, and the gift in words (DOMAIN 10.3, 11.1)."""

from collections.abc import Sequence
from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext as _

from campaigns.ways.models import GiftGiven
from loyalty.common.clock import last_valid_day
from loyalty.common.languages import in_language
from loyalty.common.money import show_points
from loyalty.ledger.models import Program, Wallet
from loyalty.mail import outbox
from members.models import Member
from rewards.models import Redemption, Reward


def tell(program: Program, given: Sequence[GiftGiven], *, at: datetime) -> None:
    """Write to these members: once for the gift, and once more when a reward that was owed is given."""
    members = Member.objects.select_related("program").in_bulk({one.member_id for one in given})
    vouchers = Redemption.objects.select_related("voucher", "reward").in_bulk([one.redemption_id for one in given if one.redemption_id])  # fmt: skip
    wallet = Wallet.objects.get(program=program, is_main=True)
    outbox.queue_many(
        _letter(one, members[one.member_id], vouchers.get(one.redemption_id), wallet, at=at) for one in given
    )


def in_words(points: int, reward: Reward | None, wallet: Wallet) -> str:
    """A gift in the reader's language: points in the wallet's smallest unit, a reward, or both."""
    said = [f"{show_points(points, wallet.decimals)} {wallet.name_of(points)}"] if points else []
    said += [str(reward)] if reward is not None else []
    return _("%(points)s and %(reward)s") % {"points": said[0], "reward": said[1]} if len(said) > 1 else "".join(said)


def _letter(
    given: GiftGiven, member: Member, redemption: Redemption | None, wallet: Wallet, *, at: datetime
) -> outbox.Letter:
    voucher = redemption.voucher if redemption else None
    with translation.override(member.language):
        context = {
            "name": member.name,
            "program": in_language(member.program, "name", member.language),
            "gift": in_words(given.points, redemption.reward if redemption else None, wallet),
            "code": voucher.shown_code if voucher else "",
            "valid_until": last_valid_day(voucher.expires_at, member.program.time_zone).isoformat() if voucher else "",
            "owed": "yes" if given.owed else "",
        }
    return outbox.Letter(
        recipient=member.number, address=member.email, language=member.language, kind="birthday_gift",
        subject=f"birthday:{given.year}", context=context, at=at, period="" if not given.redemption_id else f"v{given.redemption_id}",
    )  # fmt: skip
