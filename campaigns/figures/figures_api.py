"""The API's doors of the figures: all numbers of a period, and one figure with its months or its table."""

from datetime import date
from typing import Any, Literal, cast

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ninja import Query, Router

from campaigns.figures import telling
from campaigns.figures.catalogue import Estimate, Reading
from campaigns.figures.periods import Period, PeriodRefused, between, periods
from campaigns.figures.telling import Told, plain
from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from loyalty.ledger.span import counted
from loyalty.pos.doors import caller, reads
from loyalty.pos.wire import Day, DayOut, InstantOut, Outgoing

router = Router(tags=["Figures"])
Named = Literal["month", "last_month", "quarter", "year"]
Unit = Literal["count", "points", "money", "share", "times", "score", "text", "day"]


class WalletUnknown(Refusal):
    """The program has no such wallet."""

    code = "wallet_unknown"
    status = 404


class PeriodOut(Outgoing):
    """The days that were looked at, both included, and those they are compared with."""

    since: DayOut
    until: DayOut
    before_since: DayOut
    before_until: DayOut


class FigureOut(Outgoing):
    """A number. Counts and points are whole numbers, money, shares and times decimal text; `low` and `high` bound an estimate.

    `change` is the growth against the period before; of shares and scores the difference.
    """

    name: str
    title: str
    definition: str
    unit: Unit
    value: int | str | None
    low: str | None
    high: str | None
    before: int | str | None
    change: str | None


class FiguresOut(Outgoing):
    """Every number of a period."""

    computed_at: InstantOut
    wallet: str
    currency: str
    period: PeriodOut
    figures: list[FigureOut]


class ColumnOut(Outgoing):
    """A column of `rows`."""

    name: str
    title: str
    unit: Unit


class FigureTableOut(Outgoing):
    """One figure: its number where it is one, and its rows: months, or the table it is."""

    computed_at: InstantOut
    wallet: str
    currency: str
    period: PeriodOut
    name: str
    title: str
    definition: str
    figure: FigureOut | None
    columns: list[ColumnOut]
    rows: list[list[int | str | None]]


WALLET: Any = Query("", max_length=50)


@router.get(
    "/figures",
    response=FiguresOut,
    operation_id="read_figures",
    summary=gettext_noop("Read the figures of a period"),
    description=gettext_noop(
        "Every number with its definition, beside that of the period before: a named period, or the days since and until, both included. Without a wallet, the main one."
    ),
)
@reads("figures:read")
def read_figures(
    request: HttpRequest,
    period: Named = "month",
    since: Day | None = None,
    until: Day | None = None,
    wallet: str = WALLET,
) -> Any:
    """Every number with its definition, beside that of the period before."""
    asked = _asked(caller(request).program, period, since, until, wallet)
    told = telling.tell(asked, telling.numbers())
    return FiguresOut(**_frame(asked), figures=[_out(one) for one in told])


@router.get(
    "/figures/{name}",
    response=FigureTableOut,
    operation_id="read_figure",
    summary=gettext_noop("Read one figure"),
    description=gettext_noop("A number with the 12 months up to the end of the period, or a table with its rows."),
)
@reads("figures:read")
def read_figure(
    request: HttpRequest,
    name: str,
    period: Named = "month",
    since: Day | None = None,
    until: Day | None = None,
    wallet: str = WALLET,
) -> Any:
    """A number with the 12 months up to the end of the period, or a table with its rows."""
    known = telling.find(name)
    asked = _asked(caller(request).program, period, since, until, wallet)
    told = telling.tell(asked, [known]) if known.unit else []
    return FigureTableOut(
        **_frame(asked),
        name=known.name,
        title=str(known.title),
        definition=str(known.definition),
        figure=_out(told[0]) if told else None,
        columns=[ColumnOut(name=c.name, title=str(c.title), unit=cast(Unit, c.unit)) for c in telling.columns(known)],
        rows=telling.rows(known, asked),
    )


def _asked(program: Program, period: str, since: date | None, until: date | None, wallet: str) -> Reading:
    at = timezone.now()
    found = program.wallets.filter(slug=wallet) if wallet else program.wallets.filter(is_main=True)
    chosen = counted(found).first()
    if chosen is None:
        raise WalletUnknown(_("The program has no such wallet."), field="wallet")
    chosen.program = program
    return Reading(program, chosen, _period(program, period, since, until, at), at)


def _period(program: Program, name: str, since: date | None, until: date | None, at: Any) -> Period:
    if since is None and until is None:
        return periods(program, at=at)[name]
    if since is None or until is None:
        raise PeriodRefused(_("Send both days, the first and the last one."), field="until" if since else "since")
    return between(program, since, until, at=at)


def _frame(asked: Reading) -> dict[str, Any]:
    now, before = asked.period, asked.period.before
    days = PeriodOut(since=now.first, until=now.last, before_since=before.first, before_until=before.last)
    return {
        "computed_at": asked.at, "wallet": asked.wallet.slug, "currency": asked.program.currency, "period": days,
    }  # fmt: skip


def _out(told: Told) -> FigureOut:
    known = told.figure
    estimate = told.value if isinstance(told.value, Estimate) else None
    return FigureOut(
        name=known.name,
        title=str(known.title),
        definition=str(known.definition),
        unit=cast(Unit, known.unit),
        value=plain(told.value, known.unit),
        low=plain(estimate.low, known.unit) if estimate else None,
        high=plain(estimate.high, known.unit) if estimate else None,
        before=plain(told.before, known.unit),
        change=None if told.change is None else f"{told.change:f}",
    )
