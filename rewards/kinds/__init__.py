"""The kinds of rewards, one small class each (docs/rewards.md)."""

from rewards.kinds.badge import Badge
from rewards.kinds.base import Kind
from rewards.kinds.benefit import Benefit
from rewards.kinds.business import BusinessDiscount
from rewards.kinds.chance import InstantWin, Mystery
from rewards.kinds.crediting import Cashback, StoreCredit
from rewards.kinds.discount import Discount
from rewards.kinds.donation import Donation
from rewards.kinds.downloading import Download
from rewards.kinds.drawing import DrawEntries
from rewards.kinds.early_access import EarlyAccess
from rewards.kinds.experience import Experience
from rewards.kinds.free_service import Service
from rewards.kinds.gift_card import GiftCard
from rewards.kinds.product import Product
from rewards.kinds.sample import Sample
from rewards.kinds.shipping import Shipping
from rewards.kinds.tier_upgrade import TierUpgrade
from rewards.kinds.warranty import Warranty
from rewards.models import Reward, RewardKind

ALL = (
    Discount(),
    Product(),
    Service(),
    Shipping(),
    Donation(),
    Sample(),
    StoreCredit(),
    Cashback(),
    Experience(),
    DrawEntries(),
    GiftCard(),
    Mystery(),
    InstantWin(),
    TierUpgrade(),
    Badge(),
    Benefit(),
    BusinessDiscount(),
    Warranty(),
    EarlyAccess(),
    Download(),
)
KINDS: dict[str, Kind] = {one.code: one for one in ALL}
# What some kinds ask and the others must leave empty.
ASKED = sorted({name for one in ALL for name in one.asks})


def fields_by_kind() -> dict[str, list[str]]:
    """The fields of the desk's form that are only some kinds' own."""
    named = {"file": "private_file"}
    return {
        one.code: [*(named.get(name, name) for name in one.asks), *(["is_sent"] if one.can_be_sent else [])]
        for one in ALL
    }


def of(reward: Reward) -> Kind:
    """The kind of a reward, to be asked what is its own."""
    return KINDS[RewardKind(reward.kind)]
