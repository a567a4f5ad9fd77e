"""The demo's prizes by chance: a mystery box that is open, and a lucky card whose pool was closed and can be computed again."""

from datetime import datetime, timedelta
from typing import Any

from loyalty.ledger import posting
from loyalty.ledger.models import Program, Wallet
from members.models import Member
from rewards import granting, redemption
from rewards.chances import publishing
from rewards.models import PrizePool, Reward
from rewards.stocks import OutOfStock

ACTOR = "job:load_demo"
BOX: dict[str, Any] = {
    "slug": "mystery-box", "name": "Mystery box", "name_id": "Kotak misteri", "name_ms": "Kotak misteri",
    "summary": "One of four things from the shop, nobody knows which.",
    "summary_id": "Satu dari empat barang dari toko, tidak ada yang tahu yang mana.",
    "summary_ms": "Satu daripada empat barang dari kedai, tiada siapa tahu yang mana.",
}  # fmt: skip
CARD: dict[str, Any] = {
    "slug": "lucky-card", "one_in": 5, "is_counted": True,
    "name": "Lucky card", "name_id": "Kartu keberuntungan", "name_ms": "Kad bertuah",
    "summary": "One card of every five won.", "summary_id": "Satu dari setiap lima kartu menang.", "summary_ms": "Satu daripada setiap lima kad menang.",
}  # fmt: skip
# The name in three languages, the weight, the pieces, and the reward or the points.
IN_THE_BOX = (
    ("A single to try", "Satu singel untuk dicoba", "Satu singel untuk dicuba", 60, None, "first-listen"),
    ("Free delivery", "Gratis ongkir", "Penghantaran percuma", 25, None, "free-delivery"),
    ("A CD of your choice", "CD pilihan Anda", "CD pilihan anda", 14, 10, "free-cd"),
    ("A $10 gift card", "Kartu hadiah $10", "Kad hadiah $10", 1, 3, "gift-card"),
)
# Whole blocks, so that as many win whatever the draw.
PLAYED = 2 * CARD["one_in"]
ON_THE_CARD = (("Five dollars off", "Potongan lima dolar", "Potongan lima dolar", 1, None, "five-off"),)


def add_chances(program: Program, stars: list[Member], *, at: datetime) -> None:
    """Both pools with their numbers, once."""
    if PrizePool.objects.filter(program=program).exists():
        return
    wallet = Wallet.objects.get(program=program, is_main=True)
    card = _pool(program, CARD, ON_THE_CARD, at=at - timedelta(days=30))
    played = _reward(card, wallet, "instant", 100)
    for number, member in enumerate(Member.objects.filter(program=program).order_by("pk")[:PLAYED]):
        when = at - timedelta(days=28) + timedelta(hours=30 * number)
        granting.grant(member, played, at=when, reference=f"demo:card:{member.number}", actor=ACTOR)
    publishing.close(card, at=at - timedelta(days=9), actor=ACTOR)
    box = _reward(_pool(program, BOX, IN_THE_BOX, at=at - timedelta(days=8)), wallet, "mystery", 300)
    for member in stars:
        try:
            redemption.redeem(
                member, box, at=at, reference=f"demo:box:{member.number}", source="portal", actor=ACTOR
            )  # fmt: skip
        except (posting.InsufficientPoints, OutOfStock):
            continue


def _pool(program: Program, told: dict[str, Any], prizes: Any, *, at: datetime) -> PrizePool:
    """A pool with its prizes, published."""
    pool = PrizePool.objects.create(program=program, **told)
    for position, (name, name_id, name_ms, weight, pieces, what) in enumerate(prizes, start=1):
        prize = {"points": what} if isinstance(what, int) else {"reward": Reward.objects.get(program=program, slug=what)}  # fmt: skip
        pool.prizes.create(
            position=position, name=name, name_id=name_id, name_ms=name_ms, weight=weight, pieces=pieces, **prize
        )
    publishing.publish(pool, at=at, actor=ACTOR)
    return pool


def _reward(pool: PrizePool, wallet: Wallet, kind: str, cost: int) -> Reward:
    """The reward that draws from a pool."""
    told = {name: getattr(pool, name) for name in ("name", "name_id", "name_ms", "summary", "summary_id", "summary_ms")}
    return Reward.objects.create(
        program=pool.program, wallet=wallet, slug=pool.slug, kind=kind, prize_pool=pool, cost=cost, position=150, **told
    )
