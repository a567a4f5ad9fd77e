"""Forms of the ways to earn: joining by a friend's link, registering, reviewing, deciding, and the desk's own."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from campaigns.ways.models import EventKind, Question, SurpriseBudget, WayTerms
from loyalty.desk import stamps
from loyalty.desk.asking import ChangeForm
from members.corrections.forms import in_smallest_unit, wallet_of
from members.models import LANGUAGES, Tier

FIELD_KINDS = ("text", "number", "choice")


class JoinForm(forms.Form):
    """What a friend tells to join: enough for a card, nothing more."""

    name = forms.CharField(label=_("Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(
        label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    birthday = forms.DateField(
        label=_("Date of birth"), required=False, widget=forms.DateInput(attrs={"type": "date", "autocomplete": "bday"}),
        help_text=_("For a small surprise each year. You may leave it empty."),
    )  # fmt: skip
    agrees = forms.BooleanField(label=_("I accept the terms of the program."))

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_birthday(self) -> date | None:
        """Nobody is born ahead."""
        born: date | None = self.cleaned_data["birthday"]
        if born and not date(1900, 1, 1) <= born <= self.today:
            raise forms.ValidationError(gettext("This date cannot be right. Check the year."))
        return born


class RegistrationForm(forms.Form):
    """A product and its serial number."""

    product = forms.CharField(label=_("Product"), max_length=80)
    serial = forms.CharField(
        label=_("Serial number"), min_length=4, max_length=64,
        help_text=_("As it is printed on the product. Spaces and dashes do not matter."),
    )  # fmt: skip


class ReviewForm(forms.Form):
    """Stars and words about a product that was bought."""

    product = forms.ChoiceField(label=_("Product"))
    rating = forms.TypedChoiceField(
        label=_("Stars"), coerce=int, choices=[(n, n) for n in range(5, 0, -1)], widget=forms.RadioSelect
    )
    text = forms.CharField(
        label=_("Your words"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 5})
    )

    def __init__(self, *args: Any, products: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["product"].choices = [(name, name) for name in products]


class NoteForm(forms.Form):
    """Why something is decided."""

    note = forms.CharField(label=_("Why"), max_length=200, widget=UnfoldAdminTextInputWidget)


class TermsForm(stamps.StampedForm):
    """The terms of the ways to earn."""

    def clean_tenure_years(self) -> str:
        """Whole numbers with commas between."""
        told = str(self.cleaned_data["tenure_years"]).replace(" ", "")
        if told and not all(part.isdecimal() and 0 < int(part) < 100 for part in told.split(",")):
            raise forms.ValidationError(gettext("Write whole years with commas between, such as 5,10,20."))
        return told

    def clean_launch_places(self) -> int:
        """Never fewer than are taken."""
        places = int(self.cleaned_data["launch_places"])
        if places < self.instance.launch_given:
            raise forms.ValidationError(
                gettext("%(n)d places are taken already: choose at least that many.")
                % {"n": self.instance.launch_given}
            )
        return places

    class Meta:
        model = WayTerms
        exclude = ["launch_given"]


class KindForm(stamps.StampedForm):
    """A kind of event; its details are written one per line: name, kind, whether needed, choices."""

    lines = forms.CharField(
        label=_("Details it brings"), required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}),
        help_text=_("One per line: name, then text, number or choice; a star after the name means needed. Choices follow a colon: colour* choice: red, blue"),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["lines"].initial = "\n".join(_line(field) for field in self.instance.fields)

    def clean_lines(self) -> list[dict[str, Any]]:
        """The details as they are stored; the line at fault is named."""
        read = [_field(line) for line in str(self.cleaned_data["lines"]).splitlines() if line.strip()]
        if len({field["name"] for field in read}) < len(read):
            raise forms.ValidationError(gettext("A detail stands there twice."))
        self.instance.fields = read
        return read

    class Meta:
        model = EventKind
        fields = ["program", "name", "name_id", "name_ms", "slug", "most", "once"]


class QuestionForm(forms.ModelForm):
    """One question of a survey; a choice needs at least two."""

    def clean(self) -> dict[str, Any]:
        """At least two choices where one is chosen."""
        told = super().clean() or {}
        lines = [line for line in str(told.get("choices", "")).splitlines() if line.strip()]
        if told.get("kind") == Question.Kind.CHOICE and len(lines) < 2:
            self.add_error("choices", gettext("Write at least two choices, one per line."))
        return told

    class Meta:
        model = Question
        fields = ["position", "kind", "text", "text_id", "text_ms", "choices", "choices_id", "choices_ms", "is_needed"]


class SurpriseForm(ChangeForm):
    """How many members, of which, get how much."""

    count = forms.IntegerField(
        label=_("How many members"), min_value=1, max_value=100_000, widget=UnfoldAdminIntegerFieldWidget
    )
    tier = forms.ChoiceField(label=_("Tier"), required=False, widget=UnfoldAdminSelectWidget)
    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=[("", _("all")), *LANGUAGES], widget=UnfoldAdminSelectWidget
    )
    amount = forms.DecimalField(
        label=_("Points for each"), min_value=0, max_value=10**9, widget=UnfoldAdminTextInputWidget
    )

    budget = forms.ChoiceField(
        label=_("From the budget"), required=False, widget=UnfoldAdminSelectWidget,
        help_text=_("No more is given in all than the budget has left. Budgets are under Settings."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        budgets = SurpriseBudget.objects.filter(program=self.program, is_open=True).order_by("name")
        self.fields["budget"].choices = [("", gettext("none")), *((str(one.pk), one.name) for one in budgets)]
        tiers = [(tier.slug, str(tier)) for tier in Tier.objects.filter(program=self.program).order_by("rank")]
        self.fields["tier"].choices = [("", gettext("all")), *tiers]

    def clean_amount(self) -> int:
        """At least one point, in the smallest unit."""
        amount = in_smallest_unit(self.cleaned_data["amount"], wallet_of(self.program))
        if amount < 1:
            raise forms.ValidationError(gettext("Give at least one point."))
        return amount

    def parameters(self) -> dict[str, Any]:
        """The number of members, whom they are drawn from, and the amount."""
        told = self.cleaned_data
        chosen = {name: told[name] for name in ("tier", "language") if told[name]}
        asked = {"count": told["count"], "selection": chosen or {"all": True}, "amount": told["amount"]}
        return asked | ({"budget": int(told["budget"])} if told["budget"] else {})


def _line(field: dict[str, Any]) -> str:
    """A detail as it is written."""
    star, choices = "*" if field.get("needed") else "", ", ".join(field.get("choices", []))
    return f"{field['name']}{star} {field['kind']}" + (f": {choices}" if choices else "")


def _field(line: str) -> dict[str, Any]:
    """A written detail as it is stored. Raises ValidationError naming the line."""
    told, _colon, choices = line.partition(":")
    words = told.split()
    name = words[0].rstrip("*") if words else ""
    kind = words[1] if len(words) > 1 else ""
    listed = [one.strip() for one in choices.split(",") if one.strip()]
    if len(words) != 2 or not name.isidentifier() or kind not in FIELD_KINDS or (kind == "choice") != bool(listed):
        raise forms.ValidationError(gettext("This line cannot be read: %(line)s") % {"line": line[:80]})
    found: dict[str, Any] = {"name": name, "kind": kind, "needed": words[0].endswith("*")}
    return found | ({"choices": listed} if listed else {})
