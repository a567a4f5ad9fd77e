"""What the demo's marketers measured: last month's campaign, which kept a control group out, and a back-test of the next one."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from campaigns import backtest, rules
from campaigns.demo.program import ACTOR, ZONE
from campaigns.models import BackTest, Campaign, Rule
from loyalty.common.clock import add_months, day_start, local_day
from loyalty.ledger.models import Program

SLUG, TRIED = "collectors-month", "harbolnas"
DRAW = "setia-records"  # the same groups in every demo
TERMS: dict[str, Any] = {"award": {"kind": "multiplier", "factor": "2"}, "conditions": {"activity": "purchase"}}
TEXTS = {
    "name": "Collectors' month", "name_id": "Bulan kolektor", "name_ms": "Bulan pengumpul",
    "summary": "Double points all month.", "summary_id": "Poin dua kali lipat sepanjang bulan.",
    "summary_ms": "Mata dua kali ganda sepanjang bulan.",
}  # fmt: skip


def add_measured(program: Program, *, at: datetime) -> Campaign:
    """Double points in the month before this one, for four of five members; what one of five did without them tells what it brought."""
    this = local_day(at, ZONE).replace(day=1)
    campaign = Campaign.objects.create(
        program=program, slug=SLUG, since=day_start(add_months(this, -1), ZONE), until=day_start(this, ZONE),
        status=Campaign.Status.LIVE, control_percent=20, control_secret=DRAW, goal=Campaign.Goal.REVENUE,
        goal_amount=Decimal(5000), **TEXTS,
    )  # fmt: skip
    names = {name: text for name, text in TEXTS.items() if name.startswith("name")}
    rule = Rule.objects.create(program=program, campaign=campaign, slug=SLUG, **names)
    rules.publish(rule, TERMS, since=campaign.since, at=at, actor=ACTOR)
    return campaign


def try_next(program: Program, *, at: datetime, actor: str = ACTOR) -> BackTest | None:
    """Try the next campaign on the purchases of the last year, as if it had counted all the time; once."""
    rule = Rule.objects.filter(program=program, slug=TRIED).select_related("campaign", "program").first()
    if rule is None or BackTest.objects.filter(program=program).exists():
        return None
    made = backtest.ask(rule, backtest.Trial(months=12, all_the_time=True), at=at, actor=actor)
    return backtest.run_small(made, at=at)
