"""Which letters a program writes by itself, on the desk."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from campaigns.letters import passing
from campaigns.letters.models import LetterTerms
from campaigns.letters.passing import OF_MEMBERS
from campaigns.ways.scoped_desk import OfProgram
from loyalty.backoffice import DeskAdmin
from loyalty.desk import programs, stamps
from loyalty.desk.panels import Panel
from loyalty.ledger.models import Program


class LetterTermsForm(stamps.StampedForm):
    """The switches of a program."""

    webhook_kinds = forms.MultipleChoiceField(
        label=_("Letters passed on"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget,
        choices=[(name, kind.title) for name, kind in OF_MEMBERS.items()],
    )  # fmt: skip

    def clean_webhook_address(self) -> str:
        """Encrypted, unless nothing real is at stake."""
        address = str(self.cleaned_data["webhook_address"])
        if address and not address.startswith("https://") and settings.PRODUCTION:
            raise forms.ValidationError(gettext("Letters hold names and codes: the address must begin with https://."))
        if address and not self.instance.webhook_secret:
            self.instance.webhook_secret = passing.new_secret()
        return address

    class Meta:
        model = LetterTerms
        exclude = ["entries_told_until", "webhook_secret"]


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
        (_("Another system"), {
            "fields": ["webhook_address", "webhook_kinds"],
            "description": _("For WhatsApp, SMS or an app of yours. News go there only for members who agreed to SMS or WhatsApp."),
        }),
    ]  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["program"] if obj else []

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only while the program looked at, or any of all, has none; asked of the database on their own pages only, not for every list of all there is."""
        match = request.resolver_match
        if not match or not (match.url_name or "").startswith(f"{self.opts.app_label}_{self.opts.model_name}_"):
            return super().has_add_permission(request)
        chosen = programs.chosen(request)
        without = Program.objects.filter(letter_terms__isnull=True, **({"pk": chosen.pk} if chosen else {}))
        return super().has_add_permission(request) and without.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # it also knows until when entries were told of; switch letters off instead

    def page_context(self, request: HttpRequest, record: LetterTerms) -> dict[str, Any]:
        """The secret of the calls, for whoever may set the address."""
        if not record.webhook_address or not self.has_change_permission(request):
            return {}
        note = _("The header Setia-Signature holds t=<unix time>,v1=<HMAC-SHA256 of “time.body” with this secret>.")
        rows = [(record.webhook_address, passing.secret_of(record))]
        return {"panels": [Panel(_("Signature of the calls"), [_("Address"), _("Secret")], rows, note=note)]}
