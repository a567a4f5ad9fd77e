"""Seasons of a program: Ramadan, Harbolnas, Lunar New Year. Their days differ from year to year, so they stand in a table.

A period is never changed or deleted: another revision of the same label corrects it, and the highest one counts. So a
season sighted a day later than computed is known to have been expected earlier (DOMAIN 9.1).
"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import Named
from loyalty.ledger.models.programs import Program


class Season(Named):
    """A named season of a program; campaigns recur in it, and points can last until its end."""

    program = models.ForeignKey(Program, models.PROTECT, related_name="seasons", verbose_name=_("program"))
    slug = models.SlugField(_("short name"))

    class Meta:
        verbose_name = _("season")
        verbose_name_plural = _("seasons")
        ordering = ["program_id", "name"]
        constraints = [models.UniqueConstraint(fields=["program", "slug"], name="season_slug_once_per_program")]


class SeasonPeriod(models.Model):
    """The days of a season in one year, both included, in the program clock; without days: withdrawn."""

    is_append_only = True

    season = models.ForeignKey(Season, models.PROTECT, related_name="periods", verbose_name=_("season"), db_index=False)
    label = models.CharField(_("year"), max_length=20, help_text=_("The year it is called by, such as 2027 or 1448 H."))
    revision = models.PositiveIntegerField(_("revision"))
    first_day = models.DateField(_("first day"), null=True, blank=True)
    last_day = models.DateField(_("last day"), null=True, blank=True)
    source = models.CharField(
        _("source"), max_length=200, help_text=_("Who says so, such as a ministry or a calendar.")
    )
    recorded_at = models.DateTimeField(_("recorded at"))
    recorded_by = models.CharField(_("recorded by"), max_length=64)

    class Meta:
        verbose_name = _("days of a season")
        verbose_name_plural = _("days of seasons")
        ordering = ["season_id", "-first_day", "-revision"]
        constraints = [
            models.UniqueConstraint(
                fields=["season", "label", "revision"], name="season_period_revision_once_per_year"
            ),
            models.CheckConstraint(
                condition=Q(first_day__isnull=True, last_day__isnull=True)
                | Q(first_day__isnull=False, last_day__isnull=False, last_day__gte=F("first_day")),
                name="season_period_ends_after_it_begins",
            ),
            models.CheckConstraint(condition=Q(revision__gt=0), name="season_period_revision_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.season} {self.label}"
