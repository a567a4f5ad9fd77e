"""The list of members by segment, as refreshed."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from loyalty.desk import programs
from members.models import Member
from members.segments.models import Segment, SegmentStay


class SegmentFilter(DropdownFilter):
    """Members who are in a segment now."""

    title = _("segment")
    parameter_name = "segment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The segments of the program being looked at that are not archived."""
        if not request.user.has_perm("segments.view_segment"):
            return []
        offered = Segment.objects.filter(program=programs.chosen(request), archived_at__isnull=True)
        return [(str(segment.pk), str(segment)) for segment in offered]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Member]) -> QuerySet[Member]:
        """Those with an open stay in it."""
        asked = self.value()
        if not asked or not asked.isdecimal() or not asked.isascii():
            return queryset
        there = SegmentStay.objects.filter(segment=int(asked[:18]), until__isnull=True).order_by()
        return queryset.filter(pk__in=there.values("member"))
