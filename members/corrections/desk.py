"""What staff can do about a member's points from the member's page: each leads to the form of its change."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from loyalty.ledger.models import Account
from members.models import Member


def _form_of(kind: str, member: Member | None, **values: Any) -> HttpResponse:
    """To the form of a kind of change, filled in for a member."""
    told = {"number": member.shown_number, **values} if member else {}
    return HttpResponseRedirect(f"{reverse('admin:jobs_change_new', args=[kind])}?{urlencode(told)}")


def debt_of(member: Member) -> int:
    """What a member owes in the main wallet."""
    return Account.objects.filter(member_account__member=member, wallet__is_main=True).values_list("debt", flat=True).first() or 0  # fmt: skip


class CorrectionDeeds:
    """Links on the member's page for those who may ask."""

    @action(description=_("Adjust points"), icon="exposure")
    def adjust_points(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for an adjustment of this member."""
        return _form_of("adjust", self.get_object(request, object_id))

    @action(description=_("Forgive the debt"), icon="volunteer_activism")
    def forgive_debt(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask to forgive what this member owes."""
        member = self.get_object(request, object_id)
        return _form_of("forgive_debt", member, amount=debt_of(member) if member else "")

    @action(description=_("Move points"), icon="move_up")
    def move_points(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask to move points of this member."""
        return _form_of("move_points", self.get_object(request, object_id))

    move_points.needs = "jobs.ask_adjustment"
    adjust_points.needs = "jobs.ask_adjustment"
    forgive_debt.needs = "jobs.ask_forgiveness"
    forgive_debt.fits = debt_of
