"""The portal's page on which a member says what we may send, and takes it back."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from loyalty.common.errors import Refusal
from members import consents
from members.portal import member_page


@require_http_methods(["GET", "HEAD", "POST"])
@member_page
def show_consents(request: HttpRequest) -> HttpResponse:
    """Ticks for each purpose and channel; saving records what changed."""
    member = request.member
    if request.method == "POST":
        told = {"at": timezone.now(), "source": consents.Source.PORTAL, "actor": f"member:{member.number}"}
        try:
            consents.choose(member, set(request.POST.getlist("agreed")), **told)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Saved. You can change this at any time."))
        return redirect("portal_consents")
    found = consents.choices(member)
    groups = [
        (purpose, consents.Purpose(purpose).label, [(choice, consents.Channel(choice.channel).label) for choice in found if choice.purpose == purpose])
        for purpose in consents.Purpose.values
    ]  # fmt: skip
    return render(request, "members/consents.html", {"groups": groups, "terms": consents.terms_of(member.program)})
