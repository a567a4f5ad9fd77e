"""Two addresses for machines: is this process alive, and is the installation doing its work.

`/healthz` answers as long as the process does: point load balancers and restarts at it. `/readyz` looks at the
database, the migrations, the oldest work that is due, the letters, the last nudge, the worker, the broker and the disk, and answers
503 with the reason when one of them is not as it should be: point the alarm at it. Neither tells a secret, a name or an
error text. The page of health on the desk and the alerts read the same checks.
"""

import shutil
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from loyalty.jobs import nudging
from loyalty.jobs.models import Heartbeat
from loyalty.mail import waiting

log = structlog.get_logger(__name__)
Check = dict[str, object]
MOST_COUNTED = 10_000
# Once this process has seen its own migrations applied, they stay applied.
_seen_migrated: set[str] = set()


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """The installation does its work: 200, or 503 with what is wrong."""
    checks = readiness(at=timezone.now())
    is_ready = all(check["ok"] for check in checks.values())
    status = "ready" if is_ready else "not ready"
    return JsonResponse({"status": status, "checks": checks}, status=200 if is_ready else 503)


def readiness(*, at: datetime) -> dict[str, Check]:
    """Every check by name, each with `ok` and a sentence."""
    try:
        connection.ensure_connection()
        checks = {"database": _check(True, "answers"), "migrations": migrations_applied()}
        if checks["migrations"]["ok"]:
            checks |= {"due_work": due_work(at=at), "letters": letters(at=at), **machinery(at=at), "disk": disk()}
    except DatabaseError as failure:
        log.error("database_unreachable", failure=type(failure).__name__)
        return {"database": _check(False, "does not answer")}
    return checks


def migrations_applied() -> Check:
    """Whether the database is as new as the code."""
    if connection.alias not in _seen_migrated:
        executor = MigrationExecutor(connection)
        waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if waiting:
            return _check(False, "some are not applied; run manage.py migrate", waiting=waiting)
        _seen_migrated.add(connection.alias)
    return _check(True, "all applied")


def due_work(*, at: datetime) -> Check:
    """How long the oldest work that is due has been waiting: daily jobs that nobody took up, letters not sent."""
    oldest = [instant for instant in (nudging.oldest_due(at), waiting.oldest_due(at)) if instant is not None]
    minutes = _minutes(min(oldest, default=at), at)
    is_late = minutes > settings.SETIA_LATE_AFTER_MINUTES
    told = "has been waiting for too long; are worker, beat and mail server running?" if is_late else "none is late"
    return _check(not is_late, told, oldest_minutes=minutes, limit_minutes=settings.SETIA_LATE_AFTER_MINUTES)


def letters(*, at: datetime) -> Check:
    """How many letters wait (counted up to MOST_COUNTED), for how long, and how many a person has to decide about."""
    minutes = _minutes(waiting.oldest_due(at) or at, at)
    is_late = minutes > settings.SETIA_LATE_AFTER_MINUTES
    told = "have been waiting for too long; is the mail server there?" if is_late else "none is late"
    counted = waiting.depth(at, most=MOST_COUNTED)
    return _check(not is_late, told, minutes=minutes, **counted)


def machinery(*, at: datetime) -> dict[str, Check]:
    """When due work was last looked for, when somebody last took that up, and when a message last came through the broker."""
    seen = dict(Heartbeat.objects.filter(name__in=["nudge", "worker", "broker"]).values_list("name", "seen_at"))
    return {
        "nudge": last_nudge(seen.get("nudge"), at=at),
        "worker": worker(seen.get("worker"), at=at),
        "broker": broker(seen, at=at),
    }


def last_nudge(seen_at: datetime | None, *, at: datetime) -> Check:
    """When due work was last looked for."""
    if seen_at is None:
        return _check(False, "not seen yet; start worker and beat", seen_at=None)
    is_recent = at - seen_at <= timedelta(minutes=settings.SETIA_LATE_AFTER_MINUTES)
    told = "seen" if is_recent else "not seen for too long; are worker and beat running?"
    return _check(is_recent, told, seen_at=seen_at.isoformat())


def worker(seen_at: datetime | None, *, at: datetime) -> Check:
    """When a worker (or `manage.py nudge`) last began to look for due work. One that began and did not end is in the midst of it."""
    if seen_at is None:
        return _check(False, "not seen yet; start the worker", seen_at=None)
    is_recent = at - seen_at <= timedelta(minutes=settings.SETIA_LATE_AFTER_MINUTES)
    told = "seen" if is_recent else "not seen for too long; does it run?"
    return _check(is_recent, told, seen_at=seen_at.isoformat())


def broker(seen: dict[str, datetime], *, at: datetime) -> Check:
    """When a message last came through the broker. It carries no facts: as long as something else nudges, all is well."""
    seen_at = seen.get("broker")
    if seen_at is None:
        return _check(True, "not used yet", seen_at=None)
    patience = timedelta(minutes=settings.SETIA_LATE_AFTER_MINUTES)
    is_recent, is_nudged = at - seen_at <= patience, at - seen.get("nudge", seen_at) <= patience
    told = (
        "seen" if is_recent else "silent, but work is looked for" if is_nudged else "silent for too long; does it run?"
    )
    return _check(is_recent or is_nudged, told, seen_at=seen_at.isoformat())


def disk() -> Check:
    """How much room the folder of the data has left."""
    try:
        free = shutil.disk_usage(settings.DATA_DIR).free // 2**20
    except OSError:
        return _check(False, "the folder of the data cannot be read", free_mb=None)
    told = "enough room" if free >= settings.SETIA_DISK_FREE_MB else "nearly full; make room"
    return _check(free >= settings.SETIA_DISK_FREE_MB, told, free_mb=free, limit_mb=settings.SETIA_DISK_FREE_MB)


def _minutes(since: datetime, at: datetime) -> int:
    return max(0, int((at - since).total_seconds() // 60))


def _check(is_ok: bool, detail: str, **more: object) -> Check:
    return {"ok": is_ok, "detail": detail, **more}
