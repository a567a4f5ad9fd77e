"""Which letters a program writes by itself, on the desk."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from campaigns.letters.models import LetterTerms
from campaigns.ways.scoped_desk import OfProgram
from loyalty.backoffice import DeskAdmin
from loyalty.desk import stamps


class LetterTermsForm(stamps.StampedForm):
    """The switches of a program."""

    class Meta:
        model = LetterTerms
        exclude = ["entries_told_until"]


@admin.register(LetterTerms)
class LetterTermsAdmin(OfProgram, DeskAdmin):
    """Which letters go out; one page per program."""

    form = LetterTermsForm
    list_display = ["program", "tells_earned", "sends_statement", "tells_rewards", "win_back_days"]
    empty_words = _("Nothing was set yet, so the defaults hold. Add the letters of this program to change them.")
    fieldsets = [
        (None, {"fields": ["program"]}),
        (_("About points"), {
            "fields": [("tells_earned", "tells_activated"), ("tells_expired", "tells_adjusted"), "sends_statement"],
            "description": _("Service letters: they need no consent. Notices before points run out always go."),
        }),
        (_("Invitations"), {
            "fields": ["tells_rewards", "win_back_days"],
            "description": _("Only to members who agreed to news by e-mail, with a link to stop them."),
        }),
    ]  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["program"] if obj else []
