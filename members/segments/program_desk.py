"""What the desk's pages of segments and snapshots share: the program looked at, questions in words, members as a table."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from loyalty.backoffice import DeskAdmin
from loyalty.desk import programs
from loyalty.desk.panels import EMPTY, Panel, link
from members.models import Member
from members.segments.models import Segment
from members.segments.reading import in_words, names_of

COLUMNS = (
    (_("Number"), lambda m: m.number), (_("Name"), lambda m: m.name), (_("E-mail"), lambda m: m.email), (_("Phone"), lambda m: m.phone),
    (_("Language"), lambda m: m.language), (_("Tier"), lambda m: m.tier.slug), (_("Enrolled at"), lambda m: m.enrolled_at),
)  # fmt: skip


class OfProgram(DeskAdmin):
    """Lists what belongs to the program being looked at."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(program=programs.chosen(request)).select_related("program")

    def names(self, request: HttpRequest) -> dict[str, str]:
        """What tiers and stores are called; asked once per request."""
        if not hasattr(request, "_segment_names"):
            program = programs.chosen(request)
            request._segment_names = names_of(program) if program else {}
        return request._segment_names

    def words(self, request: HttpRequest, record: Any) -> str:
        """Who is asked for, as a sentence."""
        return in_words(record.definition, currency=record.program.currency, names=self.names(request))


def members_panel(found: list[Member], why: Segment | None) -> Panel:
    """Some members as a table."""
    rows = [
        (
            link(reverse("admin:members_member_change", args=[m.pk]), m),
            m.shown_number,
            m.tier,
            link(reverse("admin:segments_segment_why", args=[why.pk, m.number]), _("Why?")) if why else EMPTY,
        )
        for m in found
    ]
    return Panel(
        _("Some of its members"),
        [_("Member"), _("Member number"), _("Tier"), _("Why")],
        rows,
        _("Nobody is in it now."),
    )


class ArchivedFilter(admin.SimpleListFilter):
    """What is in use, unless the archive is asked for."""

    title = _("archive")
    parameter_name = "archived"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """One word: without it, what is not archived."""
        return [("yes", _("archived"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Segment]) -> QuerySet[Segment]:
        """One or the other; the page of one segment shows both."""
        if request.resolver_match and not (request.resolver_match.url_name or "").endswith("_changelist"):
            return queryset
        return queryset.filter(archived_at__isnull=self.value() != "yes")
