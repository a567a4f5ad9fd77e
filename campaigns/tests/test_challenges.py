"""Challenges end to end: progress by purchases, events and refunds, prizes given and taken back, in any order."""

from datetime import timedelta
from itertools import permutations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import purchases
from campaigns.challenges import publishing
from campaigns.models import ChallengeEntry, ChallengeProgress, Prize
from campaigns.tests.games import card, start
from campaigns.tests.shop import buy, give_back, open_shop, sale
from loyalty.mail.models import Message
from members.testing import OPENING, make_member, points_of
from rewards import vouchers
from rewards.models import Redemption
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
DAY = timedelta(days=1)


@pytest.fixture
def shop(program):
    return open_shop(program)


def prizes(member) -> list[tuple[str, str, int]]:
    return [(one.key, one.status, one.points) for one in Prize.objects.filter(member=member).order_by("pk")]


def count(member) -> int:
    return int(ChallengeProgress.objects.get(member=member).count)


def event(member, kind, at, key):
    return purchases.record_event(
        member.program, member, kind=kind, source="test", key=key, occurred_at=at, at=at, actor="test"
    )


def test_every_third_purchase_gives_points_in_the_same_transaction(shop, ani):
    start(shop, "stamps", card("3"))
    for day in range(7):
        buy(ani, "10", OPENING + day * DAY)
    assert prizes(ani) == [("#1", "given", 50), ("#2", "given", 50)]
    assert count(ani) == 1
    assert points_of(ani, at=OPENING + 7 * DAY) == 70 + 100
    assert Message.objects.filter(kind="challenge_done").count() == 2


def test_a_receipt_told_twice_is_one_stamp(shop, ani):
    start(shop, "stamps", card("2"))
    for _ in range(3):
        buy(ani, "10", OPENING, receipt="R1")
    assert (count(ani), prizes(ani)) == (1, [])


def test_what_was_done_before_the_challenge_went_live_does_not_count(shop, ani):
    start(shop, "stamps", card("1"), at=OPENING + DAY)
    buy(ani, "10", OPENING, recorded_at=OPENING + 2 * DAY)
    assert not ChallengeProgress.objects.exists()


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_any_order_of_arrival_gives_the_same_progress_and_prizes(shop, ani, order):
    start(shop, "stamps", card("3"))
    start(shop, "weeks", card("2", per="week", points="7"), kind="streak")
    late = OPENING + 30 * DAY
    for number in order:
        if number == 3:
            bought = buy(ani, "12", OPENING + 9 * DAY, receipt="back", recorded_at=late)
            give_back(bought.purchase, OPENING + 10 * DAY, "12", recorded_at=late)
        else:
            buy(ani, "10", OPENING + 7 * number * DAY, receipt=f"R{number}", recorded_at=late)
    rows = {row.challenge.slug: int(row.count) for row in ChallengeProgress.objects.select_related("challenge")}
    standing = Prize.objects.filter(status="given").order_by("challenge__slug", "key")
    assert [(p.challenge.slug, p.key, p.points) for p in standing] == [("stamps", "#1", 50), ("weeks", "#1", 7)]
    assert rows == {"stamps": 0, "weeks": 0}
    assert points_of(ani, at=late) == 30 + 57


def test_a_refund_takes_the_stamp_and_the_prize_back_and_the_member_is_told(shop, ani):
    start(shop, "stamps", card("2"))
    buy(ani, "10", OPENING)
    second = buy(ani, "20", OPENING + DAY)
    assert points_of(ani, at=OPENING + DAY) == 80
    give_back(second.purchase, OPENING + 2 * DAY, "20")
    assert (prizes(ani), count(ani)) == ([("#1", "back", 50)], 1)
    assert points_of(ani, at=OPENING + 2 * DAY) == 10
    assert Message.objects.filter(kind="challenge_back").count() == 1
    buy(ani, "5", OPENING + 3 * DAY)
    assert (prizes(ani), count(ani)) == ([("#1", "given", 50)], 0)
    assert points_of(ani, at=OPENING + 3 * DAY) == 65


