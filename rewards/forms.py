"""Forms of the desk for rewards and vouchers."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldBooleanSwitchWidget

from loyalty.common.errors import Refusal
from loyalty.desk.stamps import StampedForm
from rewards import downloads, kinds, pictures
from rewards.models import (
    DRAWN_THEMSELVES,
    Category,
    CodePool,
    DiscountStep,
    PoolPrize,
    PrivateFile,
    Reward,
    RewardPrice,
    StoreStock,
)

DAY_OF_YEAR = _("Month and day, e.g. 12-01. Empty: all year.")


def clean_season(form: forms.BaseForm, cleaned: dict[str, Any], *, named: Callable[[str], str] = str) -> None:
    """Both days of a season or none, and days that exist. `named` is how the form calls its fields."""
    told = [cleaned.get("season_from") or "", cleaned.get("season_until") or ""]
    for name, value in zip(("season_from", "season_until"), told, strict=True):
        if value and not _is_day_of_year(value):
            form.add_error(named(name), _("Write the month and the day with two digits each, e.g. 12-01."))
    if bool(told[0]) != bool(told[1]):
        form.add_error(named("season_until"), _("A season needs its first and its last day."))


def _is_day_of_year(value: str) -> bool:
    """Whether a text is a day of the year; 29 February is one."""
    try:
        return date.fromisoformat(f"2000-{value}").strftime("%m-%d") == value
    except ValueError:
        return False


def refuse_foreign(form: forms.BaseForm, program: Any, names: tuple[str, ...]) -> None:
    """Refuse what belongs to another program."""
    for name in names:
        chosen = form.cleaned_data.get(name)
        if chosen and program and chosen.program_id != program.pk:
            form.add_error(name, _("This belongs to another program."))


class PartOfReward(forms.ModelForm):
    """A line below a reward: what it names is of the reward's program."""

    named: tuple[str, ...] = ()

    def clean(self) -> dict[str, Any]:
        """Nothing of another program."""
        cleaned = super().clean()
        reward = self.instance.reward if self.instance.reward_id or hasattr(self.instance, "reward") else None
        refuse_foreign(self, reward.program if reward and reward.program_id else None, self.named)
        return cleaned


class PriceForm(PartOfReward):
    """Another price of a reward."""

    named = ("tier", "segment")

    class Meta:
        model = RewardPrice
        fields = ("cost", "money", "tier", "segment", "since", "until", "season_from", "season_until")
        help_texts = {"season_from": DAY_OF_YEAR, "season_until": DAY_OF_YEAR}

    def clean(self) -> dict[str, Any]:
        """A season with both days, a time that ends after it began."""
        cleaned = super().clean()
        clean_season(self, cleaned)
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since >= until:
            self.add_error("until", _("The price must end after it begins."))
        return cleaned


class StoreStockForm(PartOfReward):
    """What a store has of a reward; not less than was redeemed there."""

    named = ("store",)

    class Meta:
        model = StoreStock
        fields = ("store", "stock")

    def clean_stock(self) -> int:
        """Not below what was taken."""
        stock, taken = self.cleaned_data["stock"], self.instance.taken
        if stock < taken:
            raise forms.ValidationError(
                _("%(taken)s were redeemed already; the stock cannot be less than that.") % {"taken": taken}
            )
        return stock


class DiscountStepForm(forms.ModelForm):
    """A step of a discount for business members."""

    class Meta:
        model = DiscountStep
        fields = ("least", "percent")
        help_texts = {"least": _("Money bought in twelve months, or years as a member, as the reward says.")}


class CategoryForm(StampedForm):
    """A shelf of the catalogue."""

    class Meta:
        model = Category
        fields = "__all__"
        help_texts = {
            "slug": _("Stands in addresses and exports."),
            "position": _("Small numbers stand first."),
        }


class CodePoolForm(StampedForm):
    """A pool of a partner's codes."""

    class Meta:
        model = CodePool
        fields = "__all__"
        help_texts = {"low_at": _("With fewer codes left than this, the first page warns.")}


class PoolFileForm(forms.Form):
    """A file of codes."""

    file = forms.FileField(
        label=_("File"), widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,.xlsx,text/csv"})
    )


