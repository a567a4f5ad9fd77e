"""Giving expired points back to one or more members; an undo takes back what is left of them."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.changes import Asked, ChangeKind, Plan, Row
from loyalty.common.clock import day_start
from loyalty.ledger.models import Entry
from loyalty.ledger.returning import plan_return, plan_taking, post_return, post_taking
from members.corrections.extending import NotLonger
from members.corrections.points import shown_day
from members.corrections.selecting import in_words, select


class Reinstate(ChangeKind):
    """Reinstate what expired. Parameters: selection, since (first day of expiry that counts), until (last valid day)."""

    name = "reinstate"
    title = gettext_lazy("Give expired points back")
    question = gettext_lazy("Whose expired points are given back, and until when do they live?")
    form = "members.corrections.forms.ReinstateForm"

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        zone = asked.program.time_zone
        since = day_start(date.fromisoformat(asked.parameters["since"]), zone)
        until = day_start(date.fromisoformat(asked.parameters["until"]) + timedelta(days=1), zone)
        if until <= asked.asked_at:
            raise NotLonger(_("Choose a day in the future: points that end in the past would be gone at once."))
        chosen = select(asked, asked.parameters["selection"], only=only)
        expiries = Entry.objects.filter(
            account__any_of=list(chosen.accounts.values()), kind=Entry.Kind.EXPIRY, effective_at__gte=since
        )
        made = plan_return(expiries, until=until, wallet=chosen.wallet, locked=locked, only=only)
        made.left_out += chosen.left_out
        return made

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
        return _("valid through %(day)s") % {"day": shown_day(date.fromisoformat(asked.parameters["until"]))}

    def summary(self, asked: Asked) -> str:
        told = {
            "who": in_words(asked.parameters["selection"]),
            "since": shown_day(date.fromisoformat(asked.parameters["since"])),
        }
        return _("Expired since %(since)s: %(who)s") % told
