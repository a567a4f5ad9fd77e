"""What a decision about a change is asked for with."""

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget


class WordsForm(forms.Form):
    """Why, in a few words."""

    words = forms.CharField(label=_("Reason"), max_length=200, widget=UnfoldAdminTextInputWidget)
