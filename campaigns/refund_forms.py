"""The form of the desk for goods that come back: pieces per line, or an amount."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from loyalty.common.money import show_money
from members.models import Purchase, PurchaseLine
from members.returns import Return, ReturnedLine

LINE = "line_"


class RefundForm(forms.Form):
    """What came back of one purchase; only what can still come back is offered."""

    number = forms.CharField(
        label=_("Refund number"),
        max_length=80,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("As on the refund receipt. The same number again changes nothing."),
    )
    reason = forms.CharField(label=_("Reason"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget)

    def __init__(
        self,
        *args: Any,
        purchase: Purchase,
        lines: Sequence[PurchaseLine],
        came_back: Mapping[int, tuple[Decimal, Decimal]],
        **kwargs: Any,
    ) -> None:
        """A field for each line of which something is left, and one for an amount."""
        super().__init__(*args, **kwargs)
        self.purchase = purchase
        asked: dict[str, forms.Field] = {}
        for line in lines:
            left = line.quantity - came_back.get(line.number, (Decimal(0), Decimal(0)))[1]
            if left > 0:
                asked[f"{LINE}{line.number}"] = _decimal(
                    _("Pieces of %(product)s") % {"product": line.product or _("line %(number)s") % {"number": line.number}},
                    most=left, places=3,
                    hint=_("At most %(left)s; %(money)s was paid for the line.")
                    % {"left": f"{left.normalize():f}", "money": show_money(line.amount, purchase.currency)},
                )  # fmt: skip
        left = purchase.total - purchase.refunded
        hint = _("At most %(left)s.") if not asked else _("Instead of pieces, at most %(left)s.")
        asked["amount"] = _decimal(
            _("Amount given back"), most=left, places=2, hint=hint % {"left": show_money(left, purchase.currency)}
        )
        self.fields = asked | self.fields

    def clean(self) -> dict[str, Any]:
        """Either pieces or an amount."""
        cleaned = super().clean() or {}
        if not self.errors and bool(cleaned.get("amount")) == bool(self._lines(cleaned)):
            self.add_error("amount", _("Say what came back: either pieces of lines, or an amount."))
        return cleaned

    def returned(self, at: datetime) -> Return:
        """What the form says, as the verb takes it."""
        cleaned = self.cleaned_data
        return Return(
            source=self.purchase.source,
            receipt=self.purchase.receipt,
            number=cleaned["number"],
            occurred_at=at,
            amount=cleaned["amount"] or None,
            lines=self._lines(cleaned),
            reason=cleaned["reason"],
        )

    def _lines(self, cleaned: Mapping[str, Any]) -> list[ReturnedLine]:
        return [
            ReturnedLine(line=int(name.removeprefix(LINE)), quantity=quantity)
            for name, quantity in cleaned.items()
            if name.startswith(LINE) and quantity
        ]


def _decimal(label: Any, *, most: Decimal, places: int, hint: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, required=False, min_value=0, max_value=most, decimal_places=places, max_digits=16,
        widget=UnfoldAdminDecimalFieldWidget, help_text=hint,
    )  # fmt: skip
