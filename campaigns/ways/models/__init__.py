"""Ways to earn beyond spending, as data. Points are never kept here: every way records an event, and the rules of its kind say what it earns."""

from campaigns.ways.models.deeds import EventDetail, EventKind, Registration, Review
from campaigns.ways.models.gifts import BirthdayGift, GiftGiven
from campaigns.ways.models.referrals import Referral, ReferralCode
from campaigns.ways.models.surprises import SurpriseBudget, SurpriseTaken
from campaigns.ways.models.surveys import Question, Reply, Survey, SurveyAnswer
from campaigns.ways.models.terms import WayTerms

__all__ = [
    "BirthdayGift", "EventDetail", "EventKind", "GiftGiven", "Question", "Referral", "ReferralCode", "Registration", "Reply",
    "Review", "SurpriseBudget", "SurpriseTaken", "Survey", "SurveyAnswer", "WayTerms",
]  # fmt: skip
