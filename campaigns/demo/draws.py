"""The demo's prize draws: one that was drawn ten days ago and can be checked, and one that takes entries."""

from datetime import datetime, timedelta

from loyalty.common.clock import day_start, local_day
from loyalty.ledger import posting
from loyalty.ledger.models import Program, Wallet
from members.models import Member
from rewards import granting, redemption
from rewards.draws import drawing, publishing
from rewards.models import Draw, Reward

ACTOR = "job:load_demo"
TICKET = {"name": "A ticket for the draw", "name_id": "Satu tiket undian", "name_ms": "Satu tiket cabutan"}
PAST = {
    "slug": "three-cds", "name": "Three CDs of your choice", "name_id": "Tiga CD pilihan Anda",
    "name_ms": "Tiga CD pilihan anda", "summary": "Three members won a CD of their choice.",
    "summary_id": "Tiga anggota memenangkan CD pilihan mereka.", "summary_ms": "Tiga ahli memenangi CD pilihan mereka.",
}  # fmt: skip
OPEN = {
    "slug": "turntable", "name": "A turntable for your living room", "name_id": "Pemutar piringan hitam untuk ruang tamu Anda",
    "name_ms": "Pemain piring hitam untuk ruang tamu anda", "summary": "One turntable, and points for ten more.",
    "summary_id": "Satu pemutar piringan hitam, dan poin untuk sepuluh anggota lagi.",
    "summary_ms": "Satu pemain piring hitam, dan mata untuk sepuluh ahli lagi.",
}  # fmt: skip


def add_draws(program: Program, stars: list[Member], *, at: datetime) -> None:
    """Both draws with their entries, once."""
    if Draw.objects.filter(program=program).exists():
        return
    wallet, today = Wallet.objects.get(program=program, is_main=True), local_day(at, program.time_zone)

    def midnight(days: int) -> datetime:
        return day_start(today + timedelta(days=days), program.time_zone)

    past = Draw.objects.create(program=program, opens_at=midnight(-40), closes_at=midnight(-10), **PAST)
    past.prizes.create(
        name="A CD of your choice", name_id="CD pilihan Anda", name_ms="CD pilihan anda", winners=3,
        reward=Reward.objects.get(program=program, slug="free-cd"),
    )  # fmt: skip
    publishing.publish(past, at=midnight(-45), actor=ACTOR)
    gift = _ticket(past, wallet, 250)
    for number, member in enumerate(Member.objects.filter(program=program).order_by("pk")[:40]):
        when = midnight(-39) + timedelta(hours=17 * number)
        granting.grant(member, gift, at=when, reference=f"demo:draw:{member.number}", actor=ACTOR)
    drawing.draw_due(program, at=past.closes_at)
    coming = Draw.objects.create(
        program=program, opens_at=midnight(-6), closes_at=midnight(20), limit_per_member=5, **OPEN
    )
    coming.prizes.create(
        name="The turntable", name_id="Pemutar piringan hitam", name_ms="Pemain piring hitam", position=1,
        reward=Reward.objects.get(program=program, slug="limited-vinyl"),
    )  # fmt: skip
    coming.prizes.create(
        name="Runner-up", name_id="Juara harapan", name_ms="Hadiah sagu hati", position=2, winners=10, points=500
    )
    publishing.publish(coming, at=midnight(-7), actor=ACTOR)
    ticket = _ticket(coming, wallet, 150)
    for member in stars:
        try:
            redemption.redeem(
                member, ticket, at=at, reference=f"demo:ticket:{member.number}", source="portal", actor=ACTOR
            )
        except posting.InsufficientPoints:
            continue


def _ticket(draw: Draw, wallet: Wallet, cost: int) -> Reward:
    """The reward that enters a draw."""
    told = {
        "summary": "One number in the draw.",
        "summary_id": "Satu nomor dalam undian.",
        "summary_ms": "Satu nombor dalam cabutan.",
    }
    return Reward.objects.create(
        program=draw.program, wallet=wallet, slug=f"{draw.slug}-ticket", kind="draw", draw=draw, draw_entries=1, cost=cost,
        position=200, **TICKET, **told,
    )  # fmt: skip
