"""The wordings of letters on the desk: every kind in three languages, an editor with a preview, a test to oneself, and the versions."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from loyalty.backoffice import BookAdmin, actor_of
from loyalty.common.errors import Refusal
from loyalty.common.languages import LANGUAGES
from loyalty.desk import people
from loyalty.desk.deeds import deed
from loyalty.desk.panels import Panel, badge, link, moment
from loyalty.mail import delivery, rendering, trying, variables, wordings
from loyalty.mail.kinds import KINDS, kind_in_words
from loyalty.mail.models import LetterWording
from loyalty.mail.wordings import Words

MAY_WRITE = "mail.add_letterwording"
PARTS = ("subject", "text", "html")


class WordingForm(forms.Form):
    """A wording: subject line, text and HTML; on which version it builds; and for whom it is shown."""

    subject = forms.CharField(label=_("Subject line"), max_length=200, widget=UnfoldAdminTextInputWidget)
    text = forms.CharField(label=_("Text"), max_length=10_000, strip=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 12}))  # fmt: skip
    html = forms.CharField(label=_("HTML"), max_length=30_000, strip=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 14}))  # fmt: skip
    based_on = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    member = forms.CharField(
        label=_("Show it for this member"), required=False, max_length=40, widget=UnfoldAdminTextInputWidget,
        help_text=_("A member number. Their last letter of this kind fills the preview. Empty: what each variable means."),
    )  # fmt: skip

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind

    @property
    def words(self) -> Words:
        """What was typed, with the line ends of Unix."""
        typed = {part: self.cleaned_data.get(part, "").replace("\r\n", "\n") for part in PARTS}
        return Words(**typed)

    def clean(self) -> dict[str, Any]:
        """Unknown variables, and what may not stand in a letter, are named at their field."""
        values = super().clean() or {}
        for field, said in wordings.faults(self.kind, self.words).items():
            if field not in self.errors:
                self.add_error(field, said)
        return values


@admin.register(LetterWording)
class LetterWordingAdmin(BookAdmin):
    """Every version of every wording, and the page of all letters."""

    list_display = ["shown_kind", "language", "number", "shown_state", "since"]
    list_filter = ["language"]
    fields = ["shown_kind", "language", "number", "since", "shown_writer", "subject", "text", "html"]
    readonly_fields = ["shown_kind", "shown_writer"]
    actions_detail = ["go_back"]
    empty_words = _("All letters read as they were built. Write your own under “Wordings of letters”.")

    def get_urls(self) -> list[Any]:
        """All letters; the editor of one; its preview."""
        wrap = self.admin_site.admin_view
        return [
            path("all/", wrap(self.all_letters), name="mail_wordings"),
            path("edit/<slug:kind>/<slug:language>/", wrap(self.edit), name="mail_wording_edit"),
            path("edit/<slug:kind>/<slug:language>/preview/", wrap(self.preview), name="mail_wording_preview"),
            *super().get_urls(),
        ]

    @display(description=_("letter"))
    def shown_kind(self, wording: LetterWording) -> str:
        return kind_in_words(wording.kind)

    @display(description=_("wording"))
    def shown_state(self, wording: LetterWording) -> str:
        return badge(_("built in"), "") if wording.is_built_in else badge(_("own"), "good")

    @display(description=_("recorded by"))
    def shown_writer(self, wording: LetterWording) -> str:
        return people.name(wording.recorded_by)

    def all_letters(self, request: HttpRequest) -> HttpResponse:
        """Each kind with its three languages: built in, or which version of one's own."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        current = wordings.all_latest()
        rows = [
            [kind.title, _("news, by consent") if kind.purpose else _("service"), *(_cell(name, code, current) for code, _name in LANGUAGES)]
            for name, kind in sorted(KINDS.items(), key=lambda pair: str(pair[1].title))
        ]  # fmt: skip
        panel = Panel("", [_("letter"), _("kind"), *(language for _code, language in LANGUAGES)], rows)
        told = {"title": _("Wordings of letters"), "panel": panel, "opts": self.opts}
        return TemplateResponse(request, "admin/desk/wordings.html", self.admin_site.each_context(request) | told)

    def edit(self, request: HttpRequest, kind: str, language: str) -> HttpResponse:
        """Write a version, look at it, or send it to oneself."""
        self._asked(request, kind, language)
        newest = wordings.latest(kind, language)
        words = _words_of(newest) if newest and not newest.is_built_in else rendering.built_in(kind, language)
        start = {part: getattr(words, part) for part in PARTS} | {"based_on": newest.number if newest else 0}
        form = WordingForm(request.POST if request.method == "POST" else None, initial=start, kind=kind)
        if request.method == "POST" and form.is_valid():
            try:
                messages.success(request, self._do(request, kind, language, form))
            except Refusal as refusal:
                messages.error(request, str(refusal))
            else:
                if "test" not in request.POST:
                    return HttpResponseRedirect(request.get_full_path())
        return self._page(request, kind, language, form, newest, words)

    def _do(self, request: HttpRequest, kind: str, language: str, form: WordingForm) -> str:
        told = {"at": timezone.now(), "actor": actor_of(request)}
        if "test" in request.POST:
            delivery.send_trial(self._parts(form, kind, language), to=request.user.email)
            return _("A test went to %(address)s.") % {"address": request.user.email}
        if "built_in" in request.POST:
            made = wordings.use_built_in(kind, language, based_on=form.cleaned_data["based_on"], **told)
            said = _("The built-in wording counts again.")
        else:
            made = wordings.publish(kind, language, form.words, based_on=form.cleaned_data["based_on"], **told)
            said = _("Version %(number)d counts from now on.") % {"number": made.number}
        self.log_addition(request, made, [{"added": {}}])
        return said

    def preview(self, request: HttpRequest, kind: str, language: str) -> JsonResponse:
        """How it reads, while it is written."""
        self._asked(request, kind, language)
        form = WordingForm(request.POST, kind=kind)
        if not form.is_valid():
            return JsonResponse({"faults": [said for errors in form.errors.values() for said in errors]})
        try:
            subject, text, html = self._parts(form, kind, language)
        except Refusal as refusal:
            return JsonResponse({"faults": [str(refusal)]})
        return JsonResponse({"subject": subject, "text": text, "html": _framed(html)})

    def _asked(self, request: HttpRequest, kind: str, language: str) -> None:
        if kind not in KINDS or language not in dict(LANGUAGES):
            raise Http404
        if not request.user.has_perm(MAY_WRITE):
            raise PermissionDenied

    def _parts(self, form: WordingForm, kind: str, language: str) -> tuple[str, str, str]:
        shown = trying.values_for(kind, language, member=form.cleaned_data.get("member", ""))
        return rendering.preview(kind, language, form.words, shown)

    def _page(self, request: HttpRequest, kind: str, language: str, form: Any, newest: Any, words: Words) -> HttpResponse:  # fmt: skip
        typed = form.words if form.is_bound and form.is_valid() else words
        subject, text, html = rendering.preview(kind, language, typed, trying.values_for(kind, language))
        history = LetterWording.objects.filter(kind=kind, language=language).order_by("-number")[:20]
        rows = [
            (link(reverse("admin:mail_letterwording_change", args=[one.pk]), f"v{one.number}"), self.shown_state(one), moment(one.since), people.name(one.recorded_by))
            for one in history
        ]  # fmt: skip
        told = {
            "title": f"{kind_in_words(kind)}, {dict(LANGUAGES)[language]}", "form": form, "newest": newest, "opts": self.opts,
            "variables": [(variables.written(name), variables.MEANINGS[name]) for name in variables.names_of(kind)],
            "letter_subject": subject, "letter_text": text, "letter_html": _framed(html), "back": reverse("admin:mail_wordings"),
            "preview_url": reverse("admin:mail_wording_preview", args=[kind, language]),
            "versions": Panel(_("Versions"), [_("Version"), _("wording"), _("since"), _("recorded by")], rows, _("This letter reads as it was built.")),
        }  # fmt: skip
        return TemplateResponse(request, "admin/desk/wording.html", self.admin_site.each_context(request) | told)

    def page_context(self, request: HttpRequest, record: LetterWording) -> dict[str, Any]:
        """The version as it would read."""
        if record.is_built_in:
            return {}
        shown = trying.values_for(record.kind, record.language)
        subject, text, html = rendering.preview(record.kind, record.language, _words_of(record), shown)
        return {"after_include": "admin/desk/letter.html", "letter_subject": subject, "letter_text": text, "letter_html": _framed(html)}  # fmt: skip

    @deed(
        title=_("Go back to this version"),
        question=_("Letters written from now on read like this again. The versions since then stay in the list."),
        button=_("Go back to it"),
        permission=MAY_WRITE,
        icon="undo",
        fits=lambda wording: not wordings.counts(wording),
    )
    def go_back(self, request: HttpRequest, record: LetterWording) -> str:
        made = wordings.go_back(record, at=timezone.now(), actor=actor_of(request))
        return _("Version %(number)d counts from now on.") % {"number": made.number}


def _cell(kind: str, language: str, current: dict[tuple[str, str], LetterWording]) -> Any:
    found = current.get((kind, language))
    says = _("built in") if found is None or found.is_built_in else _("own, v%(number)d") % {"number": found.number}
    return link(reverse("admin:mail_wording_edit", args=[kind, language]), says)


def _words_of(wording: LetterWording) -> Words:
    return Words(wording.subject, wording.text, wording.html)


def _framed(html: str) -> str:
    return f'<base target="_blank">{html}'
