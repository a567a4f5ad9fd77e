"""Forms of the corrections: one member, a pasted or uploaded list, or what the list of members was filtered by."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from loyalty.common.clock import local_day
from loyalty.common.errors import Refusal
from loyalty.desk.asking import ChangeForm
from loyalty.ledger.models import Wallet
from members import lookup
from members.corrections import lists
from members.models import LANGUAGES, Tier
from members.segments.models import Segment

BY_POLICY, NEVER, ON_DAY = "policy", "never", "day"
MOST = 10**15


def wallet_of(program: Any) -> Wallet:
    """The wallet whose points are corrected."""
    return Wallet.objects.get(program=program, is_main=True)


def in_smallest_unit(amount: Decimal, wallet: Wallet) -> int:
    """Typed points in the wallet's smallest unit."""
    exact = amount.scaleb(wallet.decimals)
    if exact != exact.to_integral_value():
        raise forms.ValidationError(
            gettext("Points have at most %(count)d decimals here.") % {"count": wallet.decimals}
        )
    return int(exact)


class OneMemberForm(ChangeForm):
    """A member, found by the number."""

    number = forms.CharField(label=_("Member number"), max_length=40, widget=UnfoldAdminTextInputWidget)

    def clean_number(self) -> str:
        """The number of a member of this program."""
        try:
            return lookup.by_number(self.program, self.cleaned_data["number"]).number
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class DatedForm(ChangeForm):
    """Until when added points live."""

    lives = forms.ChoiceField(
        label=_("Added points are valid"),
        choices=[
            (BY_POLICY, _("as the wallet's policy says")),
            (ON_DAY, _("through the day below")),
            (NEVER, _("for ever")),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    last_day = forms.DateField(label=_("Last valid day"), required=False, widget=UnfoldAdminDateWidget)

    def clean(self) -> dict[str, Any]:
        """A day where one is needed, and in the future."""
        told = super().clean()
        if told.get("lives") == ON_DAY:
            _need_future(self, "last_day", told.get("last_day"))
        return told

    def dates(self) -> dict[str, Any]:
        """The parameter of the last valid day; none when the policy decides."""
        lives, day = self.cleaned_data["lives"], self.cleaned_data.get("last_day")
        return {} if lives == BY_POLICY else {"last_day": day.isoformat() if lives == ON_DAY else None}


class AdjustOneForm(OneMemberForm, DatedForm):
    """Points for one member."""

    amount = forms.DecimalField(
        label=_("Points"),
        min_value=-MOST,
        max_value=MOST,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("With a minus sign to take points."),
    )
    field_order = ["number", "amount", "lives", "last_day", "reason"]

    def clean_amount(self) -> int:
        """At least one point."""
        amount = in_smallest_unit(self.cleaned_data["amount"], wallet_of(self.program))
        if amount == 0:
            raise forms.ValidationError(gettext("Say how many points: at least one, or with a minus sign."))
        return amount

    def parameters(self) -> dict[str, Any]:
        """Number, amount, dates."""
        return {"number": self.cleaned_data["number"], "amount": self.cleaned_data["amount"]} | self.dates()


class ForgiveForm(OneMemberForm):
    """A debt to forgive."""

    amount = forms.DecimalField(
        label=_("Points forgiven"), min_value=Decimal("0.000001"), max_value=MOST, widget=UnfoldAdminDecimalFieldWidget
    )

    def clean_amount(self) -> int:
        """Points in the smallest unit."""
        return in_smallest_unit(self.cleaned_data["amount"], wallet_of(self.program))

    def parameters(self) -> dict[str, Any]:
        """Number and amount."""
        return {"number": self.cleaned_data["number"], "amount": self.cleaned_data["amount"]}


class SelectionForm(ChangeForm):
    """Whom a bulk change is for."""

    WITH_AMOUNTS = False
    who = forms.ChoiceField(
        label=_("Who"), widget=UnfoldAdminSelectWidget,
        choices=[("list", _("the members listed below")), ("filter", _("every active member that fits the choices below"))],
    )  # fmt: skip
    numbers = forms.CharField(
        label=_("Member numbers"),
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}),
        help_text=_("One member per line, pasted from anywhere."),
    )
    file = forms.FileField(
        label=_("Or a CSV file"), required=False, widget=UnfoldAdminFileFieldWidget, max_length=200,
        help_text=_("First column: the member number. At most 2 MB."),
    )  # fmt: skip
    segment = forms.ChoiceField(
        label=_("Segment"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=_("Who is in it as last refreshed."),
    )
    tier = forms.ChoiceField(label=_("Tier"), required=False, widget=UnfoldAdminSelectWidget)
    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=[("", _("all")), *LANGUAGES], widget=UnfoldAdminSelectWidget
    )
    search = forms.CharField(
        label=_("Name, e-mail, phone or number begins with"),
        required=False,
        max_length=100,
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tiers = [(tier.slug, str(tier)) for tier in Tier.objects.filter(program=self.program).order_by("rank")]
        self.fields["tier"].choices = [("", gettext("all")), *tiers]
        kept = Segment.objects.filter(program=self.program, archived_at__isnull=True).order_by("name")
        self.fields["segment"].choices = [("", gettext("all")), *((one.slug, str(one)) for one in kept)]

    def clean(self) -> dict[str, Any]:
        """The list read line by line; every line at fault is named."""
        told = super().clean()
        if told.get("who") == "list":
            wallet = wallet_of(self.program)
            text = lists.decoded(told["file"].read()) if told.get("file") else told.get("numbers", "")
            read = lists.read(text, decimals=wallet.decimals, with_amounts=self.WITH_AMOUNTS)
            where = "file" if told.get("file") else "numbers"
            for problem in read.problems[: lists.TOLD_AT_MOST]:
                self.add_error(where, problem)
            if not read.problems and not read.lines:
                self.add_error(where, gettext("The list is empty. Paste member numbers, or choose a file."))
            self.lines = read.lines
        return told

    def selection(self) -> dict[str, Any]:
        """The selection as `members.corrections.selecting` reads it."""
        if self.cleaned_data["who"] == "list":
            return {"numbers": [number for number, _amount in self.lines]}
        told = {
            name: self.cleaned_data[name]
            for name in ("segment", "tier", "language", "search")
            if self.cleaned_data[name]
        }
        return told or {"all": True}


class AdjustManyForm(SelectionForm, DatedForm):
    """Points for many members: each line with its own amount, or the same for all."""

    WITH_AMOUNTS = True
    amount = forms.DecimalField(
        label=_("Points for each"),
        required=False,
        min_value=-MOST,
        max_value=MOST,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("For chosen members, and for listed ones without an amount of their own."),
    )
    field_order = [
        "who",
        "numbers",
        "file",
        "segment",
        "tier",
        "language",
        "search",
        "amount",
        "lives",
        "last_day",
        "reason",
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["numbers"].help_text = _(
            "One member per line: the number, and after a comma, tab or semicolon the points."
        )
        self.fields["file"].help_text = _("First column: the member number. Second column: the points. At most 2 MB.")

    def clean(self) -> dict[str, Any]:
        """An amount for everybody."""
        told = super().clean()
        lines = getattr(self, "lines", [])
        if told.get("amount"):
            told["amount"] = in_smallest_unit(told["amount"], wallet_of(self.program))
        elif told.get("who") == "filter" or any(amount is None for _number, amount in lines):
            self.add_error("amount", gettext("Say how many points each of them gets, or with a minus sign loses."))
        return told

    def parameters(self) -> dict[str, Any]:
        """Lines, or selection and amount."""
        amount = self.cleaned_data.get("amount") or 0
        if self.cleaned_data["who"] == "list":
            return {"lines": [[n, amount if a is None else a] for n, a in self.lines]} | self.dates()
        return {"selection": self.selection(), "amount": amount} | self.dates()


class ExtendForm(SelectionForm):
    """A later end."""

    before = forms.DateField(
        label=_("Points that run out up to"),
        widget=UnfoldAdminDateWidget,
        help_text=_("The last valid day they have now."),
    )
    until = forms.DateField(label=_("Are valid through"), widget=UnfoldAdminDateWidget)
    field_order = ["who", "numbers", "file", "segment", "tier", "language", "search", "before", "until", "reason"]

    def clean(self) -> dict[str, Any]:
        """The new day is later."""
        told = super().clean()
        _need_future(self, "until", told.get("until"))
        if told.get("before") and told.get("until") and told["before"] > told["until"]:
            self.add_error("until", gettext("Choose a day after the one on which these points run out."))
        return told

    def parameters(self) -> dict[str, Any]:
        """Selection and days."""
        days = {name: self.cleaned_data[name].isoformat() for name in ("before", "until")}
        return {"selection": self.selection()} | days


class ReinstateForm(SelectionForm):
    """Expired points to give back."""

    since = forms.DateField(label=_("Points that expired since"), widget=UnfoldAdminDateWidget)
    until = forms.DateField(label=_("Are valid again through"), widget=UnfoldAdminDateWidget)
    field_order = ["who", "numbers", "file", "segment", "tier", "language", "search", "since", "until", "reason"]

    def clean(self) -> dict[str, Any]:
        """They live at least a day."""
        told = super().clean()
        _need_future(self, "until", told.get("until"))
        return told

    def parameters(self) -> dict[str, Any]:
        """Selection and days."""
        days = {name: self.cleaned_data[name].isoformat() for name in ("since", "until")}
        return {"selection": self.selection()} | days


def _need_future(form: ChangeForm, field: str, day: date | None) -> None:
    """A day that is not over yet in the program clock, and not absurdly far."""
    today = local_day(form.at, form.program.time_zone)
    if day is None:
        if not form.has_error(field):
            form.add_error(field, gettext("Say which day is the last valid one."))
    elif day < today or day > today + timedelta(days=36_525):
        form.add_error(field, gettext("Choose a day from today on, within a hundred years."))
