"""Time travel at the desk: a member as of any instant, in the program clock (a page of the members' admin)."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from members import past
from members.models import Member

MINUTE = "%Y-%m-%dT%H:%M"


def view(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """The member at the instant that is asked for, else now; and what lies between it and another one."""
    record: Member | None = admin.get_object(request, object_id)
    if record is None:
        raise Http404
    if not admin.has_view_permission(request, record):
        raise PermissionDenied
    zone, now = ZoneInfo(record.program.time_zone), timezone.now()
    at, other = (_typed(request.GET.get(name, ""), zone) for name in ("at", "other"))
    asked = past.Asked(min(at or now, now), request.GET.get("mode") == "known", min(other, now) if other else None)
    wrong = [name for name, read in (("at", at), ("other", other)) if request.GET.get(name) and read is None]
    told = past.page(record, asked)
    context = admin.admin_site.each_context(request) | told | {
        "opts": admin.opts,
        "original": record,
        "title": _("%(member)s as of an instant") % {"member": record},
        "at": asked.at.astimezone(zone).strftime(MINUTE),
        "other": asked.other.astimezone(zone).strftime(MINUTE) if asked.other else "",
        "is_known": asked.is_known,
        "zone": record.program.time_zone,
        "wrong": _("Give a day and a time, such as 31 January 2026, 17:00.") if wrong else "",
        "back": admin.page_of(record),
    }  # fmt: skip
    return TemplateResponse(request, "admin/desk/past.html", context)


def _typed(text: str, zone: ZoneInfo) -> datetime | None:
    """What the browser sends for a date and time, in the program clock; None for anything else."""
    try:
        instant = datetime.fromisoformat(text)
        aware = instant if instant.tzinfo else instant.replace(tzinfo=zone)
        return aware.astimezone(ZoneInfo("UTC")) if 1970 <= aware.year <= 9000 else None
    except (ValueError, OverflowError):
        return None
