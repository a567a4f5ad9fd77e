"""Who was told of which points that run out, when, and by which letter: the proof that nothing ended in silence (DOMAIN 9.2)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.ledger.models import Account
from loyalty.mail.models import Message


class Notice(models.Model):
    """One group of lots of an account, all with the same end, as a letter told of it. Its letter says what became of it.

    `last_lot` is the newest lot of the group when the letter was written: what joined the group later was not told of.
    """

    is_append_only = True

    account = models.ForeignKey(
        Account, models.PROTECT, related_name="notices", verbose_name=_("account"), db_index=False
    )
    expires_at = models.DateTimeField(_("expires at"))
    points = models.BigIntegerField(_("points told of"))
    last_lot = models.BigIntegerField(_("newest lot told of"))
    letter = models.ForeignKey(Message, models.PROTECT, related_name="notices", verbose_name=_("letter"))

    class Meta:
        verbose_name = _("notice of expiry")
        verbose_name_plural = _("notices of expiry")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "expires_at", "letter"], name="lot_group_once_per_letter"),
            models.CheckConstraint(condition=Q(points__gt=0), name="notice_tells_of_points"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
