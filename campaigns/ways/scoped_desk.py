"""Lists of the program being looked at, and how they name members."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from loyalty.desk import programs
from loyalty.desk.panels import link
from members.models import Member


class OfProgram:
    """Lists of the program being looked at."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        program = programs.chosen(request)
        found = super().get_queryset(request)  # type: ignore[misc]
        return found.filter(program=program) if program else found


def member_link(member: Member) -> str:
    """A member's name, leading to their page."""
    return link(reverse("admin:members_member_change", args=[member.pk]), member)
