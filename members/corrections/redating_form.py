"""The form of a re-dating: which points, and which version of which policy they get."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from loyalty.ledger.models import ExpiryPolicy
from loyalty.ledger.showing import words_of
from members.corrections.forms import SelectionForm


class RedateForm(SelectionForm):
    """Another policy for points that members have already."""

    policy = forms.ChoiceField(
        label=_("Expiry policy"), widget=UnfoldAdminSelectWidget,
        help_text=_("It says which points are meant: those of its wallet."),
    )  # fmt: skip
    since = forms.DateField(label=_("Earned since"), required=False, widget=UnfoldAdminDateWidget)
    until = forms.DateField(label=_("Earned up to"), required=False, widget=UnfoldAdminDateWidget)
    rule = forms.CharField(
        label=_("Rule"), required=False, max_length=160, widget=UnfoldAdminTextInputWidget,
        help_text=_("Only points of this rule or campaign, as lots show it, e.g. base. Empty: of any."),
    )  # fmt: skip
    field_order = [
        "policy",
        "who",
        "numbers",
        "file",
        "segment",
        "tier",
        "language",
        "search",
        "since",
        "until",
        "rule",
        "reason",
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        made = ExpiryPolicy.objects.filter(wallet__program=self.program).select_related("season", "wallet")
        wallets: dict[str, list[tuple[int, str]]] = {}
        for one in made.order_by("-wallet__is_main", "wallet_id", "-version"):
            words = f"{one.name or _('all points')} v{one.version}: {words_of(one)}"
            wallets.setdefault(one.wallet.name_of(2), []).append((one.pk, words))
        offered: Any = self.fields["policy"]
        offered.choices = [("", _("Choose one")), *wallets.items()]

    def parameters(self) -> dict[str, Any]:
        """Selection, policy, days and rule."""
        told: dict[str, Any] = {"selection": self.selection(), "policy": int(self.cleaned_data["policy"])}
        days = {name: self.cleaned_data[name].isoformat() for name in ("since", "until") if self.cleaned_data[name]}
        return told | days | ({"rule": self.cleaned_data["rule"]} if self.cleaned_data["rule"] else {})
