"""The desk's form of a challenge: what counts, how often, over which time, who takes part, and what is won; words and numbers only."""

import json
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from campaigns import rule_fields
from campaigns.challenges import definitions, publishing
from campaigns.challenges.definitions import ALL, CARD, CHANCE, DAILY, EVERY, INSTANT, ROLLING, STREAK
from campaigns.conditions import ABOUT_EARLIER
from campaigns.forms import TermsForm
from campaigns.models import Challenge, Rule
from campaigns.rule_fields import plain
from campaigns.terms import PURCHASE
from rewards.models import Reward

MEASURES = [
    ("times", _("times it happens")),
    ("days", _("days on which it happens")),
    ("pieces", _("pieces bought")),
    ("amount", _("money spent")),
    ("points", _("points earned by it")),
]
PERS = [
    (ALL, _("the whole time of the challenge")),
    ("day", _("a day")),
    ("week", _("a week, Monday to Sunday")),
    ("month", _("a month")),
    ("year", _("a year")),
    (ROLLING, _("the last days, as many as said below")),
]
DRAWS = [
    (EVERY, _("every entry with this number wins")),
    (CHANCE, _("one entry in so many wins, by chance")),
    (DAILY, _("the entry with this number of each day wins")),
]
# Challenges count by themselves, so the rows that count purchases are left out.
GROUPS = {
    group: [one.name for one in rule_fields.GROUPS[group] if one.place not in ABOUT_EARLIER]
    for group in ("who", "what", "where", "when")
}
# The fields a challenge reads by, and which of them mean something for which kind; the others are not shown.
TERMS_OF = (
    "kind",
    "activity",
    "measure",
    "goal",
    "per",
    "days",
    "each",
    "draw",
    "prize_points",
    "prize_reward",
    "prize_badge",
)
KEPT_BY = {CARD: ["per", "days"], STREAK: ["per", "each", "freeze"], INSTANT: ["draw"]}


