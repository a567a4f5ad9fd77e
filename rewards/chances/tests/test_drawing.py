"""A number from a pool: drawn by the seed, given at once, within its pieces, and proved by everybody."""

from collections import Counter
from datetime import timedelta
from fractions import Fraction

import pytest
from django.db import IntegrityError, transaction

from loyalty.ledger.models import Entry, Wallet
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from members.testing import OPENING, give_points, make_member, points_of
from rewards import granting, redemption
from rewards.chances import proof, publishing
from rewards.chances.terms import PoolChanged, PoolClosed, PoolRefused, odds, prizes_of
from rewards.chances.testing import KNOWN_SEED, expected, make_pool, make_surprise
from rewards.draws import fair
from rewards.models import PoolDraw, PoolPrize, PoolPromise, PrizePool, Redemption, Reward
from rewards.stocks import OutOfStock
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENING + timedelta(days=3)


def redeem(member, reward, reference="r1", at=LATER):
    return redemption.redeem(member, reward, at=at, reference=reference, source="test", actor="test")


def place_of(drawn):
    return 0 if drawn.prize is None else drawn.prize.position


# --- the arithmetic -------------------------------------------------------------------------------------------------
def test_a_lot_follows_from_the_seed_and_the_number_as_computed_by_hand():
    weights, seed = [3, 1], KNOWN_SEED
    for number in range(1, 200):
        rest = int(fair.keyed(seed, str(number)), 16) % 4
        assert fair.lot(seed, number, weights) == (0 if rest < 3 else 1)
        rest = int(fair.keyed(seed, str(number)), 16) % 20
        assert fair.lot(seed, number, weights, one_in=5) == (0 if rest < 3 else 1 if rest == 3 else None)
        won = fair.lot(seed, number, weights, one_in=5, is_counted=True)
        assert (won is not None) == (int(fair.keyed(seed, f"block {(number + 4) // 5}"), 16) % 5 == (number - 1) % 5)


def test_one_in_so_many_wins_however_many_lots_are_out():
    for weights in ([3, 1], [0, 1], [3, 0]):
        wins = Counter(fair.lot(KNOWN_SEED, number, weights, one_in=10) for number in range(1, 20_001))
        assert 1_800 < 20_000 - wins[None] < 2_200
        assert set(wins) == {None, *(place for place, weight in enumerate(weights) if weight)}


def test_published_odds_are_those_that_are_drawn(program):
    pool = make_pool(program, one_in=2)
    prizes = prizes_of(pool)
    assert odds(pool, prizes) == [Fraction(3, 8), Fraction(1, 8)]
    assert odds(pool, prizes, {1}) == [0, Fraction(1, 2)]
    assert odds(pool, prizes, {1, 2}) == [0, 0]
    drawn = Counter(fair.lot(KNOWN_SEED, number, [3, 1], one_in=2) for number in range(1, 8_001))
    assert 2_800 < drawn[0] < 3_200
    assert 850 < drawn[1] < 1_150


# --- drawing --------------------------------------------------------------------------------------------------------
def test_numbers_draw_what_their_seed_says_and_points_come_at_once(program, ani):
    pool = make_pool(program)
    reward, won = make_surprise(pool), 0
    give_points(ani, 100)
    for number in range(1, 6):
        made = redeem(ani, reward, f"r{number}")
        drawn = made.pool_draw
        assert (drawn.number, place_of(drawn)) == (number, expected(pool, number))
        won += drawn.prize.points
        assert made.status == "used"
    assert points_of(ani, at=LATER) == 100 - 50 + won
    assert redeem(ani, reward, "r3").pool_draw.number == 3
    assert PoolDraw.objects.count() == 5
    assert Entry.objects.filter(source="draw").count() == 5
    pool.refresh_from_db()
    assert pool.numbers == 5
    assert proof.check(pool) == []


