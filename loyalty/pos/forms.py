"""Forms of the desk for API keys."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSplitDateTimeWidget

from loyalty.pos.keys import PARTNER, SCOPES
from loyalty.pos.models import ApiKey


class ApiKeyForm(forms.ModelForm):
    """A new key: for whom, for which program, and what it may do."""

    scopes = forms.MultipleChoiceField(
        label=pgettext_lazy("what a key is allowed", "May"),
        choices=[(scope, words) for scope, words in SCOPES.items() if scope != PARTNER],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    expires_at = forms.SplitDateTimeField(label=_("Valid until"), required=False, widget=UnfoldAdminSplitDateTimeWidget, help_text=_("Empty: until it is revoked."))  # fmt: skip

    class Meta:
        model = ApiKey
        fields = ("program", "name", "store", "scopes", "expires_at")

    def clean(self) -> dict[str, Any]:
        """A store belongs to the key's program."""
        cleaned = super().clean()
        store, program = cleaned.get("store"), cleaned.get("program")
        if store and program and store.program_id != program.pk:
            self.add_error("store", _("This store belongs to another program."))
        return cleaned