class RewardForm(StampedForm):
    """A reward: everything in it belongs to one program, and what was taken stays taken."""

    upload = forms.FileField(
        label=_("Picture"), required=False, widget=UnfoldAdminFileFieldWidget(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        help_text=_("JPEG, PNG or WebP up to 5 MB; it is cut to four by three."),
    )  # fmt: skip
    private_file = forms.FileField(
        label=_("File"), required=False, widget=UnfoldAdminFileFieldWidget,
        help_text=_("For downloads: what its members fetch, up to 20 MB. Nobody else sees it."),
    )  # fmt: skip
    takes_picture_away = forms.BooleanField(
        label=_("Take the picture away"), required=False, widget=UnfoldBooleanSwitchWidget
    )

    class Meta:
        model = Reward
        fields = "__all__"
        help_texts = {
            "slug": _("Made from the name; stands in exports and never changes."),
            "cost": _("In points; a wallet with decimals counts in its smallest part."),
            "unit_cost": _("What one costs the shop, for the reports. 0: not known."),
            "position": _("Small numbers stand first."),
            "money": _("Paid at the till besides the points, in the program's money."),
            "partner": _("Who gives it, when it is not us."),
            "season_from": DAY_OF_YEAR,
            "season_until": DAY_OF_YEAR,
            "cooldown_days": _("How long a member waits for the next one. 0: no pause."),
            "minimum_member_days": _("For members who joined so many days ago. 0: everybody."),
            "limit_per_day": _("For each member. Empty: no limit."),
            "credit_wallet": _("For store credit and cashback."),
            "credit": _("How much is credited, in the wallet's smallest part."),
            "draw": _("For entries in a prize draw."),
            "draw_entries": _("How many numbers one redemption gives."),
            "tier": _("For tiers: which one, kept for as many days as its voucher is valid."),
            "prize_pool": _("For mystery rewards, where every number wins, and for instant wins."),
            "is_sent": _(
                "For goods: members say where to, and staff pack and send it. Without it, it is handed over at a till."
            ),
            "cause": _("For donations: what it goes to."),
            "gift": _("For donations: what one gives, in the program's money."),
            "face_value": _("For gift cards: the money on the card."),
            "opens": _("For early access: the reward that opens earlier for who has this one."),
            "early_days": _("For early access: so many days before everybody."),
            "extra_days": _("For a longer warranty or returns: how many days it adds."),
            "measure": _(
                "For business members: what the discount grows with. Its steps stand under “Steps of discounts”."
            ),
            "uses": _("How often one voucher can be used, or a file fetched."),
            "pool": _("A partner's codes, one for each member. Empty: our own."),
            "is_featured": _("Stands first among what a member can have."),
            "minimum_tier": _("Members of this tier and of higher ones. Empty: everybody."),
            "segment": _("Only its members see it and can redeem it. Empty: everybody."),
            "offered_from": _("Empty: at once. A date without a time means 00:00 in the program clock."),
            "offered_until": _("The first moment it is no longer offered. Empty: as long as it lasts."),
        }

    def clean_upload(self) -> Any:
        """A picture that can be shown."""
        uploaded = self.cleaned_data["upload"]
        if uploaded:
            try:
                pictures.check(uploaded.read(pictures.MOST_BYTES + 1))
            except Refusal as refusal:
                raise forms.ValidationError(str(refusal)) from None
            uploaded.seek(0)
        return uploaded

    def clean_private_file(self) -> Any:
        """A file that can be kept; the one that is there stays where no other is told."""
        uploaded = self.cleaned_data["private_file"]
        if uploaded is None:
            is_download = self.cleaned_data.get("kind") == Reward.Kind.DOWNLOAD
            return (
                PrivateFile.objects.defer("content").filter(pk=self.instance.file_id).first() if is_download else None
            )
        try:
            downloads.check(uploaded.name, uploaded.size)
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from None
        return uploaded

    def clean(self) -> dict[str, Any]:
        """Wallet and tier of the same program; stock not below what was taken."""
        cleaned = super().clean()
        program = cleaned.get("program") or (self.instance.program if self.instance.program_id else None)
        refuse_foreign(
            self,
            program,
            (
                "wallet",
                "minimum_tier",
                "segment",
                "category",
                "pool",
                "credit_wallet",
                "draw",
                "cause",
                "prize_pool",
                "tier",
                "opens",
            ),
        )
        clean_season(self, cleaned)
        self._clean_asked(cleaned)
        self._clean_held()
        stock = cleaned.get("stock")
        if stock is not None and self.instance.pk and stock < self.instance.taken:
            self.add_error(
                "stock",
                _("%(taken)s were redeemed already; the stock cannot be less than that.")
                % {"taken": self.instance.taken},
            )
        since, until = cleaned.get("offered_from"), cleaned.get("offered_until")
        if since and until and since >= until:
            self.add_error("offered_until", _("The offer must end after it begins."))
        return cleaned

    def _clean_held(self) -> None:
        """What redemptions are read by stands once there is one: what it is, which draw it enters, whether it is sent."""
        changed = [
            name
            for name in ("kind", "draw", "prize_pool", "tier", "is_sent", "opens", "measure")
            if name in self.changed_data
        ]
        if changed and self.instance.pk and self.instance.redemptions.exists():
            for name in changed:
                self.add_error(name, _("Members hold this reward already, so this stands. Make a new reward instead."))
        if "kind" in changed and self.cleaned_data.get("kind") in DRAWN_THEMSELVES and PoolPrize.objects.filter(reward=self.instance.pk).exists():  # fmt: skip
            self.add_error("kind", _("It is a prize of a pool, and what is drawn itself cannot be one."))

    def _clean_asked(self, cleaned: dict[str, Any]) -> None:
        """What the kind needs is there, and what only others need is not."""
        kind = kinds.KINDS.get(cleaned.get("kind", ""))
        for name in kinds.ASKED if kind else ():
            field = "private_file" if name == "file" else name
            told = cleaned.get(field)
            if name in kind.asks and not told and field not in self.errors:
                self.add_error(field, _("This kind of reward needs it."))
            elif name not in kind.asks and told:
                self.add_error(field, _("Only other kinds of rewards have this. Leave it empty."))
        if cleaned.get("is_sent") and not (kind and kind.can_be_sent):
            self.add_error("is_sent", _("Only goods are sent."))
        elif cleaned.get("is_sent") and (cleaned.get("pool") or cleaned.get("uses") != 1):
            self.add_error("is_sent", _("What is sent has one use and no codes of a partner."))
        if (opens := cleaned.get("opens")) and (opens == self.instance or opens.offered_from is None):
            self.add_error("opens", _("Choose another reward that has a first day."))
        pool = cleaned.get("prize_pool")
        if pool and kind and pool.always_wins != (kind.kind == Reward.Kind.MYSTERY):
            self.add_error(
                "prize_pool", _("Of a mystery reward's pool every number wins; of an instant win's, one in several.")
            )
        for name in ("credit", "face_value", "gift"):
            if cleaned.get(name) is not None and cleaned[name] < 0:
                self.add_error(name, _("This kind of reward needs it."))
