"""The form of an edit of the tiers: every threshold, what tiers give by rules, and the policy, as they are now, to be changed."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from loyalty.desk.asking import ChangeForm
from members.ladders import ladder
from members.models import Tier, TierPolicy
from members.tiers import impact
from members.tiers.editing import FIELDS, terms_of

FLAGS = ("soft_landing",)


class TiersForm(ChangeForm):
    """Thresholds, what keeps a tier, what it gives, and the policy."""

    moves_down_at_once = forms.BooleanField(
        label=_("Move members down at once"), required=False, widget=UnfoldBooleanSwitchWidget,
        help_text=_("Otherwise everybody keeps the present tier until the next review."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        steps = ladder(self.program)
        self.tiers = list(steps.by_id.values())
        for tier in self.tiers[1:]:
            self.fields[f"on_{tier.slug}"] = _on_ladder(tier)
            self.fields[f"from_{tier.slug}"] = _amount(_("Reached from"), tier.threshold)
            self.fields[f"keep_{tier.slug}"] = _amount(_("Kept from"), tier.keep_threshold)
            self.fields[f"keep_{tier.slug}"].required = False
            self.fields[f"keep_{tier.slug}"].help_text = _("Empty: as much as reaches it.")
            self.fields[f"price_{tier.slug}"] = _whole(_("Price in points"), tier.price, least=1)
            self.fields[f"price_{tier.slug}"].required = False
            self.fields[f"price_{tier.slug}"].help_text = _("Empty: it is not for sale.")
            self.fields[f"days_{tier.slug}"] = _whole(_("Bought for days"), tier.lasts_days, least=1, most=3650)
        given = impact.benefits_of(self.program)
        for tier in self.tiers:
            self.fields[f"factor_{tier.slug}"] = _factor(given[tier.slug]["factor"])
            self.fields[f"gift_{tier.slug}"] = _gift(given[tier.slug]["gift"])
        for name in FIELDS:
            self.fields[name] = _policy_field(name, getattr(steps.policy, name))
        wallets = [("", "–"), *((wallet.pk, str(wallet)) for wallet in self.program.wallets.order_by("pk"))]
        self.fields["wallet"] = forms.ChoiceField(label=_("Counted wallet"), choices=wallets, required=False, initial=steps.wallet_id, widget=UnfoldAdminSelectWidget)  # fmt: skip
        self.order_fields([name for _heading, names in self._order() for name in names])

    def _order(self) -> list[tuple[Any, list[str]]]:
        """The names of the fields under their headings."""
        by_tier = [
            (tier, [f"{part}_{tier.slug}" for part in ("on", "from", "keep", "factor", "gift", "price", "days")])
            for tier in self.tiers
        ]
        told: list[tuple[Any, list[str]]] = [
            *((tier, names[3:5] if tier is self.tiers[0] else names) for tier, names in by_tier),
            (_("What counts"), ["metric", "wallet", "window", "months"]),
            (_("Reviews"), ["review", "review_months", "review_month", "review_day", "down", "grace_days", "soft_landing"]),
            (_("This edit"), ["reason", "moves_down_at_once"]),
        ]  # fmt: skip
        return told

    def sections(self) -> list[tuple[Any, list[Any]]]:
        """Each tier, then what counts, the reviews, and this edit."""
        return [(heading, [self[name] for name in names]) for heading, names in self._order()]

    def clean(self) -> dict[str, Any]:
        """Thresholds rise from tier to tier; what keeps a tier is no more than what reaches it."""
        super().clean()
        told = self.cleaned_data
        below = Decimal(0)
        for tier in self._on_ladder():
            least, keep = told.get(f"from_{tier.slug}"), told.get(f"keep_{tier.slug}")
            if least is not None and least <= below:
                self.add_error(f"from_{tier.slug}", _("Each tier needs more than the one below."))
            if least is not None and keep is not None and keep > least:
                self.add_error(f"keep_{tier.slug}", _("Keeping a tier cannot need more than reaching it."))
            below = least or below
        if told.get("metric") == TierPolicy.Metric.WALLET and not told.get("wallet"):
            self.add_error("wallet", _("Choose the wallet whose credits count."))
        return told

    def _on_ladder(self) -> list[Tier]:
        """The tiers above the first one that stand on the ladder after this edit."""
        return [tier for tier in self.tiers[1:] if self.cleaned_data.get(f"on_{tier.slug}")]

    def parameters(self) -> dict[str, Any]:
        """The terms as they would be."""
        told = self.cleaned_data
        terms = terms_of(self.program)
        terms["tiers"] = {self.tiers[0].slug: terms["tiers"][self.tiers[0].slug]}
        terms["prices"] = {}
        for tier in self._on_ladder():
            keep = told[f"keep_{tier.slug}"]
            terms["tiers"][tier.slug] = [_two(told[f"from_{tier.slug}"]), None if keep is None else _two(keep)]
            terms["prices"][tier.slug] = [told[f"price_{tier.slug}"], told[f"days_{tier.slug}"]]
        for tier in self.tiers:
            factor = format(told[f"factor_{tier.slug}"].normalize(), "f")
            terms["benefits"][tier.slug] = {"factor": factor, "gift": told[f"gift_{tier.slug}"]}
        is_wallet = told["metric"] == TierPolicy.Metric.WALLET
        terms["policy"] = {name: told[name] for name in FIELDS}
        terms["policy"]["wallet"] = int(told["wallet"]) if is_wallet else None
        return {"terms": terms, "moves_down_at_once": told["moves_down_at_once"]}


def _two(amount: Decimal) -> str:
    return str(amount.quantize(Decimal("0.01")))


def _amount(label: Any, initial: Decimal | None) -> forms.Field:
    return forms.DecimalField(label=label, min_value=0, max_digits=14, decimal_places=2, initial=initial, widget=UnfoldAdminDecimalFieldWidget)  # fmt: skip


def _on_ladder(tier: Tier) -> forms.Field:
    return forms.BooleanField(
        label=_("On the ladder"), required=False, initial=tier.is_on_ladder, widget=UnfoldBooleanSwitchWidget,
        help_text=_("Off: nobody reaches it. Who is in it goes to the tier below, or to a higher one that is reached."),
    )  # fmt: skip


def _factor(initial: str) -> forms.Field:
    return forms.DecimalField(
        label=_("Points multiplied by"), min_value=1, max_value=100, max_digits=5, decimal_places=2,
        initial=Decimal(initial), widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Of every purchase. 1: as it is; 1.5: half as many more. They do not count towards tiers."),
    )  # fmt: skip


def _whole(label: Any, initial: int | None, *, least: int, most: int = 10**12) -> forms.Field:
    return forms.IntegerField(label=label, min_value=least, max_value=most, initial=initial, widget=UnfoldAdminIntegerFieldWidget)  # fmt: skip


def _gift(initial: int) -> forms.Field:
    return forms.IntegerField(
        label=_("Points on the birthday"), min_value=0, max_value=1_000_000, initial=initial,
        widget=UnfoldAdminIntegerFieldWidget,
    )  # fmt: skip


def _policy_field(name: str, initial: Any) -> forms.Field:
    """The form field of a column of the policy, with the bounds the database keeps."""
    column: Any = TierPolicy._meta.get_field(name)
    label, words = capfirst(column.verbose_name), column.help_text
    if column.choices:
        return forms.ChoiceField(label=label, choices=column.choices, initial=initial, help_text=words, widget=UnfoldAdminSelectWidget)  # fmt: skip
    if name in FLAGS:
        return forms.BooleanField(label=label, required=False, initial=initial, help_text=words, widget=UnfoldBooleanSwitchWidget)  # fmt: skip
    least, most = {"months": (1, 120), "review_months": (1, 24), "review_month": (1, 12), "review_day": (1, 31)}.get(
        name, (0, 90)
    )
    return forms.IntegerField(label=label, initial=initial, min_value=least, max_value=most, help_text=words, widget=UnfoldAdminIntegerFieldWidget)  # fmt: skip
