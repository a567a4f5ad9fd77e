"""The form that asks to let vouchers last longer."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from loyalty.common.clock import local_day
from loyalty.common.errors import Refusal
from loyalty.desk.asking import ChangeForm
from members import lookup
from members.segments.models import Segment
from rewards.models import Reward

LAST_YEAR = 2200


class ExtendVouchersForm(ChangeForm):
    """Of which reward and members, ending by when, and the new last day."""

    reward = forms.ChoiceField(label=_("Reward"), required=False, widget=UnfoldAdminSelectWidget)
    member = forms.CharField(
        label=_("Member number"), required=False, max_length=20, widget=UnfoldAdminTextInputWidget,
        help_text=_("Empty: all members."),
    )  # fmt: skip
    segment = forms.ChoiceField(label=_("Segment"), required=False, widget=UnfoldAdminSelectWidget)
    ending_by = forms.DateField(
        label=_("Vouchers that end by"), widget=UnfoldAdminDateWidget, help_text=_("This day included.")
    )
    last_day = forms.DateField(label=_("New last valid day"), widget=UnfoldAdminDateWidget)

    def __init__(self, *args: Any, program: Any, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, program=program, at=at, **kwargs)
        rewards = [(one.slug, str(one)) for one in Reward.objects.filter(program=program)]
        kept = Segment.objects.filter(program=program, archived_at__isnull=True).order_by("name")
        segments = [(one.slug, str(one)) for one in kept]
        self.fields["reward"].choices = [("", _("All rewards")), *rewards]  # type: ignore[attr-defined]
        self.fields["segment"].choices = [("", _("All members")), *segments]  # type: ignore[attr-defined]

    def clean_member(self) -> str:
        """The number of a member of the program, as it is kept."""
        typed = self.cleaned_data["member"]
        try:
            return lookup.by_number(self.program, typed).number if typed else ""
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from None

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
            "member": told["member"],
            "segment": told["segment"],
            "ending_by": told["ending_by"].isoformat(),
            "last_day": told["last_day"].isoformat(),
        }