def test_a_reward_that_is_won_is_a_voucher_like_any_other(program, ani):
    latte = make_reward(program)
    pool = make_pool(program, {"reward": latte})
    give_points(ani, 10)
    made = redeem(ani, make_surprise(pool))
    won = made.pool_draw.redemption
    assert (won.reward, won.cost, won.status, won.member) == (latte, 0, "issued", ani)
    assert (Reward.objects.get(pk=latte.pk).taken, Reward.objects.get(kind="mystery").taken) == (1, 1)
    _subject, text, _html = render(Message.objects.get(kind="redeemed"))
    assert "Prize 1" in text
    with pytest.raises(redemption.RedemptionUsed):
        redemption.cancel(made, at=LATER, actor="t", by_member=True)


def test_a_store_credit_can_be_won(program, ani):
    purse = Wallet.objects.create(program=program, slug="credit", unit="cent", units="cents")
    ayu = make_member(program, "Ayu")
    credit = make_reward(program, "credit", kind="credit", credit_wallet=purse, credit=7)
    give_points(ayu, 10)
    made = redeem(ayu, make_surprise(make_pool(program, {"reward": credit})))
    assert made.pool_draw.redemption.status == "used"
    assert Entry.objects.get(account__wallet=purse).amount == 7


def test_an_instant_win_by_counting_wins_once_in_every_block_of_n_numbers(program, ani):
    pool = make_pool(program, {"points": 30}, one_in=3, is_counted=True)
    reward = make_surprise(pool)
    give_points(ani, 100)
    won = [redeem(ani, reward, f"r{number}").pool_draw.prize is not None for number in range(1, 10)]
    assert won == [expected(pool, number) == 1 for number in range(1, 10)]
    assert [sum(won[start : start + 3]) for start in (0, 3, 6)] == [1, 1, 1]
    assert points_of(ani, at=LATER) == 100 - 90 + 90
    assert proof.check(PrizePool.objects.get()) == []


def test_pieces_that_are_gone_weigh_nothing_any_more(program, ani):
    pool = make_pool(program, {"points": 5, "weight": 1000, "pieces": 2}, {"points": 50})
    reward = make_surprise(pool)
    give_points(ani, 100)
    outs = []
    for number in range(1, 5):
        drawn = redeem(ani, reward, f"r{number}").pool_draw
        gone = tuple(drawn.out)
        assert place_of(drawn) == expected(pool, number, gone=gone)
        outs.append(gone)
    assert PoolPrize.objects.get(position=1).given <= 2
    assert outs[-1] == ((1,) if PoolPrize.objects.get(position=1).given == 2 else ())
    assert proof.check(PrizePool.objects.get()) == []


def test_what_a_reward_has_no_more_of_is_drawn_among_the_others(program, ani):
    gone = make_reward(program, stock=1, taken=1)
    pool = make_pool(program, {"reward": gone, "weight": 1000}, {"points": 1})
    give_points(ani, 10)
    drawn = redeem(ani, make_surprise(pool)).pool_draw
    assert (drawn.out, place_of(drawn)) == ([1], 2)


def test_a_prize_that_cannot_be_given_to_this_member_is_drawn_again(program, ani):
    other = Wallet.objects.create(program=program, slug="credit", unit="cent", units="cents")
    credit = make_reward(program, "credit", kind="credit", credit_wallet=other, credit=7)  # ani came before that wallet
    pool = make_pool(program, {"reward": credit, "weight": 1000}, {"points": 1})
    give_points(ani, 10)
    drawn = redeem(ani, make_surprise(pool)).pool_draw
    assert place_of(drawn) == expected(pool, 1, gone=tuple(drawn.out))
    assert Redemption.objects.count() == (1 if place_of(drawn) == 2 else 2)
    assert proof.check(PrizePool.objects.get()) == []


def test_with_every_prize_out_nothing_is_drawn_and_no_points_are_taken(program, ani):
    pool = make_pool(program, {"points": 5, "pieces": 1})
    reward = make_surprise(pool)
    give_points(ani, 100)
    redeem(ani, reward)
    with pytest.raises(OutOfStock):
        redeem(ani, reward, "r2")
    assert (points_of(ani, at=LATER), PoolDraw.objects.count(), Redemption.objects.count()) == (95, 1, 1)


