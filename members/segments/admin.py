"""Segments at the desk; snapshots and the scoring policy have a module of their own."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from loyalty.backoffice import EXPORT, actor_of
from loyalty.common.errors import Refusal
from loyalty.common.money import show_points
from loyalty.desk import exporting, programs
from loyalty.desk.deeds import deed
from loyalty.desk.panels import EMPTY, Panel, Stat, badge, link, moment
from members.models import Member
from members.segments import compiling, counting, membership, saving, snapshot_desk, snapshots
from members.segments.counting_desk import CountsWhileWriting
from members.segments.forms import AskForm, SegmentForm, SnapshotForm
from members.segments.models import Segment
from members.segments.program_desk import COLUMNS, ArchivedFilter, OfProgram, members_panel
from members.segments.reading import in_words, names_of
from members.segments.uses import uses_of

__all__ = ["SegmentAdmin", "snapshot_desk"]


@admin.register(Segment)
class SegmentAdmin(CountsWhileWriting, OfProgram):
    """Segments, as rows of words, with how many are in them while one writes."""

    form = SegmentForm
    list_display = ["shown_name", "shown_words", "shown_count", "shown_refreshed"]
    list_display_links = ["shown_name"]
    list_filter = [ArchivedFilter]
    search_fields = ["name"]
    search_help_text = _("Beginning of the name or of the short name")
    in_command_search = True
    command_icon = "groups"
    prepopulated_fields = {"slug": ["name"]}
    actions_detail = ["export_members", "take_snapshot", "explain", "refresh_now", "duplicate", "archive", "bring_back"]
    keep_instead = _("Archive it instead of deleting it.")
    empty_words = _("A segment is a saved question about members, such as: bought twice in 90 days. The standard ones come with the next nightly run; or ask your own.")  # fmt: skip
    fieldsets = [
        (None, {"fields": ["name", "note", "slug"]}),
        (_("Who is in it"), {"fields": ["definition"]}),
        (_("Indonesian"), {"classes": ["tab"], "fields": ["name_id"]}),
        (_("Malay"), {"classes": ["tab"], "fields": ["name_ms"]}),
    ]

    class Media:
        js = ("desk/segments.js",)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        """The form knows the program's tiers and stores."""
        kwargs["form"] = type("SegmentForm", (SegmentForm,), {"program": programs.chosen(request)})
        return super().get_form(request, obj, change=change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Segment | None = None) -> list[str]:
        return ["slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Segment | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and programs.chosen(request) is not None

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term) | Q(slug__istartswith=term)

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        """Saved by the verb, which asks at once who is in it."""
        if not change:
            obj.program = programs.chosen(request)
        saving.save(obj, at=timezone.now(), actor=actor_of(request))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The verb says why one cannot be deleted."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:segments_segment_change", args=[object_id]))

    def delete_model(self, request: HttpRequest, obj: Segment) -> None:
        saving.delete(obj, at=timezone.now(), actor=actor_of(request))

    def get_urls(self) -> list[Any]:
        """Where the form asks how many there are, and where one member is explained."""
        count = path("count/", self.admin_site.admin_view(self.count), name="segments_segment_count")
        why = path("<int:pk>/why/<str:number>/", self.admin_site.admin_view(self.why), name="segments_segment_why")
        return [count, why, *super().get_urls()]

    def why(self, request: HttpRequest, pk: int, number: str) -> HttpResponse:
        """Why a member is, or is not, in a segment: condition by condition."""
        segment = self.get_object(request, str(pk))
        if not self.has_view_permission(request, segment) or not request.user.has_perm("members.view_member"):
            raise PermissionDenied
        segment = get_object_or_404(self.get_queryset(request), pk=pk)
        member = get_object_or_404(Member, program=segment.program, number=number)
        is_in, answers = counting.why(segment, member, at=timezone.now())
        rows = [
            (one.group, one.condition, badge(_("yes"), "good") if one.holds else badge(_("no"), "bad"))
            for one in answers
        ]
        stays = segment.stays.filter(member=member).order_by("-since")[:20]
        past = [(moment(stay.since), moment(stay.until) if stay.until else _("now")) for stay in stays]
        told = _("%(member)s is in “%(segment)s” now.") if is_in else _("%(member)s is not in “%(segment)s” now.")
        context = self.admin_site.each_context(request) | {
            "title": told % {"member": member, "segment": segment},
            "opts": self.opts,
            "words": self.words(request, segment),
            "panels": [
                Panel(_("Condition by condition"), [_("Group"), _("Condition"), _("Holds")], rows),
                Panel(_("As refreshed"), [_("Since"), _("Until")], past, _("Never was in it when it was refreshed.")),
            ],
            "back": self.page_of(segment),
            "member_page": reverse("admin:members_member_change", args=[member.pk]),
        }
        return TemplateResponse(request, "admin/segments/why.html", context)

    def page_context(self, request: HttpRequest, record: Segment) -> dict[str, Any]:
        counted = counting.count(record.definition, record.program, at=timezone.now())
        now = EMPTY if counted.members is None else show_points(counted.members)
        uses = [
            (link(use.url, use.title), badge(_("counts"), "good") if use.counts else badge(_("in the past")))
            for use in uses_of(record)
        ]
        shots = [
            (
                link(reverse("admin:segments_snapshot_change", args=[s.pk]), s),
                show_points(s.members_count),
                moment(s.taken_at),
            )
            for s in record.snapshots.order_by("-id")[:10]
        ]
        panels = [
            Panel(_("Used by"), [_("What"), _("State")], uses, _("Nothing asks for it yet. Rules and rewards can.")),
            Panel(
                _("Snapshots"),
                [_("Name"), _("Members"), _("Taken at")],
                shots,
                _("None was taken yet."),
                numeric=frozenset({1}),
            ),
        ]
        if request.user.has_perm("members.view_member"):
            panels.insert(0, members_panel(list(counted.sample), record))
        return {
            "stats": [
                Stat(_("Members now"), now, _("Counted for this page.")),
                Stat(_("As refreshed"), show_points(record.members_count), _("What rules and rewards go by; refreshed each night and when it is saved."), self.shown_refreshed(record)),
            ],
            "panels_before": [Panel(_("In words"), [], [], self.words(request, record))],
            "panels": panels,
        }  # fmt: skip

    # --- deeds ------------------------------------------------------------------------------------------------------
    @action(description=_("Export as CSV"), url_path="export-members", icon="download")
    def export_members(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The members who are in it now, as a CSV file."""
        segment = get_object_or_404(self.get_queryset(request), pk=object_id)
        if not request.user.has_perm(EXPORT) or not request.user.has_perm("members.view_member"):
            raise PermissionDenied
        self.log_change(request, segment, str(_("Exported its members.")))
        found = compiling.members(segment.definition, segment.program, at=timezone.now())
        return exporting.stream(f"segment-{segment.slug}", list(COLUMNS), found.select_related("tier").order_by("pk"))

    export_members.needs = EXPORT

    @deed(
        title=_("Snapshot"),
        question=_("Its members of this moment are written down under a name and never change."),
        button=_("Take the snapshot"),
        permission="segments.add_snapshot",
        icon="photo_camera",
        form=SnapshotForm,
        fits=lambda segment: not segment.archived_at,
    )
    def take_snapshot(self, request: HttpRequest, record: Segment, values: dict[str, Any]) -> str:
        taken = snapshots.take(record, name=values["name"], at=timezone.now(), actor=actor_of(request))
        return _("The snapshot “%(name)s” holds %(count)s members.") % {"name": taken, "count": taken.members_count}

    @deed(
        title=_("Explain"),
        question=_("Which conditions hold for a member, and which do not?"),
        button=_("Explain"),
        permission="members.view_member",
        icon="help",
        form=AskForm,
    )
    def explain(self, request: HttpRequest, record: Segment, values: dict[str, Any]) -> HttpResponse:
        digits = "".join(c for c in values["number"] if c.isdigit()) or "0"
        return HttpResponseRedirect(reverse("admin:segments_segment_why", args=[record.pk, digits]))

    @deed(
        title=_("Refresh"),
        question=_("Ask now who is in it, instead of waiting for the night. What rules already rated stays."),
        button=_("Refresh"),
        permission="segments.change_segment",
        icon="refresh",
        fits=lambda segment: not segment.archived_at,
    )
    def refresh_now(self, request: HttpRequest, record: Segment) -> str:
        fresh = membership.refresh(record, at=timezone.now())
        words = ngettext("%(count)s member is in it.", "%(count)s members are in it.", fresh.members_count)
        return words % {"count": show_points(fresh.members_count)}

    @deed(
        title=_("Duplicate"),
        question=_("Make a copy with the same conditions?"),
        button=_("Make the copy"),
        permission="segments.add_segment",
        icon="content_copy",
    )
    def duplicate(self, request: HttpRequest, record: Segment) -> HttpResponse:
        return HttpResponseRedirect(self.page_of(saving.duplicate(record, at=timezone.now(), actor=actor_of(request))))

    @deed(
        title=_("Archive"),
        question=_("Nobody is in it any more and it is refreshed no more. It can be brought back."),
        button=_("Archive it"),
        permission="segments.change_segment",
        icon="archive",
        fits=lambda segment: not segment.archived_at,
    )
    def archive(self, request: HttpRequest, record: Segment) -> str:
        saving.archive(record, at=timezone.now(), actor=actor_of(request))
        return _("The segment is archived.")

    @deed(
        title=_("Bring back"),
        question=_("It is refreshed again, from now on."),
        button=_("Bring it back"),
        permission="segments.change_segment",
        icon="unarchive",
        fits=lambda segment: bool(segment.archived_at),
    )
    def bring_back(self, request: HttpRequest, record: Segment) -> str:
        saving.bring_back(record, at=timezone.now(), actor=actor_of(request))
        return _("The segment is back.")

    # --- columns ----------------------------------------------------------------------------------------------------
    def complete(self, rows: list[Segment]) -> None:
        """The questions in words, with tiers and stores by their names: two queries."""
        names = names_of(rows[0].program) if rows else {}
        for segment in rows:
            segment.words_shown = in_words(segment.definition, currency=segment.program.currency, names=names)

    @display(description=_("segment"))
    def shown_name(self, segment: Segment) -> str:
        return format_html(
            '<span class="desk-two-lines">{}<small>{}</small></span>', segment, segment.note or segment.slug
        )

    @display(description=_("who is in it"))
    def shown_words(self, segment: Segment) -> str:
        return getattr(segment, "words_shown", "")

    @display(description=_("members"))
    def shown_count(self, segment: Segment) -> str:
        return show_points(segment.members_count) if segment.refreshed_at else EMPTY

    @display(description=_("refreshed"))
    def shown_refreshed(self, segment: Segment) -> str:
        return _("archived") if segment.archived_at else moment(segment.refreshed_at)
