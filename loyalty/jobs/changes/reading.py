"""What of the changes is for whom: what waits for somebody, and what went wrong."""

from typing import Any

from django.db.models import BooleanField, Case, Q, QuerySet, Value, When

from loyalty.jobs.models import ChangeRequest

Status = ChangeRequest.Status
APPROVE = "jobs.approve_change"


def seen_by(changes: QuerySet[ChangeRequest], actor: str, *, may_approve: bool) -> QuerySet[ChangeRequest]:
    """The changes somebody sees, what waits for them first; drafts are their maker's alone."""
    mine = Q(status=Status.WAITING) & ~Q(asked_by=actor) if may_approve else Q(pk__in=[])
    waits = Case(When(mine, then=Value(True)), default=Value(False), output_field=BooleanField())
    return changes.exclude(Q(status=Status.DRAFT) & ~Q(asked_by=actor)).annotate(waits=waits).order_by("-waits", "-id")


def waiting_for(user: Any, program: Any) -> int:
    """How many changes of a program this person may decide."""
    if not user.has_perm(APPROVE):
        return 0
    return (
        ChangeRequest.objects.filter(program=program, status=Status.WAITING)
        .exclude(asked_by=f"staff:{user.pk}")
        .count()
    )


def waiting_runs(program: Any) -> int:
    """How many nightly runs of a program wait for somebody else's approval."""
    return ChangeRequest.objects.filter(program=program, status=Status.WAITING, asked_by__startswith="job:").count()


def failed(program: Any) -> ChangeRequest | None:
    """The latest change of a program that could not be posted to its end."""
    return ChangeRequest.objects.filter(program=program, status=Status.FAILED).first()


def asked_by(actor: str, program: Any, number: int) -> ChangeRequest | None:
    """A change that this actor asked for."""
    if number >= 2**63:
        return None
    return ChangeRequest.objects.filter(pk=number, program=program, asked_by=actor).first()
