"""A tier for a time: held from now on until its own end, whatever the member collects meanwhile (DOMAIN 8.2)."""

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loyalty.common.clock import last_valid_day
from loyalty.common.errors import Refusal
from members.models import Member, MemberAccount, TierGrant
from members.tiers import granting
from rewards.eligibility import judge_held
from rewards.kinds.base import Chosen, Kind
from rewards.models import Redemption, Reward, RewardKind


class TierStands(Refusal):
    """A tier that was taken is given back by staff only."""

    code = "tier_stands"


class TierUpgrade(Kind):
    """A tier through the last of the reward's days; staff who cancel it end it and give the points back."""

    kind = RewardKind.TIER
    is_for_tills = False
    can_last_longer = False
    asks = ("tier",)
    standing_words = _("Active now")
    staff_words = _(
        "Nothing: the member has the tier until its last day. Cancelling ends it and gives the points back."
    )
    member_words = _("You have this tier until its last day, whatever you collect meanwhile.")

    def also_locked(self, member: Member, reward: Reward) -> list[int]:
        """The main account, which tiers are locked by."""
        main = MemberAccount.objects.filter(member=member, wallet__is_main=True)
        return list(main.values_list("account_id", flat=True))

    def refusal(self, member: Member, reward: Reward, chosen: Chosen, *, at: datetime) -> Refusal | None:
        """Only a tier above the present one."""
        return judge_held(reward, member, at=at, is_had=False)

    def complete(self, redemption: Redemption, *, at: datetime, actor: str) -> None:
        """Give the tier until the voucher's end."""
        tier = redemption.reward.tier
        if tier is None:
            raise TypeError(f"{redemption.reward} gives no tier")
        granting.give(
            redemption.member, tier, until=redemption.voucher.expires_at, reason=redemption.reward.name,
            reference=_reference(redemption), at=at, actor=actor, kind=TierGrant.Kind.BOUGHT,
        )  # fmt: skip

    def uncancellable(self, redemption: Redemption, *, at: datetime, by_member: bool) -> Refusal | None:
        """Staff alone give a tier back: a member could use its benefits first."""
        return (
            TierStands(gettext("A tier is yours once you have it. Ask us if it was a mistake.")) if by_member else None
        )

    def give_back(self, redemption: Redemption, *, at: datetime, actor: str) -> None:
        """The tier ends now; the piece is free."""
        for grant in TierGrant.objects.filter(member=redemption.member_id, reference=_reference(redemption)):
            granting.withdraw(grant, at=at, actor=actor)
        super().give_back(redemption, at=at, actor=actor)

    def facts(self, redemption: Redemption, *, at: datetime) -> list[tuple[str, str]]:
        """Which tier, and until when."""
        end = last_valid_day(redemption.voucher.expires_at, redemption.program.time_zone)
        return [(gettext("Tier"), str(redemption.reward.tier)), (gettext("Kept through"), date_format(end))]

    def page(self, redemption: Redemption) -> str:
        """The member's tier."""
        return reverse("portal_tier")

    def words_of_page(self, redemption: Redemption) -> Any:
        """What the button to it says."""
        return _("See my tier")


def _reference(redemption: Redemption) -> str:
    """By which the grant of a redemption is known."""
    return f"reward:{redemption.pk}"
