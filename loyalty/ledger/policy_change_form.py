"""The form of a change of when points expire: the terms come from the page of the policies, here is only asked why."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from loyalty.desk.asking import ChangeForm
from loyalty.ledger.forms import ExpiryPolicyForm
from loyalty.ledger.models import Wallet
from loyalty.ledger.policy_change import terms_of


class PolicyChangeForm(ChangeForm):
    """Terms that were typed before, carried along and looked at again."""

    wallet = forms.CharField(widget=forms.HiddenInput, required=False)
    name = forms.CharField(widget=forms.HiddenInput, required=False)
    terms = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean(self) -> dict[str, Any]:
        """The same questions as on the page they come from."""
        cleaned = super().clean() or self.cleaned_data
        wallet = Wallet.objects.filter(program=self.program, slug=cleaned.get("wallet", "")).first()
        try:
            terms = json.loads(cleaned.get("terms", ""))
        except ValueError:
            terms = None
        if wallet is None or not isinstance(terms, dict):
            raise forms.ValidationError(_("Say first on the page of the expiry policies when points expire."))
        asked = ExpiryPolicyForm({**terms, "wallet": wallet.pk, "name": cleaned["name"], **_as_typed(terms)})
        if not asked.is_valid():
            raise forms.ValidationError([text for texts in asked.errors.values() for text in texts])
        self.asked = asked.instance
        return cleaned

    def parameters(self) -> dict[str, Any]:
        """The wallet, the policy's name and its terms."""
        return {"wallet": self.asked.wallet.slug, "name": self.asked.name, "terms": terms_of(self.asked)}


def _as_typed(terms: dict[str, Any]) -> dict[str, Any]:
    """The days and activities as the form of a policy reads them."""
    days = [f"{text[3:]}/{text[:2]}" for text in str(terms.get("days") or "").split(",") if text]
    return {"days": ", ".join(days), "resets": [one for one in str(terms.get("resets") or "").split(",") if one]}
