"""Loading the demo: the program, its real purchases through the import, redemptions over the last months, and the sweep.

Loading again keeps what is there and finishes what was cut short: dates follow from the day the program was made, people
from their customer numbers, redemptions from their references.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

from django.db import transaction

from campaigns.demo import program as setup
from campaigns.demo.life import live
from campaigns.demo.people import Person, person
from campaigns.importing import NumberedRow, Options, Report, import_rows
from loyalty.common.clock import local_day
from loyalty.ledger.models import Program
from members.models import Member, Purchase
from rewards.models import Redemption

FILE = Path(__file__).parent / "cdnow_sample.csv"
SOURCE = "till"
FIRST_DAY, LAST_DAY, ROWS = date(1997, 1, 1), date(1998, 6, 30), 6919
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
    made_at = program.created_at
    if Purchase.objects.filter(program=program, source=SOURCE).count() < ROWS:
        bring_in(program, at=made_at, progress=progress)
    expired, stars = live(program, at=made_at, with_redemptions=with_redemptions, progress=progress)
    return Loaded(
        program,
        is_new,
        Purchase.objects.filter(program=program).count(),
        Member.objects.filter(program=program).count(),
        Redemption.objects.filter(member__program=program).count(),
        expired,
        stars,
    )


def shift(at: datetime) -> timedelta:
    """By how many whole weeks the purchases move, so that the last one is two to eight days old."""
    return timedelta(weeks=((local_day(at, setup.ZONE) - timedelta(days=2)) - LAST_DAY).days // 7)


def bring_in(program: Program, *, at: datetime, progress: Progress) -> Report:
    """The purchases of the file through the import that any shop uses."""
    return import_rows(
        program,
        purchases(at),
        options=Options(source=SOURCE),
        at=at,
        actor="import",
        progress=lambda done, total, report: progress("purchases", done, total),
        total=ROWS,
    )


def purchases(at: datetime) -> Iterator[NumberedRow]:
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
