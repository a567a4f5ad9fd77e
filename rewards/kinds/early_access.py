"""Early access: another reward is offered to this member so many days before everybody else (DOMAIN 7.4)."""

from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loyalty.common.clock import local_day
from loyalty.common.errors import Refusal
from members.models import Member
from rewards import early
from rewards.eligibility import judge_opening
from rewards.kinds.base import Chosen, Kind
from rewards.models import Redemption, Reward, RewardKind


class EarlyAccessBegun(Refusal):
    """What it opens could be had already; only staff cancel it."""

    code = "early_access_begun"


class EarlyAccess(Kind):
    """The right to have another reward before its first day; it stands until that day."""

    kind = RewardKind.EARLY
    is_for_tills = False
    can_last_longer = False
    asks = ("opens", "early_days")
    standing_words = _("You may go first")
    staff_words = _("Nothing: the other reward is open to this member from the day that stands here.")
    member_words = _("The other reward is open to you before everybody else.")

    def refusal(self, member: Member, reward: Reward, chosen: Chosen, *, at: datetime) -> Refusal | None:
        """Only what is not open yet, and once."""
        return judge_opening(reward, at=at, is_had=early.is_held(member, reward))

    def span(self, redemption: Redemption, *, at: datetime) -> tuple[datetime, datetime]:
        """Until the other reward is open to everybody."""
        return at, _opened(redemption)[1]

    def uncancellable(self, redemption: Redemption, *, at: datetime, by_member: bool) -> Refusal | None:
        """Members cancel until it begins, staff until it ends."""
        if not by_member or at < _opened(redemption)[0]:
            return None
        return EarlyAccessBegun(
            gettext("Your early access has begun, so it cannot be cancelled. Ask us if it was a mistake.")
        )

    def facts(self, redemption: Redemption, *, at: datetime) -> list[tuple[str, str]]:
        """What it opens, from which day for this member, and from which for all."""
        zone = redemption.program.time_zone
        mine, everybodys = (date_format(local_day(when, zone)) for when in _opened(redemption))
        return [
            (gettext("Opens early"), str(redemption.reward.opens)), (gettext("For you from"), mine),
            (gettext("For everybody from"), everybodys),
        ]  # fmt: skip

    def page(self, redemption: Redemption) -> str:
        """The reward it opens."""
        opened = redemption.reward.opens
        return reverse("portal_reward_redeem", args=[opened.slug]) if opened else ""

    def words_of_page(self, redemption: Redemption) -> Any:
        """What the button to it says."""
        return _("See what it opens")


def _opened(redemption: Redemption) -> tuple[datetime, datetime]:
    """From when the member may have the other reward, and from when everybody may; what lost its date is open to all."""
    reward = redemption.reward
    opens_at = (reward.opens.offered_from if reward.opens else None) or redemption.redeemed_at
    return opens_at - timedelta(days=reward.early_days or 0), opens_at
