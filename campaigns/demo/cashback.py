"""A second kind of points for the demo: cashback that waits 30 days and ends half a year after the last activity, for the members to show.

Made after the purchases are loaded, so that it costs nothing for everybody else; who enrols later has it too.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from campaigns.demo.program import ACTOR
from loyalty.ledger import policies
from loyalty.ledger.crediting import Accrual
from loyalty.ledger.models import ExchangeRate, Program, Wallet
from loyalty.ledger.posting import accrue_many, open_accounts
from members.models import Member, MemberAccount
from rewards.models import Category, Reward

SLUG, SOURCE = "cashback", "partner"
# Days ago, cents: the first of them would be gone by now, had nothing happened since.
GIVEN = ((210, 450), (95, 1280), (20, 325))


def give(program: Program, members: list[Member], *, at: datetime) -> None:
    """The wallet, its policy and what these members have in it; nothing twice."""
    if not members or program.wallets.filter(slug=SLUG).exists():
        return
    wallet = Wallet.objects.create(
        program=program, slug=SLUG, unit="dollar of cashback", units="cashback", unit_id="cashback", units_id="cashback",
        unit_ms="pulangan tunai", units_ms="pulangan tunai", decimals=2, money_per_unit=Decimal(1), activation_days=30,
    )  # fmt: skip
    main = Wallet.objects.get(program=program, is_main=True)
    ExchangeRate.objects.create(from_wallet=main, to_wallet=wallet, rate=Decimal("0.005"))
    began = at - timedelta(days=240)
    policies.set_expiry(wallet, kind="idle_months", count=6, resets="earn,redeem,purchase,event", at=began, actor=ACTOR)
    accounts = open_accounts(wallet, len(members), at=began)
    MemberAccount.objects.bulk_create(
        MemberAccount(member=member, wallet=wallet, account_id=account)
        for member, account in zip(members, accounts, strict=True)
    )
    for days, cents in GIVEN:
        day = at - timedelta(days=days)
        gifts = [
            Accrual(account, cents, day, f"cashback:{days}", SOURCE, ACTOR, reason="Cashback of the card partner")
            for account in accounts
        ]
        accrue_many(gifts, recorded_at=day)
    _offer(program, wallet)


def _offer(program: Program, wallet: Wallet) -> None:
    """Points for cashback, as a reward of the catalogue."""
    points = program.wallets.get(is_main=True)
    shelf = Category.objects.filter(program=program, slug="everyday").first()
    Reward.objects.create(
        program=program, wallet=points, slug="cashback", kind="cashback", cost=1000, credit_wallet=wallet, credit=500, position=5,
        category=shelf, unit_cost=Decimal(5), name="$5 of cashback", name_id="Cashback $5", name_ms="Pulangan tunai $5",
        summary="Your points as money in your cashback wallet, at once.",
        summary_id="Poin Anda menjadi uang di dompet cashback, seketika.",
        summary_ms="Mata anda menjadi wang dalam dompet pulangan tunai, serta-merta.",
    )  # fmt: skip
