"""Changing what a reward costs: who can pay and what a year would have cost is previewed, and applied exactly so or not at all.

Prices that were paid stand: a redemption keeps what it cost. Members who come or go from having enough points, and the points that
the redemptions of a year would have cost more or less, count against the limits of bulk changes (DOMAIN 8.4, 12.4).
"""

import copy
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.changes import Asked, ChangeKind, Limit, Plan, Row
from loyalty.common.errors import Refusal
from rewards import price_impact, price_terms
from rewards.models import Reward
from rewards.price_impact import Side
from rewards.price_terms import Terms

KEY = "prices"


class NoNewPrice(Refusal):
    """The reward costs what was asked for already."""

    code = "nothing_to_do"
    status = 422


class ChangePrices(ChangeKind):
    """Change the prices of one reward. Parameters: reward, its id; terms, as `price_terms.terms_of` tells them."""

    name = "prices"
    title = gettext_lazy("Change the prices of a reward")
    question = gettext_lazy("What does it cost, whom, and when? What members redeemed already stands.")
    form = "rewards.price_form.PricesForm"
    is_listed = False
    is_whole = True
    is_personal = False

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        return _plan(asked, asked.parameters["terms"], at=at, locked=locked)

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        reward = price_terms.find(asked.program, asked.parameters["reward"])
        for row in rows:
            price_terms.write(reward, row.facts["to"])

    def plan_undo(
        self,
        asked: Asked,
        done: Sequence[Row],
        *,
        at: datetime,
        locked: bool = False,
        only: Sequence[Row] | None = None,
    ) -> Plan:
        reward = _reward(asked, locked=locked)
        if any(price_terms.terms_of(reward) != row.facts["to"] for row in done):
            return Plan([], reward.wallet, left_out=[(str(reward), _("It was changed again since."))])
        return _plan(asked, next(row.facts["from"] for row in done), at=at, locked=locked)

    def limits(self, plan: Plan) -> list[Limit] | None:
        moved, points = plan.worth.get("moved", 0), abs(plan.worth.get("points", 0))
        return [Limit("bulk_members", moved), Limit("bulk_points", points)]

    def words(self, asked: Asked, row: Row) -> str:
        try:
            reward = price_terms.find(asked.program, asked.parameters["reward"])
            told = {
                name: price_terms.in_words(reward, row.facts[key])
                for name, key in (("before", "from"), ("after", "to"))
            }
        except price_terms.PriceUnknown as gone:
            return str(gone)
        return _("from %(before)s to %(after)s") % told

    def summary(self, asked: Asked) -> str:
        reward = price_terms.find(asked.program, asked.parameters["reward"])
        return f"{reward}: {price_terms.in_words(reward, asked.parameters['terms'])}"


def _reward(asked: Asked, *, locked: bool) -> Reward:
    reward = price_terms.find(asked.program, asked.parameters["reward"])
    if locked:
        Reward.objects.select_for_update(no_key=True).get(pk=reward.pk)
        reward.refresh_from_db(fields=["cost", "money"])
    return reward


def _plan(asked: Asked, wanted: Terms, *, at: datetime, locked: bool) -> Plan:
    """The one row of the change; its impact is looked at for the preview only, for nothing of it is written."""
    reward = _reward(asked, locked=locked)
    present = price_terms.terms_of(reward)
    prices = price_terms.prices_of(reward, wanted)
    if present == wanted:
        return Plan([], reward.wallet, refusal=NoNewPrice(_("Nothing would change: this is what it costs already.")))
    rows = [Row(KEY, None, "price", 0, {"from": present, "to": wanted})]
    if locked:
        return Plan(rows, reward.wallet)
    then = copy.copy(reward)
    then.cost, then.money = wanted["cost"], Decimal(wanted["money"])
    sides = Side(reward, list(reward.prices.select_related("tier"))), Side(then, prices)
    worth = price_impact.worth_of(*sides, at=at)
    return Plan(rows, reward.wallet, price_impact.in_words(reward, worth), worth=worth)
