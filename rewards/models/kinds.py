"""What kinds of rewards there are: the code that the database and the API know, and its name."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class RewardKind(models.TextChoices):
    """What a member gets. What each kind does is told by its class in `rewards.kinds`."""

    DISCOUNT = "discount", _("discount")
    PRODUCT = "product", _("free product")
    SERVICE = "service", _("free service")
    SHIPPING = "shipping", _("free shipping")
    DONATION = "donation", _("donation")
    SAMPLE = "sample", _("free sample")
    CREDIT = "credit", _("store credit")
    CASHBACK = "cashback", _("cashback")
    GIFT_CARD = "gift_card", _("gift card")
    EXPERIENCE = "experience", _("experience")
    DRAW = "draw", _("entry in a prize draw")
    MYSTERY = "mystery", _("mystery reward")
    INSTANT = "instant", _("instant win")
    TIER = "tier", _("tier for a time")
    BADGE = "badge", _("badge")
    BENEFIT = "benefit", _("membership or benefit")
    BUSINESS = "business", _("discount for business members")
    WARRANTY = "warranty", _("longer warranty or returns")
    EARLY = "early", _("early access")
    DOWNLOAD = "download", _("download")
