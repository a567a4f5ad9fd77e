"""Changing the limits of four eyes is itself behind four eyes (DOMAIN 12.4): else whoever may change them needs nobody.

Raising a limit, or taking it away, always waits for a second person; lowering one does not. An undo puts back what the
change found, as far as nobody has changed it since, and is judged the same way.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.changes import Asked, ChangeKind, Limit, Plan, Row
from loyalty.common.errors import Refusal
from loyalty.common.money import show_points
from loyalty.jobs.changes import limits
from loyalty.jobs.models import ApprovalLimits
from loyalty.ledger.models import Program

FIELDS = (
    "adjustment_points", "adjustment_points_a_day", "forgiven_points", "bulk_members", "bulk_points", "expired_points",
    "mailing_recipients",
)  # fmt: skip
KIND = "limit"


class NoNewLimit(Refusal):
    """The limits are what was asked for already."""

    code = "nothing_to_do"
    status = 422


class ChangeLimits(ChangeKind):
    """Change the approval limits of a program. Parameters: limits, by field a number or null for no limit."""

    name = "limits"
    title = gettext_lazy("Change the approval limits")
    question = gettext_lazy("How much may one person post alone? Raising a limit needs a second person.")
    always = gettext_lazy("Raising or removing a limit always needs a second person.")
    may_ask = "jobs.change_approvallimits"
    form = "loyalty.jobs.changes.limits_form.LimitsForm"
    is_whole = True
    is_personal = False

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        wanted = asked.parameters["limits"]
        rows = _rows(asked.program, {name: wanted[name] for name in FIELDS if name in wanted}, locked=locked)
        return Plan(rows, refusal=NoNewLimit(_("Nothing would change: these are the present limits.")))

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        told = {row.key: row.facts["to"] for row in rows}
        ApprovalLimits.objects.update_or_create(program=asked.program, defaults=told)

    def plan_undo(
        self,
        asked: Asked,
        done: Sequence[Row],
        *,
        at: datetime,
        locked: bool = False,
        only: Sequence[Row] | None = None,
    ) -> Plan:
        now = _present(asked.program, locked=locked)
        still = [row for row in done if getattr(now, row.key) == row.facts["to"]]
        changed = [(_label(row.key), _("It was changed again since.")) for row in done if row not in still]
        rows = _rows(asked.program, {row.key: row.facts["from"] for row in still}, locked=locked)
        return Plan(rows, left_out=changed)

    def limits(self, plan: Plan) -> list[Limit] | None:
        return None if any(_is_raised(row) for row in plan.rows) else []

    def words(self, asked: Asked, row: Row) -> str:
        told = {"what": _label(row.key), "before": _shown(row.facts["from"]), "after": _shown(row.facts["to"])}
        return _("%(what)s: from %(before)s to %(after)s") % told

    def summary(self, asked: Asked) -> str:
        wanted = asked.parameters["limits"]
        return ", ".join(f"{_label(name)} {_shown(wanted[name])}" for name in FIELDS if name in wanted)


def _present(program: Program, *, locked: bool) -> ApprovalLimits:
    """The limits as they are. The program's row stands for them while they are changed: there may be none yet."""
    if locked:
        Program.objects.select_for_update().get(pk=program.pk)
    return limits.of(program)


def _rows(program: Program, wanted: dict[str, int | None], *, locked: bool) -> list[Row]:
    """A row for each limit that would be another."""
    now = _present(program, locked=locked)
    named: Iterable[tuple[str, int | None]] = wanted.items()
    return [
        Row(name, None, KIND, 0, {"from": getattr(now, name), "to": most})
        for name, most in named
        if getattr(now, name) != most
    ]


def _is_raised(row: Row) -> bool:
    before, after = row.facts["from"], row.facts["to"]
    return before is not None and (after is None or after > before)


def _label(name: str) -> str:
    column: Any = ApprovalLimits._meta.get_field(name)
    return str(column.verbose_name)


def _shown(most: int | None) -> str:
    return _("no limit") if most is None else show_points(most)
