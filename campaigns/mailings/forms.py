"""The form of a mailing, and what its deeds ask for."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from campaigns.mailings import writing
from campaigns.mailings.models import Mailing
from loyalty.common.languages import LANGUAGES
from loyalty.desk.stamps import StampedForm

TEXTS = ("subject", "text", "subject_id", "text_id", "subject_ms", "text_ms")


def letter_of(mailing: Mailing, values: Any) -> Mailing:
    """A mailing with the words that are typed, where any are; nothing is saved."""
    for name in TEXTS:
        if name in values:
            setattr(mailing, name, values.get(name, "").replace("\r\n", "\n"))
    return mailing


class MailingForm(StampedForm):
    """A draft: to whom, what, when and how fast."""

    class Meta:
        model = Mailing
        fields = "__all__"
        widgets = {name: UnfoldAdminTextareaWidget(attrs={"rows": 12}) for name in TEXTS if name.startswith("text")}

    def clean(self) -> dict[str, Any]:
        """Unknown variables and half-written languages are named at their field."""
        values = super().clean() or {}
        typed = Mailing(**{name: (values.get(name) or "").replace("\r\n", "\n") for name in TEXTS})
        for name, said in writing.faults(typed).items():
            if name in self.fields and name not in self.errors:
                self.add_error(name, said)
        return values | {name: getattr(typed, name) for name in TEXTS if name in values}

    def stamped_besides(self) -> str:
        """It is no draft any more once somebody sent it."""
        told = Mailing.objects.filter(pk=self.instance.pk).values_list("status", "change__status").first()
        return str(told)


class LookForm(forms.Form):
    """In which language a letter is looked at, and with whose values."""

    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGES, required=False, widget=UnfoldAdminSelectWidget)
    member = forms.CharField(
        label=_("Show it for this member"), required=False, max_length=40, widget=UnfoldAdminTextInputWidget,
        help_text=_("A member number. Empty: what each variable means."),
    )  # fmt: skip
