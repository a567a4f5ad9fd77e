"""The dates of experiences on the desk: made, watched as they fill, closed, and called off with the points given back."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from loyalty.backoffice import EXPORT, DeskAdmin, actor_of
from loyalty.common.money import show_points
from loyalty.desk import exporting, programs
from loyalty.desk.deeds import deed
from loyalty.desk.panels import Panel, Stat, badge, link, moment
from loyalty.desk.stamps import StampedForm
from rewards import sessions
from rewards.desk import state_badge
from rewards.models import EventSession, Reward, RewardKind

MAY = "rewards.change_eventsession"
NEW_CHANGE = "admin:jobs_change_new"
GUESTS = 200


class SessionForm(StampedForm):
    """A date: it ends after it begins, and has at least the seats that are held."""

    class Meta:
        model = EventSession
        fields = ("reward", "starts_at", "ends_at", "place", "capacity", "closes_hours")
        help_texts = {
            "place": _("Where guests go: the address, the room."),
            "capacity": _("Never more are booked."),
            "closes_hours": _(
                "So many hours before it begins, members neither book nor cancel any more. 0: until it begins."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "reward" in self.fields:
            self.fields["reward"].queryset = (  # type: ignore[attr-defined]
                Reward.objects.filter(kind=RewardKind.EXPERIENCE)
            )

    def clean(self) -> dict[str, Any]:
        """Nothing that was sold is taken away."""
        cleaned = super().clean()
        since, until = cleaned.get("starts_at"), cleaned.get("ends_at")
        if since and until and since >= until:
            self.add_error("ends_at", _("It must end after it begins."))
        seats = cleaned.get("capacity")
        if seats is not None and seats < max(1, self.instance.taken):
            taken = self.instance.taken
            self.add_error("capacity", forms.ValidationError(_("%(taken)s seats are held; there must be at least so many, and one."), params={"taken": taken}))  # fmt: skip
        return cleaned


def state_of(session: EventSession, at: Any) -> str:
    """What has become of a date, as a badge."""
    if session.cancelled_at:
        return badge(_("called off"), "bad")
    if session.ends_at <= at:
        return badge(_("over"))
    if not session.is_open or session.closes_at <= at:
        return badge(_("closed"), "warn")
    return badge(_("full"), "warn") if session.left <= 0 else badge(_("can be booked"), "good")


def dates_panel(reward: Reward) -> list[Panel]:
    """The dates of an experience, on the page of the reward."""
    if reward.kind != RewardKind.EXPERIENCE:
        return []
    at, zone = timezone.now(), reward.program.time_zone
    rows = [
        (link(page_of(one), sessions.when(one, zone)), one.place, taken(one), state_of(one, at))
        for one in reward.sessions.order_by("-starts_at")[:20]
    ]
    headers = [_("When"), _("Where"), _("Seats taken"), _("State")]
    more = reverse("admin:rewards_eventsession_changelist") + f"?reward__id__exact={reward.pk}"
    return [Panel(_("Dates"), headers, rows, _("No date yet. Without one nobody can book."), more=more)]


def page_of(session: EventSession) -> str:
    """The address of a date's page."""
    return reverse("admin:rewards_eventsession_change", args=[session.pk])


def taken(session: EventSession) -> str:
    """Seats taken of those there are."""
    return f"{show_points(session.taken)} / {show_points(session.capacity)}"


