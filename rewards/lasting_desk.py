"""The reminders of vouchers on the desk: how many days before the end."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from loyalty.backoffice import DeskAdmin
from loyalty.desk import programs
from loyalty.desk.stamps import StampedForm
from rewards.models import VoucherTerms


class VoucherTermsForm(StampedForm):
    """The days of a program."""

    class Meta:
        model = VoucherTerms
        fields = "__all__"
        help_texts = {
            "notice_days": _(
                "From 1 to 60. What was not told of in time lasts that much longer, and the letter says so."
            )
        }


@admin.register(VoucherTerms)
class VoucherTermsAdmin(DeskAdmin):
    """One page for each program."""

    form = VoucherTermsForm
    list_display = ["program", "notice_days"]
    list_select_related = ["program"]
    fieldsets = [(None, {"fields": ["program", "notice_days"]})]
    empty_words = _(
        "Nothing was set yet, so vouchers are reminded of seven days before their end. Add a program to change it."
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["program"] if obj else []

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"program": programs.chosen(request)} | super().get_changeform_initial_data(request)