class ChallengeForm(TermsForm):
    """A challenge: its texts and days are its own, all else is published as a version."""

    kind = forms.ChoiceField(label=_("Kind"), choices=Challenge.Kind.choices, widget=UnfoldAdminSelectWidget, help_text=_("A card or goal is full after so many. A streak needs so many periods in a row. An instant win numbers every entry. The kind stays once the challenge is live."))  # fmt: skip
    measure = forms.ChoiceField(label=_("Counts"), choices=MEASURES, widget=UnfoldAdminSelectWidget)
    goal = forms.DecimalField(label=_("Goal"), min_value=Decimal("0.001"), max_value=definitions.MOST_GOAL, max_digits=13, decimal_places=3, widget=UnfoldAdminDecimalFieldWidget, help_text=_("How many fill the card; how many periods in a row; or which entry wins."))  # fmt: skip
    per = forms.ChoiceField(label=_("Within"), choices=PERS, required=False, widget=UnfoldAdminSelectWidget, help_text=_("For a streak: the periods that follow each other (day, week or month)."))  # fmt: skip
    days = forms.IntegerField(label=_("Days"), required=False, min_value=1, max_value=definitions.MOST_DAYS, widget=UnfoldAdminIntegerFieldWidget, help_text=_("Only for “the last days”."))  # fmt: skip
    each = forms.DecimalField(label=_("At least so many in each period"), required=False, min_value=Decimal("0.001"), max_digits=13, decimal_places=3, widget=UnfoldAdminDecimalFieldWidget, help_text=_("Empty means one."))  # fmt: skip
    freeze = forms.BooleanField(label=_("One period may be left out"), required=False, widget=UnfoldBooleanSwitchWidget)  # fmt: skip
    repeats = forms.BooleanField(label=_("Can be done again and again"), required=False, widget=UnfoldBooleanSwitchWidget, help_text=_("Otherwise once: in each period, or of an instant win once for each member."))  # fmt: skip
    draw = forms.ChoiceField(label=_("Who wins"), choices=DRAWS, required=False, widget=UnfoldAdminSelectWidget)  # fmt: skip
    prize_points = forms.IntegerField(label=_("Points"), required=False, min_value=1, max_value=definitions.MOST_POINTS, widget=UnfoldAdminIntegerFieldWidget)  # fmt: skip
    prize_badge = forms.BooleanField(label=_("Badge"), required=False, widget=UnfoldBooleanSwitchWidget, help_text=_("The picture and name of the challenge, shown on the member's page."))  # fmt: skip
    prize_reward = forms.ChoiceField(label=_("Reward"), required=False, widget=UnfoldAdminSelectWidget, help_text=_("A voucher that costs no points; also of a reward the catalogue does not offer."))  # fmt: skip
    points = None
    on = None
    qualifying = None

    class Meta:
        model = Challenge
        fields = ("name", "name_id", "name_ms", "summary", "summary_id", "summary_ms", "slug", "kind", "icon", "since", "until", "has_board")  # fmt: skip
        help_texts = {
            "summary": _("One sentence for the portal, e.g. “Every fifth coffee wins you 50 points.”"),
            "slug": _("Made from the name; stands in exports and never changes."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:
            self.fields["kind"].widget.attrs["data-keeps"] = json.dumps(KEPT_BY)

    def offered(self) -> dict[str, list[tuple[str, str]]]:
        """What can be ticked, and the rewards that can be won."""
        rewards = Reward.objects.filter(program=self.program) if self.program else Reward.objects.none()
        return super().offered() | {"prize_reward": [("", "–"), *((one.slug, str(one)) for one in rewards)]}

    def rule_of_instance(self) -> Rule | None:
        return None

    def latest(self) -> dict[str, Any]:
        """The definition of the latest version, or nothing."""
        version = self.instance.versions.order_by("-number").first() if self.instance.pk else None
        return version.definition if version else {}

    def stamped_besides(self) -> str:
        """The latest terms are guarded against two editors too."""
        return repr(self.latest())

    def shown(self, told: dict[str, Any]) -> dict[str, Any]:
        """A definition as the values of the form."""
        shown: dict[str, Any] = {name: told[name] for name in ("measure", "goal", "per", "days", "each", "freeze", "repeats", "draw") if name in told}  # fmt: skip
        shown |= {f"prize_{name}": value for name, value in told["prize"].items()}
        shown["activity"] = told.get("conditions", {}).get("activity", PURCHASE)
        return shown | rule_fields.shown({"conditions": told.get("conditions", {})})

    def definition(self) -> dict[str, Any]:
        """The terms as a definition; what does not belong to the kind is left out."""
        told, kind = self.cleaned_data, self.cleaned_data.get("kind") or self.instance.kind
        made: dict[str, Any] = {"measure": told.get("measure") or "times", "goal": plain(told["goal"])}
        if kind in (CARD, STREAK) and told.get("per"):
            made["per"] = told["per"]
        if kind == CARD and told.get("per") == ROLLING and told.get("days"):
            made["days"] = told["days"]
        if kind == STREAK and told.get("each"):
            made["each"] = plain(told["each"])
        if kind == STREAK and told.get("freeze"):
            made["freeze"] = True
        if kind == INSTANT:
            made["draw"] = told.get("draw") or EVERY
        if told.get("repeats"):
            made["repeats"] = True
        prize: dict[str, Any] = {}
        if told.get("prize_points"):
            prize["points"] = str(told["prize_points"])
        if told.get("prize_badge"):
            prize["badge"] = True
        if told.get("prize_reward"):
            prize["reward"] = told["prize_reward"]
        conditions = rule_fields.written(told).get("conditions", {})
        return made | {"conditions": {"activity": told.get("activity") or PURCHASE} | conditions, "prize": prize}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        since, until = cleaned.get("since") or self.instance.since, cleaned.get("until")
        if since and until and since >= until:
            self.add_error("until", _("A challenge must end after it begins."))
        if self.errors or self.program is None or "goal" not in cleaned:
            return cleaned
        kind = cleaned.get("kind") or self.instance.kind
        for place, sentence in publishing.problems(self.program, kind, self.definition()).items():
            name = {"prize": "prize_points", "prize.points": "prize_points", "prize.reward": "prize_reward"}.get(place, place)  # fmt: skip
            name = rule_fields.field_of(name) or name
            self.add_error(name if name in self.fields else None, sentence)
        return cleaned
