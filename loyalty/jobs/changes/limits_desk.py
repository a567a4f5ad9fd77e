"""The approval limits on the desk: read here, changed by a change of their own."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from loyalty.backoffice import BookAdmin
from loyalty.jobs.changes.limiting import ChangeLimits
from loyalty.jobs.models import ApprovalLimits


@admin.register(ApprovalLimits)
class ApprovalLimitsAdmin(BookAdmin):
    """How much one person may post alone, per program. Changed by a change of its own, behind four eyes."""

    list_display = ["program", "adjustment_points", "adjustment_points_a_day", "forgiven_points", "bulk_members", "bulk_points", "expired_points", "mailing_recipients"]  # fmt: skip
    list_select_related = ["program"]
    fieldsets = [
        (_("Adjustments"), {"fields": ["program", "adjustment_points", "adjustment_points_a_day", "forgiven_points"]}),
        (_("Bulk changes"), {"fields": ["bulk_members", "bulk_points"]}),
        (_("Expiry"), {"fields": ["expired_points"]}),
        (_("Mailings"), {"fields": ["mailing_recipients"]}),
    ]
    actions_list = ["ask_for_others"]
    empty_words = _(
        "No limits are set: a second person is needed above 1,000 points for one member, 5,000 in 24 hours or in bulk, 50 members, and for every forgiven debt. Set your own here."
    )

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        """Only who may ask for other limits."""
        offered = super().get_actions_list(request)
        return offered if request.user.has_perm(ChangeLimits.may_ask) else []

    @action(description=_("Change the limits"), url_path="ask-for-others", icon="edit")
    def ask_for_others(self, request: HttpRequest) -> HttpResponse:
        """To the form of the change."""
        return HttpResponseRedirect(reverse("admin:jobs_change_new", args=[ChangeLimits.name]))
