"""The page of health and the alerts on the desk: is the installation doing its work, and who was told when it did not."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.module_loading import import_string
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from loyalty.backoffice import BookAdmin
from loyalty.common.money import show_points
from loyalty.desk.panels import EMPTY, Panel, Stat, badge, link, moment
from loyalty.jobs import troubles
from loyalty.jobs.models import Alert

LETTERS = "admin:mail_message_changelist"


@admin.register(Alert)
class AlertAdmin(BookAdmin):
    """Everything somebody was alerted of, and the page of health."""

    list_display = ["shown_words", "shown_state", "began_at", "ended_at", "told_at", "call"]
    list_display_links = ["shown_words"]
    list_filter = [("call", ChoicesDropdownFilter), ("began_at", RangeDateTimeFilter)]
    search_fields = ["trouble"]
    fields = [
        "shown_words",
        "shown_state",
        "began_at",
        "seen_at",
        "ended_at",
        "told_at",
        "call",
        "called_at",
        "trouble",
    ]
    readonly_fields = ["shown_words", "shown_state"]
    empty_words = _("There was no trouble yet. When a job fails or is late, those who may run jobs get a letter.")

    def get_urls(self) -> list[Any]:
        """The page of health."""
        own = path("health/", self.admin_site.admin_view(self.health), name="jobs_health")
        return [own, *super().get_urls()]

    def health(self, request: HttpRequest) -> HttpResponse:
        """Every check with its figure, and what is wrong now."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        at = timezone.now()
        checks = import_string(settings.SETIA_HEALTH)(at=at)
        wrong = [(troubles.words(one.kind, one.facts), *_where(one)) for one in troubles.find(at)]
        wrong += _in_doubt(checks, may_read=request.user.has_perm("mail.view_message"))
        alerts = Alert.objects.order_by("-id")[:5]
        told = [(link(self.page_of(alert), troubles.words(alert.kind, alert.facts)), moment(alert.began_at), moment(alert.ended_at)) for alert in alerts]  # fmt: skip
        context = self.admin_site.each_context(request) | {
            "title": _("Health"),
            "stats": _stats(checks, at, may_read_letters=request.user.has_perm("mail.view_message")),
            "panel_now": Panel(_("What is wrong now"), [_("Trouble"), _("Where to look")], wrong, _("Nothing: jobs, letters and machines do their work.")),
            "panel_told": Panel(_("Alerts"), [_("Trouble"), _("Began"), _("Ended")], told, _("Nobody had to be alerted yet."), more=reverse("admin:jobs_alert_changelist"), note=_how_told()),
            "is_well": not wrong,
        }  # fmt: skip
        return TemplateResponse(request, "admin/desk/health.html", context)

    @display(description=_("trouble"))
    def shown_words(self, alert: Alert) -> str:
        return troubles.words(alert.kind, alert.facts)

    @display(description=_("state"))
    def shown_state(self, alert: Alert) -> str:
        return badge(_("over"), "good") if alert.ended_at else badge(_("lasts"), "bad")

    def page_context(self, request: HttpRequest, record: Alert) -> dict[str, Any]:
        """Where to look."""
        trouble = troubles.Trouble(record.trouble, record.kind, record.facts)
        said = format_html("{} {}", troubles.words(record.kind, record.facts), *_where(trouble))
        return {"panels_before": [Panel(_("Where to look"), [], [], said)]}


def _in_doubt(checks: dict[str, Any], *, may_read: bool) -> list[tuple[Any, Any]]:
    """Letters that wait for a person's decision: nothing is broken, but nobody else decides."""
    count = checks.get("letters", {}).get("uncertain")
    if not count:
        return []
    said = ngettext("%(count)s letter may or may not have arrived: a person decides whether it goes again.", "%(count)s letters may or may not have arrived: a person decides whether they go again.", count)  # fmt: skip
    page = link(f"{reverse(LETTERS)}?status__exact=uncertain", _("Decide")) if may_read else EMPTY
    return [(said % {"count": show_points(count)}, page)]


def _where(trouble: troubles.Trouble) -> tuple[Any]:
    """The page that helps with a trouble."""
    if run := trouble.facts.get("run"):
        return (link(reverse("admin:jobs_jobrun_change", args=[run]), _("Open the run")),)
    if trouble.kind == "letters":
        return (link(reverse(LETTERS), _("See the letters")),)
    if trouble.kind in ("disk", "migrations"):
        return (_("On the machine itself."),)
    return (link(reverse("admin:jobs_overview"), _("See the jobs")),)


def _how_told() -> Any:
    if settings.SETIA_ALERT_URL:
        return _("Those who may run jobs get a letter, and the address of the alarm is called.")
    return _("Those who may run jobs get a letter. SETIA_ALERT_URL can name an address that is called as well.")


def _stats(checks: dict[str, Any], at: datetime, *, may_read_letters: bool) -> list[Stat]:
    """Each check as a figure; what the database was too old to say is left out."""
    names = ("due_work", "letters", "nudge", "worker", "broker", "disk")
    work, letters, nudge, worker, broker, disk = (checks.get(name, {}) for name in names)
    page = reverse(LETTERS) if may_read_letters else ""
    return [
        Stat(_("Oldest due work"), _waited(work.get("oldest_minutes")), _("How long a job that is due, or a letter, has been waiting."), tone=_tone(work)),
        Stat(_("Last nudge"), _ago(nudge.get("seen_at"), at), _("When due work was last looked for. Every minute while beat runs."), tone=_tone(nudge)),
        Stat(_("Worker last seen"), _ago(worker.get("seen_at"), at), _("When a worker last took up a nudge."), tone=_tone(worker)),
        Stat(_("Broker last seen"), _ago(broker.get("seen_at"), at), _("When a message last came through. It carries nothing that may not be lost."), tone=_tone(broker)),
        Stat(_("Letters waiting"), _count(letters.get("waiting")), _("Due and not handed to the mail system yet."), tone=_tone(letters), url=page and f"{page}?status__exact=queued"),
        Stat(_("Letters in doubt"), _count(letters.get("uncertain")), _("Nobody knows whether they went out: a person decides about each."), tone="bad" if letters.get("uncertain") else "", url=page and f"{page}?status__exact=uncertain"),
        Stat(_("Letters refused"), _count(letters.get("refused")), _("The mail server did not take them after several tries."), url=page and f"{page}?status__exact=failed"),
        Stat(_("Room on the disk"), _room(disk.get("free_mb")), _("Where the data folder is."), tone=_tone(disk)),
    ]  # fmt: skip


def _tone(check: dict[str, Any]) -> str:
    return "" if check.get("ok", True) else "bad"


def _count(number: int | None) -> str:
    return EMPTY if number is None else show_points(number)


def _waited(minutes: int | None) -> Any:
    if minutes is None:
        return EMPTY
    return _("%(minutes)s min") % {"minutes": show_points(minutes)} if minutes else _("none waits")


def _room(free: int | None) -> str:
    return EMPTY if free is None else f"{free / 1024:,.1f} GB"


def _ago(seen: Any, at: datetime) -> Any:
    seen = parse_datetime(seen) if isinstance(seen, str) else seen
    if seen is None:
        return _("never")
    return _("just now") if (at - seen).total_seconds() < 60 else _("%(time)s ago") % {"time": timesince(seen, at)}
