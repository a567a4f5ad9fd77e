"""The form that asks to call a date of an experience off."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from loyalty.desk.asking import ChangeForm
from rewards import sessions
from rewards.models import EventSession


class CallOffForm(ChangeForm):
    """Which date; only those whose booking is closed and that have not ended."""

    session = forms.TypedChoiceField(
        label=_("Date"),
        coerce=int,
        widget=UnfoldAdminSelectWidget,
        help_text=_("Dates whose booking was closed first."),
    )

    def __init__(self, *args: Any, program: Any, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, program=program, at=at, **kwargs)
        closed = EventSession.objects.filter(
            reward__program=program, is_open=False, cancelled_at__isnull=True, ends_at__gt=at
        ).select_related("reward")
        self.fields["session"].choices = [  # type: ignore[attr-defined]
            (one.pk, f"{one.reward}: {sessions.when(one, program.time_zone)}") for one in closed
        ]

    def parameters(self) -> dict[str, Any]:
        """The session."""
        return {"session": self.cleaned_data["session"]}
