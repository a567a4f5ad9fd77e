"""The form of a change of when points expire: the terms come from the page of the policies, here is only asked why."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loyalty.desk.asking import ChangeForm
from loyalty.ledger.forms import ExpiryPolicyForm
from loyalty.ledger.models import ExpiryPolicy, Wallet
from loyalty.ledger.policies import current
from loyalty.ledger.policy_change import terms_of
from loyalty.ledger.showing import example_in_words, words_of


class PolicyChangeForm(ChangeForm):
    """Terms that were typed before, carried along and looked at again."""

    wallet = forms.CharField(widget=forms.HiddenInput, required=False)
    name = forms.CharField(widget=forms.HiddenInput, required=False)
    terms = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean(self) -> dict[str, Any]:
        """The same questions as on the page they come from."""
        cleaned = super().clean() or self.cleaned_data
        asked = self._asked(cleaned)
        if asked is None:
            raise forms.ValidationError(_("Say first on the page of the expiry policies when points expire."))
        if not asked.is_valid():
            raise forms.ValidationError([text for texts in asked.errors.values() for text in texts])
        self.asked = asked.instance
        return cleaned

    def _asked(self, told: Mapping[str, Any]) -> ExpiryPolicyForm | None:
        """The form of a policy with the terms that were typed there; None where there are none."""
        wallet = Wallet.objects.filter(program=self.program, slug=told.get("wallet") or "").first()
        try:
            terms = json.loads(told.get("terms") or "")
        except ValueError:
            return None
        if wallet is None or not isinstance(terms, dict):
            return None
        return ExpiryPolicyForm({**terms, "wallet": wallet.pk, "name": told.get("name") or "", **_as_typed(terms)})

    def told(self) -> list[tuple[Any, Any]]:
        """The terms in force and those that were typed, as they are read everywhere."""
        asked = self._asked(self.data if self.is_bound else self.initial)
        if asked is None or not asked.is_valid():
            return []
        new: ExpiryPolicy = asked.instance
        now = current(new.wallet, new.name) or ExpiryPolicy(wallet=new.wallet, kind=ExpiryPolicy.Kind.NEVER)
        which = (new.name or gettext("all points"), new.wallet.units)
        return [
            (gettext("Policy"), " · ".join(which)),
            (gettext("Now"), f"{words_of(now)}. {example_in_words(now, at=self.at)}"),
            (gettext("Then"), f"{words_of(new)}. {example_in_words(new, at=self.at)}"),
        ]

    def parameters(self) -> dict[str, Any]:
        """The wallet, the policy's name and its terms."""
        return {"wallet": self.asked.wallet.slug, "name": self.asked.name, "terms": terms_of(self.asked)}


def _as_typed(terms: dict[str, Any]) -> dict[str, Any]:
    """The days and activities as the form of a policy reads them."""
    days = [f"{text[3:]}/{text[:2]}" for text in str(terms.get("days") or "").split(",") if text]
    return {"days": ", ".join(days), "resets": [one for one in str(terms.get("resets") or "").split(",") if one]}
