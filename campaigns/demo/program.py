"""The demo's program: wallet, tiers, rules, campaigns, stores and rewards, in three languages."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from campaigns import rules
from campaigns.models import Campaign, Rule
from loyalty.common.clock import day_start, local_day
from loyalty.ledger import policies
from loyalty.ledger.models import Program, Wallet
from loyalty.pos.models import Store, Till
from members.models import Tier, TierPolicy
from rewards.models import Reward

SLUG = "setia-records"
ACTOR = "job:load_demo"
ZONE = "Asia/Jakarta"

TIERS: list[dict[str, Any]] = [
    {
        "slug": "bronze", "threshold": 0, "name": "Bronze", "name_id": "Perunggu", "name_ms": "Gangsa",
        "benefits": "10 points per dollar\nA gift in your birthday month",
        "benefits_id": "10 poin untuk setiap dolar\nHadiah di bulan ulang tahun",
        "benefits_ms": "10 mata bagi setiap dolar\nHadiah pada bulan hari jadi",
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
ONLINE: dict[str, Any] = {"award": {"kind": "multiplier", "factor": "3"}, "conditions": {"channels": ["web"]}}

STORES = [
    ("jakarta", "Setia Records Kota", "Jakarta"),
    ("bandung", "Setia Records Braga", "Bandung"),
    ("kuala-lumpur", "Setia Records Bukit Bintang", "Kuala Lumpur"),
    ("web", "setia-records.example", ""),
]

REWARDS: list[dict[str, Any]] = [
    {
        "slug": "free-delivery", "kind": "shipping", "cost": 400, "limit_per_member": 6, "unit_cost": "1.80",
        "name": "Free delivery", "name_id": "Gratis ongkir", "name_ms": "Penghantaran percuma",
        "summary": "Your next parcel travels free, anywhere we deliver.",
        "summary_id": "Paket Anda berikutnya dikirim gratis ke mana saja kami melayani.",
        "summary_ms": "Bungkusan anda yang seterusnya dihantar percuma ke mana-mana kawasan kami.",
    },
    {
        "slug": "music-lesson", "kind": "donation", "cost": 500, "unit_cost": "2.50",
        "name": "A music lesson for a child", "name_id": "Les musik untuk seorang anak", "name_ms": "Kelas muzik untuk seorang kanak-kanak",
        "summary": "We pay for an hour with a teacher at a community music school.",
        "summary_id": "Kami membiayai satu jam bersama guru di sekolah musik komunitas.",
        "summary_ms": "Kami membiayai satu jam bersama guru di sekolah muzik komuniti.",
    },
    {
        "slug": "five-off", "kind": "discount", "cost": 1000, "unit_cost": "5.00",
        "name": "$5 off", "name_id": "Potongan $5", "name_ms": "Potongan $5",
        "summary": "Five dollars off your next purchase, in store or online.",
        "summary_id": "Potongan lima dolar untuk pembelian berikutnya, di toko atau daring.",
        "summary_ms": "Potongan lima dolar untuk pembelian seterusnya, di kedai atau dalam talian.",
    },
    {
        "slug": "tote-bag", "kind": "product", "cost": 1200, "stock": 120, "unit_cost": "3.20",
        "name": "Record tote bag", "name_id": "Tas kanvas piringan hitam", "name_ms": "Beg kanvas piring hitam",
        "summary": "A sturdy canvas bag that holds twenty records.",
        "summary_id": "Tas kanvas kuat, muat dua puluh piringan hitam.",
        "summary_ms": "Beg kanvas yang kukuh, muat dua puluh piring hitam.",
    },
    {
        "slug": "listening-session", "kind": "service", "cost": 1800, "stock": 24, "minimum_tier": "silver", "unit_cost": "6.00",
        "name": "Listening session for two", "name_id": "Sesi mendengarkan untuk berdua", "name_ms": "Sesi mendengar untuk dua orang",
        "summary": "An hour in the listening room, with coffee and any album in the house.",
        "summary_id": "Satu jam di ruang dengar, dengan kopi dan album apa pun yang kami punya.",
        "summary_ms": "Sejam di bilik mendengar, dengan kopi dan mana-mana album yang kami ada.",
    },
    {
        "slug": "fifteen-off", "kind": "discount", "cost": 2800, "limit_per_member": 2, "unit_cost": "15.00",
        "name": "$15 off", "name_id": "Potongan $15", "name_ms": "Potongan $15",
        "summary": "Fifteen dollars off a purchase of thirty or more.",
        "summary_id": "Potongan lima belas dolar untuk pembelian mulai tiga puluh dolar.",
        "summary_ms": "Potongan lima belas dolar untuk pembelian tiga puluh dolar ke atas.",
    },
    {
        "slug": "free-cd", "kind": "product", "cost": 3200, "stock": 40, "limit_per_member": 2, "unit_cost": "8.40",
        "name": "A CD of your choice", "name_id": "CD pilihan Anda", "name_ms": "CD pilihan anda",
        "summary": "Any single CD from the shelf, on us.",
        "summary_id": "Satu CD apa saja dari rak, dari kami untuk Anda.",
        "summary_ms": "Mana-mana satu CD dari rak, hadiah daripada kami.",
    },
    {
        "slug": "limited-vinyl", "kind": "product", "cost": 6500, "stock": 12, "limit_per_member": 1, "minimum_tier": "gold",
        "unit_cost": "21.00", "offered_days": (-120, 45),
        "name": "Limited vinyl pressing", "name_id": "Piringan hitam edisi terbatas", "name_ms": "Piring hitam edisi terhad",
        "summary": "One of twelve numbered copies of this season's pressing.",
        "summary_id": "Satu dari dua belas kopi bernomor rilisan musim ini.",
        "summary_ms": "Satu daripada dua belas naskhah bernombor keluaran musim ini.",
    },
]  # fmt: skip


def open_program(*, first_day: date, at: datetime) -> Program:
    """Set the whole program up, with rules in force since the first purchase's day."""
    program = Program.objects.create(
        slug=SLUG, name="Setia Records", time_zone=ZONE, currency="USD", created_at=at,
        terms="Points have no cash value and expire at the end of the month, twelve months after you earned them.",
    )  # fmt: skip
    wallet = Wallet.objects.create(
        program=program, slug="points", is_main=True, unit="point", units="points", unit_id="poin", units_id="poin",
        unit_ms="mata", units_ms="mata", money_per_unit=Decimal("0.005"),
    )  # fmt: skip
    policies.set_expiry(wallet, kind="months", count=12, round_to="month", at=at, actor=ACTOR)
    TierPolicy.objects.create(program=program, metric="points", window="rolling", months=12)
    for rank, tier in enumerate(TIERS):
        Tier.objects.create(program=program, rank=rank, **tier)
    for code, name, city in STORES:
        store = Store.objects.create(program=program, code=code, name=name, city=city)
        Till.objects.create(store=store, code="1")
    _add_rules(program, first_day=first_day, at=at)
    _add_rewards(program, wallet, at=at)
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
    merdeka = _campaign(
        program, "merdeka", date(year, 8, 1), date(year, 9, 1), name="Merdeka month", name_id="Bulan Merdeka", name_ms="Bulan Merdeka",
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


def _campaign(program: Program, slug: str, first: date, after: date, **texts: str) -> Campaign:
    """A live campaign over whole days of the program clock."""
    return Campaign.objects.create(
        program=program, slug=slug, since=day_start(first, ZONE), until=day_start(after, ZONE), status=Campaign.Status.LIVE, **texts
    )  # fmt: skip


def _add_rewards(program: Program, wallet: Wallet, *, at: datetime) -> None:
    """The catalogue."""
    tiers = {tier.slug: tier for tier in Tier.objects.filter(program=program)}
    today = local_day(at, ZONE)
    for position, described in enumerate(REWARDS, start=1):
        reward = dict(described)
        days = reward.pop("offered_days", None)
        if days:
            reward["offered_from"], reward["offered_until"] = (day_start(today + timedelta(days=n), ZONE) for n in days)
        reward["minimum_tier"] = tiers.get(reward.pop("minimum_tier", ""))
        reward["unit_cost"] = Decimal(reward["unit_cost"])
        Reward.objects.create(program=program, wallet=wallet, position=position * 10, voucher_days=60, **reward)
