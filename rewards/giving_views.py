"""The public page of a program's causes: what members gave together, without any member."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from loyalty.ledger.models import Program
from rewards import giving


@require_GET
def causes_page(request: HttpRequest, program: str) -> HttpResponse:
    """The totals per cause, for everybody."""
    found = get_object_or_404(Program, slug=program, is_active=True)
    return render(request, "rewards/causes.html", {"program": found, "totals": giving.totals(found)})
