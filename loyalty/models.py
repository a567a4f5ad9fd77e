"""Rights on the desk that belong to no single table."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class DeskRight(models.Model):
    """Holds permissions only; it has no table."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("export_lists", _("Can take lists out as files")),
            ("run_jobs", _("Can start and stop jobs")),
            ("see_figures", _("Can see the figures of the program")),
        ]
        verbose_name = _("right on the desk")
        verbose_name_plural = _("rights on the desk")

    def __str__(self) -> str:
        return ""
