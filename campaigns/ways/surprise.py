"""Surprises: points for members drawn by lot, through the four eyes of changes (DOMAIN 10.3, 12.4).

Who is drawn follows from what was asked: the members are put in the order of a digest of the request's own reason, instant and their
account, and the first so many are it. So the preview shows exactly who gets what, and drawing again gives the same. A surprise may
come from a budget: no more are drawn than it has left, and what an undo takes back is there again (`surprise_budgets`).
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.ways import surprise_budgets
from loyalty.common.changes import Asked, Plan, Row
from loyalty.common.money import show_points
from loyalty.ledger.models import Wallet
from members.corrections import points
from members.corrections.adjusting import AdjustMany
from members.corrections.selecting import in_words, select


class Surprise(AdjustMany):
    """Points for members drawn by lot. Parameters: count, selection and amount; budget, the number of the one it comes from."""

    name = "surprise"
    title = gettext_lazy("Surprise some members")
    question = gettext_lazy("How many members are surprised, and with how many points?")
    form = "campaigns.ways.forms.SurpriseForm"

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        told = asked.parameters
        chosen = select(asked, told["selection"], only=only)
        accounts = sorted(chosen.accounts.values(), key=lambda account: _lot(asked, account))
        if only is None:
            accounts = accounts[: told["count"]]
        amount: int = told["amount"]
        amounts = dict.fromkeys(accounts, amount)
        made = points.plan(asked, chosen.wallet, amounts, chosen.numbers, at=at, locked=locked)
        if "budget" in told:
            _within(asked, made, [str(account) for account in accounts], locked=locked)
        return made

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        """The points, and what they take of the budget, in one transaction."""
        if "budget" in asked.parameters:
            wallet = Wallet.objects.get(program=asked.program, is_main=True)
            given = sum(row.amount for row in rows)
            surprise_budgets.take(asked.parameters["budget"], change=asked.id or 0, points=given, wallet=wallet, at=at)
        super().post(asked, rows, at=at, actor=actor)

    def post_undo(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        """Take the points back; the budget has again what really came back."""
        super().post_undo(asked, rows, at=at, actor=actor)
        surprise_budgets.give_back(asked.undoes or 0, -sum(row.amount for row in rows))

    def summary(self, asked: Asked) -> str:
        told = asked.parameters
        return _("%(amount)s points each for %(count)d members drawn by lot: %(who)s") % {
            "amount": show_points(told["amount"]), "count": told["count"], "who": in_words(told["selection"]),
        }  # fmt: skip


def _within(asked: Asked, made: Plan, drawn: Sequence[str], *, locked: bool) -> None:
    """Keep of the lines, in the order of the draw, what the budget has left; its row is locked after the accounts."""
    amount, wallet = asked.parameters["amount"], made.wallet
    budget = surprise_budgets.find(asked.program, asked.parameters["budget"], locked=locked)
    rest = surprise_budgets.left(budget, wallet)
    kept = set(drawn[: rest // amount])
    if len(kept) == len(made.rows):
        return
    made.rows = [row for row in made.rows if row.key in kept]
    made.warnings.append(
        _("“%(budget)s” has %(left)s points left: %(count)d of %(asked)d members are surprised.")
        % {
            "budget": budget.name, "left": show_points(rest, wallet.decimals), "count": len(kept), "asked": len(drawn),
        }
    )  # fmt: skip
    if not kept:
        made.refusal = surprise_budgets.refusal(budget, rest, amount, wallet)


def _lot(asked: Asked, account: int) -> str:
    """Where an account comes in the order of the draw."""
    return sha256(f"{asked.asked_at.isoformat()}|{asked.reason}|{account}".encode()).hexdigest()
