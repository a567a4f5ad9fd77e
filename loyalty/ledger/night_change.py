"""Taking a whole night's expiry back: everything that one run of the sweep wrote off is given back (DOMAIN 9.3).

The nightly sweep keeps no lines of its own. What it wrote is known by when it was written: between the beginning and the
end of its run, of points that had run out by its instant. The change shows each line before anything moves, and is
behind the limits of bulk changes. What comes back lives for the wallet's notice days from when it was asked for.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.changes import Asked, ChangeKind, Plan, Row
from loyalty.common.clock import day_start, last_valid_day, local_day
from loyalty.ledger.lapsing import ACTOR
from loyalty.ledger.models import Entry, Wallet
from loyalty.ledger.returning import plan_return, plan_taking, post_return, post_taking


class TakeNightBack(ChangeKind):
    """Give back what a run expired. Parameters: since and until (when it wrote, inclusive), as_of (the run's instant),
    but (when other runs wrote in between)."""

    name = "expiry_undo"
    title = gettext_lazy("Take an expiry back")
    question = gettext_lazy("Everything that this run expired is given back.")
    may_ask = "jobs.ask_expiry_run"

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        since, until, as_of = (datetime.fromisoformat(asked.parameters[name]) for name in ("since", "until", "as_of"))
        wrote = Entry.objects.filter(
            account__wallet__program=asked.program,
            kind=Entry.Kind.EXPIRY,
            actor=ACTOR,
            recorded_at__gte=since,
            recorded_at__lte=until,
            effective_at__lte=as_of,
        )
        for began, ended in asked.parameters.get("but", []):
            wrote = wrote.exclude(
                recorded_at__gte=datetime.fromisoformat(began), recorded_at__lte=datetime.fromisoformat(ended)
            )
        wallet = Wallet.objects.select_related("program").get(program=asked.program, is_main=True)
        zone = asked.program.time_zone
        ends = day_start(local_day(asked.asked_at, zone) + timedelta(days=wallet.notice_days + 1), zone)
        return plan_return(wrote, until=ends, wallet=wallet, locked=locked, only=only)

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        post_return(asked, rows, at=at, actor=actor)

    def plan_undo(
        self,
        asked: Asked,
        done: Sequence[Row],
        *,
        at: datetime,
        locked: bool = False,
        only: Sequence[Row] | None = None,
    ) -> Plan:
        return plan_taking(asked, done, at=at, locked=locked, only=only)

    def post_undo(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        post_taking(asked, rows, at=at, actor=actor)

    def words(self, asked: Asked, row: Row) -> str:
        if row.amount < 0:
            return _("taken from what was given back")
        end = datetime.fromisoformat(row.facts["until"])
        day = date_format(last_valid_day(end, asked.program.time_zone), "j M Y")
        return _("given back, valid through %(day)s") % {"day": day}

    def summary(self, asked: Asked) -> str:
        as_of = datetime.fromisoformat(asked.parameters["as_of"])
        day = date_format(local_day(as_of, asked.program.time_zone), "j M Y")
        return _("Everything that the expiry of %(day)s wrote off") % {"day": day}
