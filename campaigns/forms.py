"""Forms of the desk for campaigns and standing rules: words and numbers, never JSON. Their rows are in `campaigns.rule_fields`."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldBooleanSwitchWidget,
)

from campaigns import activities, definitions, rule_fields, season_notes
from campaigns.earning import FIXED, MULTIPLIER, PURCHASE, RATE, UNIT
from campaigns.fixed_terms import refuse_changes
from campaigns.models import Campaign, Rule
from campaigns.rule_fields import plain, split_words
from campaigns.short_names import ShortNamedForm
from loyalty.ledger.models import ExpiryPolicy, Program
from loyalty.ledger.showing import words_of
from loyalty.pos.models import Store
from members.models import Purchase, Tier
from members.segments.models import Segment

TIER = "tier_"
# How many purchases tell which channels there are.
LATEST = 2000
AWARD_FIELDS = ("kind", "factor", "points", "per", "on", "compounding", "qualifying", "activity")
KINDS = {
    MULTIPLIER: _("times the points"),
    FIXED: _("fixed points"),
    RATE: _("points per amount of money"),
    UNIT: _("points for each piece"),
}


def channels_heard(program: Program | None) -> list[str]:
    """How the shops spell their channels, from the latest purchases."""
    if program is None:
        return []
    latest = Purchase.objects.filter(program=program).order_by("-occurred_at").values_list("channel", flat=True)
    return sorted({channel for channel in latest[:LATEST] if channel})


def named_policies(program: Program) -> list[tuple[str, str]]:
    """The named expiry policies of the main points, as the newest version of each says."""
    made = ExpiryPolicy.objects.filter(wallet__program=program, wallet__is_main=True).exclude(name="")
    newest = {policy.name: policy for policy in made.select_related("season").order_by("version")}
    return [(name, f"{name}: {words_of(policy)}") for name, policy in sorted(newest.items())]


class TermsForm(ShortNamedForm):
    """What campaigns and standing rules share: what is earned, and under which conditions and caps."""

    kind = forms.ChoiceField(label=_("Earns"), required=False, choices=KINDS.items(), widget=UnfoldAdminSelectWidget)
    points = rule_fields.points_field(help_text=_("For fixed points, points per amount, or points for each piece."))
    per = forms.DecimalField(
        label=_("Per (money)"),
        required=False,
        min_value=Decimal("0.01"),
        max_digits=14,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Only for points per amount."),
    )
    activity = forms.ChoiceField(
        label=_("For"),
        required=False,
        initial=PURCHASE,
        widget=UnfoldAdminSelectWidget,
        help_text=_("Other events that your shop reports are described under Settings, Kinds of events."),
    )
    on = forms.ChoiceField(
        label=_("When goods are named"),
        required=False,
        choices=[("", _("it is about their lines only")), ("basket", _("it is about the whole basket"))],
        widget=UnfoldAdminSelectWidget,
    )
    qualifying = forms.BooleanField(label=_("Counts towards tiers"), required=False, widget=UnfoldBooleanSwitchWidget)

    heard: list[str] = []
    usual_kind = RATE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in self.offered().items():
            if name in self.fields:
                self.fields[name].choices = choices
        told = self.latest() if self.instance.pk else {}
        for name, value in self.shown(told).items() if told else ():
            self.initial.setdefault(name, value)
            self.keep_choice(name, value)
        if "channels" in self.fields:
            self.offer_channels()

    def offered(self) -> dict[str, list[tuple[str, str]]]:
        """What can be ticked: the program's tiers, stores, seasons and other campaigns."""
        if self.program is None:
            return {}
        others = Campaign.objects.filter(program=self.program).exclude(
            pk=self.instance.pk if isinstance(self.instance, Campaign) else None
        )
        return {
            "activity": activities.choices(self.program),
            "tiers": [(tier.slug, str(tier)) for tier in Tier.objects.filter(program=self.program).order_by("rank")],
            "stores": [(store.code, str(store)) for store in Store.objects.filter(program=self.program)],
            "seasons": season_notes.choices(self.program, at=timezone.now()),
            "expiry_policy": [("", _("as all points do")), *named_policies(self.program)],
            "segments": [
                (segment.slug, str(segment))
                for segment in Segment.objects.filter(program=self.program, archived_at__isnull=True)
            ],
            "not_with": [(campaign.slug, str(campaign)) for campaign in others[:50]],
        }

    def keep_choice(self, name: str, value: Any) -> None:
        """What a rule names stays to be ticked, also where it is no longer offered."""
        field = self.fields.get(name)
        if isinstance(field, forms.ChoiceField) and isinstance(value, list | str):
            named = value if isinstance(value, list) else [value]
            known = {key for key, _label in field.choices}  # type: ignore[misc,union-attr]
            field.choices = [*field.choices, *((word, word) for word in named if word not in known)]  # type: ignore[misc]

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
        told = self.cleaned_data.get("channels") or ""
        return [word for word in split_words(told) if self.heard and word not in self.heard]

    def rule_of_instance(self) -> Rule | None:
        """The rule whose terms this form edits."""
        raise NotImplementedError

    def shown(self, told: dict[str, Any]) -> dict[str, Any]:
        """A definition as the values of the form."""
        award = told["award"]
        shown = {name: award[name] for name in ("kind", "factor", "points", "per", "compounding") if name in award}
        shown |= {TIER + slug: factor for slug, factor in award.get("by_tier", {}).items()}
        shown["on"] = "basket" if award.get("on") == "basket" else ""
        shown["qualifying"] = award.get("qualifying", award["kind"] == RATE)
        shown["activity"] = told.get("conditions", {}).get("activity", PURCHASE)
        return shown | rule_fields.shown(told)

    def award(self) -> dict[str, Any]:
        """What is earned, as definitions keep it; what does not belong to its kind is left out."""
        told = self.cleaned_data
        kind = told.get("kind") or self.usual_kind
        award: dict[str, Any] = {"kind": kind}
        for name in definitions.AWARDS[kind]:
            value = told.get(name)
            if name in ("factor", "points", "per") and value is not None:
                award[name] = plain(value)
        if kind in (MULTIPLIER, RATE) and told.get("on"):
            award["on"] = told["on"]
        if kind == MULTIPLIER and told.get("compounding"):
            award["compounding"] = True
        if "qualifying" in self.fields and told.get("qualifying", False) != (kind == RATE):
            award["qualifying"] = told.get("qualifying", False)
        return award

    def definition(self) -> dict[str, Any]:
        """The terms as a definition (docs/rule.schema.json)."""
        parts = rule_fields.written(self.cleaned_data)
        conditions = {"activity": self.cleaned_data.get("activity") or PURCHASE} | parts.pop("conditions", {})
        return {"award": self.award(), "conditions": conditions} | parts

    def refuse_unsound(self, tiers: list[str] | None) -> None:
        """Tell what the rule engine would refuse, at the field it is about, before anything is saved."""
        if self.errors:
            return
        for place, sentence in definitions.problems(self.definition(), tiers=tiers).items():
            name = rule_fields.field_of(place) or place.removeprefix("award.").split(".")[0]
            self.add_error(name if name in self.fields else None, sentence)


