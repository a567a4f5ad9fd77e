"""Snapshots and the scoring policy at the desk."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from loyalty.backoffice import EXPORT, BookAdmin
from loyalty.common.money import show_points
from loyalty.desk import exporting, people
from loyalty.desk.panels import Panel, Stat, day, link, moment
from members.models import Member
from members.segments.models import MemberScore, ScoringPolicy, Snapshot, SnapshotMember
from members.segments.program_desk import COLUMNS, OfProgram, members_panel
from members.segments.reading import class_name

SHOWN = 20


@admin.register(Snapshot)
class SnapshotAdmin(OfProgram, BookAdmin):
    """Lists of members frozen in time: looked at and exported, never changed."""

    list_display = ["name", "shown_segment", "shown_count", "shown_taken"]
    list_select_related = ["segment"]
    search_fields = ["name"]
    search_help_text = _("Beginning of the name")
    fields = ["name", "shown_segment", "shown_taken", "shown_by"]
    readonly_fields = fields
    actions_detail = ["export_members"]
    empty_words = _("A snapshot keeps who was in a segment at a moment, for a letter or a comparison. Take one on the page of a segment.")  # fmt: skip

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term)

    def page_context(self, request: HttpRequest, record: Snapshot) -> dict[str, Any]:
        panels = []
        if request.user.has_perm("members.view_member"):
            first = Member.objects.filter(snapshots__snapshot=record).select_related("tier").order_by("pk")[:SHOWN]
            panels = [members_panel(list(first), None)]
        return {
            "stats": [Stat(_("Members"), show_points(record.members_count), _("Who was in it when it was taken."))],
            "panels_before": [Panel(_("Asked for"), [], [], self.words(request, record))],
            "panels": panels,
        }

    @action(description=_("Export as CSV"), url_path="export-members", icon="download")
    def export_members(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        """Its members as a CSV file."""
        snapshot = get_object_or_404(self.get_queryset(request), pk=object_id)
        if not request.user.has_perm(EXPORT) or not request.user.has_perm("members.view_member"):
            raise PermissionDenied
        self.log_change(request, snapshot, str(_("Exported its members.")))
        listed = SnapshotMember.objects.filter(snapshot=snapshot).order_by().values("member")
        found = Member.objects.filter(pk__in=listed).select_related("tier").order_by("pk")
        return exporting.stream(f"snapshot-{snapshot.pk}", list(COLUMNS), found)

    export_members.needs = EXPORT

    @display(description=_("segment"))
    def shown_segment(self, snapshot: Snapshot) -> str:
        return link(reverse("admin:segments_segment_change", args=[snapshot.segment_id]), snapshot.segment)

    @display(description=_("members"))
    def shown_count(self, snapshot: Snapshot) -> str:
        return show_points(snapshot.members_count)

    @display(description=_("taken at"))
    def shown_taken(self, snapshot: Snapshot) -> str:
        return moment(snapshot.taken_at)

    @display(description=_("taken by"))
    def shown_by(self, snapshot: Snapshot) -> str:
        return people.name(snapshot.taken_by)


@admin.register(ScoringPolicy)
class ScoringPolicyAdmin(OfProgram):
    """Over which days members are compared; the scores themselves stand on the pages of the members."""

    list_display = ["program", "window_days", "new_days", "shown_day"]
    fields = ["program", "window_days", "new_days"]
    empty_words = _("It comes with the first nightly run.")

    def get_readonly_fields(self, request: HttpRequest, obj: ScoringPolicy | None = None) -> list[str]:
        return ["program"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def page_context(self, request: HttpRequest, record: ScoringPolicy) -> dict[str, Any]:
        counted = MemberScore.objects.filter(program=record.program).order_by("class_name").values_list("class_name")
        rows = [(class_name(name), show_points(number)) for name, number in counted.annotate(number=Count("pk"))]
        empty = _("Nobody has been scored yet. That happens each night.")
        return {
            "stats": [Stat(_("Scored on"), day(record.scored_on), _("The business date of the last scoring."))],
            "panels": [Panel(_("Members by class"), [_("Class"), _("Members")], rows, empty, numeric=frozenset({1}))],
        }

    @display(description=_("scored on"))
    def shown_day(self, policy: ScoringPolicy) -> str:
        return day(policy.scored_on)
