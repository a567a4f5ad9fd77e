"""The timetable on the desk: when each job is due, and whether it runs by itself."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loyalty.backoffice import DeskAdmin
from loyalty.desk.panels import badge, two_lines
from loyalty.jobs import registry, timetable
from loyalty.jobs.models import JobSchedule


@admin.register(JobSchedule)
class JobScheduleAdmin(DeskAdmin):
    """From when on each job is due, and whether it runs by itself: yours to edit, upgrades leave it alone."""

    list_display = ["shown_title", "shown_when", "shown_state", "reason"]
    list_display_links = ["shown_title"]
    fieldsets = [(None, {"fields": ["job", "is_on", "due_from", "reason"]})]
    readonly_fields = ["job"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[JobSchedule]:
        """The jobs there are, in the order of the night."""
        known = [job.name for job in registry.jobs()]
        place = Case(*(When(job=name, then=place) for place, name in enumerate(known)))
        return (
            JobSchedule.objects.filter(job__in=known).annotate(place=place).order_by("place")
        )  # not the parent's way: it knows no annotation

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["place"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A job of every nudge has no time of day."""
        if obj is not None and not registry.find(obj.job).is_daily:
            return [(None, {"fields": ["job", "is_on", "reason"]})]
        return self.fieldsets

    def complete(self, rows: list[JobSchedule]) -> None:
        """The timetable, read once for the page."""
        times = timetable.read()
        for row in rows:
            row.times = times

    @display(description=_("job"))
    def shown_title(self, row: JobSchedule) -> str:
        return two_lines(row, row.job)

    @display(description=_("due from"))
    def shown_when(self, row: JobSchedule) -> Any:
        if not registry.find(row.job).is_daily:
            return _("at every nudge")
        due = getattr(row, "times", None) and row.times.daily.get(row.job)
        if due and due > row.due_from:
            return _("%(due)s, after the jobs before it") % {"due": due.strftime("%H:%M")}
        return row.due_from.strftime("%H:%M")

    @display(description=_("runs by itself"))
    def shown_state(self, row: JobSchedule) -> str:
        return badge(_("yes"), "good") if row.is_on else badge(_("switched off"), "bad")
