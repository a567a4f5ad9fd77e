"""Two people editing one row: the second save is refused with a sentence, and nothing is overwritten (RELIABILITY).

The form carries a digest of the values it was opened with. On save the row is locked and its digest computed again;
when they differ, somebody else was faster.
"""

from typing import Any

from django import forms
from django.forms.models import model_to_dict
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

FIELD = "_seen"


def stamp(record: Any, fields: list[str], more: str = "") -> str:
    """A digest of the editable values of a record, and of what else the form edits (`more`)."""
    values = model_to_dict(record, fields=fields)
    told = more + repr([(name, str(values[name]) if not isinstance(values[name], list) else sorted(str(v.pk) for v in values[name]))
                 for name in sorted(values)])  # fmt: skip
    return salted_hmac("loyalty.desk.stamps", told).hexdigest()


class StampedForm(forms.ModelForm):
    """A form that refuses to overwrite what somebody else has saved meanwhile."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.opened_with = stamp(self.instance, self.stamped, self.stamped_besides()) if self.instance.pk else ""

    @property
    def stamped(self) -> list[str]:
        """The names of the model's fields that this form edits."""
        editable = {field.name for field in (*self._meta.model._meta.fields, *self._meta.model._meta.many_to_many)}
        return sorted(editable & set(self.fields))

    def stamped_besides(self) -> str:
        """The state of what the form edits outside the record's own columns."""
        return ""

    @property
    def seen(self) -> str:
        """What the page sends back: the digest it was opened with, also after a refused save."""
        return self.data.get(FIELD, "") if self.is_bound else self.opened_with

    def clean(self) -> dict[str, Any]:
        """Refuse when the row no longer is what the page showed."""
        cleaned = super().clean()
        if self.instance.pk and self.stamped:
            now = self._meta.model._default_manager.select_for_update(of=("self",)).filter(pk=self.instance.pk).first()
            if now is None or stamp(now, self.stamped, self.stamped_besides()) != self.data.get(FIELD):
                raise forms.ValidationError(
                    _(
                        "Somebody else changed this while you were editing it. Nothing was saved: open the page again to see the present values, then make your change."
                    ),
                    code="changed_meanwhile",
                )
        return cleaned