def test_a_prize_by_chance_can_be_given_for_nothing(program, ani):
    pool = make_pool(program)
    reward = make_surprise(pool)
    made = granting.grant(ani, reward, at=LATER, reference="g", actor="t")
    assert granting.grant(ani, reward, at=LATER, reference="g", actor="t") == made
    assert (made.status, made.pool_draw.number, PoolDraw.objects.count()) == ("used", 1, 1)


# --- promise and seed -----------------------------------------------------------------------------------------------
def test_a_pool_is_published_once_with_a_prize_and_its_seed_lies_sealed(program):
    pool = PrizePool.objects.create(program=program, slug="p", name="P", summary="S")
    with pytest.raises(PoolRefused, match="no prize"):
        publishing.publish(pool, at=OPENING, actor="t")
    pool.prizes.create(name="One", points=1)
    promise = publishing.publish(pool, at=OPENING, actor="t")
    with pytest.raises(PoolChanged):
        publishing.publish(pool, at=OPENING, actor="t")
    pool.refresh_from_db()
    assert (pool.status, len(promise.seed_digest), PoolPromise.objects.count()) == ("open", 64, 1)
    assert proof.record_of(pool)["seed"] == ""
    assert promise.sealed_seed not in str(proof.record_of(pool))


def test_closing_shows_the_seed_and_nothing_is_drawn_any_more(program, ani):
    pool = make_pool(program)
    reward = make_surprise(pool)
    give_points(ani, 100)
    redeem(ani, reward)
    made = publishing.close(pool, at=LATER, actor="t")
    assert (fair.digest_of(made.seed), made.numbers) == (pool.promise.seed_digest, 1)
    with pytest.raises(PoolChanged):
        publishing.close(pool, at=LATER, actor="t")
    with pytest.raises(PoolClosed):
        redeem(ani, Reward.objects.get(pk=reward.pk), "r2")
    assert PoolDraw.objects.count() == 1
    assert proof.check(PrizePool.objects.get()) == []


def test_a_record_that_was_altered_is_found(program):
    pool = make_pool(program)
    reward = make_surprise(pool)
    for number in range(4):
        member = make_member(program, f"m{number}")
        give_points(member, 10)
        redeem(member, reward, f"r{number}")
    publishing.close(pool, at=LATER, actor="t")
    record = proof.record_of(PrizePool.objects.get())
    assert proof.problems(record) == []
    number, place, out = record["draws"][1]
    assert proof.problems(record | {"seed": "0" * 64})
    assert proof.problems(record | {"draws": [record["draws"][0], [number, 3 - place, out], *record["draws"][2:]]})
    assert proof.problems(record | {"draws": record["draws"][1:]})
    assert proof.problems(record | {"pool": {"one_in": 1}}) == ["The record is damaged: 'prizes'."]
    for wrong in ({"seed": 5}, {"pool": record["pool"] | {"one_in": 0, "is_counted": True}}):
        assert proof.problems(record | wrong)[0].startswith("The record is damaged")
    assert proof.problems([]) == ["This is not the record of a pool of prizes."]
    PoolPrize.objects.filter(position=1).update(weight=7)
    assert proof.check(PrizePool.objects.get()) == ["The odds are not those that were published."]


def test_an_open_pool_is_computed_again_with_its_sealed_seed(program, ani, monkeypatch):
    pool = make_pool(program)
    give_points(ani, 10)
    drawn = redeem(ani, make_surprise(pool)).pool_draw
    assert proof.check(PrizePool.objects.get()) == []
    others = (fair.digest_of(str(number)) for number in range(99))
    other = next(seed for seed in others if fair.lot(seed, 1, [3, 1]) != place_of(drawn) - 1)
    monkeypatch.setattr(proof, "opened", lambda *_args, **_more: other)
    wrong = proof.check(PrizePool.objects.get())
    assert any(line.startswith("Number 1 drew prize") for line in wrong)
    assert "The sealed seed is not the one whose digest was published." in wrong


def test_the_database_keeps_chances_with_their_kinds_and_pieces(program):
    pool = make_pool(program, {"points": 1, "pieces": 1})
    for wrong in ({"kind": "mystery"}, {"kind": "product", "prize_pool": pool}):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_reward(program, "x", **wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        PoolPrize.objects.update(given=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        PoolPrize.objects.update(weight=0)