def test_a_part_that_comes_back_takes_the_stamp_only_when_what_is_kept_is_too_little(shop, ani):
    start(shop, "stamps", card("5", conditions={"activity": "purchase", "minimum": "10"}))
    bought = buy(ani, "20", OPENING)
    give_back(bought.purchase, OPENING + DAY, "5")
    assert count(ani) == 1
    give_back(bought.purchase, OPENING + 2 * DAY, "6")
    assert count(ani) == 0


def test_an_unused_voucher_is_cancelled_with_its_prize_and_a_used_one_stands(shop, ani, budi):
    latte = make_reward(shop, stock=5)
    start(shop, "stamps", card("1", repeats=False, prize={"reward": "latte", "badge": True}))
    hers, his = buy(ani, "10", OPENING), buy(budi, "10", OPENING)
    won = Redemption.objects.get(member=budi)
    vouchers.use(won.voucher, at=OPENING + DAY, till="1", receipt="V", actor="test")
    give_back(hers.purchase, OPENING + 2 * DAY, "10")
    give_back(his.purchase, OPENING + 2 * DAY, "10")
    latte.refresh_from_db()
    assert (prizes(ani), Redemption.objects.get(member=ani).status) == ([("#1", "back", 0)], "cancelled")
    assert (prizes(budi), Redemption.objects.get(member=budi).status) == ([("#1", "stands", 0)], "used")
    assert latte.taken == 1
    buy(budi, "10", OPENING + 3 * DAY)
    assert prizes(budi) == [("#1", "given", 0)]
    assert Redemption.objects.filter(member=budi).count() == 1


def test_a_reward_that_is_not_there_is_owed_and_given_later(shop, ani):
    from campaigns.challenges import prizes as giving

    latte = make_reward(shop, stock=0)
    start(shop, "stamps", card("1", repeats=False, prize={"reward": "latte"}))
    buy(ani, "10", OPENING)
    prize = Prize.objects.get()
    assert (prize.owed, prize.redemption) == ("out_of_stock", None)
    latte.stock = 1
    latte.save()
    prize = giving.give_owed(prize, at=OPENING + DAY, actor="test")
    assert (prize.owed, prize.redemption.status) == ("", "issued")


def test_events_of_a_kind_count_and_nothing_else_does(shop, ani):
    start(shop, "reviews", card("2", conditions={"activity": "review"}, per="month", repeats=False))
    buy(ani, "10", OPENING)
    for number in range(3):
        event(ani, "review", OPENING + number * DAY, f"r{number}")
    event(ani, "visit", OPENING, "v")
    assert prizes(ani) == [("2026-01-01#1", "given", 50)]


def test_only_the_tier_at_the_time_counts(shop, ani):
    start(shop, "silver", card("1", conditions={"activity": "purchase", "tiers": ["silver"]}))
    buy(ani, "1500", OPENING)
    buy(ani, "10", OPENING + DAY)
    assert prizes(ani) == [("#1", "given", 50)]


def test_who_read_the_language_when_they_began_keeps_what_was_achieved(shop, ani):
    start(shop, "english", card("2", conditions={"activity": "purchase", "languages": ["en"]}))
    buy(ani, "10", OPENING)
    ani.language = "id"
    ani.save()
    buy(ani, "10", OPENING + DAY)
    assert prizes(ani) == [("#1", "given", 50)]


def test_a_new_version_counts_from_now_on_and_what_was_achieved_stays(shop, ani):
    challenge = start(shop, "stamps", card("2"))
    for day in range(3):
        buy(ani, "10", OPENING + day * DAY)
    publishing.publish(challenge, card("3", points="90"), at=OPENING + 3 * DAY, actor="test")
    for day in range(4, 6):
        buy(ani, "10", OPENING + day * DAY)
    assert prizes(ani) == [("#1", "given", 50), ("#2", "given", 90)]


