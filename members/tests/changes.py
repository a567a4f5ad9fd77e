"""The cast of the tests of four eyes: two managers, an agent, and limits small enough to pass."""

from datetime import datetime, timedelta
from typing import Any

from loyalty.desk import roles
from loyalty.jobs.changes import deciding, drafting
from loyalty.jobs.models import ApprovalLimits, ChangeRequest
from loyalty.staff import create_staff
from members.testing import OPENING

NOW = OPENING + timedelta(days=30)


def hired(name: str, role: str = roles.PROGRAM_MANAGER) -> str:
    """A member of the staff, as the books call them."""
    return f"staff:{create_staff(f'{name}@staff.example', 'jembatan-ampera-9', role, name=name).pk}"


def limited(program: Any, **limits: int | None) -> ApprovalLimits:
    """The program's limits: 100 points alone, 250 a day, 3 members and 200 points in bulk."""
    told = {
        "adjustment_points": 100,
        "adjustment_points_a_day": 250,
        "forgiven_points": 0,
        "bulk_members": 3,
        "bulk_points": 200,
    }
    return ApprovalLimits.objects.create(program=program, **(told | limits))  # fmt: skip


def ask(
    program: Any, kind: str, *, by: str, at: datetime = NOW, reason: str = "because", **parameters: Any
) -> ChangeRequest:
    """Preview a change and ask for it."""
    drafted = drafting.draft(program, kind, parameters=parameters, reason=reason, at=at, actor=by)
    return deciding.submit(drafted, at=at, actor=by)


def adjust(member: Any, amount: int, *, by: str, at: datetime = NOW) -> ChangeRequest:
    """Ask to adjust one member."""
    return ask(member.program, "adjust", by=by, at=at, number=member.number, amount=amount)


def adjust_many(program: Any, *lines: tuple[Any, int], by: str, at: datetime = NOW) -> ChangeRequest:
    """Ask to adjust listed members."""
    listed = [[member.number, amount] for member, amount in lines]
    return ask(program, "adjust_many", by=by, at=at, lines=listed)


def undo(change: ChangeRequest, *, by: str, at: datetime = NOW) -> ChangeRequest:
    """Ask to undo a change."""
    drafted = drafting.draft_undo(change, reason="by mistake", at=at, actor=by)
    return deciding.submit(drafted, at=at, actor=by)
