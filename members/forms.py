"""Forms of the desk for members."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from loyalty.desk.stamps import StampedForm
from members.models import Member


class ContactForm(StampedForm):
    """Who a member is and how to reach them. Used to enrol and to edit."""

    class Meta:
        model = Member
        fields = ("program", "name", "email", "phone", "birthday", "company", "language")

    def clean(self) -> dict[str, Any]:
        """An address belongs to one member of a program."""
        cleaned = super().clean()
        email = cleaned.get("email", "").lower()
        program = cleaned.get("program") or (self.instance.program if self.instance.program_id else None)
        if email and program:
            others = Member.objects.filter(program=program, email__iexact=email).exclude(pk=self.instance.pk)
            if others.exists():
                self.add_error(
                    "email",
                    _("Another member already uses this e-mail address. Look that member up, or use another address."),
                )
        if "email" in cleaned:
            cleaned["email"] = email
        return cleaned

    def clean_birthday(self) -> Any:
        """Not in the future, and not before living memory."""
        birthday = self.cleaned_data["birthday"]
        from django.utils import timezone

        if birthday and not 1900 <= birthday.year <= timezone.localdate().year:
            raise forms.ValidationError(_("This cannot be a birthday. Check the year."))
        return birthday