def test_what_happens_in_a_pause_and_after_the_end_does_not_count(shop, ani):
    challenge = start(shop, "stamps", card("10"))
    buy(ani, "10", OPENING)
    challenge = publishing.pause(challenge, at=OPENING + DAY, actor="test")
    buy(ani, "10", OPENING + 2 * DAY)
    challenge = publishing.resume(challenge, at=OPENING + 3 * DAY, actor="test")
    buy(ani, "10", OPENING + 4 * DAY)
    publishing.end(challenge, at=OPENING + 5 * DAY, actor="test")
    buy(ani, "10", OPENING + 6 * DAY)
    assert count(ani) == 2


def test_every_third_entry_wins_whoever_it_is_and_a_refund_voids_it(shop, ani, budi):
    start(shop, "wheel", card("3"), kind="instant")
    for day in range(3):
        buy(ani, "10", OPENING + day * DAY)
        last = buy(budi, "10", OPENING + day * DAY, receipt=f"b{day}")
    wins = ChallengeEntry.objects.filter(is_win=True).order_by("number")
    assert [(one.number, one.member) for one in wins] == [(3, ani), (6, budi)]
    give_back(last.purchase, OPENING + 4 * DAY, "10")
    assert (prizes(ani), prizes(budi)) == ([("entry:3", "given", 50)], [("entry:6", "back", 50)])
    buy(ani, "10", OPENING + 5 * DAY)
    assert ChallengeEntry.objects.order_by("-number").first().number == 7


def test_the_nth_buyer_of_each_day_wins(shop, ani, budi):
    start(shop, "second", card("2", draw="daily"), kind="instant")
    for day in range(2):
        buy(ani, "10", OPENING + day * DAY)
        buy(budi, "10", OPENING + day * DAY + timedelta(hours=1))
        buy(ani, "11", OPENING + day * DAY + timedelta(hours=2))
    assert (prizes(ani), len(prizes(budi))) == ([], 2)


def test_winners_by_chance_can_be_recomputed_from_the_seed_whose_digest_was_shown(shop, ani):
    from rewards.draws.fair import digest_of, drawn

    challenge = start(shop, "luck", card("3", draw="chance"), kind="instant")
    assert (challenge.shown_seed(at=OPENING), challenge.seed_digest) == ("", digest_of(challenge.seed))
    purchases.record_many(
        shop, [sale(ani, "10", OPENING, receipt=f"R{n}") for n in range(30)], at=OPENING, actor="test"
    )
    ended = publishing.end(challenge, at=OPENING + DAY, actor="test")
    seed = ended.shown_seed(at=OPENING + DAY)
    won = {row.number for row in ChallengeEntry.objects.filter(is_win=True)}
    assert won == {number for number in range(1, 31) if drawn(seed, number, 3)}
    assert len(prizes(ani)) == len(won)


def test_without_a_running_challenge_a_batch_asks_one_query_more_and_with_some_a_constant_number(shop):
    people = [make_member(shop, f"M{number}") for number in range(40)]

    def statements(day: int, members: list) -> int:
        sales = [sale(member, "10", OPENING + day * DAY) for member in members]
        with CaptureQueriesContext(connection) as caught:
            purchases.record_many(shop, sales, at=OPENING + day * DAY, actor="test")
        asked = [query["sql"] for query in caught.captured_queries]
        return len([sql for sql in asked if "campaigns_challenge" in sql and not sql.startswith("INSERT")]) * 1000 + len(asked)  # fmt: skip

    assert statements(0, people[:20]) // 1000 == 1
    start(shop, "stamps", card("1"), at=OPENING + DAY)
    start(shop, "weeks", card("9", per="week"), kind="streak", at=OPENING + DAY)
    start(shop, "wheel", card("3"), kind="instant", at=OPENING + DAY)
    statements(2, people)  # everybody has begun
    few, many = statements(3, people[:5]), statements(4, people)
    assert few == many
