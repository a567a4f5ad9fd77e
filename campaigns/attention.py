"""What needs a person: late and failed jobs, letters in doubt, stock and seasons running out, books not proven. In words, with links."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import season_notes
from loyalty.common.clock import local_day
from loyalty.jobs import overview
from loyalty.jobs.changes import reading
from loyalty.jobs.models import JobRun
from loyalty.ledger import seasons
from loyalty.ledger.models import Program
from loyalty.mail.models import Message
from rewards import pools, stocks

BOOKS_PROVEN_WITHIN = timedelta(days=2)


def warnings(request: HttpRequest, program: Program | None, *, at: datetime) -> list[dict[str, Any]]:
    """What is wrong, in words, worst first, each with where to go; only what this person may look at."""
    found: list[dict[str, Any]] = []
    if request.user.has_perm("jobs.view_jobrun"):
        found += _about_jobs(program, at)
    if request.user.has_perm("mail.change_message"):
        found += _about_mail()
    if program and request.user.has_perm("jobs.view_changerequest"):
        found += _about_changes(request, program)
    if program and request.user.has_perm("rewards.view_reward"):
        found += _about_stock(program)
        found += _about_codes(program)
    if program and request.user.has_perm("ledger.view_season"):
        found += _about_seasons(program, at) + _about_campaigns(program, at)
    return sorted(found, key=lambda warning: warning["tone"] != "bad")


def _warning(tone: str, icon: str, text: str, url: str, words: str) -> dict[str, Any]:
    return {"tone": tone, "icon": icon, "text": text, "url": url, "words": words}


def _about_jobs(program: Program | None, at: datetime) -> list[dict[str, Any]]:
    page, found = reverse("admin:jobs_overview"), []
    if overview.is_asleep(at=at):
        found.append(
            _warning(
                "bad",
                "bedtime",
                _("Nobody is looking for due work: beat or the worker does not run."),
                page,
                _("See the jobs"),
            )
        )
    states = overview.states(program, at=at)
    late = [state.title for state in states if state.is_late]
    if late:
        text = ngettext("%(jobs)s is late.", "These jobs are late: %(jobs)s.", len(late)) % {"jobs": ", ".join(late)}
        found.append(_warning("bad", "schedule", text, page, _("See the jobs")))
    for state in states:
        if state.last and state.last.status == JobRun.Status.FAILED:
            run = reverse("admin:jobs_jobrun_change", args=[state.last.pk])
            found.append(_warning("bad", "error", _("%(job)s failed.") % {"job": state.title}, run, _("See why")))
    verified = JobRun.objects.filter(job="verify_books", program=program)
    ended = verified.filter(status=JobRun.Status.DONE).order_by("-ended_at").values("ended_at")[:1]
    checked = verified.annotate(proven=Subquery(ended)).order_by("-pk").first() if program else None
    if checked and checked.is_dry and checked.status == JobRun.Status.FAILED:
        run = reverse("admin:jobs_jobrun_change", args=[checked.pk])
        found.append(_warning("bad", "error", _("A preview found that the books do not add up."), run, _("See why")))
    proven = checked.proven if checked else None
    if program and (proven is None or at - proven > BOOKS_PROVEN_WITHIN):
        text = (
            _("The books were never verified.")
            if proven is None
            else _("The books were last verified on %(day)s.") % {"day": date_format(timezone.localtime(proven))}
        )
        found.append(_warning("warn", "fact_check", text, page, _("Verify them now")))
    return found  # fmt: skip


def _about_mail() -> list[dict[str, Any]]:
    counted = dict(
        Message.objects.filter(status__in=["failed", "uncertain"], forgotten_at__isnull=True)
        .order_by()
        .values_list("status")
        .annotate(count=Count("pk"))
    )
    page, found = reverse("admin:mail_message_changelist"), []
    if count := counted.get("uncertain"):
        text = ngettext(
            "%(count)s letter may or may not have arrived.", "%(count)s letters may or may not have arrived.", count
        )
        found.append(
            _warning(
                "warn", "unknown_document", text % {"count": count}, f"{page}?status__exact=uncertain", _("Decide")
            )
        )
    if count := counted.get("failed"):
        text = ngettext("%(count)s letter was refused.", "%(count)s letters were refused.", count)
        found.append(
            _warning("warn", "mark_email_unread", text % {"count": count}, f"{page}?status__exact=failed", _("See why"))
        )
    return found


def _about_changes(request: HttpRequest, program: Program) -> list[dict[str, Any]]:
    page, found = reverse("admin:jobs_changerequest_changelist"), []
    if count := reading.waiting_for(request.user, program):
        text = ngettext("%(count)s change waits for your decision.", "%(count)s changes wait for your decision.", count)
        found.append(_warning("warn", "how_to_reg", text % {"count": count}, page, _("Look at it")))
    elif reading.waiting_runs(program):
        text = _("The nightly expiry would expire more than the limit and waits for approval.")
        found.append(_warning("warn", "how_to_reg", text, page, _("Look at it")))
    if failed := reading.failed(program):
        address = reverse("admin:jobs_changerequest_change", args=[failed.pk])
        text = _("Change %(change)s could not be posted to its end.") % {"change": failed}
        found.append(_warning("bad", "error", text, address, _("See why")))
    return found


def _about_seasons(program: Program, at: datetime) -> list[dict[str, Any]]:
    """Points that end with a season need its days: without them they would never expire."""
    found = []
    for season, last in seasons.running_out(program, at=at):
        is_over = last is None or last < local_day(at, program.time_zone)
        text = (
            _(
                "Points are to expire at the end of %(season)s, but no days of it are entered for the time ahead: new points never expire."
            )
            if is_over
            else _(
                "Points expire at the end of %(season)s, and its days are entered only until %(day)s. Enter the next years."
            )
        ) % {"season": season, "day": date_format(last) if last else ""}
        page = reverse("admin:ledger_season_change", args=[season.pk])
        found.append(_warning("bad" if is_over else "warn", "event_busy", text, page, _("Enter its days")))
    return found


def _about_campaigns(program: Program, at: datetime) -> list[dict[str, Any]]:
    """A campaign that counts in a season needs its days: without them it gives nothing."""
    text = _("“%(campaign)s” counts in %(season)s, but no days of it are entered for the time ahead: it gives nothing.")
    return [
        _warning(
            "bad", "event_busy", text % {"campaign": campaign, "season": season},
            reverse("admin:ledger_season_change", args=[season.pk]), _("Enter its days"),
        )
        for campaign, season in season_notes.without_days(program, at=at)
    ]  # fmt: skip


def _about_codes(program: Program) -> list[dict[str, Any]]:
    """Pools of partners' codes that run low."""
    found = []
    for pool in pools.running_low(program):
        text = ngettext("%(left)s code left of %(pool)s.", "%(left)s codes left of %(pool)s.", pool.free)
        page = reverse("admin:rewards_codepool_change", args=[pool.pk])
        tone = "warn" if pool.free else "bad"
        found.append(_warning(tone, "handshake", text % {"left": pool.free, "pool": pool}, page, _("Import codes")))
    return found


def _about_stock(program: Program) -> list[dict[str, Any]]:
    found = []
    for reward in stocks.running_low(program)[:5]:
        left = reward.left or 0
        text = (
            _("%(reward)s is sold out.")
            if not left
            else ngettext("Only %(left)s left of %(reward)s.", "Only %(left)s left of %(reward)s.", left)
        )
        found.append(
            _warning(
                "warn",
                "production_quantity_limits",
                text % {"reward": reward, "left": left},
                reverse("admin:rewards_reward_change", args=[reward.pk]),
                _("Look at the stock"),
            )
        )
    return found  # fmt: skip
