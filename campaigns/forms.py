"""Forms of the desk for campaigns and standing rules: words and numbers, never JSON."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from campaigns import rules
from campaigns.earning import FIXED, MULTIPLIER, PURCHASE, RATE
from campaigns.models import Campaign, Rule
from loyalty.desk.stamps import StampedForm
from loyalty.ledger.models import Program
from members.models import Purchase

TIER = "tier_"
# How many purchases tell which channels there are.
LATEST = 2000


def plain(number: Decimal) -> str:
    """A decimal as definitions keep it: no trailing zeros, no exponent."""
    return format(number.normalize(), "f")


def split_words(text: str) -> list[str]:
    """Words separated by commas, without repeats."""
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def channels_heard(program: Program | None) -> list[str]:
    """How the shops spell their channels, from the latest purchases."""
    if program is None:
        return []
    latest = Purchase.objects.filter(program=program).order_by("-occurred_at").values_list("channel", flat=True)
    return sorted({channel for channel in latest[:LATEST] if channel})


class TermsForm(StampedForm):
    """What campaigns and standing rules share: which purchases count."""

    channels = forms.CharField(
        label=_("Channels"),
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("E.g. web, store. Empty: everywhere."),
    )
    minimum = forms.DecimalField(
        label=_("Minimum purchase"),
        required=False,
        min_value=0,
        max_digits=14,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("In the program's money. Empty: any purchase."),
    )

    # The program looked at; the admin says which.
    program: Program | None = None
    heard: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "channels" in self.fields:
            self.offer_channels()

    def latest(self) -> dict[str, Any]:
        """The definition of the latest version, or nothing."""
        rule = self.rule_of_instance()
        version = rule.versions.order_by("-number").first() if rule else None
        return version.definition if version else {}

    def stamped_besides(self) -> str:
        """The number of the latest version: terms are guarded against two editors too."""
        rule = self.rule_of_instance()
        return str(rule.versions.order_by("-number").values_list("number", flat=True).first()) if rule else ""

    def offer_channels(self) -> None:
        """Name the channels there are, as the shops spell them."""
        self.heard = channels_heard(self.program)
        if self.heard:
            self.fields["channels"].help_text = _("Seen lately: %(channels)s. Empty: everywhere.") % {
                "channels": ", ".join(self.heard)
            }

    def clean_channels(self) -> str:
        """Capitals do not matter to people; to a rule they do, so the shop's spelling is taken."""
        spelling = {channel.lower(): channel for channel in self.heard}
        return ", ".join(spelling.get(word.lower(), word) for word in split_words(self.cleaned_data["channels"]))

    def unheard_channels(self) -> list[str]:
        """Channels of the terms that no shop named lately."""
        return [word for word in split_words(self.cleaned_data["channels"]) if self.heard and word not in self.heard]

    def rule_of_instance(self) -> Rule | None:
        """The rule whose terms this form edits."""
        raise NotImplementedError

    def fill_conditions(self, conditions: dict[str, Any]) -> None:
        """Show the present conditions."""
        self.initial.setdefault("channels", ", ".join(conditions.get("channels", [])))
        self.initial.setdefault("minimum", conditions.get("minimum"))

    def conditions(self) -> dict[str, Any]:
        """The conditions as definitions keep them; what is not asked for is left out."""
        told = self.cleaned_data
        found: dict[str, Any] = {"activity": PURCHASE}
        if words := split_words(told.get("channels") or ""):
            found["channels"] = words
        if told.get("minimum"):
            found["minimum"] = plain(told["minimum"])
        return found

    def refuse_unsound(self, tiers: list[str] | None) -> None:
        """Tell what the rule engine would refuse, before anything is saved."""
        if self.errors:
            return
        for sentence in rules.problems(self.definition(), tiers=tiers).values():
            self.add_error(None, sentence)

    def definition(self) -> dict[str, Any]:
        """The terms as a definition (see campaigns.models.RuleVersion)."""
        raise NotImplementedError


