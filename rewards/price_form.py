"""The form of a change of a reward's prices: each as it is now, and room for two more."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from loyalty.desk.asking import ChangeForm
from loyalty.desk.dates import MidnightByDefault
from members.models import Tier
from members.segments.models import Segment
from rewards import price_terms
from rewards.forms import DAY_OF_YEAR, clean_season
from rewards.models import Reward, RewardPrice
from rewards.price_terms import PriceUnknown

MORE = 2
PARTS = ("cost", "money", "tier", "segment", "since", "until", "season_from", "season_until")
MOST = 10**12


class PricesForm(ChangeForm):
    """What a reward costs everybody, then its other prices; one whose cost is left empty is taken away."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reward = self._named()
        self.others: list[PriceFields] = []
        if self.reward is None:
            return
        self.fields["cost"] = _points(_("Cost"), self.reward.cost)
        self.fields["money"] = _money(self.reward.money)
        there = [*self.reward.prices.select_related("tier", "segment"), *[None] * MORE]
        tiers = [("", "–"), *((tier.slug, str(tier)) for tier in Tier.objects.filter(program=self.program))]
        segments = [("", "–"), *((one.slug, str(one)) for one in Segment.objects.filter(program=self.program))]
        for number, price in enumerate(there, start=1):
            other = PriceFields(number, price, tiers, segments)
            self.others.append(other)
            self.fields.update(other.fields)

    def _named(self) -> Reward | None:
        """The reward whose page led here."""
        named = str(self.initial.get("reward", ""))
        try:
            return price_terms.find(self.program, int(named)) if named.isascii() and named.isdecimal() and len(named) < 19 else None  # fmt: skip
        except PriceUnknown:
            return None

    def sections(self) -> list[tuple[Any, list[Any]]]:
        """The price for everybody, each other one, and this edit."""
        if self.reward is None:
            return []
        others = [(other.heading, [self[name] for name in other.fields]) for other in self.others]
        return [(self.reward, [self["cost"], self["money"]]), *others, (_("This edit"), [self["reason"]])]

    def clean(self) -> dict[str, Any]:
        """Each price with both days of its season, ending after it begins."""
        super().clean()
        if self.reward is None:
            raise forms.ValidationError(_("Open the page of the reward and choose “Change the prices” there."))
        for other in self.others:
            other.check(self)
        return self.cleaned_data

    def parameters(self) -> dict[str, Any]:
        """The reward and its terms as they would be."""
        told = self.cleaned_data
        prices = [other.told(told) for other in self.others if told[other.named("cost")] is not None]
        terms = price_terms.in_order(told["cost"], told["money"], prices)
        return {"reward": self.reward.pk if self.reward else None, "terms": terms}


class PriceFields:
    """The fields of one other price."""

    def __init__(self, number: int, price: RewardPrice | None, tiers: list[Any], segments: list[Any]) -> None:
        """`price` is the one that is there; None: room for a new one."""
        self.number, self.price = number, price
        made: dict[str, forms.Field] = {
            "cost": _points(_("Cost"), price.cost if price else None, required=False),
            "money": _money(price.money if price else Decimal(0)),
            "tier": _choice("tier", tiers, price.tier.slug if price and price.tier else ""),
            "segment": _choice("segment", segments, price.segment.slug if price and price.segment else ""),
            "since": _instant("since", price.since if price else None),
            "until": _instant("until", price.until if price else None),
            "season_from": _day("season_from", price.season_from if price else ""),
            "season_until": _day("season_until", price.season_until if price else ""),
        }
        if price:
            made["cost"].help_text = _("Leave it empty to take this price away.")
        self.fields = {self.named(part): field for part, field in made.items()}

    @property
    def heading(self) -> Any:
        """What stands above the fields."""
        return _("Other price %(number)d") % {"number": self.number} if self.price else _("A new other price")

    def named(self, part: str) -> str:
        """The name of a field."""
        return f"{part}_{self.number}"

    def check(self, form: PricesForm) -> None:
        """Add what is wrong to the form."""
        told = {part: form.cleaned_data.get(self.named(part)) for part in PARTS}
        clean_season(form, told, named=self.named)
        if told["since"] and told["until"] and told["since"] >= told["until"]:
            form.add_error(self.named("until"), _("The price must end after it begins."))

    def told(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        """The price as the terms have it."""
        told = {part: cleaned[self.named(part)] for part in PARTS}
        return {
            "cost": told["cost"],
            "money": price_terms.two(told["money"]),
            "tier": told["tier"] or None,
            "segment": told["segment"] or None,
            "since": price_terms.instant(told["since"]),
            "until": price_terms.instant(told["until"]),
            "season_from": told["season_from"],
            "season_until": told["season_until"],
        }


def _label(part: str) -> str:
    column: Any = RewardPrice._meta.get_field(part)
    return capfirst(column.verbose_name)


def _points(label: Any, initial: int | None, *, required: bool = True) -> forms.Field:
    return forms.IntegerField(
        label=label, min_value=1, max_value=MOST, initial=initial, required=required, widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("In the wallet's smallest unit."),
    )  # fmt: skip


def _money(initial: Decimal) -> forms.Field:
    return forms.DecimalField(label=_label("money"), min_value=0, max_digits=14, decimal_places=2, initial=initial, widget=UnfoldAdminDecimalFieldWidget)  # fmt: skip


def _choice(part: str, choices: list[Any], initial: str) -> forms.Field:
    return forms.ChoiceField(label=_label(part), choices=choices, initial=initial, required=False, widget=UnfoldAdminSelectWidget)  # fmt: skip


def _instant(part: str, initial: datetime | None) -> forms.Field:
    return forms.SplitDateTimeField(label=_label(part), initial=initial, required=False, widget=MidnightByDefault())


def _day(part: str, initial: str) -> forms.Field:
    return forms.CharField(label=_label(part), initial=initial, required=False, max_length=5, help_text=DAY_OF_YEAR, widget=UnfoldAdminTextInputWidget)  # fmt: skip
