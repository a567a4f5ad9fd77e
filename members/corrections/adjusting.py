"""Adjusting points by hand: of one member, and of many from a list or a filter."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.changes import Asked, ChangeKind, Limit, Plan, Row
from loyalty.common.ids import show_member_number
from loyalty.common.money import show_points
from members import holders
from members.corrections import points
from members.corrections.selecting import in_words, select


class AdjustOne(ChangeKind):
    """Add or take points of one member. Parameters: number, amount, and last_day when it is not the wallet's policy."""

    name = "adjust"
    title = gettext_lazy("Adjust points")
    question = gettext_lazy("How many points are added to this member, or taken?")
    may_ask = "jobs.ask_adjustment"
    form = "members.corrections.forms.AdjustOneForm"

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        chosen = select(asked, {"numbers": [asked.parameters["number"]]})
        amount: int = asked.parameters["amount"]
        amounts = dict.fromkeys(chosen.accounts.values(), amount)
        if not amounts:
            return Plan([], chosen.wallet, left_out=chosen.left_out)
        day = points.day_of(asked.parameters)
        return points.plan(asked, chosen.wallet, amounts, chosen.numbers, at=at, locked=locked, last_day=day)

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        points.post(asked, rows, at=at, actor=actor)

    def plan_undo(
        self,
        asked: Asked,
        done: Sequence[Row],
        *,
        at: datetime,
        locked: bool = False,
        only: Sequence[Row] | None = None,
    ) -> Plan:
        names = holders.numbers(row.account_id for row in done if row.account_id)
        return points.plan_undo(asked, done, at=at, locked=locked, only=only, names=names)

    def post_undo(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        points.post(asked, rows, at=at, actor=actor)

    def limits(self, plan: Plan) -> list[Limit] | None:
        moved = [abs(row.amount) for row in plan.rows]
        return [
            Limit("adjustment_points", max(moved, default=0)),
            Limit("adjustment_points_a_day", sum(moved)),
        ]

    def words(self, asked: Asked, row: Row) -> str:
        return points.words(asked, row)

    def summary(self, asked: Asked) -> str:
        number = show_member_number(asked.parameters["number"])
        return _("Member %(number)s, %(points)s points") % {
            "number": number,
            "points": show_points(asked.parameters["amount"]),
        }


class AdjustMany(AdjustOne):
    """Add or take points of many members.

    Parameters: lines [[number, amount], ...], or selection and amount; last_day as for one member.
    """

    name = "adjust_many"
    title = gettext_lazy("Adjust points of many members")
    question = gettext_lazy("Whose points are adjusted, and by how many?")
    may_ask = "jobs.ask_bulk_change"
    form = "members.corrections.forms.AdjustManyForm"

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        told = asked.parameters
        wanted: dict[str, int] = dict(reversed(told.get("lines", [])))
        chosen = select(asked, {"numbers": list(wanted)} if "lines" in told else told["selection"], only=only)
        each: int = told.get("amount", 0)
        amounts = {account: wanted.get(number, each) for number, account in chosen.accounts.items()}
        day = points.day_of(told)
        made = points.plan(asked, chosen.wallet, amounts, chosen.numbers, at=at, locked=locked, last_day=day)
        made.left_out = [*_twice(told.get("lines", [])), *chosen.left_out, *made.left_out]
        made.refusal = None
        return made

    def limits(self, plan: Plan) -> list[Limit] | None:
        return [*(super().limits(plan) or []), *(ChangeKind.limits(self, plan) or [])]

    def summary(self, asked: Asked) -> str:
        told = asked.parameters
        if "lines" in told:
            return _("%(count)d listed members") % {"count": len({number for number, _amount in told["lines"]})}
        amount = show_points(told["amount"])
        return _("%(amount)s points each: %(who)s") % {"amount": amount, "who": in_words(told["selection"])}


def _twice(lines: Sequence[Sequence[object]]) -> list[tuple[str, str]]:
    """Members who stand in a list more than once: only the first line counts."""
    seen: set[object] = set()
    again = []
    for number, _amount in lines:
        if number in seen:
            again.append(
                (show_member_number(str(number)), _("This member is in the list twice; the first line counts."))
            )
        seen.add(number)
    return again
