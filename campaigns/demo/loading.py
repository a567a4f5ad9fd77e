"""Loading the demo: the program, its real purchases through the import, redemptions over the last months, and the sweep.

Loading again keeps what is there and finishes what was cut short: dates follow from the day the program was made, people
from their customer numbers, redemptions from their references.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from random import Random

from django.contrib.auth import get_user_model
from django.db import transaction

from campaigns.demo import program as setup
from campaigns.demo.catalogue import add_rewards
from campaigns.demo.chances import add_chances
from campaigns.demo.draws import add_draws
from campaigns.demo.games import add_games, name_players
from campaigns.demo.life import live
from campaigns.demo.mailings import add_mailings
from campaigns.demo.measured import add_measured, try_next
from campaigns.demo.more_kinds import add_held, name_companies
from campaigns.demo.parcels import add_parcels
from campaigns.demo.people import Person, person
from campaigns.demo.senja import open_cafe
from campaigns.demo.tills import pay
from campaigns.demo.together import bring_points
from campaigns.demo.ways import show_ways
from campaigns.importing import Options, import_rows
from loyalty.common.clock import add_months, day_start, local_day
from loyalty.desk import roles
from loyalty.ledger import anchors, closing
from loyalty.ledger.models import PeriodClose, Program
from loyalty.ledger.verifying import verify_books
from members.models import Member, Purchase
from members.segments.membership import refresh_due
from members.segments.scoring import score_members
from rewards.models import Redemption
from rewards.recommending import count_popularity

FILE = Path(__file__).parent / "cdnow_sample.csv"
SOURCE = "till"
FIRST_DAY, LAST_DAY, ROWS = date(1997, 1, 1), date(1998, 6, 30), 6919
MONTHS_SIGNED = 6
Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Loaded:
    """What the demo holds after loading, and whom to sign in as."""

    program: Program
    is_new: bool
    purchases: int
    members: int
    redemptions: int
    expired_points: int
    stars: list[Member] = field(default_factory=list)


def load(*, at: datetime, with_redemptions: bool = True, progress: Progress = lambda step, done, total: None) -> Loaded:
    """Make the demo program, or finish and keep the one that is there."""
    program = Program.objects.filter(slug=setup.SLUG).first()
    is_new = program is None
    if program is None:
        with transaction.atomic():
            program = setup.open_program(first_day=FIRST_DAY + shift(at), at=at)
            if with_redemptions:
                add_games(program, at=at, actor="demo")
                add_measured(program, at=at)
    made_at = program.created_at
    if not is_new:
        add_rewards(program, program.wallets.get(is_main=True), at=made_at)
    if Purchase.objects.filter(program=program, source=SOURCE).count() < ROWS:
        bring_in(program, at=made_at, progress=progress)
    expired, stars = live(program, at=made_at, with_redemptions=with_redemptions, progress=progress)
    if with_redemptions:
        name_companies(stars)
        name_players(stars, at=made_at, actor="demo")
        bring_points(program, stars, at=made_at)
        open_cafe(program, stars, at=made_at)
        pay(program, stars, at=made_at)
        add_draws(program, stars, at=made_at)
        add_chances(program, stars, at=made_at)
        add_parcels(program, at=made_at)
        add_held(program, stars, at=made_at)
    sign_months(program, at=made_at)
    show_ways(program, stars, at=made_at)
    count_popularity(program, at=made_at)
    score_members(program, at=made_at)
    refresh_due(program, at=made_at)
    if with_redemptions:
        try_next(program, at=made_at, actor=_staff(roles.PROGRAM_MANAGER))
        add_mailings(program, at=made_at, actor=_staff(roles.PROGRAM_MANAGER))
    return Loaded(
        program,
        is_new,
        Purchase.objects.filter(program=program).count(),
        Member.objects.filter(program=program).count(),
        Redemption.objects.filter(member__program=program).count(),
        expired,
        stars,
    )


def sign_months(program: Program, *, at: datetime) -> None:
    """Verify, anchor, and sign off the months before the last one, as finance would have done by now."""
    if PeriodClose.objects.filter(wallet__program=program).exists():
        return
    verify_books(program, at=at)
    anchors.make_anchor(program, at=at)
    wallet = program.wallets.select_related("program").get(is_main=True)
    last = add_months(closing.last_month(wallet, at=at), -1)
    signer = _staff(roles.FINANCE)
    for back in range(MONTHS_SIGNED - 1, -1, -1):
        closing.close_month(wallet, add_months(last, -back), at=at, actor=signer)


def _staff(role: str) -> str:
    """Somebody of a role among the demo's staff, as records name them."""
    found = get_user_model().objects.filter(groups__name=role).order_by("pk").first()
    return f"staff:{found.pk}" if found else setup.ACTOR


def shift(at: datetime) -> timedelta:
    """By how many whole weeks the purchases move, so that the last one is two to eight days old."""
    return timedelta(weeks=((local_day(at, setup.ZONE) - timedelta(days=2)) - LAST_DAY).days // 7)


def bring_in(program: Program, *, at: datetime, progress: Progress) -> None:
    """The purchases of the file through the import that any shop uses: each month's at its end, as a shop would have."""
    for month, rows in groupby(purchases(at), key=lambda row: row[1]["date"][:7]):
        after = day_start(add_months(date.fromisoformat(f"{month}-01"), 1), setup.ZONE)
        import_rows(
            program,
            rows,
            options=Options(source=SOURCE),
            at=min(at, after - timedelta(hours=1)),
            actor="import",
            progress=lambda done, total, report: progress("purchases", done, total),
            total=ROWS,
        )


def purchases(at: datetime) -> Iterator[tuple[int, dict[str, str], int]]:
    """The rows of the file with moved dates, invented people, stores and channels."""
    moved = shift(at)
    people: dict[str, Person] = {}
    with FILE.open(newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            customer = row["customer"]
            who = people.get(customer) or people.setdefault(customer, person(customer))
            is_web = Random(f"setia channel {row['receipt']}").random() < who.web_share
            yield (
                number + 1,
                {
                    "receipt": row["receipt"],
                    "customer": customer,
                    "date": (date.fromisoformat(row["date"]) + moved).isoformat(),
                    "items": row["items"],
                    "amount": row["amount"],
                    "store": "web" if is_web else who.store,
                    "channel": "web" if is_web else "store",
                    "name": who.name,
                    "email": who.email,
                    "language": who.language,
                    "birthday": who.birthday.isoformat(),
                },
                number,
            )
