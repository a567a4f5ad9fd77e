"""Jobs on the desk: what ran, what is due, and two buttons: look first, then run."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from loyalty.backoffice import BookAdmin, actor_of
from loyalty.common.errors import Refusal
from loyalty.desk import people, programs
from loyalty.desk.deeds import deed
from loyalty.desk.panels import Panel, Stat, badge, moment
from loyalty.jobs import first_look, overview, registry, run_page, running, wording
from loyalty.jobs import health_desk as health_desk  # registers the alerts and the page of health
from loyalty.jobs import schedules_desk as schedules_desk  # registers the timetable
from loyalty.jobs.changes import admin as changes_admin  # noqa: F401  (registers the pages of changes)
from loyalty.jobs.changes import limits_desk as limits_desk
from loyalty.jobs.changes import nightly
from loyalty.jobs.changes.forms import WordsForm
from loyalty.jobs.models import JobRun

TONES = {"waiting": "info", "running": "info", "done": "good", "failed": "bad", "stopped": "warn"}
# A run found bigger than this in its preview is left to the worker or the command line: a request must answer soon.
MOST_AT_ONCE = 20_000
LOOKS_AGAIN_AFTER = 5


@admin.register(JobRun)
class JobRunAdmin(BookAdmin):
    """Every execution of a job."""

    list_display = [
        "shown_job",
        "shown_status",
        "business_date",
        "program",
        "started_at",
        "shown_duration",
        "found",
        "done",
        "skipped",
        "shown_starter",
    ]
    list_display_links = ["shown_job"]
    list_filter = [("status", ChoicesDropdownFilter), "is_dry", ("started_at", RangeDateTimeFilter)]
    list_select_related = ["program"]
    search_fields = ["job"]
    search_help_text = _("Short name of the job, e.g. expire_points")
    fieldsets = [
        (None, {"fields": ["shown_job", "shown_status", "program", "business_date", "as_of", "is_dry"]}),
        (_("How it went"), {"fields": ["shown_report", "error", "found", "done", "skipped", "attempts"]}),
        (
            _("When and by whom"),
            {"fields": ["started_at", "ended_at", "shown_duration", "seen_at", "shown_starter", "version"]},
        ),
    ]
    readonly_fields = ["shown_job", "shown_status", "shown_report", "shown_duration", "shown_starter"]
    actions_detail = ["stop", "resume", "take_back"]
    empty_words = _("No job has run yet. The nightly jobs begin as soon as beat and the worker run.")

    def get_urls(self) -> list[Any]:
        """The overview of all jobs, and its buttons."""
        wrap = self.admin_site.admin_view
        own = [
            path("overview/", wrap(self.overview), name="jobs_overview"),
            path("overview/start/", wrap(require_POST(self.start)), name="jobs_start"),
        ]
        return own + super().get_urls()

    def overview(self, request: HttpRequest) -> HttpResponse:
        """Every job with its last run, when it is next due, and its buttons."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        at, program = timezone.now(), programs.chosen(request)
        seen = overview.signs_of_life(at=at)
        shown = [(state, _tone(state.last)) for state in overview.states(program, at=at)]
        context = self.admin_site.each_context(request) | {
            "title": _("Jobs"),
            "notices": first_look.notices(program, at=at),
            "groups": [
                (_("Once a day, in this order"), [one for one in shown if one[0].job.is_daily]),
                (_("At every nudge"), [one for one in shown if not one[0].job.is_daily]),
            ],
            "calendar": run_page.calendar(program, at=at) if program else None,
            "may_run": request.user.has_perm("loyalty.run_jobs"),
            "stats": [
                Stat(_("Last nudge"), _ago(seen.get("nudge"), at), _("When due work was last looked for. Every minute while beat runs.")),
                Stat(_("Worker last seen"), _ago(seen.get("worker"), at), _("When a worker last took up a nudge.")),
                Stat(_("Program clock"), moment(at), program.time_zone if program else ""),
            ],
        }  # fmt: skip
        return TemplateResponse(request, "admin/desk/jobs.html", context)

    def start(self, request: HttpRequest) -> HttpResponse:
        """Preview a job, or run it now; the row it leaves says how it went."""
        if not request.user.has_perm("loyalty.run_jobs"):
            raise PermissionDenied
        back = HttpResponseRedirect(reverse("admin:jobs_overview"))
        try:
            job = registry.find(request.POST.get("job", ""))
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return back
        told = {
            "program": programs.chosen(request) if job.is_daily else None,
            "as_of": timezone.now(),
            "started_by": actor_of(request),
        }
        run = running.run(job.name, dry_run=True, **told)
        # A preview that failed is not the run somebody asked for: only the run itself is what the dashboard warns of.
        if request.POST.get("deed") == "run" and run.status in (JobRun.Status.DONE, JobRun.Status.FAILED):
            if run.found > MOST_AT_ONCE and run.status == JobRun.Status.DONE:
                return self._leave_to_worker(request, run, job.name, told)
            run = running.run(job.name, **told)
        self.log_change(request, run, str(_("Previewed the job.") if run.is_dry else _("Ran the job.")))
        _tell(request, run, job.title)
        return HttpResponseRedirect(self.page_of(run))

    def _leave_to_worker(self, request: HttpRequest, seen: JobRun, job: str, told: dict[str, Any]) -> HttpResponse:
        """A run too large for a request waits for the worker; its page follows it."""
        run = running.ask(job, **told)
        self.log_change(request, run, str(_("Ran the job.")))
        said = _("%(found)s are due: more than a page can wait for. The worker takes it up at its next look; this page follows it.")  # fmt: skip
        messages.info(request, said % {"found": f"{seen.found:,}"})
        return HttpResponseRedirect(self.page_of(run))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """While it waits or runs the page looks again by itself."""
        answer = super().change_view(request, object_id, *args, **kwargs)
        if (getattr(answer, "context_data", None) or {}).get("run_state"):
            answer["Refresh"] = str(LOOKS_AGAIN_AFTER)
        return answer

    @display(description=_("job"))
    def shown_job(self, run: JobRun) -> str:
        known = {job.name: str(job.title) for job in registry.jobs()}
        return known.get(run.job, run.job)

    @display(description=_("status"))
    def shown_status(self, run: JobRun) -> str:
        return badge(_("preview") if run.is_dry and run.status == "done" else run.get_status_display(), _tone(run))

    def complete(self, rows: list[JobRun]) -> None:
        """The names of all who started a run of the page, at once."""
        known = people.names(run.started_by for run in rows)
        for run in rows:
            run.starter_shown = known[run.started_by]

    @display(description=_("started by"))
    def shown_starter(self, run: JobRun) -> str:
        return getattr(run, "starter_shown", None) or people.name(run.started_by)

    @display(description=_("took"))
    def shown_duration(self, run: JobRun) -> str:
        if run.ended_at is None:
            return timesince(run.started_at)
        seconds = (run.ended_at - run.started_at).total_seconds()
        return f"{seconds:.1f} s" if seconds < 90 else timesince(run.started_at, run.ended_at)

    @display(description=_("report"))
    def shown_report(self, run: JobRun) -> str:
        return ", ".join(wording.report(run))

    def page_context(self, request: HttpRequest, record: JobRun) -> dict[str, Any]:
        """Progress in figures, and what a verification found."""
        first = [v for v in record.report.get("first", []) if isinstance(v, dict)]
        rows = [(v.get("law", ""), v.get("account", ""), v.get("found", "")) for v in first]
        return ({"before_include": "admin/desk/run.html"} | run_page.progress(record)) | {
            "stats": [
                Stat(_("Found"), f"{record.found:,}", _("What was due when the run began.")),
                Stat(_("Done"), f"{record.done:,}", _("What was carried out.")),
                Stat(_("Skipped"), f"{record.skipped:,}", _("What was due and not carried out; the report says why.")),
            ],
            "panels_before": [Panel(_("What to do now"), [], [], run_page.advice(record, at=timezone.now()))]
            if record.status in ("failed", "stopped")
            else [],
            "panels": [Panel(_("First violations"), [_("Law"), _("Account"), _("Found")], rows)] if rows else [],
        }

    @deed(
        title=_("Stop the run"),
        question=_("The run ends after its present batch. What it has done stays; the next run goes on from there."),
        button=_("Stop it"),
        permission="loyalty.run_jobs",
        icon="stop_circle",
        fits=lambda run: run.status in (JobRun.Status.WAITING, JobRun.Status.RUNNING),
        danger=True,
    )
    def stop(self, request: HttpRequest, record: JobRun) -> str:
        if not running.request_stop(record, at=timezone.now(), actor=actor_of(request)):
            raise Refusal(_("This run is not running any more."))
        return _("The run was asked to stop and ends after its present batch.")

    @deed(
        title=_("Let it go on"),
        question=_("The worker takes the run up at its next look: that of a business date as of the same instant, any other as of then. What it has done already is not done twice."),
        button=_("Go on"),
        permission="loyalty.run_jobs",
        icon="resume",
        fits=lambda run: run.status in (JobRun.Status.STOPPED, JobRun.Status.FAILED) and not run.is_dry,
    )  # fmt: skip
    def resume(self, request: HttpRequest, record: JobRun) -> str:
        running.resume(record, at=timezone.now(), actor=actor_of(request))
        return _("The worker takes the run up at its next look.")

    @deed(
        title=_("Take the expiry back"),
        question=_("A preview shows every line that would be given back. Nothing moves before you ask for it there."),
        button=_("Show the preview"),
        permission="jobs.ask_expiry_run",
        icon="settings_backup_restore",
        form=WordsForm,
        fits=nightly.may_be_taken_back,
    )
    def take_back(self, request: HttpRequest, record: JobRun, values: dict[str, Any]) -> HttpResponse:
        made = nightly.take_back(record, reason=values["words"], at=timezone.now(), actor=actor_of(request))
        self.log_change(request, record, str(_("Made a preview.")))
        messages.info(request, _("This is a preview. Nothing has moved yet."))
        return HttpResponseRedirect(reverse("admin:jobs_changerequest_change", args=[made.pk]))


def _tone(run: JobRun | None) -> str:
    return TONES.get(run.status, "") if run else ""


def _ago(seen: Any, at: Any) -> Any:
    if seen is None:
        return _("never")
    return (
        _("%(time)s ago") % {"time": timesince(seen, at)}
        if at - seen >= timezone.timedelta(minutes=1)
        else _("just now")
    )


def _tell(request: HttpRequest, run: JobRun, title: Any) -> None:
    """One sentence about how the run ended."""
    numbers = {"job": title, "found": run.found, "done": run.done}
    if run.status == JobRun.Status.FAILED:
        messages.error(request, _("%(job)s failed. What to do now is told below.") % numbers)
    elif run.is_dry:
        messages.info(request, _("%(job)s: %(found)s would be done. Nothing was changed.") % numbers)
    else:
        messages.success(request, _("%(job)s: %(done)s done.") % numbers)
