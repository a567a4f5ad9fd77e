"""What the report views tell of draws, prizes by chance and parcels, on both engines alike, and what they do not tell."""

from datetime import timedelta

import pytest
from django.db import connection

from loyalty.common import reports
from members.testing import OPENING, give_points
from rewards import parcels, redemption
from rewards.chances.testing import make_pool, make_surprise
from rewards.draws import drawing
from rewards.draws.testing import CLOSES, OPENS, make_draw, make_ticket
from rewards.models import Parcel
from rewards.testing import make_reward

pytestmark = pytest.mark.django_db
DURING = OPENS + timedelta(days=1)
ADDRESS = {"recipient": "Ani", "street": "Jalan 1", "postcode": "10110", "city": "Jakarta", "country": "", "phone": ""}


def rows(name, *columns):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM {name} ORDER BY 1")
        return cursor.fetchall()


def redeem(member, reward, reference, **chosen):
    give_points(member, 100, at=OPENING)
    return redemption.redeem(member, reward, at=DURING, reference=reference, source="t", actor="t", chosen=chosen)


def test_a_draw_and_its_wins(program, ani):
    draw = make_draw(program)
    redeem(ani, make_ticket(draw), "r1")
    assert rows("report_draws", "slug", "entries", "withdrawn") == [("bike", 1, 0)]
    drawing.draw_due(program, at=CLOSES)
    assert rows("report_draws", "status", "seed_digest") == [("drawn", draw.promise.seed_digest)]
    (told,) = rows("report_draw_wins", "place", "prize", "number", "member", "owed", "passed_why")
    assert told == (1, "First prize", 1, ani.number, "", "")


def test_a_number_of_a_pool_and_what_it_won(program, ani):
    made = redeem(ani, make_surprise(make_pool(program, {"name": "Latte", "reward": make_reward(program)})), "r1")
    assert rows("report_pool_draws", "pool", "number", "member", "redemption", "prize", "won_redemption", "entry") == [
        ("box", 1, ani.number, made.pk, "Latte", made.pool_draw.redemption_id, None)
    ]


def test_a_parcel_without_where_it_goes(program, ani):
    made = redeem(ani, make_reward(program, kind="product", is_sent=True), "r1", address=ADDRESS)
    parcels.pack(Parcel.objects.get(), at=DURING, actor="t")
    told = ("reward", "member", "redemption", "status", "carrier")
    assert rows("report_parcels", *told) == [("latte", ani.number, made.pk, "packed", "")]
    assert not {"recipient", "street", "postcode", "city", "country", "phone"} & set(reports.columns("report_parcels"))
