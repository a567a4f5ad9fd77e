"""What the desk's pages of campaigns and of standing rules share: conditions as rows, and the terms in plain words as they are typed."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from campaigns import audience, definitions, rule_fields
from campaigns.forms import AWARD_FIELDS
from campaigns.reading import definition_in_words
from campaigns.scoped import ProgramScoped
from loyalty.desk import programs

TITLES = {
    "who": _("Who"),
    "what": _("What is bought"),
    "where": _("Where"),
    "when": _("When, more exactly"),
    "caps": _("Caps"),
    "together": _("Together with other campaigns"),
    "lasting": _("How long the points last"),
}


class TermsAdmin(ProgramScoped):
    """A page whose form edits the terms of a rule."""

    # The groups of condition rows this page offers.
    groups: tuple[str, ...] = tuple(TITLES)

    class Media:
        js = ("desk/terms.js",)

    def condition_rows(self, names: tuple[str, ...] | None = None) -> list[Any]:
        """The rows of conditions, as fieldsets that open when one looks for them."""
        return [
            (TITLES[group], {"classes": ["collapse"], "fields": self.rows_of(group)}) for group in names or self.groups
        ]

    def rows_of(self, group: str) -> list[Any]:
        """The fields of a group; what this installation cannot judge is not offered."""
        return [one.name for one in rule_fields.GROUPS[group] if one.name != "segments" or audience.has_segments()]

    def terms_form(
        self, base: type[forms.ModelForm], request: HttpRequest, extra: dict[str, Any]
    ) -> type[forms.ModelForm]:
        """The form with a field for every condition this page offers."""
        rows = {name: rule_fields.FIELDS[name].make() for group in self.groups for name in self.rows_of(group)}
        return type(base.__name__, (base,), rows | extra | {"program": programs.chosen(request)})

    def get_urls(self) -> list[URLPattern]:
        """Where the page asks what the terms mean."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_in_words"
        return [path("in-words/", self.admin_site.admin_view(self.in_words), name=name), *super().get_urls()]

    def in_words(self, request: HttpRequest) -> HttpResponse:
        """The terms as they stand in the form, as one sentence; or what is still wrong with them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        program = programs.chosen(request)
        if request.method != "POST" or program is None:
            return JsonResponse({"words": "", "problems": []}, status=405)
        form: Any = self.get_form(request)(request.POST)
        form.full_clean()
        about = {*AWARD_FIELDS, *rule_fields.FIELDS}
        wrong = [str(sentence) for name in form.errors if name in about for sentence in form.errors[name]]
        definition = form.definition()
        wrong = wrong or list(definitions.problems(definition).values())
        told = "" if wrong else definition_in_words(definition, currency=program.currency, tiers=self.names(request))
        return JsonResponse({"words": told, "problems": wrong})
