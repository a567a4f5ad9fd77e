"""Which program the desk is looking at: the one a link names, the one chosen in this session, else the first active one."""

from typing import Any

from django.apps import apps
from django.http import HttpRequest

CHOICE = "desk_program"
# How a link names the program that its page is about.
NAMED = "program"


def chosen(request: HttpRequest) -> Any | None:
    """The program being looked at, or None in an empty installation. Asked once per request."""
    if not hasattr(request, "_desk_program"):
        offered = choices(request)
        wanted = [request.GET.get(NAMED, ""), str(request.session.get(CHOICE))]
        found = [p for key in wanted for p in offered if str(p.pk) == key]
        request._desk_program = next(iter([*found, *offered]), None)
    return request._desk_program


def choices(request: HttpRequest) -> list[Any]:
    """The programs one can look at. Asked once per request."""
    if not hasattr(request, "_desk_programs"):
        request._desk_programs = list(apps.get_model("ledger", "Program").objects.filter(is_active=True).order_by("pk"))
    return request._desk_programs


def choose(request: HttpRequest, slug: str) -> None:
    """Look at another program from now on; an unknown name changes nothing."""
    for program in choices(request):
        if program.slug == slug:
            request.session[CHOICE] = program.pk
            request._desk_program = program
