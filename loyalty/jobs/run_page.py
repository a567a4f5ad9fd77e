"""Parts of the pages of jobs: what to do after a run that did not end well, how far one has come, and what runs next."""

import re
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from loyalty.desk.panels import Panel, badge, link, moment
from loyalty.jobs import calendar as coming_dates
from loyalty.jobs import first_look, registry, timetable
from loyalty.jobs.models import JobRun
from loyalty.ledger.models import Program

Status = JobRun.Status


def advice(run: JobRun, *, at: datetime) -> SafeString:
    """The next step after a failure or a stop, with the places it leads to."""
    jobs = link(reverse("admin:jobs_overview"), _("See the jobs"))
    if run.status == Status.STOPPED:
        said = _("A person stopped it. What it has done stays. It stays stopped until somebody lets it go on with the button above.")  # fmt: skip
        return format_html("{} {}", said, jobs)
    if run.is_dry:
        return format_html("{} {}", _("This was only a preview: nothing was changed. Mend the cause and preview it again."), jobs)  # fmt: skip
    if run.job == "verify_books":
        return _about_books(run)
    said = _("Read the error below and mend its cause, then let the run go on with the button above. It does nothing twice.")  # fmt: skip
    return format_html("{} {} {}", said, first_look.what_next(run, at=at), jobs)


def progress(run: JobRun) -> dict[str, Any]:
    """How far a run has come, for its bar; nothing once it has ended."""
    if run.status not in (Status.WAITING, Status.RUNNING):
        return {"run_state": ""}
    share = min(100, round(100 * (run.done + run.skipped) / run.found)) if run.found else 0
    return {"run_state": run.status, "share_done": share, "is_stopping": run.stop_requested_at is not None}


def calendar(program: Program, *, at: datetime) -> Panel:
    """What waits, and what runs in the days ahead."""
    times = timetable.read()
    daily = [str(job.title) for job in registry.jobs() if job.name in times.daily]
    rows = [
        (
            badge(_("waits since %(due)s") % {"due": moment(one.due_at)}, "warn") if one.is_waiting else moment(one.due_at),
            first_look.short_list(one.jobs, daily), moment(one.settles_up_to),
        )
        for one in coming_dates.coming(program, at=at)
    ]  # fmt: skip
    note = _("In the program clock, %(zone)s. What waits is made up oldest day first.") % {"zone": program.time_zone}
    empty = _("Every daily job is switched off.")
    more, words = reverse("admin:jobs_jobschedule_changelist"), _("When jobs run")
    headers = [_("Due"), _("Jobs, in this order"), _("Settles up to")]
    return Panel(_("What runs next"), headers, rows, empty, more=more, more_words=words, note=note)


def _about_books(run: JobRun) -> SafeString:
    said = _(
        "Verifying only reads: it changed nothing. Look at the account named in the error and at what wrote to it last; manage.py verify_ledger lists every violation. Do not mend rows by hand: restore them from a backup, or correct them with a new entry."
    )
    named = re.search(r"account (\d+)", run.error)
    if named is None:
        return format_html("{}", said)
    page = reverse("admin:ledger_account_change", args=[named[1]])
    return format_html("{} {}", said, link(page, _("Open account #%(account)s") % {"account": named[1]}))
