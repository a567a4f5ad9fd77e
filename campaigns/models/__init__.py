"""The nouns of campaigns: earning rules with their versions, and challenges with what members won by them."""

from campaigns.models.backtests import BackTest
from campaigns.models.campaigns import Campaign, Rule, RuleUse, RuleVersion
from campaigns.models.challenges import (
    Challenge,
    ChallengeEntry,
    ChallengeProgress,
    ChallengeVersion,
    DisplayName,
    Prize,
)
from campaigns.models.turns import CampaignTurn

__all__ = [
    "BackTest", "Campaign", "CampaignTurn", "Challenge", "ChallengeEntry", "ChallengeProgress", "ChallengeVersion", "DisplayName", "Prize", "Rule",
    "RuleUse", "RuleVersion",
]  # fmt: skip
