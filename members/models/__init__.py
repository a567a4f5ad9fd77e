"""The nouns of the members: who they are, what they did, and the tiers they stayed in."""

from loyalty.common.languages import LANGUAGES
from members.models.buying import Confirmation, Event, Purchase, PurchaseLine, Refund
from members.models.consents import Consent, ConsentTerms
from members.models.people import Member, MemberAccount
from members.models.tiers import Tier, TierGrant, TierPolicy, TierPolicyVersion, TierStay
from members.models.waiting import QualifyingPart

__all__ = [
    "LANGUAGES", "Confirmation", "Consent", "ConsentTerms", "Event", "Member", "MemberAccount", "Purchase", "PurchaseLine",
    "QualifyingPart", "Refund", "Tier", "TierGrant", "TierPolicy", "TierPolicyVersion", "TierStay",
]  # fmt: skip