@admin.register(EventSession)
class EventSessionAdmin(DeskAdmin):
    """Dates of experiences."""

    form = SessionForm
    list_display = ["shown_when", "reward", "place", "shown_taken", "shown_state"]
    list_display_links = ["shown_when"]
    list_filter = [("reward", RelatedDropdownFilter), ("starts_at", RangeDateFilter)]
    list_select_related = ["reward__program"]
    search_fields = ["place"]
    fieldsets = [(None, {"fields": ["reward", "starts_at", "ends_at", "place", ("capacity", "closes_hours")]})]
    actions_detail = ["export_guests", "close", "open_again", "call_off"]
    keep_instead = _("Call it off instead.")
    empty_words = _("An experience needs dates: each with a place and so many seats.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[EventSession]:
        program = programs.chosen(request)
        return super().get_queryset(request).filter(reward__program=program)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        told = super().get_changeform_initial_data(request)
        told.pop("program", None)
        return told

    def get_readonly_fields(self, request: HttpRequest, obj: EventSession | None = None) -> list[str]:
        """Tickets name their date, so it stands once a seat was held."""
        if obj is None:
            return []
        return ["reward", "starts_at", "ends_at"] if obj.seats.exists() else ["reward"]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in ("starts_at", "ends_at"):
            field.widget = UnfoldAdminSplitDateTimeWidget()
        return field

    def page_context(self, request: HttpRequest, record: EventSession) -> dict[str, Any]:
        at, sees = timezone.now(), request.user.has_perm("members.view_member")
        rows = [
            (
                link(reverse("admin:members_member_change", args=[one.member_id]), one.member) if sees else one.member,
                link(reverse("admin:rewards_redemption_change", args=[one.pk]), moment(one.redeemed_at)),
                state_badge(one, at),
            )
            for one in sessions.holders(record)[:GUESTS]
        ]
        return {
            "stats": [
                Stat(_("Seats taken"), show_points(record.taken), _("Booked and not cancelled.")),
                Stat(_("Free"), show_points(record.left), _("What can still be booked."), tone="bad" if not record.left else ""),
            ],
            "panels": [Panel(_("Guests"), [_("Member"), _("Booked"), _("State")], rows, _("Nobody has booked yet."))],
        }  # fmt: skip

    @action(description=_("Guests as CSV"), url_path="guests", icon="download")
    def export_guests(self, request: HttpRequest, object_id: str) -> Any:
        """The guests of a date, for the entrance."""
        if not request.user.has_perm(EXPORT):
            raise PermissionDenied
        record = self.get_object(request, object_id)
        if record is None or not self.has_view_permission(request, record):
            return HttpResponseRedirect(reverse("admin:rewards_eventsession_changelist"))
        self.log_export(request)
        columns = [
            (_("Member"), lambda r: r.member.number), (_("Name"), lambda r: r.member.name), (_("Booked"), lambda r: r.redeemed_at),
            (_("Status"), lambda r: r.status),
        ]  # fmt: skip
        return exporting.stream("guests", columns, sessions.holders(record))

    export_guests.needs = EXPORT

    @deed(
        title=_("Close booking"),
        question=_("Nobody books this date any more. Tickets stay good; booking can be opened again."),
        button=_("Close booking"),
        permission=MAY,
        icon="lock",
        fits=lambda session: session.is_open and session.ends_at > timezone.now(),
    )
    def close(self, request: HttpRequest, record: EventSession) -> Any:
        sessions.close(record, at=timezone.now(), actor=actor_of(request))
        return _("Booking is closed.")

    @deed(
        title=_("Open booking again"),
        question=_("Members can book this date again."),
        button=_("Open it"),
        permission=MAY,
        icon="lock_open",
        fits=lambda session: not session.is_open and not session.cancelled_at and session.starts_at > timezone.now(),
    )
    def open_again(self, request: HttpRequest, record: EventSession) -> Any:
        sessions.open_again(record, at=timezone.now(), actor=actor_of(request))
        return _("Booking is open.")

    @deed(
        title=_("Call it off"),
        question=_("Booking closes at once. Who holds a seat is shown next, with the points each gets back; nothing moves before you ask for it there."),
        button=_("Close booking and go on"),
        permission=MAY,
        icon="event_busy",
        fits=lambda session: not session.cancelled_at and session.ends_at > timezone.now(),
        danger=True,
    )  # fmt: skip
    def call_off(self, request: HttpRequest, record: EventSession) -> Any:
        at, actor = timezone.now(), actor_of(request)
        closed = sessions.close(record, at=at, actor=actor)
        if not closed.taken:
            sessions.call_off(closed, at=at, actor=actor)
            return _("It is called off. Nobody held a seat.")
        self.log_change(request, record, str(_("Booking closed to call it off.")))
        asked = urlencode({"session": closed.pk})
        return HttpResponseRedirect(f"{reverse(NEW_CHANGE, args=['call_off_session'])}?{asked}")

    @display(description=_("when"))
    def shown_when(self, session: EventSession) -> str:
        return format_html("{}", sessions.when(session, session.reward.program.time_zone))

    @display(description=_("seats taken"))
    def shown_taken(self, session: EventSession) -> str:
        return taken(session)

    @display(description=_("state"))
    def shown_state(self, session: EventSession) -> str:
        return state_of(session, timezone.now())
