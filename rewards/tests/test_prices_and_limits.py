"""What a reward costs whom, how often one may have it, for whom it is, and where it is collected."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from loyalty.common.clock import local_day
from loyalty.ledger.models import Entry
from loyalty.pos.models import Store
from loyalty.pos.testing import Shop
from members.models import Member, Tier
from members.testing import OPENING, give_points, make_program, points_of
from rewards import catalogue, granting, redemption
from rewards.models import Redemption, Reward, RewardPrice, StoreStock
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENING + timedelta(days=3)


def redeem(member, reward, reference="r1", at=LATER, **more):
    return redemption.redeem(member, reward, at=at, reference=reference, source="test", actor="test", **more)


def refused(code, member, reward, *, at=LATER, store=None, **numbers):
    """Catalogue and redemption refuse with this code and these numbers, and nothing moved."""
    kept = list(StoreStock.objects.values_list("taken"))
    before = (Entry.objects.count(), points_of(member, at=at), Reward.objects.get(pk=reward.pk).taken, kept)
    with pytest.raises(redemption.Refusal) as refusal:
        redeem(member, reward, at=at, reference="refused", store=store)
    assert (refusal.value.code, numbers.items() <= refusal.value.numbers.items()) == (code, True), refusal.value.numbers
    if store is None and code != "store_needed":
        assert catalogue.offer(member, reward, at=at).refusal.code == code
    kept = list(StoreStock.objects.values_list("taken"))
    assert (Entry.objects.count(), points_of(member, at=at), Reward.objects.get(pk=reward.pk).taken, kept) == before
    assert not Redemption.objects.filter(reference="refused").exists()


def promote(member):
    """Silver from now on."""
    Member.objects.filter(pk=member.pk).update(tier=Tier.objects.get(slug="silver"))
    member.refresh_from_db()


def day_of(at):
    return local_day(at, "Asia/Jakarta").isoformat()


def test_a_member_pays_the_lowest_price_that_holds_for_them(program, ani):
    give_points(ani, 1000)
    promote(ani)
    reward = make_reward(program, cost=300)
    RewardPrice.objects.create(reward=reward, cost=200, tier=Tier.objects.get(slug="silver"))
    RewardPrice.objects.create(reward=reward, cost=250)
    RewardPrice.objects.create(reward=reward, cost=50, tier=Tier.objects.get(slug="gold"))
    shown = catalogue.offer(ani, reward, at=LATER)
    assert (shown.cost, shown.price.regular, shown.price.is_reduced) == (200, 300, True)
    made = redeem(ani, reward)
    assert (made.cost, points_of(ani, at=LATER), made.entry.explanation["cost"]) == (200, 800, 200)


@pytest.mark.parametrize(
    ("price", "cost"),
    [
        ({"since": LATER, "until": LATER + timedelta(days=1)}, 100),
        ({"since": LATER + timedelta(seconds=1)}, 300),
        ({"until": LATER}, 300),
        ({"season_from": "12-20", "season_until": "01-04"}, 100),
        ({"season_from": "12-20", "season_until": "01-03"}, 300),
        ({"season_from": "01-04", "season_until": "01-04"}, 100),
    ],
)
def test_a_price_of_a_time_or_a_season_holds_in_the_program_clock(program, ani, price, cost):
    reward = make_reward(program, cost=300)
    RewardPrice.objects.create(reward=reward, cost=100, **price)
    assert catalogue.offer(ani, reward, at=LATER).cost == cost


def test_a_missing_amount_is_told_of_the_members_own_price(program, ani):
    give_points(ani, 150)
    reward = make_reward(program, cost=300)
    RewardPrice.objects.create(reward=reward, cost=200)
    refused("insufficient_points", ani, reward, missing=50, available=150)


def test_points_plus_money_keeps_the_money_to_pay_at_the_till(program, ani, budi):
    give_points(ani, 500)
    reward = make_reward(program, cost=300, money=Decimal("5.00"))
    shop = Shop(program)
    made = shop.post(f"/members/{ani.number}/redemptions", {"reward": "latte", "reference": "o-1"}).json()
    assert (made["cost"], made["to_pay"]) == (300, "5.00")
    assert Redemption.objects.get().to_pay == Decimal("5.00")
    assert shop.get(f"/members/{budi.number}/rewards").json()["rewards"][0]["money"] == "5.00"
    assert reward.money == Decimal("5.00")


SUNDAY = datetime(2026, 2, 1, 5, tzinfo=UTC)  # 12:00 in Jakarta, the last day of its week and the first of its month


@pytest.mark.parametrize(
    ("period", "again", "still"),
    [
        ("day", datetime(2026, 2, 1, 17, tzinfo=UTC), datetime(2026, 2, 1, 16, 59, tzinfo=UTC)),
        ("week", datetime(2026, 2, 1, 17, tzinfo=UTC), datetime(2026, 2, 1, 16, 59, tzinfo=UTC)),
        ("month", datetime(2026, 2, 28, 17, tzinfo=UTC), datetime(2026, 2, 28, 16, 59, tzinfo=UTC)),
        ("year", datetime(2026, 12, 31, 17, tzinfo=UTC), datetime(2026, 12, 31, 16, 59, tzinfo=UTC)),
    ],
)
def test_a_limit_per_period_ends_with_the_period_of_the_program_clock(program, ani, period, again, still):
    give_points(ani, 1000)
    reward = make_reward(program, cost=10, **{f"limit_per_{period}": 2})
    redeem(ani, reward, "a", SUNDAY)
    second = redeem(ani, reward, "b", SUNDAY)
    refused("limit_reached", ani, reward, at=still, limit=2, period=period, again_on=day_of(again))
    redemption.cancel(second, at=SUNDAY, actor="test", by_member=True)
    redeem(ani, reward, "c", still)
    redeem(ani, reward, "d", again)


def test_a_pause_is_kept_to_the_second(program, ani):
    give_points(ani, 100)
    reward = make_reward(program, cost=10, cooldown_days=7)
    redeem(ani, reward, "a")
    end = LATER + timedelta(days=7)
    refused("cooling_down", ani, reward, at=end - timedelta(seconds=1), again_at=end.isoformat(), days=7)
    redeem(ani, reward, "b", end)


def test_a_reward_for_longer_standing_members_opens_on_a_day_of_the_program_clock(program, ani):
    give_points(ani, 100)
    reward = make_reward(program, cost=10, minimum_member_days=30)
    opens = datetime(2026, 1, 30, 17, tzinfo=UTC)  # 00:00 of 31 January in Jakarta
    refused("member_too_new", ani, reward, at=opens - timedelta(seconds=1), again_on="2026-01-31")
    redeem(ani, reward, at=opens)


def test_a_reward_of_a_season_comes_every_year(program, ani):
    give_points(ani, 100)
    reward = make_reward(program, cost=10, season_from="02-10", season_until="02-20")
    refused("not_offered", ani, reward, season_from="02-10", season_until="02-20")
    redeem(ani, reward, at=datetime(2026, 2, 20, 16, 59, tzinfo=UTC))
    refused("not_offered", ani, reward, at=datetime(2026, 2, 20, 17, tzinfo=UTC))


def test_a_tier_has_a_reward_days_before_the_others(program, ani, budi):
    Tier.objects.filter(slug="silver").update(early_access_days=2)
    reward = make_reward(program, cost=10, offered_from=LATER + timedelta(days=2))
    give_points(ani, 100)
    give_points(budi, 100)
    promote(ani)
    redeem(ani, reward)
    refused("not_offered", budi, reward)


@pytest.fixture
def stores(program):
    made = [Store.objects.create(program=program, code=code, name=code.title()) for code in ("kota", "braga")]
    reward = make_reward(program, cost=10)
    for store, stock in zip(made, (1, 5), strict=True):
        StoreStock.objects.create(reward=reward, store=store, stock=stock)
    return made


def test_a_reward_that_stores_keep_is_taken_from_the_chosen_store(program, ani, stores):
    give_points(ani, 100)
    kota, braga = stores
    reward = Reward.objects.get()
    assert catalogue.offer(ani, reward, at=LATER).left == 6
    refused("store_needed", ani, reward, stores=["kota", "braga"])
    made = redeem(ani, reward, store=kota)
    assert redeem(ani, reward, store=kota) == made
    with pytest.raises(redemption.ReferenceConflict):
        redeem(ani, reward, store=braga)
    refused("out_of_stock", ani, reward, store=kota, left=0)
    assert (made.store, StoreStock.objects.get(store=kota).taken, Reward.objects.get().taken) == (kota, 1, 1)
    redemption.cancel(made, at=LATER, actor="test", by_member=True)
    assert (StoreStock.objects.get(store=kota).taken, Reward.objects.get().taken) == (0, 0)


def test_a_store_that_keeps_none_of_it_is_refused(program, ani, stores):
    give_points(ani, 100)
    foreign = Store.objects.create(program=make_program("teh"), code="kota", name="Kota")
    refused("store_unknown", ani, Reward.objects.get(), store=foreign)


def test_a_store_is_chosen_over_the_api(program, ani, stores):
    give_points(ani, 100)
    shop = Shop(program)
    offer = shop.get(f"/members/{ani.number}/rewards").json()["rewards"][0]
    assert offer["stores"] == [{"store": "kota", "left": 1}, {"store": "braga", "left": 5}]
    address = f"/members/{ani.number}/redemptions"
    assert shop.post(address, {"reward": "latte", "reference": "a"}).json()["code"] == "store_needed"
    assert shop.post(address, {"reward": "latte", "reference": "a", "store": "moon"}).json()["code"] == "store_unknown"
    made = shop.post(address, {"reward": "latte", "reference": "a", "store": "braga"})
    assert (made.status_code, made.json()["store"]) == (201, "braga")


def test_a_prize_that_stores_keep_is_collected_where_most_is_left(program, ani, stores):
    made = granting.grant(ani, Reward.objects.get(), at=LATER, reference="prize", actor="test")
    assert (made.store.code, StoreStock.objects.get(store=stores[1]).taken) == ("braga", 1)
