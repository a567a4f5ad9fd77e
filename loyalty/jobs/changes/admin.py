"""Changes on the desk: asking, exactly what would be posted, and the second person's decision."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display

from loyalty.backoffice import EXPORT, BookAdmin, actor_of
from loyalty.common.errors import Refusal
from loyalty.desk import exporting, people, programs
from loyalty.desk.deeds import deed
from loyalty.desk.panels import badge
from loyalty.jobs.changes import deciding, drafting, kinds, posting, reading, showing
from loyalty.jobs.changes.forms import WordsForm
from loyalty.jobs.models import ChangeLine, ChangeRequest

APPROVE = reading.APPROVE
SEE = "jobs.view_changerequest"
Status = ChangeRequest.Status


@admin.register(ChangeRequest)
class ChangeRequestAdmin(BookAdmin):
    """Change requests: what waits for somebody comes first."""

    list_display = ["shown", "shown_said", "shown_status", "lines_count", "shown_given", "shown_taken", "shown_asker", "asked_at"]  # fmt: skip
    list_display_links = ["shown"]
    list_filter = [
        ("status", ChoicesDropdownFilter),
        ("program", RelatedDropdownFilter),
        ("asked_at", RangeDateTimeFilter),
    ]
    list_select_related = ["program", "wallet"]
    search_fields = ["id"]
    search_help_text = _("Number of the change, or a member number")
    fieldsets = [
        (None, {"fields": [("shown_kind", "shown_status"), ("shown_said", "reason")]}),
        (_("Who and when"), {"fields": [("shown_asker", "asked_at"), ("shown_decider", "decided_at"), ("ended_at", "shown_digest")]}),
    ]  # fmt: skip
    readonly_fields = ["shown_kind", "shown_status", "shown_said", "shown_asker", "shown_decider", "shown_digest"]
    actions_list = ["new"]
    actions_detail = ["submit", "approve", "refuse", "withdraw", "undo", "again", "try_again"]
    main_deeds = ("submit", "approve", "again", "try_again")
    empty_words = _("No changes yet. Corrections of points, bulk changes and expiry runs are asked for here.")

    def get_urls(self) -> list[Any]:
        """The choice of kinds, the form of each, and the lines as a file."""
        wrap = self.admin_site.admin_view
        return [
            path("new/", wrap(self.choose), name="jobs_change_choose"),
            path("new/<slug:kind>/", wrap(self.ask), name="jobs_change_new"),
            path("<int:pk>/lines.csv", wrap(self.lines), name="jobs_changerequest_lines"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChangeRequest]:
        changes = ChangeRequest.objects.all()  # ordered by an annotation, so not by the parent's way
        return reading.seen_by(changes, actor_of(request), may_approve=request.user.has_perm(APPROVE))

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["-waits", "-id"]

    def found_by(self, term: str) -> Q:
        number = term.removeprefix("#").replace(" ", "")
        if not number.isdecimal() or len(number) > 18:
            return Q(pk__in=[])
        accounts = import_string(settings.SETIA_ACCOUNTS_OF)(number)
        return Q(pk=int(number)) | Q(pk__in=ChangeLine.objects.filter(account__in=accounts).values("change"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what this person may do now: nobody decides about their own."""
        offered = super().get_actions_detail(request, object_id)
        change = self.get_object(request, str(object_id))
        if change is None:
            return offered
        hidden = {"approve", "refuse"} if change.asked_by == actor_of(request) else {"submit", "withdraw"}
        if not request.user.has_perm(kinds.find(change.kind).may_ask):
            hidden |= {"undo", "again", "submit", "try_again"}
        return [a for a in offered if a.method.__name__ not in hidden]

    # --- asking -----------------------------------------------------------------------------------------------------
    def choose(self, request: HttpRequest) -> HttpResponse:
        """Which kind of change."""
        offered = [kind for kind in kinds.listed() if request.user.has_perm(kind.may_ask)]
        if not offered:
            raise PermissionDenied
        told = {"title": _("New change"), "kinds": offered, "opts": self.opts}
        return TemplateResponse(request, "admin/desk/changes.html", self.admin_site.each_context(request) | told)

    def ask(self, request: HttpRequest, kind: str) -> HttpResponse:
        """The form of a kind; it leads to the preview."""
        try:
            chosen = kinds.find(kind)
        except Refusal:
            raise Http404 from None
        program, at = programs.chosen(request), timezone.now()
        if program is None or not chosen.form:
            raise Http404
        if not request.user.has_perm(chosen.may_ask):
            raise PermissionDenied
        terms = {"program": program, "at": at, "initial": request.GET.dict()}
        form = import_string(chosen.form)(request.POST or None, request.FILES or None, **terms)
        if request.method == "POST" and form.is_valid():
            try:
                change = drafting.draft(
                    program, chosen.name, parameters=form.parameters(), reason=form.cleaned_data["reason"], at=at, actor=actor_of(request)
                )  # fmt: skip
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                self.log_addition(request, change, str(_("Made a preview.")))
                return HttpResponseRedirect(self.page_of(change))
        told = {"title": chosen.title, "question": chosen.question, "form": form, "opts": self.opts, "back": reverse("admin:jobs_changerequest_changelist")}  # fmt: skip
        return TemplateResponse(request, "admin/desk/change_form.html", self.admin_site.each_context(request) | told)

    @action(description=_("New change"), url_path="new-change", icon="add")
    def new(self, request: HttpRequest) -> HttpResponse:
        """To the choice of kinds."""
        return HttpResponseRedirect(reverse("admin:jobs_change_choose"))

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        may = any(request.user.has_perm(kind.may_ask) for kind in kinds.kinds())
        return super().get_actions_list(request) if may else []

    # --- reading ----------------------------------------------------------------------------------------------------
    def page_context(self, request: HttpRequest, record: ChangeRequest) -> dict[str, Any]:
        return showing.page(record, request.user)

    def lines(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Every line as a CSV file: for who may take lists out, and for who asked."""
        change = self.get_object(request, str(pk))
        if change is None:
            raise Http404
        mine = change.asked_by == actor_of(request)
        if not self.has_view_permission(request) or not (mine or request.user.has_perm(EXPORT)):
            raise PermissionDenied
        self.log_change(request, change, str(_("Exported the lines.")))
        return exporting.stream_rows(f"change-{change.pk}", showing.LINE_HEADERS, showing.all_cells(change))

    def complete(self, rows: list[ChangeRequest]) -> None:
        """The names of all who asked for a change of the page, at once."""
        known = people.names(change.asked_by for change in rows)
        for change in rows:
            change.asker_shown = known[change.asked_by]

    @display(description=_("change"))
    def shown(self, change: ChangeRequest) -> str:
        return format_html(
            '<span class="desk-two-lines">{}<small>#{}</small></span>', showing.kind_title(change), change.pk
        )

    @display(description=_("kind"))
    def shown_kind(self, change: ChangeRequest) -> str:
        return showing.kind_title(change)

    @display(description=_("what"))
    def shown_said(self, change: ChangeRequest) -> str:
        return change.summary.get("said", "")

    @display(description=_("status"))
    def shown_status(self, change: ChangeRequest) -> str:
        words = _("waits for you") if getattr(change, "waits", False) else change.get_status_display()
        return badge(words, showing.tone(change))

    @display(description=_("given"))
    def shown_given(self, change: ChangeRequest) -> str:
        return showing.points(change, change.points_given)

    @display(description=_("taken"))
    def shown_taken(self, change: ChangeRequest) -> str:
        return showing.points(change, change.points_taken)

    @display(description=_("asked by"))
    def shown_asker(self, change: ChangeRequest) -> str:
        return getattr(change, "asker_shown", None) or people.name(change.asked_by)

    @display(description=_("decided by"))
    def shown_decider(self, change: ChangeRequest) -> str:
        return people.name(change.decided_by) if change.decided_by else "–"

    @display(description=_("digest of the lines"))
    def shown_digest(self, change: ChangeRequest) -> str:
        return change.digest[:16]

    # --- deeds ------------------------------------------------------------------------------------------------------
    @deed(
        title=_("Post it, or ask for approval"),
        question=_("Below the limits it is posted at once, exactly as the preview shows. Above, it waits for a second person."),
        button=_("Go on"),
        permission=SEE,
        icon="send",
        fits=lambda change: change.status == Status.DRAFT,
    )  # fmt: skip
    def submit(self, request: HttpRequest, record: ChangeRequest) -> str:
        if not request.user.has_perm(kinds.find(record.kind).may_ask):
            raise PermissionDenied
        return _told(deciding.submit(record, at=timezone.now(), actor=actor_of(request)))

    @deed(
        title=_("Approve"),
        question=lambda self, request, change: _("%(lines)d lines, %(given)s points given and %(taken)s taken. Exactly what the page shows is posted, or nothing.")
        % {"lines": change.lines_count, "given": showing.points(change, change.points_given), "taken": showing.points(change, change.points_taken)},
        button=_("Approve and post"),
        permission=APPROVE,
        icon="check",
        fits=lambda change: change.status == Status.WAITING,
    )  # fmt: skip
    def approve(self, request: HttpRequest, record: ChangeRequest) -> str:
        return _told(deciding.approve(record, at=timezone.now(), actor=actor_of(request)))

    @deed(
        title=_("Refuse"),
        question=_("Nothing is posted. Whoever asked for it reads your reason."),
        button=_("Refuse it"),
        permission=APPROVE,
        icon="close",
        form=WordsForm,
        danger=True,
        fits=lambda change: change.status == Status.WAITING,
    )
    def refuse(self, request: HttpRequest, record: ChangeRequest, values: dict[str, Any]) -> str:
        deciding.refuse(record, decision=values["words"], at=timezone.now(), actor=actor_of(request))
        return _("The change was refused.")

    @deed(
        title=_("Withdraw"),
        question=_("Nothing is posted, and nobody needs to decide any more."),
        button=_("Withdraw it"),
        permission=SEE,
        icon="undo",
        fits=lambda change: change.status in (Status.DRAFT, Status.WAITING),
    )
    def withdraw(self, request: HttpRequest, record: ChangeRequest) -> str:
        deciding.withdraw(record, at=timezone.now(), actor=actor_of(request))
        return _("The change was withdrawn.")

    @deed(
        title=_("Undo"),
        question=_("A preview shows what can be taken back and what was spent meanwhile. Nothing moves before you ask for it there."),
        button=_("Show the preview"),
        permission=SEE,
        icon="settings_backup_restore",
        form=WordsForm,
        fits=drafting.may_be_undone,
    )  # fmt: skip
    def undo(self, request: HttpRequest, record: ChangeRequest, values: dict[str, Any]) -> Any:
        return self._draft(request, record, drafting.draft_undo, reason=values["words"])

    @deed(
        title=_("Look it up again"),
        question=_("The same wish, looked up as things are now, as a preview of its own."),
        button=_("Show the preview"),
        permission=SEE,
        icon="refresh",
        fits=lambda change: change.status in (Status.DRAFT, Status.STALE, Status.REFUSED, Status.WITHDRAWN),
    )
    def again(self, request: HttpRequest, record: ChangeRequest) -> Any:
        return self._draft(request, record, drafting.again)

    @deed(
        title=_("Try again"),
        question=_("Posting goes on where it stopped. What was posted is not posted twice."),
        button=_("Try again"),
        permission=SEE,
        icon="replay",
        fits=lambda change: change.status == Status.FAILED,
    )
    def try_again(self, request: HttpRequest, record: ChangeRequest) -> str:
        posting.try_again(record, at=timezone.now(), actor=actor_of(request))
        return _("It goes on at the next nudge.")

    def _draft(self, request: HttpRequest, record: ChangeRequest, verb: Any, **terms: Any) -> HttpResponse:
        """Make another preview and lead to it."""
        if not request.user.has_perm(kinds.find(record.kind).may_ask):
            raise PermissionDenied
        made = verb(record, at=timezone.now(), actor=actor_of(request), **terms)
        self.log_addition(request, made, str(_("Made a preview.")))
        messages.info(request, _("This is a preview. Nothing has moved yet."))
        return HttpResponseRedirect(self.page_of(made))


def _told(change: ChangeRequest) -> str:
    """What became of it, in a sentence."""
    return {
        Status.WAITING: _("It is above a limit and waits for a second person. Those who may approve got a letter."),
        Status.APPROVED: _("It is approved and will be posted in chunks from the next nudge on."),
        Status.DONE: _("It was posted as shown."),
        Status.STALE: _("Something changed since it was looked up, so nothing was posted. The page says what."),
    }.get(change.status, change.get_status_display())
