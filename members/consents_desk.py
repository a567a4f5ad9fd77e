"""Consent at the desk: what a member agreed to, recording what they said, and the words they agree to."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from loyalty.backoffice import BookAdmin, DeskAdmin, actor_of
from loyalty.desk import programs
from loyalty.desk.deeds import deed
from members import consents
from members.models import Consent, ConsentTerms, Member


class SaidForm(forms.Form):
    """What a member said, and how we know."""

    answer = forms.ChoiceField(
        label=_("The member"), choices=[("yes", _("agrees")), ("no", _("does not agree any more"))], widget=UnfoldAdminSelectWidget
    )  # fmt: skip
    purpose = forms.ChoiceField(label=_("To"), choices=Consent.Purpose.choices, widget=UnfoldAdminSelectWidget)
    channel = forms.ChoiceField(label=_("By"), choices=Consent.Channel.choices, widget=UnfoldAdminSelectWidget)
    note = forms.CharField(
        label=_("How we know"), max_length=200, widget=UnfoldAdminTextInputWidget,
        help_text=_("For instance: said on the phone, form of 3 May."),
    )  # fmt: skip


class ConsentDeeds:
    """What staff can record from the member's page."""

    @deed(
        title=_("Record a consent"),
        question=_("Only what the member really said. It is kept for ever, with your name."),
        button=_("Record it"),
        permission="members.add_consent",
        icon="fact_check",
        form=SaidForm,
    )
    def record_consent(self, request: HttpRequest, record: Member, values: dict[str, Any]) -> str:
        verb = consents.give if values["answer"] == "yes" else consents.withdraw
        verb(
            record, values["channel"], values["purpose"], at=timezone.now(), source=Consent.Source.DESK,
            actor=actor_of(request), note=values["note"],
        )  # fmt: skip
        return str(_("Recorded."))


@admin.register(Consent)
class ConsentAdmin(BookAdmin):
    """Every yes and no, as it was recorded."""

    list_display = ["member", "purpose", "channel", "is_given", "at", "source", "terms"]
    list_filter = ["purpose", "channel", "is_given", "source"]
    list_select_related = ["member", "terms"]
    fields = ["member", "purpose", "channel", "is_given", "at", "recorded_at", "source", "recorded_by", "terms", "note"]
    search_fields = ["member__number"]
    empty_words = _("Nobody has agreed to anything yet. Members say it in the portal, under “My profile”.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Consent]:
        return super().get_queryset(request).filter(member__program=programs.chosen(request))

    def found_by(self, term: str) -> Q:
        return Q(member__number=term.replace(" ", ""))


class WordsForm(forms.ModelForm):
    """The words that members agree to."""

    class Meta:
        model = ConsentTerms
        fields = ("text", "text_id", "text_ms")


@admin.register(ConsentTerms)
class ConsentTermsAdmin(DeskAdmin):
    """The words that members agree to. A version is never changed; another wording is another version."""

    form = WordsForm
    list_display = ["program", "number", "since", "recorded_by"]
    list_select_related = ["program"]
    fields = ["text", "text_id", "text_ms"]
    empty_words = _("No words yet. Write what members agree to; each consent keeps the version it was given under.")

    def get_readonly_fields(self, request: HttpRequest, obj: ConsentTerms | None = None) -> list[str]:
        return ["program", "number", *self.fields, "since", "recorded_by"] if obj else []

    def get_fields(self, request: HttpRequest, obj: ConsentTerms | None = None) -> list[str]:
        return self.get_readonly_fields(request, obj) or self.fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ConsentTerms, form: Any, change: bool) -> None:
        """Published by the verb, which numbers it."""
        made = consents.publish_terms(
            programs.chosen(request), obj.text, text_id=obj.text_id, text_ms=obj.text_ms, at=timezone.now(), actor=actor_of(request)
        )  # fmt: skip
        obj.__dict__.update({k: v for k, v in made.__dict__.items() if k != "_state"})
        obj._state.adding = False
