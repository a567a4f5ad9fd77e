"""Entries of a prize draw (DOMAIN 7.5, docs/draws.md)."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loyalty.common.errors import Refusal
from members.models import Member
from rewards.draws import entering
from rewards.kinds.base import Chosen, Kind
from rewards.models import Redemption, Reward, RewardKind

# The voucher of an entry is never shown; until it is marked as used by the draw, it must not be past its end.
DRAWN_WITHIN = timedelta(days=365)


class DrawEntries(Kind):
    """One or more entries of a prize draw: numbered at once, taken out again when they are cancelled before the close."""

    kind = RewardKind.DRAW
    asks = ("draw", "draw_entries")
    is_for_tills = False
    can_last_longer = False
    standing_words = _("Takes part in a draw")
    staff_words = _(
        "Nothing: the entries are numbered. The winners are drawn when the draw closes, and get their prizes then."
    )
    member_words = _("You take part. The winners are drawn when the draw closes; you are told if you have won.")

    def refusal(self, member: Member, reward: Reward, chosen: Chosen, *, at: datetime) -> Refusal | None:
        """Entries are taken while the draw is open."""
        return entering.unenterable(entering.draw_of(reward), at=at)

    def facts(self, redemption: Redemption, *, at: datetime) -> list[tuple[str, str]]:
        """The draw, the numbers, and until when they can be given back."""
        draw = entering.draw_of(redemption.reward)
        numbers = entering.numbers_of(redemption)
        with timezone.override(redemption.program.time_zone):
            closes = date_format(timezone.localtime(draw.closes_at), "DATETIME_FORMAT")
        told = ", ".join(str(number) for number in numbers)
        return [
            (gettext("Your numbers"), told or "–"),
            (gettext("Prize draw"), str(draw)),
            (gettext("Entries until"), closes),
        ]

    def page(self, redemption: Redemption) -> str:
        """The public page of the draw."""
        return entering.draw_of(redemption.reward).get_absolute_url()

    def words_of_page(self, redemption: Redemption) -> Any:
        """What the button to it says."""
        return _("See the draw")

    def span(self, redemption: Redemption, *, at: datetime) -> tuple[datetime, datetime]:
        """Until it is drawn, however late the job is."""
        return at, entering.draw_of(redemption.reward).closes_at + DRAWN_WITHIN

    def complete(self, redemption: Redemption, *, at: datetime, actor: str) -> None:
        """Number the entries under the lock of the draw, before the letter that tells the numbers."""
        entering.enter(redemption, at=at)

    def uncancellable(self, redemption: Redemption, *, at: datetime, by_member: bool) -> Refusal | None:
        """What was drawn, or is about to be, stands."""
        return entering.unwithdrawable(redemption, at=at)

    def give_back(self, redemption: Redemption, *, at: datetime, actor: str) -> None:
        """The entries take part no more; their numbers are not given again."""
        entering.withdraw(redemption, at=at, actor=actor)
        super().give_back(redemption, at=at, actor=actor)
