"""Forms of the desk for segments: rows of words, never JSON."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from loyalty.desk.stamps import StampedForm
from loyalty.ledger.models import Program
from members.segments.definitions import problems
from members.segments.models import Segment
from members.segments.rows import Definition, Rows


class SegmentForm(StampedForm):
    """A segment: its name, what it is for, and who is in it."""

    definition = Definition(label=_("Members are in it when"))
    # The program looked at; the admin says which.
    program: Program | None = None

    class Meta:
        model = Segment
        fields = ("name", "name_id", "name_ms", "slug", "note", "definition")
        help_texts = {"slug": _("Made from the name; rules and exports know it by this, and it never changes.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "definition" in self.fields:
            self.fields["definition"].widget = Rows(self.program)

    def clean_definition(self) -> dict[str, Any]:
        """Say in words what the rows miss."""
        definition = self.cleaned_data["definition"]
        program = self.program
        found = problems(
            definition,
            tiers=set(program.tiers.values_list("slug", flat=True)) if program else None,
            stores=set(program.stores.values_list("code", flat=True)) if program else None,
        )
        if found:
            raise forms.ValidationError(list(dict.fromkeys(found.values())))
        return definition

    def clean_slug(self) -> str:
        """Once per program."""
        slug = self.cleaned_data["slug"]
        if Segment.objects.filter(program=self.program, slug=slug).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("There is a segment with this short name already."))
        return slug


class SnapshotForm(forms.Form):
    """What a snapshot is called."""

    name = forms.CharField(label=_("Name"), max_length=80, widget=UnfoldAdminTextInputWidget, help_text=_("For example “Letter of December”."))  # fmt: skip


class AskForm(forms.Form):
    """Whom to explain."""

    number = forms.CharField(label=_("Member number"), max_length=20, widget=UnfoldAdminTextInputWidget)
