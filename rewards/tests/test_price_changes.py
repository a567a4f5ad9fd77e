"""What a reward costs is changed through a preview of who can pay and of a year's redemptions (DOMAIN 8.4, 12.4)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from loyalty.desk import roles
from loyalty.jobs.changes import deciding, drafting
from loyalty.jobs.changes.drafting import NothingToDo
from loyalty.jobs.models import ChangeRequest
from loyalty.tests.desk import staff_client
from members.models import Tier
from members.segments.models import Segment, SegmentStay
from members.testing import give_points
from members.tests.changes import NOW, ask, hired, limited, undo
from rewards import price_terms, redemption
from rewards.models import Reward, RewardPrice
from rewards.price_change import NoNewPrice
from rewards.price_terms import PriceUnknown, terms_of
from rewards.testing import make_reward

Status = ChangeRequest.Status
NEXT = NOW + timedelta(days=1)
BEFORE = NOW - timedelta(days=10)


@pytest.fixture
def latte(program, proven_books):
    return make_reward(program, cost=100)


@pytest.fixture
def rina():
    return hired("Rina")


def price(cost, **more):
    empty = {"money": "0.00", "tier": None, "segment": None, "since": None, "until": None, "season_from": "", "season_until": ""}  # fmt: skip
    return {"cost": cost} | empty | more


def wanted(reward, *prices, cost=100, money="0.00"):
    return {"reward": reward.pk, "terms": price_terms.in_order(cost, money, list(prices))}


def change(reward, *prices, by, at=NOW, **told):
    return ask(reward.program, "prices", by=by, at=at, **wanted(reward, *prices, **told))


def preview(reward, *prices, by, **told):
    parameters = wanted(reward, *prices, **told)
    return drafting.draft(reward.program, "prices", parameters=parameters, reason="x", at=NOW, actor=by)


def redeem(member, reward, at=BEFORE, reference="r1"):
    return redemption.redeem(member, reward, at=at, reference=reference, source="test", actor="test")


def test_the_preview_tells_who_can_pay_and_what_a_year_would_have_cost(latte, ani, budi, siti, rina):
    for member, points in ((ani, 250), (budi, 110), (siti, 90)):
        give_points(member, points, at=BEFORE)
    redeem(ani, latte)
    drafted = preview(latte, cost=140, money="5000.00", by=rina)
    assert drafted.summary["warnings"] == [
        "2 members have enough points for it now, 1 would have them then.",
        "The 1 redemption of the last 12 months would have cost 40 points more, worth Rp4,000.",
        "Members would have paid Rp5,000 more besides.",
    ]
    assert Reward.objects.get().cost == 100
    deciding.submit(drafted, at=NEXT, actor=rina)
    latte.refresh_from_db()
    assert (drafted.status, latte.cost, latte.money) == (Status.DONE, 140, 5000)
    assert redeem(ani, latte, at=NEXT + timedelta(hours=1), reference="r2").cost == 140


def test_other_prices_come_stay_and_go_exactly_as_shown(latte, rina):
    deciding_day = "2026-06-01T00:00:00+00:00"
    change(latte, price(70, tier="gold"), price(80, season_from="12-01", season_until="12-31"), by=rina)
    kept = latte.prices.get(cost=80).pk
    change(latte, price(80, season_from="12-01", season_until="12-31"), price(60, until=deciding_day), by=rina)
    assert {one.cost: one.pk == kept for one in latte.prices.all()} == {60: False, 80: True}


def test_a_price_of_a_tier_and_of_a_segment_is_judged_for_those_it_holds_for(program, latte, ani, budi, siti, rina):
    for member in (ani, budi, siti):
        give_points(member, 60, at=BEFORE)
    type(ani).objects.filter(pk=ani.pk).update(tier=Tier.objects.get(program=program, slug="gold"))
    fans = Segment.objects.create(program=program, slug="fans", name="Fans", definition={}, created_at=BEFORE)
    SegmentStay.objects.create(segment=fans, member=budi, since=BEFORE)
    told = preview(latte, price(50, tier="gold"), price(40, segment="fans"), by=rina).summary["worth"]
    assert (told["can_now"], told["can_then"], told["moved"]) == (0, 2, 2)


def test_members_and_points_above_a_limit_wait_for_a_second_person(program, latte, ani, rina):
    give_points(ani, 210, at=BEFORE)
    redeem(ani, latte)
    allowed = limited(program, bulk_members=0, bulk_points=0)
    assert change(latte, cost=120, by=rina).status == Status.WAITING
    allowed.bulk_members = allowed.bulk_points = 20
    allowed.save()
    assert change(latte, cost=120, by=rina).status == Status.DONE
    assert change(latte, cost=141, by=rina).status == Status.WAITING
    latte.refresh_from_db()
    assert latte.cost == 120


def test_the_page_of_a_change_of_prices_says_nothing_of_points_that_move(latte):
    desk = staff_client(roles.PROGRAM_MANAGER)
    shown = {"preview": preview(latte, cost=90, by="staff:0"), "done": change(latte, cost=80, by="staff:0")}
    pages = {
        name: desk.get(reverse("admin:jobs_changerequest_change", args=[one.pk])).content.decode()
        for name, one in shown.items()
    }
    assert not any("Points given" in page for page in pages.values())
    assert "It was posted as shown. It can be taken back." in pages["done"]


def test_another_edit_between_preview_and_approval_kills_it(program, latte, ani, rina):
    give_points(ani, 100, at=BEFORE)
    limited(program, bulk_members=0)
    first, second, dewi = change(latte, cost=150, by=rina), change(latte, cost=160, by=rina), hired("Dewi")
    deciding.approve(first, at=NEXT, actor=dewi)
    assert deciding.approve(second, at=NEXT, actor=dewi).status == Status.STALE
    latte.refresh_from_db()
    assert latte.cost == 150


def test_an_undo_puts_the_former_prices_back_unless_they_were_changed_again(latte, rina):
    before = terms_of(latte)
    first = change(latte, price(70, tier="gold"), cost=120, by=rina)
    second = change(latte, cost=130, by=rina)
    with pytest.raises(NothingToDo, match="It was changed again since"):
        undo(first, by=rina, at=NEXT)
    undo(second, by=rina, at=NEXT)
    assert undo(first, by=rina, at=NEXT).status == Status.DONE
    assert terms_of(Reward.objects.get()) == before
    assert not RewardPrice.objects.exists()


def test_what_changes_nothing_or_names_a_stranger_is_refused(program, latte, rina):
    with pytest.raises(NoNewPrice):
        change(latte, by=rina)
    with pytest.raises(PriceUnknown):
        change(latte, price(5, tier="diamond"), by=rina)
    assert not ChangeRequest.objects.exists()


def test_the_preview_asks_as_much_for_many_members_as_for_one(latte, ani, budi, siti, rina):
    give_points(ani, 250, at=BEFORE)
    redeem(ani, latte)
    with CaptureQueriesContext(connection) as one:
        preview(latte, cost=140, by=rina)
    for member in (budi, siti):
        give_points(member, 250, at=BEFORE)
        redeem(member, latte, reference=member.number)
    with CaptureQueriesContext(connection) as three:
        preview(latte, cost=140, by=rina)
    assert len(three) == len(one)


def test_the_page_of_a_reward_sets_no_price_but_leads_to_the_change(program, latte):
    RewardPrice.objects.create(reward=latte, cost=70, tier=Tier.objects.get(program=program, slug="gold"))
    client, page = staff_client(roles.PROGRAM_MANAGER), reverse("admin:rewards_reward_change", args=[latte.pk])
    shown = client.get(page)
    assert "cost" not in shown.context["adminform"].form.fields
    asked = f"{reverse('admin:jobs_change_new', args=['prices'])}?reward={latte.pk}"
    assert asked in shown.content.decode()
    form = client.get(asked).context["form"]
    values = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    values = {name: value for name, value in values.items() if not isinstance(value, list)}
    wrong = client.post(asked, values | {"cost_2": "60", "season_from_2": "13-01", "reason": "New year"})
    assert set(wrong.context["form"].errors) == {"season_from_2", "season_until_2"}
    answer = client.post(asked, values | {"cost": "110", "cost_2": "60", "since_2_0": "2027-01-01", "reason": "New year"}, follow=True)  # fmt: skip
    change = ChangeRequest.objects.get()
    assert change.parameters["terms"]["cost"] == 110
    assert [one["cost"] for one in change.parameters["terms"]["prices"]] == [60, 70]
    assert "from 100 points; 70 points (from Gold)" in answer.content.decode()


def test_the_form_without_a_reward_says_where_to_begin(program, latte):
    client, address = staff_client(roles.PROGRAM_MANAGER), reverse("admin:jobs_change_new", args=["prices"])
    assert "Change the prices of a reward" not in client.get(reverse("admin:jobs_change_choose")).content.decode()
    for named in ("", "?reward=999", "?reward=x", "?reward=²"):
        page = client.post(address + named, {"reason": "x"}).content.decode()
        assert "Open the page of the reward" in page
