"""The demo's second program: a café that the music shop works with. Points move between the two, and coffee earns points of the shop.

Its beans wait 14 days before they can be spent, its sales carry lines with brands, and one of its members has no other card.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from django.db import transaction

from campaigns import purchases, rules
from campaigns.demo.program import ACTOR, ZONE
from campaigns.models import Campaign, Rule
from campaigns.partners import posting
from campaigns.partners.models import Partner
from campaigns.purchases import Sale
from loyalty.common.clock import add_months, day_start, local_day
from loyalty.ledger import policies
from loyalty.ledger.models import ExchangeRate, Program, Wallet
from loyalty.pos.models import Store, Till
from members import enrolment
from members.models import Member, Tier, TierPolicy
from members.sales import SaleLine
from members.segments import saving
from members.segments.membership import refresh_due
from members.segments.models import Segment
from members.segments.scoring import score_members
from rewards.models import Reward

SLUG, SOURCE = "kopi-senja", "till"
WAITS, DAYS = 14, 60
OWN = ("Wulan Senja", "wulan.senja@example.org", "id")
# Product, category, brand and price of what is sold.
MENU = [
    ("espresso", "coffee", "kopi-tua", 24_000), ("kopi-susu", "coffee", "kopi-tua", 32_000), ("cold-brew", "coffee", "arabika-gayo", 38_000),
    ("teh-tarik", "tea", "daun-teh", 26_000), ("croissant", "bakery", "roti-pagi", 29_000), ("beans-250", "beans", "arabika-gayo", 95_000),
]  # fmt: skip
NAMES = {"name": "Coffee and records", "name_id": "Kopi dan piringan hitam", "name_ms": "Kopi dan piring hitam"}
SUMMARIES = {
    "summary": "Every coffee at Kopi Senja brings 25 points more.",
    "summary_id": "Setiap kopi di Kopi Senja memberi 25 poin lebih.",
    "summary_ms": "Setiap kopi di Kopi Senja memberi 25 mata lagi.",
}
BONUS: dict[str, Any] = {
    "award": {"kind": "fixed", "points": "25"}, "conditions": {"activity": posting.ACTIVITY, "partners": [SLUG]},
}  # fmt: skip
DRINKERS: dict[str, Any] = {
    "match": "all",
    "groups": [{"match": "all", "conditions": [{"about": "purchases", "least": 2, "brands": ["kopi-tua"], "days": 60}]}],
}  # fmt: skip


def open_cafe(shop: Program, stars: list[Member], *, at: datetime) -> Program:
    """The café with its members and sales, and what it runs together with the shop. Again keeps what is there."""
    with transaction.atomic():
        cafe = Program.objects.filter(slug=SLUG).first() or _open(shop, stars, at=at)
    _post(shop, stars, at=at)
    return cafe


def _open(shop: Program, stars: list[Member], *, at: datetime) -> Program:
    """The café as it is set up, with its members and sales."""
    cafe = Program.objects.create(
        slug=SLUG, name="Kopi Senja", time_zone=ZONE, currency="IDR", created_at=at,
        terms="Beans have no cash value. They can be spent two weeks after you earned them and expire six months later.",
    )  # fmt: skip
    beans = Wallet.objects.create(
        program=cafe, slug="beans", is_main=True, unit="bean", units="beans", unit_id="biji", units_id="biji", unit_ms="biji",
        units_ms="biji", money_per_unit=Decimal(50), activation_days=WAITS, transfer_limit=1000,
    )  # fmt: skip
    policies.set_expiry(beans, kind="months", count=6, round_to="month", at=at, actor=ACTOR)
    TierPolicy.objects.create(program=cafe)
    Tier.objects.create(program=cafe, slug="guest", rank=0, threshold=0, name="Guest", name_id="Tamu", name_ms="Tetamu", benefits="1 bean per Rp 1,000")  # fmt: skip
    _agree(shop, beans)
    _rule(cafe, "base", {"award": {"kind": "rate", "points": "1", "per": "1000"}}, at=at, name="1 bean per Rp 1,000", name_id="1 biji per Rp 1.000", name_ms="1 biji bagi Rp 1,000")  # fmt: skip
    Reward.objects.create(
        program=cafe, wallet=beans, slug="coffee", kind="product", cost=120, unit_cost=Decimal(9000), position=1, name="A coffee of your choice",
        name_id="Kopi pilihan Anda", name_ms="Kopi pilihan anda", summary="Any coffee on the menu.",
        summary_id="Kopi apa saja di menu.", summary_ms="Apa-apa kopi dalam menu.",
    )  # fmt: skip
    _sell(cafe, stars, at=at)
    segment = Segment(program=cafe, slug="kopi-tua", name="Kopi Tua drinkers", name_id="Peminum Kopi Tua", name_ms="Peminum Kopi Tua", note="For the tasting evening.", definition=DRINKERS)  # fmt: skip
    saving.save(segment, at=at, actor=ACTOR)
    score_members(cafe, at=at)
    refresh_due(cafe, at=at)
    _run_together(shop, at=at)
    return cafe


def _agree(shop: Program, beans: Wallet) -> None:
    """What points of the one become in the other: both ways."""
    points = shop.wallets.get(is_main=True)
    ExchangeRate.objects.create(from_wallet=points, to_wallet=beans, rate=Decimal("1.5"))
    ExchangeRate.objects.create(from_wallet=beans, to_wallet=points, rate=Decimal("0.5"))


def _sell(cafe: Program, stars: list[Member], *, at: datetime) -> None:
    """Coffee for the members to show, who have a card of the café too, and for one who has no other."""
    store = Store.objects.create(program=cafe, code="kemang", name="Kopi Senja Kemang", city="Jakarta")
    Till.objects.create(store=store, code="1")
    told = [(star.name, star.email, star.language) for star in stars]
    guests = [
        enrolment.enrol(
            cafe, at=at - timedelta(days=DAYS + 1), actor=ACTOR, name=name, email=email, language=language, welcome=False
        )
        for name, email, language in [*told, OWN]
    ]  # fmt: skip
    luck = Random("kopi senja")
    sales = []
    for number, (guest, days) in enumerate((guest, days) for guest in guests for days in (55, 41, 33, 20, 9, 4, 1)):
        lines = [
            SaleLine(product=product, category=category, brand=brand, amount=Decimal(price))
            for product, category, brand, price in luck.sample(MENU, luck.randint(1, 3))
        ]
        sales.append(
            Sale(
                member=guest, source=SOURCE, receipt=f"K{number:04}", occurred_at=at - timedelta(days=days, minutes=luck.randint(0, 400)),
                total=sum((line.amount for line in lines), Decimal(0)), currency="IDR", lines=lines, items=len(lines), store=store, channel="store",
            )
        )  # fmt: skip
    purchases.record_many(cafe, sales, at=at, actor=ACTOR)


def _since(at: datetime) -> datetime:
    """The first instant of the month before this one, when the café and the shop began together."""
    return day_start(add_months(local_day(at, ZONE).replace(day=1), -1), ZONE)


def _run_together(shop: Program, *, at: datetime) -> None:
    """The café as a partner of the shop, and a campaign of which it bears half."""
    since = _since(at)
    partner = Partner.objects.create(
        program=shop, slug=SLUG, name="Kopi Senja", contact_name="Wulan Senja", contact_email="points@senja.example", language="id",
        price_per_point=Decimal("0.005"), take_back_days=14, created_at=since,
    )  # fmt: skip
    campaign = Campaign.objects.create(
        program=shop, slug="coffee-and-records", since=since, until=day_start(add_months(local_day(since, ZONE), 4), ZONE), status=Campaign.Status.LIVE,
        partner=partner, partner_percent=50, **NAMES, **SUMMARIES,
    )  # fmt: skip
    _rule(shop, campaign.slug, BONUS, at=at, since=since, campaign=campaign, **NAMES)


def _post(shop: Program, stars: list[Member], *, at: datetime) -> None:
    """What coffee earned in the shop, each in its own transaction: members' accounts are locked one at a time. Once by reference."""
    partner = Partner.objects.get(program=shop, slug=SLUG)
    for number, (star, days) in enumerate((star, days) for star in stars for days in (24, 12, 5)):
        moment = max(_since(at), at - timedelta(days=days, minutes=7 * number))
        posting.post(partner, star, 30 + 10 * (number % 4), reference=f"coffee-{number + 1:03}", occurred_at=moment, at=at, actor="import", words="Coffee")  # fmt: skip


def _rule(
    program: Program, slug: str, definition: dict[str, Any], *, at: datetime, since: datetime | None = None, **told: Any
) -> None:
    """A rule that has counted since before the first sale, or since its campaign began."""
    rule = Rule.objects.create(program=program, slug=slug, **told)
    rules.publish(rule, definition, since=since or at - timedelta(days=DAYS + 10), at=at, actor=ACTOR)
