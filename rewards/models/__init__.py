"""The nouns of the rewards: the catalogue, what members redeemed, and the vouchers they hold."""

from rewards.models.catalogue import DRAWN_THEMSELVES, Reward
from rewards.models.chances import PoolDraw, PoolPrize, PoolPromise, PoolResult, PrizePool
from rewards.models.codes import CodePool, PoolCode, PoolImport
from rewards.models.draws import Draw, DrawEntry, DrawPrize, DrawPromise, DrawResult, DrawWin, DrawWithdrawal
from rewards.models.events import EventSession, Seat
from rewards.models.giving import Cause, Gift
from rewards.models.holding import DiscountStep, Measure, PrivateFile
from rewards.models.kinds import RewardKind
from rewards.models.lasting import VoucherExtension, VoucherTerms
from rewards.models.parcels import Parcel
from rewards.models.paying import PointsGivenBack, PointsPayment, PointsTerms
from rewards.models.pricing import RewardPopularity, RewardPrice, StoreStock
from rewards.models.redeeming import Redemption, Voucher, VoucherUse
from rewards.models.shelves import Category, Picture
from rewards.models.spans import in_season

__all__ = [
    "DRAWN_THEMSELVES",
    "Category", "Cause", "CodePool", "DiscountStep", "Draw", "DrawEntry", "DrawPrize", "DrawPromise", "DrawResult", "DrawWin",
    "DrawWithdrawal", "EventSession", "Gift", "Measure", "Parcel", "Picture", "PointsGivenBack", "PointsPayment", "PointsTerms",
    "PoolCode", "PoolDraw", "PoolImport", "PoolPrize", "PoolPromise", "PoolResult", "PrivateFile", "PrizePool", "Redemption", "Reward", "RewardKind", "RewardPopularity", "RewardPrice", "Seat", "StoreStock",
    "Voucher", "VoucherExtension", "VoucherTerms", "VoucherUse", "in_season",
]  # fmt: skip
