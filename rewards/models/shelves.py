"""How the catalogue is arranged: its categories, and the pictures of rewards."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import Named
from loyalty.ledger.models import Program


class Category(Named):
    """A shelf of the catalogue."""

    program = models.ForeignKey(Program, models.PROTECT, related_name="reward_categories", verbose_name=_("program"))
    slug = models.SlugField(_("short name"))
    position = models.PositiveIntegerField(_("position in the catalogue"), default=100)

    class Meta:
        verbose_name = _("category of rewards")
        verbose_name_plural = _("categories of rewards")
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["program", "slug"], name="category_slug_once_per_program")]


class Picture(models.Model):
    """A picture as it was re-encoded, in two sizes. Found by the digest of what was uploaded; it never changes."""

    program = models.ForeignKey(Program, models.PROTECT, related_name="pictures", verbose_name=_("program"))
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    small = models.BinaryField(_("small"))
    large = models.BinaryField(_("large"))
    kept_at = models.DateTimeField(_("kept at"))

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")

    def __str__(self) -> str:
        return self.digest[:12]
