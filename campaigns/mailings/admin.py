"""Mailings on the desk: written with a preview that follows, sent, paused, stopped, and read when they are out."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from campaigns.mailings import audience, course, measuring, showing, writing
from campaigns.mailings.forms import LookForm, MailingForm, letter_of
from campaigns.mailings.models import Mailing
from campaigns.models import Campaign
from campaigns.scoped import ProgramScoped
from loyalty.backoffice import EXPORT, actor_of
from loyalty.common.errors import Refusal
from loyalty.common.languages import LANGUAGES
from loyalty.common.money import show_points
from loyalty.desk import exporting, programs
from loyalty.desk.dates import MidnightByDefault
from loyalty.desk.deeds import deed
from loyalty.desk.panels import EMPTY, Panel, Stat, moment, two_lines
from loyalty.mail import delivery, variables
from loyalty.mail.halting import KIND
from loyalty.mail.models import Message
from members.segments.models import Segment

Status = Mailing.Status
CHANGE = "mailings.change_mailing"


@admin.register(Mailing)
class MailingAdmin(ProgramScoped):
    """Mailings of the program being looked at."""

    form = MailingForm
    list_display = ["shown_name", "segment", "shown_state", "shown_start", "shown_recipients", "shown_sent"]
    list_display_links = ["shown_name"]
    list_filter = ["status", "segment"]
    list_select_related = ["segment", "change"]
    search_fields = ["name"]
    search_help_text = _("Beginning of the name or of the subject line")
    in_command_search = True
    command_icon = "outgoing_mail"
    actions_detail = ["send", "send_test", "pause", "resume", "stop", "take_back", "results_file", "duplicate"]
    keep_instead = _("What went out stays in the books of letters.")
    empty_words = _("A mailing sends news to a segment: only to members who agreed, and to each once. Write the first one; nothing leaves until you send it.")  # fmt: skip

    # --- the form ---------------------------------------------------------------------------------------------------
    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        program = programs.chosen(request)
        clock = _("In the clock of the program, %(zone)s. Empty: as soon as you send it. The first letter leaves ten minutes after the start.") % {"zone": program.time_zone if program else "UTC"}  # fmt: skip
        return [
            (_("To whom"), {"fields": ["name", ("segment", "campaign")]}),
            (_("English"), {"classes": ["tab"], "fields": ["subject", "text"]}),
            (_("Indonesian"), {"classes": ["tab"], "fields": ["subject_id", "text_id"]}),
            (_("Malay"), {"classes": ["tab"], "fields": ["subject_ms", "text_ms"]}),
            (_("When and how fast"), {"fields": ["starts_at", ("pace", "pace_per")], "description": clock}),
            (_("Measuring"), {"fields": [("control_percent", "measured_days")]}),
        ]  # fmt: skip

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Segments and campaigns of the program; a day without an hour is its first moment."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        program = programs.chosen(request)
        if db_field.name == "segment":
            field.queryset = Segment.objects.filter(program=program, archived_at__isnull=True)
        if db_field.name == "campaign":
            field.queryset = Campaign.objects.filter(program=program)
        if db_field.name == "starts_at":
            field.widget = MidnightByDefault()
        return field

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new one begins with the wording of announcements."""
        return writing.beginning() | super().get_changeform_initial_data(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mailing]:
        return super().get_queryset(request).select_related("program", "segment__program", "campaign", "change")

    def has_change_permission(self, request: HttpRequest, obj: Mailing | None = None) -> bool:
        """Only a draft is edited, and not while a second person looks at it."""
        is_open = obj is None or (obj.status == Status.DRAFT and not course.is_waiting(obj))
        return is_open and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Mailing | None = None) -> bool:
        return (obj is None or obj.status == Status.DRAFT) and super().has_delete_permission(request, obj)

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term) | Q(subject__istartswith=term)

    def save_model(self, request: HttpRequest, obj: Mailing, form: forms.ModelForm, change: bool) -> None:
        if not change:
            obj.program, obj.created_at, obj.created_by = programs.chosen(request), timezone.now(), actor_of(request)
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Mailing, post_url_continue: str | None = None) -> HttpResponse:
        """A new mailing leads to its own page, where it is counted and sent."""
        super().response_add(request, obj, post_url_continue)
        return HttpResponseRedirect(self.page_of(obj))

    # --- the page ---------------------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        """Where the page asks how the letter reads."""
        shown = path("preview/", self.admin_site.admin_view(self.preview), name="mailings_mailing_preview")
        return [shown, *super().get_urls()]

    def preview(self, request: HttpRequest) -> JsonResponse:
        """The letter as it is typed, or as it was sent (`?of=`), in a language and for a member."""
        program, of = programs.chosen(request), request.GET.get("of", "")
        if not self.has_view_permission(request):
            raise PermissionDenied
        look = LookForm(request.POST, prefix="look")
        if request.method != "POST" or program is None or not look.is_valid():
            return JsonResponse(
                {"faults": [_("This cannot be shown.")]}, status=405 if request.method != "POST" else 200
            )
        known = self.get_queryset(request).filter(pk=int(of)).first() if of.isdecimal() and len(of) < 19 else None
        mailing = known or Mailing(program=program)
        if known is None or self.has_change_permission(request, known):
            mailing = letter_of(mailing, request.POST)
        wrong = [said for sentences in writing.faults(mailing).values() for said in sentences]
        if wrong:
            return JsonResponse({"faults": wrong})
        language = look.cleaned_data["language"] or LANGUAGES[0][0]
        try:
            subject, text, html = writing.preview(
                mailing, language, at=timezone.now(), member=look.cleaned_data["member"]
            )
        except Refusal as refusal:
            return JsonResponse({"faults": [str(refusal)]})
        return JsonResponse({"subject": subject, "text": text, "html": f'<base target="_blank">{html}'})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:  # fmt: skip
        """The empty form, with the letter as it reads."""
        start = Mailing(program=programs.chosen(request), **writing.beginning())
        return super().add_view(request, form_url, (extra_context or {}) | self._look(start))

    def page_context(self, request: HttpRequest, record: Mailing) -> dict[str, Any]:
        at = timezone.now()
        if record.started_at:
            stats, panels = showing.after_start(record, measuring.results(record, at=at), at=at)
        else:
            stats, panels = showing.before_start(audience.count(record, at=at))
        said = showing.next_step(record, at=at)
        first = [Panel(_("What happens next"), [], [], said)] if said else []
        return self._look(record) | {
            "stats": [Stat(_("Status"), showing.state(record)), *stats], "panels_before": [*first, *panels],
        }  # fmt: skip

    def _look(self, mailing: Mailing) -> dict[str, Any]:
        """The letter beside its form, with what stands for what."""
        subject, text, html = writing.preview(mailing, LANGUAGES[0][0], at=timezone.now())
        asks = reverse("admin:mailings_mailing_preview")
        return {
            "after_include": "admin/desk/mailing_letter.html", "look": LookForm(prefix="look"),
            "letter_subject": subject, "letter_text": text, "letter_html": f'<base target="_blank">{html}',
            "preview_url": f"{asks}?of={mailing.pk}" if mailing.pk else asks,
            "variables": [(variables.written(name), variables.MEANINGS[name]) for name in variables.names_of(KIND)],
        }  # fmt: skip

    # --- deeds ------------------------------------------------------------------------------------------------------
    @deed(title=_("Send"), question=_("Its audience is frozen when it starts, and the first letter leaves ten minutes later; until then it can be stopped as a whole. Above the limit of your program a second person approves it first."), button=_("Send it at its time"), permission=CHANGE, icon="send", fits=lambda mailing: mailing.status == Status.DRAFT and not course.is_waiting(mailing))  # fmt: skip
    def send(self, request: HttpRequest, record: Mailing) -> str:
        asked = course.ask(record, at=timezone.now(), actor=actor_of(request))
        if course.is_waiting(asked):
            return _("It waits for a second person, who got a letter.")
        return _("It starts on %(when)s.") % {"when": moment(asked.starts_at)}

    @deed(title=_("Send me a test"), question=_("The letter as it is saved goes to your own address only."), button=_("Send me a test"), permission=CHANGE, icon="forward_to_inbox", form=LookForm)  # fmt: skip
    def send_test(self, request: HttpRequest, record: Mailing, values: dict[str, Any]) -> str:
        language = values["language"] or LANGUAGES[0][0]
        parts = writing.preview(record, language, at=timezone.now(), member=values["member"])
        delivery.send_trial(parts, to=request.user.email)
        return _("A test went to %(address)s.") % {"address": request.user.email}

    @deed(title=_("Pause"), question=_("Nothing more of it leaves until you resume it. What is with the mail system already arrives."), button=_("Pause it"), permission=CHANGE, icon="pause_circle", fits=lambda mailing: mailing.status == Status.RUNNING)  # fmt: skip
    def pause(self, request: HttpRequest, record: Mailing) -> str:
        course.pause(record, at=timezone.now(), actor=actor_of(request))
        return _("The mailing is paused.")

    @deed(title=_("Resume"), question=_("It goes on where it was, at its pace."), button=_("Resume it"), permission=CHANGE, icon="play_circle", fits=lambda mailing: mailing.status == Status.PAUSED)  # fmt: skip
    def resume(self, request: HttpRequest, record: Mailing) -> str:
        course.resume(record, at=timezone.now(), actor=actor_of(request))
        return _("The mailing goes on.")

    @deed(title=_("Stop"), question=_("What has not left never will; there is no way back. To stop it for a while, pause it instead."), button=_("Stop it for good"), permission=CHANGE, icon="stop_circle", danger=True, fits=lambda mailing: mailing.status in course.OPEN)  # fmt: skip
    def stop(self, request: HttpRequest, record: Mailing) -> str:
        course.stop(record, at=timezone.now(), actor=actor_of(request))
        return _("The mailing is stopped.")

    @deed(title=_("Back to draft"), question=_("It does not start at its time. Change what you like, then send it again."), button=_("Make it a draft"), permission=CHANGE, icon="undo", fits=lambda mailing: mailing.status == Status.SCHEDULED)  # fmt: skip
    def take_back(self, request: HttpRequest, record: Mailing) -> str:
        course.take_back(record, at=timezone.now(), actor=actor_of(request))
        return _("The mailing is a draft again.")

    @deed(title=_("Duplicate"), question=_("Make a draft with the same words, audience and pace?"), button=_("Make the draft"), permission="mailings.add_mailing", icon="content_copy")  # fmt: skip
    def duplicate(self, request: HttpRequest, record: Mailing) -> HttpResponse:
        made = writing.duplicate(record, at=timezone.now(), actor=actor_of(request))
        messages.success(request, _("This is the copy: a draft. Change what differs, then send it."))
        return HttpResponseRedirect(self.page_of(made))

    @action(description=_("Results as CSV"), url_path="results", icon="download")
    def results_file(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The figures of the page as a CSV file."""
        mailing = get_object_or_404(self.get_queryset(request), pk=object_id)
        if not self.has_view_permission(request) or not request.user.has_perm(EXPORT):
            raise PermissionDenied
        self.log_export(request)
        told = showing.rows(mailing, measuring.results(mailing, at=timezone.now()))
        return exporting.stream_rows(f"mailing-{mailing.pk}", [_("What"), _("Value")], told)

    results_file.needs, results_file.fits = EXPORT, lambda mailing: bool(mailing.started_at)

    # --- columns ----------------------------------------------------------------------------------------------------
    def complete(self, rows: list[Mailing]) -> None:
        """How many letters of each were handed over: one query for the page."""
        sent = Message.objects.filter(kind=KIND, subject__in=[one.about for one in rows], status=Message.Status.SENT)
        counts = dict(sent.order_by().values_list("subject").annotate(Count("pk")))
        for mailing in rows:
            mailing.sent_count = counts.get(mailing.about, 0)

    @display(description=_("mailing"))
    def shown_name(self, mailing: Mailing) -> str:
        return two_lines(mailing, mailing.subject)

    @display(description=_("status"))
    def shown_state(self, mailing: Mailing) -> str:
        return showing.state(mailing)

    @display(description=_("start"))
    def shown_start(self, mailing: Mailing) -> str:
        return moment(mailing.started_at or mailing.starts_at)

    @display(description=_("recipients"))
    def shown_recipients(self, mailing: Mailing) -> str:
        return show_points(audience.frozen(mailing).recipients) if mailing.started_at else EMPTY

    @display(description=_("handed over"))
    def shown_sent(self, mailing: Mailing) -> str:
        return show_points(mailing.sent_count) if mailing.started_at else EMPTY
