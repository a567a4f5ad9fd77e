"""Prizes by chance, known at once: something out of a pool for every redemption, or for one in so many (DOMAIN 7.4, docs/draws.md)."""

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loyalty.common.errors import Refusal
from members.models import Member, MemberAccount
from rewards.chances import drawing, showing
from rewards.chances.terms import pool_of
from rewards.kinds.base import Chosen, Kind
from rewards.models import Redemption, Reward, RewardKind


class ByChance(Kind):
    """A number of a pool. What it wins is given at once, so that nobody cancels until the best prize comes."""

    ends_at_once = True
    is_for_tills = False
    leads_with_fact = True
    asks = ("prize_pool",)

    def also_locked(self, member: Member, reward: Reward) -> list[int]:
        """Every account of the member: nobody knows yet which wallet a prize credits."""
        return list(MemberAccount.objects.filter(member=member).values_list("account_id", flat=True))

    def refusal(self, member: Member, reward: Reward, chosen: Chosen, *, at: datetime) -> Refusal | None:
        """Numbers are drawn while the pool is open and has a prize left."""
        return drawing.undrawable(pool_of(reward), at=at)

    def complete(self, redemption: Redemption, *, at: datetime, actor: str) -> None:
        """Draw the number and give what it won."""
        drawing.draw(redemption, at=at, actor=actor)

    def facts(self, redemption: Redemption, *, at: datetime) -> list[tuple[str, str]]:
        """What was won, and by which number."""
        drawn = drawing.drawn_for(redemption)
        if drawn is None:
            return []
        return [
            (gettext("You won"), str(drawn.prize or gettext("nothing this time"))),
            (gettext("Your number"), str(drawn.number)), (gettext("Drawn from"), str(drawn.prize_pool)),
        ]  # fmt: skip

    def page(self, redemption: Redemption) -> str:
        """What was won where it is a voucher, else the public page of the pool."""
        drawn = drawing.drawn_for(redemption)
        if drawn is None:
            return ""
        won = drawn.redemption_id
        return reverse("portal_voucher", args=[won]) if won else drawn.prize_pool.get_absolute_url()

    def words_of_page(self, redemption: Redemption) -> Any:
        """What the button to it says."""
        drawn = drawing.drawn_for(redemption)
        return _("See what you won") if drawn and drawn.redemption_id else _("See the odds")

    def form(self, reward: Reward, *, at: datetime) -> dict[str, Any]:
        """The odds, before anybody pays."""
        return {"chances": showing.chances(pool_of(reward), at=at)}


class Mystery(ByChance):
    """Something out of a pool, nobody knows what."""

    kind = RewardKind.MYSTERY
    staff_words = _("Nothing: the prize is drawn and given at once. What it is stands with the redemption.")
    member_words = _("Your prize was drawn at once. Once the pool is closed, everybody can compute it again.")


class InstantWin(ByChance):
    """One number in so many wins."""

    kind = RewardKind.INSTANT
    staff_words = _("Nothing: whether the number wins is known at once, and the prize is given at once.")
    member_words = _("Your number was drawn at once. Once the pool is closed, everybody can compute it again.")
