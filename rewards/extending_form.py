"""The form that asks to let vouchers last longer."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSelectWidget

from loyalty.common.clock import local_day
from loyalty.desk.asking import ChangeForm
from rewards.models import Reward

LAST_YEAR = 2200


class ExtendVouchersForm(ChangeForm):
    """Of which reward, ending by when, and the new last day."""

    reward = forms.ChoiceField(label=_("Reward"), required=False, widget=UnfoldAdminSelectWidget)
    ending_by = forms.DateField(
        label=_("Vouchers that end by"), widget=UnfoldAdminDateWidget, help_text=_("This day included.")
    )
    last_day = forms.DateField(label=_("New last valid day"), widget=UnfoldAdminDateWidget)

    def __init__(self, *args: Any, program: Any, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, program=program, at=at, **kwargs)
        rewards = [(one.slug, str(one)) for one in Reward.objects.filter(program=program)]
        self.fields["reward"].choices = [("", _("All rewards")), *rewards]  # type: ignore[attr-defined]

    def clean_ending_by(self) -> Any:
        """A day of this age."""
        return self._day("ending_by")

    def _day(self, name: str) -> date:
        """A day whose morrow the calendar has."""
        day: date = self.cleaned_data[name]
        if day.year > LAST_YEAR:
            raise forms.ValidationError(self.fields[name].error_messages["invalid"])
        return day

    def clean_last_day(self) -> Any:
        """A day to come."""
        day = self._day("last_day")
        if day <= local_day(self.at, self.program.time_zone):
            raise forms.ValidationError(_("The end has passed. Choose a day in the future."))
        return day

    def parameters(self) -> dict[str, Any]:
        """Reward and days."""
        told = self.cleaned_data
        return {
            "reward": told["reward"],
            "ending_by": told["ending_by"].isoformat(),
            "last_day": told["last_day"].isoformat(),
        }
