"""The demo's program: wallet, tiers, rules, campaigns, stores and rewards, in three languages."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from campaigns import rules
from campaigns.demo.catalogue import add_rewards
from campaigns.demo.seasons import add_seasons
from campaigns.demo.together import open_partner
from campaigns.models import Campaign, Rule
from loyalty.common.clock import day_start, local_day
from loyalty.ledger import policies
from loyalty.ledger.models import Program, Wallet
from loyalty.pos.models import Store, Till
from members.models import Tier, TierPolicy

SLUG = "setia-records"
ACTOR = "job:load_demo"
ZONE = "Asia/Jakarta"

TIERS: list[dict[str, Any]] = [
    {
        "slug": "bronze", "threshold": 0, "name": "Bronze", "name_id": "Perunggu", "name_ms": "Gangsa",
        "benefits": "10 points per dollar",
        "benefits_id": "10 poin untuk setiap dolar",
        "benefits_ms": "10 mata bagi setiap dolar",
    },
    {
        "slug": "silver", "threshold": 1000, "name": "Silver", "name_id": "Perak", "name_ms": "Perak",
        "benefits": "All of Bronze\nListening sessions in the store",
        "benefits_id": "Semua manfaat Perunggu\nSesi mendengarkan di toko",
        "benefits_ms": "Semua manfaat Gangsa\nSesi mendengar di kedai",
    },
    {
        "slug": "gold", "threshold": 2500, "name": "Gold", "name_id": "Emas", "name_ms": "Emas",
        "benefits": "All of Silver\n2.5 times points in campaign seasons\nLimited pressings",
        "benefits_id": "Semua manfaat Perak\nPoin 2,5 kali lipat di musim kampanye\nRilisan terbatas",
        "benefits_ms": "Semua manfaat Perak\nMata 2.5 kali ganda pada musim kempen\nKeluaran terhad",
    },
    {
        "slug": "platinum", "threshold": 6000, "name": "Platinum", "name_id": "Platinum", "name_ms": "Platinum",
        "benefits": "All of Gold\nTriple points in campaign seasons\nA seat at our record fairs",
        "benefits_id": "Semua manfaat Emas\nPoin tiga kali lipat di musim kampanye\nTempat di bursa piringan hitam kami",
        "benefits_ms": "Semua manfaat Emas\nMata tiga kali ganda pada musim kempen\nTempat di pesta piring hitam kami",
    },
]  # fmt: skip

BASE: dict[str, Any] = {"award": {"kind": "rate", "points": "10", "per": "1.00"}}
SEASON: dict[str, Any] = {"award": {"kind": "multiplier", "factor": "2", "by_tier": {"gold": "2.5", "platinum": "3"}}}
SHORT = "Festival points"
ONLINE: dict[str, Any] = {
    "award": {"kind": "multiplier", "factor": "3"}, "conditions": {"channels": ["web"]}, "expiry": {"policy": SHORT},
}  # fmt: skip

STORES = [
    ("jakarta", "Setia Records Kota", "Jakarta"),
    ("bandung", "Setia Records Braga", "Bandung"),
    ("kuala-lumpur", "Setia Records Bukit Bintang", "Kuala Lumpur"),
    ("web", "setia-records.example", ""),
]


def open_program(*, first_day: date, at: datetime) -> Program:
    """Set the whole program up, with rules in force since the first purchase's day."""
    program = Program.objects.create(
        slug=SLUG, name="Setia Records", time_zone=ZONE, currency="USD", created_at=at,
        terms="Points have no cash value and expire at the end of the month, twelve months after you earned them.",
    )  # fmt: skip
    wallet = Wallet.objects.create(
        program=program, slug="points", is_main=True, unit="point", units="points", unit_id="poin", units_id="poin",
        unit_ms="mata", units_ms="mata", money_per_unit=Decimal("0.005"),
        transfer_limit=2000, transfer_daily_limit=3000, transfer_monthly_limit=10_000,
    )  # fmt: skip
    policies.set_expiry(wallet, kind="months", count=12, round_to="month", at=at, actor=ACTOR)
    policies.set_expiry(wallet, name=SHORT, kind="months", count=3, round_to="month", at=at, actor=ACTOR)
    TierPolicy.objects.create(program=program, metric="points", window="rolling", months=12)
    for rank, tier in enumerate(TIERS):
        Tier.objects.create(program=program, rank=rank, **tier)
    for code, name, city in STORES:
        store = Store.objects.create(program=program, code=code, name=name, city=city)
        Till.objects.create(store=store, code="1")
    _add_rules(program, first_day=first_day, at=at)
    add_seasons(program, at=at, actor=ACTOR)
    add_rewards(program, wallet, at=at)
    return program


def merdeka_month(at: datetime) -> int:
    """The year of the last August that had ended: the month of both independence days."""
    today = local_day(at, ZONE)
    return today.year if today.month > 8 else today.year - 1


def next_harbolnas(at: datetime) -> date:
    """The next 10 December: the three days of Harbolnas, the national online shopping day."""
    today = local_day(at, ZONE)
    return date(today.year if today < date(today.year, 12, 10) else today.year + 1, 12, 10)


def _add_rules(program: Program, *, first_day: date, at: datetime) -> None:
    """The standing rule, last August's season and the next Harbolnas."""
    base = Rule.objects.create(
        program=program,
        slug="base",
        name="10 points per dollar",
        name_id="10 poin per dolar",
        name_ms="10 mata setiap dolar",
    )
    rules.publish(base, BASE, since=day_start(first_day, ZONE), at=at, actor=ACTOR)
    year = merdeka_month(at)
    bank = open_partner(program, date(year, 8, 1))
    merdeka = _campaign(
        program, "merdeka", date(year, 8, 1), date(year, 9, 1), partner=bank, partner_percent=30, name="Merdeka month", name_id="Bulan Merdeka", name_ms="Bulan Merdeka",
        summary="Double points all August; Gold and Platinum earn even more.",
        summary_id="Poin dua kali lipat sepanjang Agustus; Emas dan Platinum lebih banyak lagi.",
        summary_ms="Mata dua kali ganda sepanjang Ogos; Emas dan Platinum lebih lagi.",
    )  # fmt: skip
    harbolnas = _campaign(
        program, "harbolnas", next_harbolnas(at), next_harbolnas(at) + timedelta(days=3), name="Harbolnas 12.12", name_id="Harbolnas 12.12",
        name_ms="Harbolnas 12.12", summary="Triple points online, three days only.",
        summary_id="Poin tiga kali lipat di toko daring, tiga hari saja.", summary_ms="Mata tiga kali ganda dalam talian, tiga hari sahaja.",
    )  # fmt: skip
    for campaign, definition in ((merdeka, SEASON), (harbolnas, ONLINE)):
        rule = Rule.objects.create(
            program=program, campaign=campaign, slug=campaign.slug, name=campaign.name, name_id=campaign.name_id, name_ms=campaign.name_ms
        )  # fmt: skip
        rules.publish(rule, definition, since=campaign.since, at=at, actor=ACTOR)


def _campaign(program: Program, slug: str, first: date, after: date, **more: Any) -> Campaign:
    """A live campaign over whole days of the program clock."""
    return Campaign.objects.create(
        program=program, slug=slug, since=day_start(first, ZONE), until=day_start(after, ZONE), status=Campaign.Status.LIVE, **more
    )  # fmt: skip
