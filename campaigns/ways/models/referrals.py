"""Friends whom members brought, as data (DOMAIN 10.2)."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models import Program
from members.models import Member, Purchase


class ReferralCode(models.Model):
    """The code by which a member brings friends, theirs for ever."""

    member = models.OneToOneField(Member, models.PROTECT, related_name="referral_code", verbose_name=_("member"))
    code = models.CharField(_("code"), max_length=12, unique=True)
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("referral code")
        verbose_name_plural = _("referral codes")

    def __str__(self) -> str:
        return self.code


class Referral(models.Model):
    """A friend who came by a member's code: once for ever. `reasons` names what was found against it (campaigns.ways.suspicions).

    `rounds` is how often it was rewarded (again after a reward was taken back); `milestone_round` is the one whose milestone stands.
    The digests tell a second friend of the same address or phone, without keeping either.
    """

    class Status(models.TextChoices):
        BOUND = "bound", _("waits for a purchase")
        HELD = "held", _("held for review")
        REWARDED = "rewarded", _("rewarded")
        TAKEN_BACK = "taken_back", _("taken back")
        REFUSED = "refused", _("refused")
        LAPSED = "lapsed", _("lapsed")

    program = models.ForeignKey(
        Program, models.PROTECT, related_name="referrals", verbose_name=_("program"), db_index=False
    )
    referrer = models.ForeignKey(
        Member, models.PROTECT, related_name="brought", verbose_name=_("brought by"), db_index=False
    )
    friend = models.OneToOneField(Member, models.PROTECT, related_name="brought_by", verbose_name=_("friend"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.BOUND)
    reasons = models.JSONField(_("reasons"), default=list, blank=True)
    email_digest = models.CharField(_("digest of the e-mail"), max_length=64, blank=True)
    phone_digest = models.CharField(_("digest of the phone"), max_length=64, blank=True)
    bound_at = models.DateTimeField(_("bound at"))
    buys_before = models.DateTimeField(_("buys before"))
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=64, blank=True)
    note = models.CharField(_("why"), max_length=200, blank=True)
    purchase = models.ForeignKey(
        Purchase, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("purchase")
    )
    rewarded_at = models.DateTimeField(_("rewarded at"), null=True, blank=True)
    rounds = models.PositiveSmallIntegerField(_("times rewarded"), default=0)
    points = models.BigIntegerField(_("points of the member"), default=0)
    friend_points = models.BigIntegerField(_("points of the friend"), default=0)
    milestone_round = models.PositiveSmallIntegerField(_("round whose milestone stands"), default=0)

    class Meta:
        verbose_name = _("referral")
        verbose_name_plural = _("referrals")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(referrer=F("friend")), name="nobody_brings_themselves"),
            models.CheckConstraint(
                condition=~Q(status="rewarded") | Q(rewarded_at__isnull=False, rounds__gt=0),
                name="referral_rewarded_at_some_time",
            ),
        ]
        indexes = [
            models.Index(fields=["referrer", "-bound_at"], name="referral_by_member"),
            models.Index(fields=["program", "status", "-id"], name="referral_by_status"),
            models.Index(fields=["email_digest"], condition=~Q(email_digest=""), name="referral_by_email"),
            models.Index(fields=["phone_digest"], condition=~Q(phone_digest=""), name="referral_by_phone"),
        ]

    def __str__(self) -> str:
        return f"{self.referrer} → {self.friend}"
