"""Forgiving what a member owes (DOMAIN 6.2): only with a reason, and above the limit with a second person."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.changes import Asked, ChangeKind, Limit, Plan, Row
from loyalty.common.ids import show_member_number
from loyalty.common.money import show_points
from loyalty.ledger.adjusting import restore_debt, settled
from loyalty.ledger.corrections import NoSuchDebt, write_off
from loyalty.ledger.models import Account, Entry
from loyalty.ledger.statements import balance
from members.corrections.selecting import select

KIND = Entry.Kind.WRITE_OFF.value


class ForgiveDebt(ChangeKind):
    """Forgive a debt, wholly or in part. Parameters: number, amount."""

    name = "forgive_debt"
    title = gettext_lazy("Forgive a debt")
    question = gettext_lazy("How much of what the member owes is forgiven?")
    may_ask = "jobs.ask_forgiveness"
    form = "members.corrections.forms.ForgiveForm"

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        chosen = select(asked, {"numbers": [asked.parameters["number"]]})
        made = Plan([], chosen.wallet, left_out=chosen.left_out)
        amount = asked.parameters["amount"]
        for account in chosen.accounts.values():
            owed = settled([account], at=at)[account].debt if locked else balance(account, at=at).debt
            if owed < amount:
                told = {"owed": show_points(owed, chosen.wallet.decimals)}
                made.refusal = NoSuchDebt(_("The member owes only %(owed)s points.") % told, debt=owed)
                made.left_out.append((chosen.numbers[account], str(made.refusal)))
                continue
            made.rows.append(Row(str(account), account, KIND, amount))
        return made

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        for row in rows:
            write_off(
                row.account_id or 0, row.amount, at=at, reference=asked.reference(row), actor=actor, reason=asked.reason
            )

    def plan_undo(
        self,
        asked: Asked,
        done: Sequence[Row],
        *,
        at: datetime,
        locked: bool = False,
        only: Sequence[Row] | None = None,
    ) -> Plan:
        accounts = [row.account_id or 0 for row in done]
        if locked:
            settled(accounts, at=at)
        made = Plan([Row(row.key, row.account_id, KIND, -row.amount) for row in done])
        made.wallet = Account.objects.select_related("wallet__program").get(id=accounts[0]).wallet if accounts else None
        made.warnings.append(_("The member owes these points again; what can be spent repays them at once."))
        return made

    def post_undo(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        for row in rows:
            told = {"reference": asked.reference(row), "actor": actor, "reason": asked.reason}
            restore_debt(row.account_id or 0, -row.amount, at=at, **told)

    def limits(self, plan: Plan) -> list[Limit] | None:
        return [Limit("forgiven_points", sum(abs(row.amount) for row in plan.rows))]

    def words(self, asked: Asked, row: Row) -> str:
        return _("owed again") if row.amount < 0 else _("not owed any more")

    def summary(self, asked: Asked) -> str:
        told = {"number": show_member_number(asked.parameters["number"]), "points": asked.parameters["amount"]}
        return _("Member %(number)s, %(points)d points") % told
