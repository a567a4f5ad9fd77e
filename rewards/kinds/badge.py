"""A badge: something to show, once for each member."""

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from loyalty.common.errors import Refusal
from members.models import Member
from rewards.eligibility import judge_held
from rewards.kinds.base import Chosen, Kind
from rewards.models import Redemption, Reward, RewardKind


class Badge(Kind):
    """A badge among those of challenges; it stays."""

    kind = RewardKind.BADGE
    ends_at_once = True
    is_for_tills = False
    staff_words = _("Nothing: the badge stands among the member's badges.")
    member_words = _("The badge is yours and stands among your badges.")

    def refusal(self, member: Member, reward: Reward, chosen: Chosen, *, at: datetime) -> Refusal | None:
        """One of each."""
        had = Redemption.objects.filter(member=member, reward=reward, status=Redemption.Status.USED).exists()
        return judge_held(reward, member, at=at, is_had=had)

    def page(self, redemption: Redemption) -> str:
        """The member's badges."""
        return reverse("portal_challenges")

    def words_of_page(self, redemption: Redemption) -> Any:
        """What the button to them says."""
        return _("See my badges")
