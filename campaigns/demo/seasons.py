"""The demo's campaigns: one that is over, one that comes, and those a visitor finds running, each showing something else.

None of them touches the demo's purchases of the past: they begin on the day the demo was made, and the purchases are older.
"""

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from campaigns import publishing
from campaigns.models import Campaign
from loyalty.common.clock import day_start, local_day
from loyalty.ledger import seasons
from loyalty.ledger.models import Program


class Shown(NamedTuple):
    """A campaign of the demo: names in three languages, what members read, terms, and what else it has."""

    slug: str
    names: tuple[str, str, str]
    summaries: tuple[str, str, str]
    definition: dict[str, Any]
    days: int = 365
    status: str = Campaign.Status.LIVE
    more: dict[str, Any] = {}


CAMPAIGNS = [
    Shown(
        "ramadan", ("Ramadan double points", "Poin ganda Ramadan", "Mata berganda Ramadan"),
        ("Double points all Ramadan, every year.", "Poin dua kali lipat sepanjang Ramadan, setiap tahun.",
         "Mata dua kali ganda sepanjang Ramadan, setiap tahun."),
        {"award": {"kind": "multiplier", "factor": "2"}, "conditions": {"activity": "purchase", "seasons": ["ramadan"]},
         "caps": {"month": "5000"}}, days=5 * 365,
    ),
    Shown(
        "birthday-week", ("Birthday week", "Pekan ulang tahun", "Minggu hari jadi"),
        ("Triple points in the week of your birthday.", "Poin tiga kali lipat di pekan ulang tahun Anda.",
         "Mata tiga kali ganda pada minggu hari jadi anda."),
        {"award": {"kind": "multiplier", "factor": "3"}, "conditions": {"activity": "purchase", "birthday": "week"},
         "caps": {"year": "3000"}, "stacking": {"group": "best"}},
    ),
    Shown(
        "jazz-fridays", ("Jazz Fridays", "Jumat jazz", "Jumaat jazz"),
        ("Gold and Platinum earn double on jazz every Friday.", "Emas dan Platinum mendapat poin ganda untuk jazz setiap Jumat.",
         "Emas dan Platinum mendapat mata berganda untuk jazz setiap Jumaat."),
        {"award": {"kind": "multiplier", "factor": "2"},
         "conditions": {"activity": "purchase", "tiers": ["gold", "platinum"], "categories": ["jazz"], "weekdays": [5]},
         "caps": {"month": "500"}},
    ),
    Shown(
        "happy-hours", ("Happy hours", "Jam bahagia", "Waktu gembira"),
        ("Double points from 15:00 to 17:00, Monday to Friday.", "Poin ganda pukul 15.00–17.00, Senin sampai Jumat.",
         "Mata berganda pukul 15:00–17:00, Isnin hingga Jumaat."),
        {"award": {"kind": "multiplier", "factor": "2"},
         "conditions": {"activity": "purchase", "weekdays": [1, 2, 3, 4, 5], "hours": [{"from": "15:00", "until": "17:00"}]},
         "stacking": {"group": "best"}}, more={"budget_points": 250_000},
    ),
    Shown(
        "fifth-record", ("Every fifth purchase", "Setiap pembelian kelima", "Setiap pembelian kelima"),
        ("100 extra points for every fifth purchase.", "100 poin ekstra untuk setiap pembelian kelima.",
         "100 mata tambahan bagi setiap pembelian kelima."),
        {"award": {"kind": "fixed", "points": "100"}, "conditions": {"activity": "purchase", "every_nth": 5}},
        status=Campaign.Status.DRAFT, more={"budget_money": 500},
    ),
]  # fmt: skip


def add_seasons(program: Program, *, at: datetime, actor: str) -> None:
    """The campaigns a visitor finds running; some wait, one is a draft."""
    seasons.load_known(program, at=at, actor=actor)
    first: date = local_day(at, program.time_zone)
    for shown in CAMPAIGNS:
        campaign = Campaign.objects.create(
            program=program, slug=shown.slug, since=day_start(first, program.time_zone),
            until=day_start(first + timedelta(days=shown.days), program.time_zone), status=shown.status,
            **dict(zip(("name", "name_id", "name_ms"), shown.names, strict=True)),
            **dict(zip(("summary", "summary_id", "summary_ms"), shown.summaries, strict=True)), **shown.more,
        )  # fmt: skip
        publishing.publish_campaign(campaign, shown.definition, at=at, actor=actor)
