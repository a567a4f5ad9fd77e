"""Donations add up per cause, publicly and without names."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from loyalty.tests.test_desk_work import form_of
from members.testing import OPENING, give_points, make_program, points_of
from members.tests.portal import signed_in, words
from rewards import giving, granting, redemption
from rewards.models import Cause, Gift, Reward
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENING + timedelta(days=3)


@pytest.fixture
def school(program):
    return Cause.objects.create(
        program=program,
        slug="school",
        name="Music school",
        name_id="Sekolah musik",
        summary="Lessons.",
        goal=Decimal(100_000),
    )


def lesson(school, slug="lesson", **more):
    return make_reward(
        school.program, slug, kind="donation", cause=school, gift=Decimal(25_000), name="A lesson", **more
    )


def give(member, reward, reference="r1", at=LATER):
    give_points(member, 100, at=at - timedelta(hours=1))
    return redemption.redeem(member, reward, at=at, reference=reference, source="t", actor="t")


def test_gifts_add_up_for_their_cause_once_each(school, ani, budi):
    reward = lesson(school)
    made = give(ani, reward)
    assert redemption.redeem(ani, reward, at=LATER, reference="r1", source="t", actor="t") == made
    give(budi, reward, "r2")
    (told,) = giving.totals(school.program)
    assert (told.gifts, told.money, told.percent) == (2, 50_000, 50)
    assert giving.total(school) == told
    assert made.status == "used"


def test_a_gift_keeps_its_money_when_the_reward_changes(school, ani):
    reward = lesson(school)
    give(ani, reward)
    Reward.objects.update(gift=1)
    assert giving.total(school).money == 25_000


def test_a_gift_is_final_and_a_refused_one_gives_nothing(school, ani):
    reward = lesson(school)
    with pytest.raises(redemption.Refusal):
        redemption.redeem(ani, reward, at=LATER, reference="poor", source="t", actor="t")
    assert not Gift.objects.exists()
    made = give(ani, reward)
    with pytest.raises(redemption.RedemptionUsed):
        redemption.cancel(made, at=LATER, actor="t", by_member=False)
    assert (giving.total(school).gifts, points_of(ani, at=LATER)) == (1, 0)


def test_a_donation_given_as_a_prize_counts_too(school, ani):
    granting.grant(ani, lesson(school), at=LATER, reference="prize", actor="t")
    assert giving.total(school).money == 25_000


def test_the_total_passes_the_goal_and_says_a_hundred(school, ani):
    Cause.objects.update(goal=10)
    give(ani, lesson(school))
    assert giving.totals(school.program)[0].percent == 100


def test_everybody_sees_the_totals_and_nobody_is_named(school, ani):
    give(ani, lesson(school))
    hidden = Cause.objects.create(program=school.program, slug="quiet", name="Quiet", summary="-", is_public=False)
    for client in (Client(), signed_in(ani)):
        page = words(client.get("/causes/kopi/"))
        assert "Music school" in page and "Rp25,000" in page and "25 %" in page and str(hidden) not in page
    assert ani.number not in words(Client().get("/causes/kopi/"))
    assert Client().get("/causes/nobody/").status_code == 404
    make_program("teh")
    assert "There is no cause to give to at the moment." in words(Client().get("/causes/teh/"))


def test_the_api_tells_the_totals_of_its_program(school, ani):
    give(ani, lesson(school))
    (told,) = Shop(school.program).get("/causes").json()["causes"]
    assert (told["cause"], told["gifts"], told["money"], told["percent"]) == ("school", 1, "25000.00", 25)
    assert Shop(make_program("teh")).get("/causes").json() == {"causes": []}


def test_a_journey_of_a_gift_as_member_and_staff_see_it(school, ani):
    made = give(ani, lesson(school), at=timezone.now())
    page = words(signed_in(ani).get(f"/vouchers/{made.pk}/"))
    assert "Your gift counts for the cause" in page and "Given to" in page and made.voucher.shown_code not in page
    assert "Your gift counts for the cause" in "".join(render(Message.objects.get(kind="redeemed")))
    client = staff_client(roles.MARKETING_ASSISTANT)
    assert "Rp25,000" in words(client.get(reverse("admin:rewards_cause_changelist")))
    assert "Rp25,000" in words(client.get(reverse("admin:rewards_cause_change", args=[school.pk])))
    values = {
        "name": "Trees",
        "slug": "trees",
        "program": school.program_id,
        "summary": "One tree each.",
        "is_public": "on",
    }
    assert client.post(reverse("admin:rewards_cause_add"), values).status_code == 302
    assert Cause.objects.count() == 2


def test_the_desk_asks_for_cause_and_money_of_a_donation_only(school):
    reward = make_reward(school.program, kind="product")
    client, address = staff_client(roles.PROGRAM_MANAGER), reverse("admin:rewards_reward_change", args=[reward.pk])
    values = form_of(client, address)
    assert "This kind of reward needs it" in words(client.post(address, values | {"kind": "donation"}))
    assert "Only other kinds of rewards have this" in words(client.post(address, values | {"gift": "5"}))
    told = {"kind": "donation", "cause": school.pk, "gift": "25000"}
    assert client.post(address, values | told).status_code == 302
    other = Cause.objects.create(program=make_program("teh"), slug="x", name="x", summary="x")
    again = form_of(client, address) | told | {"cause": other.pk}
    assert "This belongs to another program." in words(client.post(address, again))


def test_the_database_keeps_gifts_with_donations(school):
    for wrong in ({"kind": "product", "cause": school, "gift": 1}, {"kind": "donation", "cause": school}, {"kind": "donation", "gift": 1}, {"kind": "donation", "cause": school, "gift": 0}):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            make_reward(school.program, "x", **wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        Cause.objects.update(goal=0)


def test_totals_take_as_many_statements_for_one_cause_as_for_many(school, django_assert_num_queries):
    for number in range(5):
        Cause.objects.create(program=school.program, slug=f"c{number}", name="c", summary="c")
    with django_assert_num_queries(2):
        giving.totals(school.program)
