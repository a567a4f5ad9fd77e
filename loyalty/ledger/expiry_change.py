"""An expiry run as an object: preview, approval above a limit, resumable chunks, report, undo as a whole (DOMAIN 9.3).

A line is one lot that is due at the instant the run was asked for, with all that is left and not held. The nightly
sweep stays the plain one (`expiry.run_sweep`); both write through `lapsing`, and nothing expires twice. What nobody was told
of in time is left out: the night gives it more time (DOMAIN 9.2).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib import import_module
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, F, QuerySet, Sum
from django.utils.formats import date_format
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty.common.changes import Asked, ChangeKind, Limit, Plan, Row
from loyalty.common.clock import day_start, last_valid_day, local_day
from loyalty.common.money import show_points
from loyalty.ledger import expiry, lapsing
from loyalty.ledger.adjusting import settled
from loyalty.ledger.models import Allocation, Entry, Lot, Wallet
from loyalty.ledger.returning import plan_return, post_return


class ExpiryRun(ChangeKind):
    """Expire everything that is due. Parameters: as_of, the instant up to which points have run out."""

    name = "expiry_run"
    title = gettext_lazy("Expiry run")
    question = gettext_lazy("Everything that has run out up to this instant is written off.")
    may_ask = "jobs.ask_expiry_run"
    form = "loyalty.ledger.expiry_form.ExpiryRunForm"
    chunk = expiry.CHUNK
    is_personal = False

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        as_of = datetime.fromisoformat(asked.parameters["as_of"])
        spared = import_module(settings.SETIA_GUARANTEE).spared(asked.program, at=as_of)
        lots = expiry.due(asked.program, at=as_of).filter(remaining__gt=F("held")).order_by("expires_at", "id")
        lots = lots.exclude(pk__in=spared.values("pk"))
        if only is not None:
            lots = lots.filter(id__any_of=[int(row.key) for row in only])
        if locked:
            settled(set(lots.order_by().values_list("account_id", flat=True)), at=as_of)
        found = lots.values_list("id", "account_id", "expires_at", "remaining", "held")
        rows = [
            Row(str(lot), account, Entry.Kind.EXPIRY.value, held - left, {"end": end.isoformat() if end else ""})
            for lot, account, end, left, held in found
        ]
        if only is not None:
            return Plan(rows, _wallet(asked))
        left_out, warnings = _untold(spared)
        return Plan(rows, _wallet(asked), warnings=warnings, left_out=left_out)

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        as_of = datetime.fromisoformat(asked.parameters["as_of"])
        accounts = settled({row.account_id or 0 for row in rows}, at=as_of)
        lapsing.lapse(accounts, lapsing.overdue([int(row.key) for row in rows], at=as_of), recorded_at=at)

    def plan_undo(
        self,
        asked: Asked,
        done: Sequence[Row],
        *,
        at: datetime,
        locked: bool = False,
        only: Sequence[Row] | None = None,
    ) -> Plan:
        wallet = _wallet(asked)
        zone = asked.program.time_zone
        until = day_start(local_day(asked.asked_at, zone) + timedelta(days=wallet.notice_days + 1), zone)
        amounts = {int(row.key): -row.amount for row in done}
        drawn = Allocation.objects.filter(lot__any_of=list(amounts), entry__kind=Entry.Kind.EXPIRY).order_by("id")
        latest = {lot: (entry, n) for entry, lot, n in drawn.values_list("entry_id", "lot_id", "amount")}
        ours = [entry for lot, (entry, n) in latest.items() if n == amounts[lot]]
        return plan_return(Entry.objects.filter(id__any_of=ours), until=until, wallet=wallet, locked=locked, only=only)

    def post_undo(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        post_return(asked, rows, at=at, actor=actor)

    def limits(self, plan: Plan) -> list[Limit] | None:
        return [Limit("expired_points", sum(abs(row.amount) for row in plan.rows))]

    def words(self, asked: Asked, row: Row) -> str:
        end = datetime.fromisoformat(row.facts.get("end") or row.facts["until"])
        day = date_format(last_valid_day(end, asked.program.time_zone), "j M Y")
        if row.amount > 0:
            return _("given back, valid through %(day)s") % {"day": day}
        return _("was valid through %(day)s") % {"day": day}

    def summary(self, asked: Asked) -> str:
        as_of = datetime.fromisoformat(asked.parameters["as_of"]).astimezone(ZoneInfo(asked.program.time_zone))
        return _("Everything that ran out up to %(instant)s") % {"instant": date_format(as_of, "j M Y, H:i")}


def _untold(spared: QuerySet[Lot]) -> tuple[list[tuple[str, str]], list[str]]:
    """Whose points that have run out are left out, with how many, and the sentence about them all."""
    by_account = spared.order_by("account_id").values("account_id", "account__wallet__decimals")
    found = list(by_account.annotate(lots=Count("id"), points=Sum(F("remaining") - F("held"))))
    if not found:
        return [], []
    holders = import_string(settings.SETIA_HOLDERS)([one["account_id"] for one in found])
    why = _("%(points)s points: nobody could be told in time. The night gives them more time.")
    left_out = [
        (holders.get(one["account_id"], f"#{one['account_id']}"), why % {"points": show_points(one["points"], one["account__wallet__decimals"])})
        for one in found
    ]  # fmt: skip
    lots = sum(one["lots"] for one in found)
    said = ngettext(
        "%(lots)d credit that has run out is left out: nobody could be told of it in time, so the night gives it more time.",
        "%(lots)d credits that have run out are left out: nobody could be told of them in time, so the night gives them more time.",
        lots,
    )  # fmt: skip
    return left_out, [said % {"lots": lots}]


def _wallet(asked: Asked) -> Wallet:
    return Wallet.objects.select_related("program").get(program=asked.program, is_main=True)
