"""What all kinds of rewards have in common, and what each may answer differently.

A kind knows no member and no time by itself: `rewards.redemption` asks it at each step of the one course that every
reward takes. The common answer is a voucher that is shown at the till.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from loyalty.common.bulk import insert_one
from loyalty.common.clock import day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.common.ids import voucher_code
from members.models import Member
from rewards import pools
from rewards.digests import code_digest
from rewards.models import Redemption, Reward, RewardKind, Voucher
from rewards.stocks import give_back, take_one

# What a member chose besides the reward, by the names its kind asks for; nothing for most kinds.
Chosen = Mapping[str, Any]


class Kind:
    """One kind of reward. A subclass names its `kind` and what staff and members read."""

    kind: ClassVar[RewardKind]
    # What staff or the till do with it, and what the member does.
    staff_words: ClassVar[Any]
    member_words: ClassVar[Any] = _("Show this at the till. Whoever knows the code can use it, so keep it to yourself.")

    # Whether it is done with when it is redeemed: nothing is shown at a till, nothing can be cancelled.
    ends_at_once: ClassVar[bool] = False
    # Whether a till can use its voucher.
    is_for_tills: ClassVar[bool] = True
    # Columns of the reward that this kind needs and others leave empty.
    asks: ClassVar[tuple[str, ...]] = ()
    # Whether its voucher may be given a later end.
    can_last_longer: ClassVar[bool] = True
    # Whether its uses are told; not where money or days are what ends it.
    counts_uses: ClassVar[bool] = True
    # What is said of one that is not over, in place of "ready to use".
    standing_words: ClassVar[Any] = ""
    # Whether its first fact is what its page tells first.
    leads_with_fact: ClassVar[bool] = False
    # Whether it stands on the member's card.
    is_on_card: ClassVar[bool] = False
    # Whether it may be sent to the member instead of handed over.
    can_be_sent: ClassVar[bool] = False

    @property
    def code(self) -> str:
        """The code that the database and the API know."""
        return self.kind.value

    @property
    def label(self) -> Any:
        """The name of the kind."""
        return self.kind.label

    def shows_code(self, reward: Reward) -> bool:
        """Whether the member is shown a code to use it with."""
        return self.is_for_tills and not self.ends_at_once

    def words_for(self, reward: Reward) -> Any:
        """What the member does with this reward."""
        return self.member_words

    def work_for(self, reward: Reward) -> Any:
        """What staff or the till do with this reward."""
        return self.staff_words

    def kept_from_till(self, redemption: Redemption) -> Refusal | None:
        """Why it is not used at a till at all; None when it is."""
        return None

    def also_locked(self, member: Member, reward: Reward) -> list[int]:
        """Accounts that are touched besides the one that pays; they are locked together with it."""
        return []

    def refusal(self, member: Member, reward: Reward, chosen: Chosen, *, at: datetime) -> Refusal | None:
        """Why what the member chose cannot be had; asked under the lock, before anything is drawn."""
        return None

    def is_same(self, redemption: Redemption, chosen: Chosen) -> bool:
        """Whether an earlier redemption is what is wished for again with the same reference."""
        return True

    def unasked(self, reward: Reward, *, at: datetime) -> Chosen:
        """What is chosen where nobody could be asked, as for a prize."""
        return {}

    def take(self, redemption: Redemption, *, at: datetime) -> None:
        """Take what is scarce, as the last step, because everybody waits for that row. Raises OutOfStock."""
        take_one(redemption.reward, redemption.store_id)

    def uncancellable(self, redemption: Redemption, *, at: datetime, by_member: bool) -> Refusal | None:
        """Why this redemption, still ready to use, cannot be cancelled."""
        return None

    def give_back(self, redemption: Redemption, *, at: datetime, actor: str) -> None:
        """Give back what is scarce when a redemption is cancelled."""
        give_back(redemption)

    def complete(self, redemption: Redemption, *, at: datetime, actor: str) -> None:
        """Give what is given at once, in the transaction of the redemption."""

    def ended(self, *, at: datetime, actor: str) -> dict[str, Any]:
        """How a redemption is written: ready to use, or used at once."""
        return {"status": Redemption.Status.USED, "ended_at": at, "ended_by": actor} if self.ends_at_once else {}

    def span(self, redemption: Redemption, *, at: datetime) -> tuple[datetime, datetime]:
        """From when until when the voucher is valid: at once, and through the last of its days in the program clock."""
        zone = redemption.member.program.time_zone
        return at, day_start(local_day(at, zone) + timedelta(days=redemption.reward.voucher_days + 1), zone)

    def facts(self, redemption: Redemption, *, at: datetime) -> list[tuple[str, str]]:
        """What else the member, the letter and the till are told of it: what it is, and how it is, in words."""
        return []

    def percent(self, redemption: Redemption, *, at: datetime) -> Decimal | None:
        """The discount in per cent that the till computes with; None for kinds that are none."""
        return None

    def page(self, redemption: Redemption) -> str:
        """The address of a page with more about it; empty for most kinds."""
        return ""

    def words_of_page(self, redemption: Redemption) -> Any:
        """What the button to that page says."""
        return _("See more")

    def form(self, reward: Reward, *, at: datetime) -> dict[str, Any]:
        """What the portal's form shows so that the member can choose."""
        return {}

    def chosen_in(self, posted: Mapping[str, str]) -> Chosen:
        """What the member chose in the portal's form."""
        return {}

    def terms_of_voucher(self, reward: Reward) -> dict[str, Any]:
        """Columns of the voucher that are this kind's own."""
        return {}

    def issue(self, redemption: Redemption, *, at: datetime) -> Voucher:
        """Issue what the member holds: a code that is valid for its span."""
        valid_from, end = self.span(redemption, at=at)
        code = voucher_code()
        reward = redemption.reward
        if reward.pool_id is not None:
            pools.give_out(reward.pool_id, redemption)
        return insert_one(
            Voucher(
                redemption=redemption,
                code=code,
                code_digest=code_digest(code),
                valid_from=valid_from,
                expires_at=end,
                **{"uses_allowed": 1 if self.ends_at_once else reward.uses} | self.terms_of_voucher(reward),
                uses=1 if self.ends_at_once else 0,
                used_at=at if self.ends_at_once else None,
                is_live=not self.ends_at_once,
            )
        )
