"""Short names of campaigns and rules: given once, and free in their program."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from loyalty.desk.stamps import StampedForm
from loyalty.ledger.models import Program


def free(taken: set[str], wanted: str) -> str:
    """The wanted short name, or with the first number that makes it free."""
    if wanted not in taken:
        return wanted
    return next(name for number in range(2, len(taken) + 3) if (name := f"{wanted[:44]}-{number}") not in taken)


class ShortNamedForm(StampedForm):
    """Tells at its field that a short name is taken, before anything is saved."""

    # The program looked at; the admin says which.
    program: Program | None = None

    def clean_slug(self) -> str:
        """A name nobody else has."""
        slug: str = self.cleaned_data["slug"]
        others: Any = self._meta.model._default_manager.filter(program=self.program, slug=slug)
        if self.program is not None and others.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("This short name is taken. Choose another."))
        return slug
