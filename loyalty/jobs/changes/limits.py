"""What one person may post alone (DOMAIN 12.4, laws of the books 19).

A change that passes any of its program's limits waits for a second, different person; superusers too. What somebody
moved in the last 24 hours is added up under a lock on their row, so two changes at once cannot both stay below it. The
sum counts what was posted, approved or not; what still waits, was refused or overtaken does not count.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Sum
from django.utils.translation import gettext as _

from loyalty.common.changes import ChangeKind, Limit, Plan
from loyalty.common.money import show_points
from loyalty.jobs.models import ApprovalLimits, ChangeRequest, Operator
from loyalty.ledger.models import Program

DAY = timedelta(hours=24)
A_DAY = "_a_day"
Status = ChangeRequest.Status
COUNTED = (Status.APPROVED, Status.POSTING, Status.DONE, Status.UNDONE, Status.FAILED)


def of(program: Program) -> ApprovalLimits:
    """The program's limits; the defaults while nobody has set any."""
    return ApprovalLimits.objects.filter(program=program).first() or ApprovalLimits(program=program)


def weight(limits: Sequence[Limit] | None) -> int:
    """How much of somebody's 24 hours a plan uses."""
    return sum(limit.used for limit in limits or () if limit.field.endswith(A_DAY))


def passed(program: Program, kind: ChangeKind, plan: Plan, *, actor: str, at: datetime) -> list[str]:
    """The limits that a plan passes, each in words; empty when the actor may post it alone.

    Locks the actor's row until the transaction ends, when a sum over 24 hours is looked at.
    """
    used = kind.limits(plan)
    if used is None:
        return [str(kind.always or _("Changes of this kind always need a second person."))]
    allowed, words = of(program), []
    for limit in used:
        most = getattr(allowed, limit.field)
        if most is None:
            continue
        total = limit.used
        if limit.field.endswith(A_DAY):
            total += moved_lately(program, actor, at=at)
        if total > most:
            words.append(_words(limit.field, total, most, plan))
    return words


def moved_lately(program: Program, actor: str, *, at: datetime) -> int:
    """The points somebody moved in the 24 hours before an instant; their row is locked until the transaction ends."""
    operator, _is_new = Operator.objects.get_or_create(program=program, actor=actor)
    Operator.objects.select_for_update().get(pk=operator.pk)
    lately = ChangeRequest.objects.filter(program=program, asked_by=actor, decided_at__gt=at - DAY, status__in=COUNTED)
    return lately.aggregate(points=Sum("weight"))["points"] or 0


def _words(field: str, total: int, most: int, plan: Plan) -> str:
    """One limit that was passed, as a sentence."""
    decimals = plan.wallet.decimals if plan.wallet and field != "bulk_members" else 0
    numbers = {"used": show_points(total, decimals), "limit": show_points(most, decimals)}
    said = {
        "adjustment_points": _("One adjustment moves %(used)s points; one person alone may move %(limit)s."),
        "adjustment_points_a_day": _(
            "With this the same person moves %(used)s points in 24 hours; one person alone may move %(limit)s."
        ),
        "forgiven_points": _("%(used)s points of debt are forgiven; one person alone may forgive %(limit)s."),
        "bulk_members": _("It has %(used)s lines; one person alone may change %(limit)s."),
        "bulk_points": _("It concerns %(used)s points; one person alone may decide about %(limit)s."),
        "mailing_recipients": _("It goes to %(used)s members; one person alone may write to %(limit)s."),
        "expired_points": _("%(used)s points would expire; more than %(limit)s need approval."),
    }
    return said[field] % numbers
