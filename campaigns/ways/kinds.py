"""Described kinds of events: how often a member can do them, and which details they bring (DOMAIN 3.1).

A kind nobody described is taken as it comes. Periods are those of the program clock, by the moment the event happened.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.ways.models import EventDetail, EventKind
from loyalty.common.clock import day_start, local_day, period_end
from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from members.models import Event, Member

TEXT_LENGTH = 200
Once = EventKind.Once
# Recorded by the program alone, once per occasion: reporting them would pay twice.
OURS = frozenset(
    {"signup", "launch", "referral", "referred", "referral_milestone", "birthday", "anniversary", "tenure", "profile"}
)  # fmt: skip


class EventTooOften(Refusal):
    """The member did this as often as it counts."""

    code = "event_too_often"


class KindReserved(Refusal):
    """Setia finds out by itself when this happened; nobody reports it."""

    code = "event_kind_reserved"
    status = 422


class DetailsRefused(Refusal):
    """The details of an event are not those of its kind; `numbers["errors"]` names the fields."""

    code = "event_details_refused"
    status = 422


def judge(program: Program, member: Member, kind: str, details: Mapping[str, Any], *, occurred_at: datetime) -> None:
    """Refuse an event that comes too often, whose details do not fit, or that is not for others to report. The member's account is locked.

    Raises EventTooOften, DetailsRefused, KindReserved.
    """
    if kind in OURS:
        raise KindReserved(
            _("Events of this kind are found out by the program itself. Report another kind."), kind=kind
        )
    described = EventKind.objects.filter(program=program, slug=kind).first()
    errors = problems(described.fields if described else [], details)
    if errors:
        raise DetailsRefused(" ".join(f"{name}: {said}" for name, said in errors.items()), errors=errors)
    if described is None or described.once == Once.ALWAYS:
        return
    since, until = period(described.once, local_day(occurred_at, program.time_zone), program.time_zone)
    done = Event.objects.filter(member=member, kind=kind)
    if since and until:
        done = done.filter(occurred_at__gte=since, occurred_at__lt=until)
    if done.count() >= described.most:
        raise EventTooOften(_too_often(described), most=described.most, per=described.once)


def keep(event: Event, details: Mapping[str, Any]) -> None:
    """Keep the details of an event that was recorded just now."""
    if details:
        EventDetail.objects.create(event=event, values=dict(details))


def period(once: str, day: date, zone: str) -> tuple[datetime | None, datetime | None]:
    """From when until when (exclusive) the period of a day runs; (None, None) for ever. Weeks begin on Monday."""
    if once == Once.EVER:
        return None, None
    if once == Once.DAY:
        first, last = day, day
    elif once == Once.WEEK:
        first = day - timedelta(days=day.weekday())
        last = first + timedelta(days=6)
    else:
        first = day.replace(day=1) if once == Once.MONTH else day.replace(month=1, day=1)
        last = period_end(day, once)
    return day_start(first, zone), day_start(last + timedelta(days=1), zone)


def problems(fields: list[dict[str, Any]], details: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with details, by field; empty when they fit."""
    known = {field["name"]: field for field in fields}
    errors = {name: _("This kind of event has no such detail.") for name in details if name not in known}
    for name, field in known.items():
        value = details.get(name, "")
        if value == "":
            if field.get("needed"):
                errors[name] = _("This detail is needed.")
        elif field["kind"] == "number" and (isinstance(value, bool) or not isinstance(value, int)):
            errors[name] = _("Send a whole number.")
        elif field["kind"] == "choice" and value not in field.get("choices", []):
            errors[name] = _("Send one of: %(choices)s.") % {"choices": ", ".join(field.get("choices", []))}
        elif field["kind"] == "text" and (not isinstance(value, str) or len(value) > TEXT_LENGTH):
            errors[name] = _("Send text of at most %(most)d characters.") % {"most": TEXT_LENGTH}
    return errors


def in_words(kind: EventKind) -> str:
    """How often a kind counts, as a sentence."""
    if kind.once == Once.ALWAYS:
        return _("As often as it happens.")
    return ngettext("Once %(period)s.", "%(n)d times %(period)s.", kind.most) % {
        "n": kind.most, "period": kind.get_once_display(),
    }  # fmt: skip


def _too_often(kind: EventKind) -> str:
    return _("This counts so often only: %(limit)s Nothing was recorded.") % {"limit": in_words(kind)}
