"""The API's door about causes: what was given to each."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_noop
from ninja import Router

from loyalty.pos.doors import caller, reads
from loyalty.pos.wire import MoneyOut, Outgoing
from rewards import giving

router = Router(tags=["Rewards and vouchers"])


class CauseOut(Outgoing):
    """A cause and what was given to it; `goal` and `percent` are empty without a goal."""

    cause: str
    name: str
    summary: str
    gifts: int
    money: MoneyOut
    goal: MoneyOut | None
    percent: int | None


class CausesOut(Outgoing):
    """The public causes, the largest total first."""

    causes: list[CauseOut]


@router.get(
    "/causes",
    response=CausesOut,
    operation_id="list_causes",
    summary=gettext_noop("List the causes"),
    description=gettext_noop("What members gave to each cause with their points, in money; it names nobody."),
)
@reads("rewards:read")
def list_causes(request: HttpRequest) -> Any:
    """What members gave to each cause with their points, in money; it names nobody."""
    return CausesOut(
        causes=[
            CauseOut(
                cause=one.cause.slug, name=str(one.cause), summary=one.cause.shown_summary, gifts=one.gifts,
                money=one.money, goal=one.cause.goal, percent=one.percent,
            )
            for one in giving.totals(caller(request).program)
        ]
    )  # fmt: skip
