"""What some kinds of rewards are made of: the file of a download, the steps of a discount for business members."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models import Program


class Measure(models.TextChoices):
    """What a discount for business members grows with."""

    VOLUME = "volume", _("what was bought in twelve months")
    TENURE = "tenure", _("years as a member")


class PrivateFile(models.Model):
    """A file that only members who hold it may fetch. Found by the digest of its name and content; it never changes."""

    program = models.ForeignKey(Program, models.PROTECT, related_name="private_files", verbose_name=_("program"))
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    name = models.CharField(_("name of the file"), max_length=120)
    size = models.PositiveIntegerField(_("bytes"))
    content = models.BinaryField(_("content"))
    kept_at = models.DateTimeField(_("kept at"))

    class Meta:
        verbose_name = _("private file")
        verbose_name_plural = _("private files")

    def __str__(self) -> str:
        return self.name


class DiscountStep(models.Model):
    """From how much on a discount for business members is how many per cent."""

    reward = models.ForeignKey("rewards.Reward", models.CASCADE, related_name="steps", verbose_name=_("reward"))
    least = models.DecimalField(_("from"), max_digits=14, decimal_places=2)
    percent = models.DecimalField(_("per cent"), max_digits=5, decimal_places=2)

    class Meta:
        verbose_name = _("step of a discount")
        verbose_name_plural = _("steps of discounts")
        ordering = ["reward_id", "least"]
        constraints = [
            models.UniqueConstraint(fields=["reward", "least"], name="discount_step_once_per_amount"),
            models.CheckConstraint(condition=Q(least__gte=0), name="discount_step_not_negative"),
            models.CheckConstraint(condition=Q(percent__gt=0, percent__lte=100), name="discount_step_is_a_share"),
        ]

    def __str__(self) -> str:
        return f"{self.percent} %"
