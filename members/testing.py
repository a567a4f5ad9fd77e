"""The cast of the tests: one program and its people, made by the same verbs as in life."""

from datetime import UTC, datetime
from decimal import Decimal

from loyalty.ledger import policies, posting
from loyalty.ledger.models import Entry, Program, Wallet
from members.enrolment import enrol, main_account
from members.models import Member, Tier, TierPolicy

OPENING = datetime(2026, 1, 1, 3, tzinfo=UTC)  # 10:00 in Jakarta
TIERS = [
    ("bronze", "Bronze", "Perunggu", "Gangsa", 0),
    ("silver", "Silver", "Perak", "Perak", 1000),
    ("gold", "Gold", "Emas", "Emas", 5000),
]


def make_program(slug: str = "kopi", *, expiry: str = "months", count: int = 12, at: datetime = OPENING) -> Program:
    """A program with a points wallet and three tiers on qualifying points of the last twelve months.

    It does not promise notices: what the books do with ends needs no letters.
    """
    program = Program.objects.create(
        slug=slug, name="Kopi Nusantara", time_zone="Asia/Jakarta", currency="IDR", created_at=at
    )
    wallet = Wallet.objects.create(
        program=program,
        slug="points",
        unit_id="poin",
        units_id="poin",
        unit_ms="mata",
        units_ms="mata",
        is_main=True,
        money_per_unit=Decimal("100"),
        notice_guarantee=Wallet.Guarantee.OFF,
    )
    policies.set_expiry(wallet, kind=expiry, count=count, at=at, actor="test")
    TierPolicy.objects.create(program=program)
    for rank, (tier, name, name_id, name_ms, threshold) in enumerate(TIERS):
        Tier.objects.create(
            program=program, slug=tier, name=name, name_id=name_id, name_ms=name_ms, rank=rank, threshold=threshold
        )
    return program


def make_member(program: Program, name: str, *, language: str = "en", at: datetime = OPENING) -> Member:
    """A member of the cast, with an address at example.com and no welcome letter."""
    return enrol(
        program, at=at, actor="test", name=name, email=f"{name.lower()}@example.com", language=language, welcome=False
    )


def give_points(member: Member, points: int, *, at: datetime = OPENING, reference: str = "", **more) -> Entry:
    """Credit points to the member's main account."""
    account = main_account(member)
    reference = reference or f"gift:{account.last_number + 1}"
    return posting.accrue(account.id, points, at=at, reference=reference, source="test", actor="test", **more)


def points_of(member: Member, *, at: datetime) -> int:
    """What the member could spend at an instant."""
    from loyalty.ledger.statements import balance

    return balance(main_account(member).id, at=at).available
