"""Posting approved changes: exactly the lines that were shown, each once, in chunks that may be stopped anywhere.

Small changes are posted in the transaction that decides them. Large ones are taken up by the job `post_changes`: each
chunk is one transaction that locks its accounts, looks its lines up once more, posts those that still are what was
shown, and writes down why the others are not. A kill loses nothing: what was committed is marked, the rest is still to
be posted. A change that must be whole is posted in one transaction, or overtaken as a whole.
"""

import traceback
from datetime import datetime
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from loyalty.common.bulk import update_rows
from loyalty.common.changes import Asked, ChangeKind, Row
from loyalty.common.errors import Refusal
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.jobs import running
from loyalty.jobs.changes import differences, kinds
from loyalty.jobs.models import ChangeLine, ChangeRequest

AT_ONCE = 500
Status, Outcome = ChangeRequest.Status, ChangeLine.Outcome
log = structlog.get_logger(__name__)


class NotWholeAnyMore(Exception):
    """A change that must be whole has a line that is another now; the argument holds the differences in words."""


def post_due(program: Any = None, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Post every approved change, oldest first; the job `post_changes`."""
    due = ChangeRequest.objects.filter(status__in=[Status.APPROVED, Status.POSTING]).order_by("id")
    if program is not None:
        due = due.filter(program=program)
    tally = Tally(found=sum(change.lines_count - change.posted_count - change.skipped_count for change in due))
    if dry_run:
        return tally
    for change in due.select_related("program", "wallet", "undoes"):
        if not post_whole(change, at=at, tally=tally, progress=progress):
            break
    return tally


def post_small(change: ChangeRequest, *, at: datetime) -> None:
    """Post a change that was decided just now, inside the deciding transaction, unless it is a large one."""
    if change.lines_count <= AT_ONCE:
        while not post_chunk(change, at=at)[2]:
            pass
        change.refresh_from_db()


def post_whole(change: ChangeRequest, *, at: datetime, tally: Tally, progress: Progress) -> bool:
    """Post one change chunk by chunk. False when the job was asked to stop; a failure is kept on the change."""
    try:
        is_ended = False
        while not is_ended:
            posted, skipped, is_ended = post_chunk(change, at=at)
            tally.done, tally.skipped = tally.done + posted, tally.skipped + skipped
            if not progress(max(tally.found, tally.done + tally.skipped), tally.done, tally.skipped):
                return False
    except NotWholeAnyMore as overtaken:
        _living(change).update(status=Status.STALE, differences=list(overtaken.args[0]), ended_at=at)
    except (OperationalError, InterfaceError):
        raise
    except Exception as failure:
        log.error("change_failed", change=change.pk, failure=type(failure).__name__, where=running.place_of(failure))
        words = running.words(failure)
        traceback.clear_frames(failure.__traceback__)
        _living(change).update(status=Status.FAILED, error=words, ended_at=at)
    return True


@transaction.atomic
def try_again(change: ChangeRequest, *, at: datetime, actor: str) -> ChangeRequest:
    """Let a failed change go on where it stopped. Raises Refusal when it did not fail."""
    failed = ChangeRequest.objects.filter(pk=change.pk, status=Status.FAILED)
    if not failed.update(status=Status.APPROVED, error="", ended_at=None, seen_at=at):
        raise Refusal(_("This change did not fail, so there is nothing to try again."))
    change.refresh_from_db()
    log.info("change_tried_again", change=change.pk, actor=actor)
    return change


def post_chunk(change: ChangeRequest, *, at: datetime) -> tuple[int, int, bool]:
    """Post the next lines of a change in one transaction; returns lines posted, lines not posted, and whether it ended.

    Two at once post nothing twice: the second waits for the accounts, then finds the lines taken.
    """
    kind, told = kinds.find(change.kind), kinds.asked(change)
    size = change.lines_count if kind.is_whole else kind.chunk
    with transaction.atomic():
        rows = [kinds.row(line) for line in _to_post(change).order_by("number")[:size]]
        now: dict[str, Row] = {}
        if rows:
            plan = kinds.plan(told, kind, undoes=change.undoes, at=at, locked=True, only=rows)
            now = {row.key: row for row in plan.rows}
        ours = list(
            _to_post(change).filter(key__any_of=[row.key for row in rows]).select_for_update().order_by("number")
        )
        if not _living(change).update(status=Status.POSTING, seen_at=at):
            return 0, 0, True
        fits = [kinds.row(line) for line in ours if differences.same(kinds.row(line), now.get(line.key))]
        if kind.is_whole and len(fits) < len(ours):
            raise NotWholeAnyMore(differences.told(kind, told, rows, now.values(), change.wallet))
        if fits:
            _post(change, kind, told, fits, at=at)
        _write_outcomes(change, kind, told, ours, fits, now)
        return len(fits), len(ours) - len(fits), _end(change, kind, told, at=at)


def _post(change: ChangeRequest, kind: ChangeKind, told: Asked, rows: list[Row], *, at: datetime) -> None:
    if change.undoes_id:
        kind.post_undo(told, rows, at=at, actor=change.asked_by)
    else:
        kind.post(told, rows, at=at, actor=change.asked_by)


def _write_outcomes(
    change: ChangeRequest, kind: ChangeKind, told: Asked, ours: list[ChangeLine], fits: list[Row], now: dict[str, Row]
) -> None:
    """Mark what was posted, and say of the others why not."""
    done = {row.key for row in fits}
    ChangeLine.objects.filter(change=change, key__any_of=list(done)).update(outcome=Outcome.POSTED)
    left = [line for line in ours if line.key not in done]
    shown = [kinds.row(line) for line in left]
    would_be = [now[row.key] for row in shown if row.key in now]
    words = differences.by_line(kind, told, shown, would_be, change.wallet)
    rows = [(line.pk, Outcome.SKIPPED.value, words[line.key][:200]) for line in left]
    update_rows(ChangeLine, "id", ("outcome", "said"), rows)
    counted = {"posted_count": F("posted_count") + len(done), "skipped_count": F("skipped_count") + len(left)}
    ChangeRequest.objects.filter(pk=change.pk).update(**counted)


def _end(change: ChangeRequest, kind: ChangeKind, told: Asked, *, at: datetime) -> bool:
    """Close a change that has no line left to post, and mark what it undid."""
    if _to_post(change).exists():
        return False
    ChangeRequest.objects.filter(pk=change.pk).update(status=Status.DONE, ended_at=at)
    if change.undoes_id:
        ChangeRequest.objects.filter(pk=change.undoes_id).update(status=Status.UNDONE)
    else:
        kind.finished(told, at=at, actor=change.asked_by)
    return True


def _to_post(change: ChangeRequest) -> QuerySet[ChangeLine]:
    return ChangeLine.objects.filter(change=change, outcome=Outcome.PLANNED)


def _living(change: ChangeRequest) -> QuerySet[ChangeRequest]:
    return ChangeRequest.objects.filter(pk=change.pk, status__in=[Status.APPROVED, Status.POSTING])