class CampaignForm(TermsForm):
    """A campaign: when it runs, what it gives and to whom. Tier fields are added per program."""

    usual_kind = MULTIPLIER
    factor = rule_fields.factor_field(
        initial=Decimal(2),
        help_text=_("2 means double points, 3 triple. For every tier without its own number below."),
    )
    compounding = forms.BooleanField(
        label=_("Multiplies other campaigns too"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("Otherwise extra parts add up: 2× and 3× make 4×."),
    )
    tier_slugs: list[str] = []

    class Meta:
        model = Campaign
        fields = ("name", "name_id", "name_ms", "summary", "summary_id", "summary_ms", "slug", "since", "until", "opens_early", "budget_points", "budget_money", "control_percent", "goal", "goal_amount", "partner", "partner_percent")  # fmt: skip
        help_texts = {
            "summary": _("One sentence for the portal, e.g. “Double points on web purchases until 9 March.”"),
            "slug": _("Made from the name; stands in exports and never changes."),
        }

    def rule_of_instance(self) -> Rule | None:
        return self.instance.rules.order_by("id").first() if self.instance.pk else None

    def award(self) -> dict[str, Any]:
        told, award = self.cleaned_data, super().award()
        if award["kind"] == MULTIPLIER:
            by_tier = {slug: plain(told[TIER + slug]) for slug in self.tier_slugs if told.get(TIER + slug)}
            award |= {"by_tier": by_tier} if by_tier else {}
        return award

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("since") and cleaned.get("until") and cleaned["since"] >= cleaned["until"]:
            self.add_error("until", _("A campaign must end after it begins."))
        refuse_changes(self, cleaned)
        if bool(cleaned.get("goal")) != ((cleaned.get("goal_amount") or 0) > 0):
            self.add_error("goal_amount", _("A goal needs an amount above zero, and an amount a goal."))
        for name in ("points", "money"):
            most, spent = cleaned.get(f"budget_{name}"), getattr(self.instance, f"spent_{name}")
            if most is not None and most < spent:
                told = _("Already %(spent)s are given. A budget cannot be less.") % {"spent": spent}
                self.add_error(f"budget_{name}", told)
        self.refuse_unsound(self.tier_slugs)
        return cleaned


class RuleForm(TermsForm):
    """A standing rule: points per amount of money, or fixed points for something a member does."""

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
        if "kind" in self.fields:
            self.fields["kind"].choices = [(kind, KINDS[kind]) for kind in (RATE, FIXED, UNIT)]
        self.initial.setdefault("qualifying", True)

    def rule_of_instance(self) -> Rule | None:
        return self.instance if self.instance.pk else None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if (cleaned.get("kind") or RATE) == RATE and not cleaned.get("per"):
            self.add_error("per", _("Say for which amount of money, e.g. 10000."))
        if cleaned.get("since") and cleaned["since"] < timezone.now() and self.instance.pk:
            self.add_error("since", _("A new version cannot begin in the past. Leave it empty to begin now."))
        self.refuse_unsound(None)
        return cleaned
