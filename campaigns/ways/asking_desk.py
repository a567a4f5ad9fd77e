"""The desk's pages of kinds of events with the details they brought, and of surveys with their results."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.decorators import action, display

from campaigns.ways import built_in, kinds, surveys_desk
from campaigns.ways.forms import KindForm, QuestionForm
from campaigns.ways.models import EventDetail, EventKind, Question, Survey
from campaigns.ways.scoped_desk import OfProgram
from loyalty.backoffice import BookAdmin, DeskAdmin
from loyalty.desk import programs
from loyalty.desk.dates import MidnightByDefault
from loyalty.desk.panels import day


@admin.register(EventKind)
class EventKindAdmin(OfProgram, DeskAdmin):
    """Kinds of events that shops report, with how often they count."""

    form = KindForm
    list_display = ["name", "slug", "shown_once"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    empty_words = _(
        "Every kind of event is taken as it comes. Describe one to say how often it counts and which details it brings."
    )
    fieldsets = [(None, {"fields": [("program", "slug"), "name", ("name_id", "name_ms"), ("most", "once"), "lines"]})]

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term) | Q(slug__istartswith=term)

    @display(description=_("counts"))
    def shown_once(self, kind: EventKind) -> str:
        return kinds.in_words(kind)


class QuestionInline(StackedInline):
    """The questions of a survey; fixed once somebody answered."""

    model = Question
    form = QuestionForm
    extra = 1
    fields = ["position", "kind", "is_needed", "text", "choices", ("text_id", "text_ms"), ("choices_id", "choices_ms")]

    def _is_answered(self, survey: Survey | None) -> bool:
        return survey is not None and survey.answers.exists()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not self._is_answered(obj) and request.user.has_perm("ways.change_survey")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not self._is_answered(obj) and request.user.has_perm("ways.change_survey")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("ways.view_survey")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)


@admin.register(Survey)
class SurveyAdmin(OfProgram, DeskAdmin):
    """Surveys: their questions, and what was answered."""

    list_display = ["name", "shown_dates", "shown_answers"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [QuestionInline]
    keep_instead = _("Let it end instead of deleting it.")
    actions_list = ["ask_for_recommendation"]
    empty_words = _("A survey asks members a few questions, and may thank them with points. Write the first one.")
    fieldsets = [
        (None, {"fields": [("program", "slug"), "name", "intro", "since", "until"]}),
        (_("Indonesian"), {"classes": ["tab"], "fields": ["name_id", "intro_id"]}),
        (_("Malay"), {"classes": ["tab"], "fields": ["name_ms", "intro_ms"]}),
    ]

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term) | Q(slug__istartswith=term)

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        """Only who may add surveys may open the built-in one."""
        offered = super().get_actions_list(request)
        return offered if self.has_add_permission(request) else []

    @action(description=_("Ask for the NPS"), url_path="ask-for-nps", icon="recommend")
    def ask_for_recommendation(self, request: HttpRequest) -> HttpResponse:
        """The built-in survey, open for thirty days; once a month."""
        program = programs.chosen(request)
        if not self.has_add_permission(request) or program is None:
            messages.error(request, _("Choose a program first."))
            return HttpResponseRedirect(reverse("admin:ways_survey_changelist"))
        made = built_in.ask_for_recommendation(program, at=timezone.now())
        messages.success(request, _("Members find it in the portal through %(day)s.") % {"day": day(made.until)})
        return HttpResponseRedirect(reverse("admin:ways_survey_change", args=[made.pk]))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Dates begin at midnight unless a time is told."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in ("since", "until"):
            field.widget = MidnightByDefault()
        return field

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def page_context(self, request: HttpRequest, record: Survey) -> dict[str, Any]:
        return surveys_desk.page(record)

    def complete(self, rows: list[Survey]) -> None:
        surveys_desk.count_answers(rows)

    @display(description=_("dates"))
    def shown_dates(self, survey: Survey) -> str:
        return f"{day(survey.since)} – {day(survey.until - timedelta(microseconds=1))}"

    @display(description=_("answers"))
    def shown_answers(self, survey: Any) -> Any:
        return survey.answered


@admin.register(EventDetail)
class EventDetailAdmin(BookAdmin):
    """The details that events of described kinds brought."""

    list_display = ["event", "shown_details"]
    list_select_related = ["event"]
    search_fields = ["event__key"]
    fields = ["event", "shown_details"]
    readonly_fields = ["shown_details"]
    empty_words = _("No event has brought details yet.")

    def found_by(self, term: str) -> Q:
        return Q(event__key=term)

    @display(description=_("details"))
    def shown_details(self, detail: EventDetail) -> str:
        return ", ".join(f"{name}: {value}" for name, value in detail.values.items())
