"""The demo's partner: a bank whose card gives points, that bears a part of the Merdeka month, and whose months are settled.

Its postings are told on the day of loading and before the books' months are signed, so nothing is posted into a signed month.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from django.contrib.auth import get_user_model

from campaigns.partners import posting, settlement
from campaigns.partners.models import Partner
from campaigns.partners.months import first_open
from loyalty.common.clock import add_months, day_start, local_day
from loyalty.desk import roles
from loyalty.ledger.models import Program
from members.models import Member

SLUG, ACTOR = "biru", "import"
POSTINGS, DAYS = 36, 80


def open_partner(program: Program, since: date) -> Partner:
    """The agreement, from the first day of a month."""
    return Partner.objects.create(
        program=program, slug=SLUG, name="Bank Biru", contact_name="Dewi Lestari", contact_email="loyalty@biru.example",
        language="id", price_per_point=Decimal("0.006"), monthly_limit=50_000, take_back_days=60,
        created_at=day_start(since, program.time_zone),
    )  # fmt: skip


def bring_points(program: Program, stars: list[Member], *, at: datetime) -> None:
    """Card points of the last weeks, one posting taken back, and the months before the last one closed. Nothing twice."""
    partner = Partner.objects.select_related("program").get(program=program, slug=SLUG)
    if partner.postings.exists():
        return
    luck = Random("setia partner")
    others = Member.objects.filter(program=program, status=Member.Status.ACTIVE).exclude(
        pk__in=[star.pk for star in stars]
    )
    people = [*stars, *others.order_by("pk")[: POSTINGS - len(stars)]]
    for number, member in enumerate(people):
        moment = at - timedelta(days=luck.randint(1, DAYS), minutes=luck.randint(1, 600))
        posting.post(
            partner, member, luck.choice([40, 75, 120, 200]), reference=f"card-{number + 1:04}", occurred_at=moment, at=at,
            actor=ACTOR, words="Card payments",
        )  # fmt: skip
    posting.take_back(
        posting.find(partner, f"card-{POSTINGS:04}"), reference="card-back-1", at=at, actor=ACTOR, points=20
    )
    manager = get_user_model().objects.filter(groups__name=roles.PROGRAM_MANAGER).order_by("pk").first()
    last = add_months(local_day(at, program.time_zone).replace(day=1), -1)
    while (month := first_open(partner)) < last:
        settlement.close_month(partner, month, at=at, actor=f"staff:{manager.pk}" if manager else ACTOR)
