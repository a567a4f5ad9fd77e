"""Points become a credit in another wallet of the member, at once: store credit, cashback."""

from datetime import datetime

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loyalty.common.errors import Refusal
from loyalty.ledger import posting
from members.models import Member, MemberAccount
from rewards.kinds.base import Kind
from rewards.models import Redemption, Reward, RewardKind


class NoAccount(Refusal):
    """The member has no account in a wallet that the reward needs."""

    code = "no_account"


class StoreCredit(Kind):
    """Credit that is spent at the till like points of its wallet."""

    kind = RewardKind.CREDIT
    ends_at_once = True
    asks = ("credit_wallet", "credit")
    staff_words = _("Nothing: the credit is in the member's wallet. At the till it is held and captured from there.")
    member_words = _("The credit is in your wallet and can be spent now.")

    def also_locked(self, member: Member, reward: Reward) -> list[int]:
        """The account that is credited. Raises NoAccount."""
        accounts = MemberAccount.objects.filter(member=member, wallet=reward.credit_wallet_id)
        found = list(accounts.values_list("account_id", flat=True))
        if not found:
            raise NoAccount(gettext("This member has no account in the wallet this reward credits."))
        return found

    def complete(self, redemption: Redemption, *, at: datetime, actor: str) -> None:
        """Credit the wallet, once for each redemption."""
        reward = redemption.reward
        (account_id,) = self.also_locked(redemption.member, reward)
        posting.accrue(
            account_id, reward.credit or 0, at=at, reference=f"reward:{redemption.reference}", source="reward", actor=actor,
            reason=reward.name,
        )  # fmt: skip


class Cashback(StoreCredit):
    """Money back in the cashback wallet."""

    kind = RewardKind.CASHBACK
    staff_words = _("Nothing: the cashback is in the member's wallet.")
    member_words = _("The cashback is in your wallet.")
