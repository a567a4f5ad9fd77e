"""Two addresses for machines: is this process alive, and is the installation doing its work.

`/healthz` answers as long as the process does: point load balancers and restarts at it. `/readyz` looks at the
database, the migrations, the oldest work that is due and the last nudge, and answers 503 with the reason when one of
them is not as it should be: point the alarm at it. Neither tells a secret, a name or an error text.
"""

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
from loyalty.mail import delivery

log = structlog.get_logger(__name__)
Check = dict[str, object]
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
            checks |= {"due_work": due_work(at=at), "nudge": last_nudge(at=at)}
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
    oldest = [instant for instant in (nudging.oldest_due(at), delivery.oldest_due(at)) if instant is not None]
    minutes = int((at - min(oldest)).total_seconds() // 60) if oldest else 0
    is_late = minutes > settings.SETIA_LATE_AFTER_MINUTES
    told = "has been waiting for too long; are worker, beat and mail server running?" if is_late else "none is late"
    return _check(not is_late, told, oldest_minutes=minutes, limit_minutes=settings.SETIA_LATE_AFTER_MINUTES)


def last_nudge(*, at: datetime) -> Check:
    """When due work was last looked for."""
    seen_at = Heartbeat.objects.filter(name="nudge").values_list("seen_at", flat=True).first()
    if seen_at is None:
        return _check(False, "not seen yet; start worker and beat", seen_at=None)
    is_recent = at - seen_at <= timedelta(minutes=settings.SETIA_LATE_AFTER_MINUTES)
    told = "seen" if is_recent else "not seen for too long; are worker and beat running?"
    return _check(is_recent, told, seen_at=seen_at.isoformat())


def _check(is_ok: bool, detail: str, **more: object) -> Check:
    return {"ok": is_ok, "detail": detail, **more}
