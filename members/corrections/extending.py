"""A later end for points of some or all members (DOMAIN 9.4). The longest wins; what has run out stays gone.

An undo gives each lot the end back that it had, but nothing ends sooner than the wallet's days of notice from then.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.changes import Asked, ChangeKind, Limit, Plan, Row
from loyalty.common.clock import day_start, last_valid_day, local_day
from loyalty.common.errors import Refusal
from loyalty.ledger.ends import Moved, move_ends
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Entry, Lot, Wallet
from members.corrections.points import shown_day
from members.corrections.selecting import in_words, select

KIND = Entry.Kind.EXTENSION.value


class NotLonger(Refusal):
    """Points can only be extended to a day after the ones that they would run out on."""

    code = "not_longer"
    status = 422


class ExtendPoints(ChangeKind):
    """Extend points. Parameters: selection, until and before (last valid days; what ends up to `before` is extended)."""

    name = "extend"
    title = gettext_lazy("Extend points")
    question = gettext_lazy("Whose points live longer, and until when?")
    form = "members.corrections.forms.ExtendForm"

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        until, before = self._end(asked, "until"), self._end(asked, "before")
        if until <= asked.asked_at or before > until:
            raise NotLonger(_("Choose a day in the future, after the days on which these points would run out."))
        chosen = select(asked, asked.parameters["selection"], only=only)
        if locked:
            lock(*chosen.accounts.values())
        lots = Lot.objects.filter(
            account__any_of=list(chosen.accounts.values()),
            remaining__gt=0,
            available_at__isnull=False,
            expires_at__gt=at,
            expires_at__lte=before,
        ).exclude(expires_at__gte=until)
        moved: dict[int, list[tuple[int, str, int]]] = {}
        for account, lot, end, left in lots.order_by("account_id", "id").values_list(
            "account_id", "id", "expires_at", "remaining"
        ):
            moved.setdefault(account, []).append((lot, end.isoformat() if end else "", left))
        return Plan([_row(account, parts, until) for account, parts in moved.items()], chosen.wallet, left_out=chosen.left_out)  # fmt: skip

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        _post(asked, rows, at=at, actor=actor)

    def plan_undo(
        self,
        asked: Asked,
        done: Sequence[Row],
        *,
        at: datetime,
        locked: bool = False,
        only: Sequence[Row] | None = None,
    ) -> Plan:
        keys = {row.key for row in only} if only is not None else None
        done = [row for row in done if keys is None or row.key in keys]
        wallet = Wallet.objects.select_related("program").get(program=asked.program, is_main=True)
        if locked:
            lock(*(row.account_id or 0 for row in done))
        lots = {int(lot) for row in done for lot in row.facts["lots"]}
        still = Lot.objects.filter(id__any_of=list(lots), remaining__gt=0, expires_at__gt=at)
        ends = dict(still.values_list("id", "expires_at"))
        zone = wallet.program.time_zone
        least = day_start(local_day(asked.asked_at, zone) + timedelta(days=wallet.notice_days + 1), zone)
        made = Plan([], wallet)
        for row in done:
            back = {
                lot: [told[1], max(datetime.fromisoformat(told[0]), least).isoformat()]
                for lot, told in row.facts["lots"].items()
                if ends.get(int(lot)) == datetime.fromisoformat(told[1]) > max(datetime.fromisoformat(told[0]), least)
            }
            if back:
                made.rows.append(Row(row.key, row.account_id, KIND, 0, {"lots": back}))
        return made

    def post_undo(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        _post(asked, rows, at=at, actor=actor)

    def limits(self, plan: Plan) -> list[Limit] | None:
        points = sum(row.facts.get("points", 0) for row in plan.rows)
        return [Limit("bulk_members", len(plan.rows)), Limit("bulk_points", points)]

    def words(self, asked: Asked, row: Row) -> str:
        days = sorted({datetime.fromisoformat(told[1]) for told in row.facts["lots"].values()})
        last = ", ".join(shown_day(last_valid_day(day, asked.program.time_zone)) for day in days)
        if "points" in row.facts:
            return _("%(points)d points valid through %(days)s") % {"points": row.facts["points"], "days": last}
        return _("valid through %(days)s again") % {"days": last}

    def summary(self, asked: Asked) -> str:
        told = {
            "who": in_words(asked.parameters["selection"]),
            "day": shown_day(date.fromisoformat(asked.parameters["until"])),
        }
        return _("Until %(day)s: %(who)s") % told

    def _end(self, asked: Asked, name: str) -> datetime:
        """The exclusive end of a last valid day among the parameters."""
        return day_start(date.fromisoformat(asked.parameters[name]) + timedelta(days=1), asked.program.time_zone)


def _row(account: int, parts: list[tuple[int, str, int]], until: datetime) -> Row:
    lots = {str(lot): [end, until.isoformat()] for lot, end, _left in parts}
    return Row(str(account), account, KIND, 0, {"lots": lots, "points": sum(left for _lot, _end, left in parts)})


def _post(asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
    moves = [
        Moved(
            row.account_id or 0,
            asked.reference(row),
            {
                int(lot): (datetime.fromisoformat(was), datetime.fromisoformat(until))
                for lot, (was, until) in row.facts["lots"].items()
            },
        )
        for row in rows
    ]
    move_ends(moves, at=at, actor=actor, reason=asked.reason)