class CampaignForm(TermsForm):
    """A campaign: when, where and by how much points are multiplied. Tier fields are added per program."""

    factor = forms.DecimalField(
        label=_("Multiply points by"),
        min_value=1,
        max_value=100,
        max_digits=6,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        initial=Decimal(2),
        help_text=_("2 means double points, 3 triple. For every tier without its own number below."),
    )
    tier_slugs: list[str] = []

    class Meta:
        model = Campaign
        fields = ("name", "name_id", "name_ms", "summary", "summary_id", "summary_ms", "slug", "since", "until")
        help_texts = {
            "summary": _("One sentence for the portal, e.g. “Double points on web purchases until 9 March.”"),
            "slug": _("Made from the name; stands in exports and never changes."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        told = self.latest() if self.instance.pk else {}
        if told.get("award", {}).get("kind") == MULTIPLIER:
            self.initial.setdefault("factor", told["award"].get("factor", "1"))
            for slug, factor in told["award"].get("by_tier", {}).items():
                self.initial.setdefault(TIER + slug, factor)
            self.fill_conditions(told.get("conditions", {}))

    def rule_of_instance(self) -> Rule | None:
        return self.instance.rules.order_by("id").first() if self.instance.pk else None

    def definition(self) -> dict[str, Any]:
        told = self.cleaned_data
        award: dict[str, Any] = {"kind": MULTIPLIER, "factor": plain(told["factor"])}
        by_tier = {slug: plain(told[TIER + slug]) for slug in self.tier_slugs if told.get(TIER + slug)}
        if by_tier:
            award["by_tier"] = by_tier
        return {"award": award, "conditions": self.conditions()}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since >= until:
            self.add_error("until", _("A campaign must end after it begins."))
        self.refuse_unsound(self.tier_slugs)
        return cleaned


class RuleForm(TermsForm):
    """A standing rule: points per amount of money, or fixed points for something a member does."""

    kind = forms.ChoiceField(
        label=_("Earns"),
        choices=[(RATE, _("points per amount of money")), (FIXED, _("fixed points"))],
        widget=UnfoldAdminSelectWidget,
    )
    points = forms.DecimalField(
        label=_("Points"),
        min_value=Decimal("0.000001"),
        max_digits=14,
        decimal_places=6,
        widget=UnfoldAdminDecimalFieldWidget,
        initial=1,
    )
    per = forms.DecimalField(
        label=_("Per (money)"),
        required=False,
        min_value=Decimal("0.01"),
        max_digits=14,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Only for points per amount."),
    )
    activity = forms.SlugField(
        label=_("For"),
        initial=PURCHASE,
        max_length=40,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("“purchase”, or the kind of an event such as “review”."),
    )
    qualifying = forms.BooleanField(
        label=_("Counts towards tiers"), required=False, initial=True, widget=UnfoldBooleanSwitchWidget
    )
    since = forms.SplitDateTimeField(
        label=_("Counts from"),
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text=_("Empty: from now on. What was earned before keeps its version."),
    )

    class Meta:
        model = Rule
        fields = ("name", "name_id", "name_ms", "slug", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        told = self.latest() if self.instance.pk else {}
        if told:
            award, conditions = told["award"], told.get("conditions", {})
            shown = {"kind": award["kind"], "points": award.get("points"), "per": award.get("per")}
            shown |= {
                "activity": conditions.get("activity", PURCHASE),
                "qualifying": award.get("qualifying", award["kind"] == RATE),
            }
            for name, value in shown.items():
                self.initial.setdefault(name, value)
            self.fill_conditions(conditions)

    def rule_of_instance(self) -> Rule | None:
        return self.instance if self.instance.pk else None

    def definition(self) -> dict[str, Any]:
        told = self.cleaned_data
        award: dict[str, Any] = {"kind": told["kind"], "points": plain(told["points"])}
        if told["kind"] == RATE:
            award["per"] = plain(told["per"])
        if told["qualifying"] != (told["kind"] == RATE):
            award["qualifying"] = told["qualifying"]
        found = self.conditions() | {"activity": told["activity"]}
        return {"award": award, "conditions": found}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("kind") == RATE and not cleaned.get("per"):
            self.add_error("per", _("Say for which amount of money, e.g. 10000."))
        if cleaned.get("since") and cleaned["since"] < timezone.now() and self.instance.pk:
            self.add_error("since", _("A new version cannot begin in the past. Leave it empty to begin now."))
        self.refuse_unsound(None)
        return cleaned
