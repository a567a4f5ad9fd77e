"""Points become rewards, and cancelled rewards become points again."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.ledger.models import Allocation, Entry, Lot
from loyalty.mail.models import Message
from members.models import Member, Tier
from members.testing import OPENING, give_points, make_member, make_program, points_of
from rewards import redemption, vouchers
from rewards.accounts import NoAccount
from rewards.models import Redemption, Reward
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENING + timedelta(days=3)


def redeem(member, reward, reference="r1", at=LATER):
    return redemption.redeem(member, reward, at=at, reference=reference, source="test", actor="test")


def refused(code, member, reward, *, at=LATER, **numbers):
    """The redemption is refused with this code and these numbers, and nothing moved."""
    before = (Entry.objects.count(), points_of(member, at=at), Reward.objects.get(pk=reward.pk).taken)
    with pytest.raises(redemption.Refusal) as refusal:
        redeem(member, reward, at=at, reference="refused")
    assert refusal.value.code == code
    assert numbers.items() <= refusal.value.numbers.items()
    assert str(refusal.value)
    assert (Entry.objects.count(), points_of(member, at=at), Reward.objects.get(pk=reward.pk).taken) == before
    assert not Redemption.objects.filter(reference="refused").exists()


def test_a_redemption_takes_the_points_and_the_stock_and_issues_a_voucher(program, ani):
    give_points(ani, 250)
    reward = make_reward(program, cost=100, stock=5, voucher_days=30)
    made = redeem(ani, reward)
    assert points_of(ani, at=LATER) == 150
    assert (made.status, made.cost, made.entry.amount) == ("issued", 100, -100)
    assert Reward.objects.get().taken == 1
    assert len(made.voucher.code) == 17
    # Day 4 of January plus 30 days is the last valid day; the end is the midnight after it, in Jakarta.
    assert made.voucher.expires_at.isoformat() == "2026-02-03T17:00:00+00:00"


def test_the_member_is_written_to_in_their_language(program, budi):
    give_points(budi, 250)
    made = redeem(budi, make_reward(program))
    letter = Message.objects.get()
    assert (letter.kind, letter.recipient, letter.language) == ("redeemed", budi.number, "id")
    assert letter.context["reward"] == "Latte gratis"
    assert letter.context["code"] == made.voucher.shown_code
    assert letter.context["balance"] == "150 poin"


def test_a_retry_gets_the_first_redemption_even_when_the_points_and_the_stock_are_gone(program, ani):
    give_points(ani, 100)
    reward = make_reward(program, cost=100, stock=1, limit_per_member=1)
    first = redeem(ani, reward)
    assert redeem(ani, reward) == first
    assert Redemption.objects.count() == 1
    assert points_of(ani, at=LATER) == 0
    assert Message.objects.count() == 1


def test_a_reference_stands_for_one_member_and_one_reward(program, ani, budi):
    give_points(ani, 300)
    give_points(budi, 300)
    reward, other = make_reward(program), make_reward(program, "tea")
    redeem(ani, reward)
    with pytest.raises(redemption.ReferenceConflict):
        redeem(budi, reward)
    with pytest.raises(redemption.ReferenceConflict):
        redeem(ani, other)
    assert points_of(budi, at=LATER) == 300


def test_the_same_reference_may_live_in_two_programs(program, ani):
    other = make_program("other")
    siti = make_member(other, "Siti")
    give_points(ani, 100)
    give_points(siti, 100)
    assert redeem(ani, make_reward(program)) != redeem(siti, make_reward(other))


def test_too_few_points_are_told_with_the_number_missing(program, ani):
    give_points(ani, 30)
    refused("insufficient_points", ani, make_reward(program, cost=100), missing=70, available=30)


def test_expired_points_do_not_buy_anything_even_before_the_sweep(program, ani):
    give_points(ani, 100)
    refused("insufficient_points", ani, make_reward(program), at=OPENING + timedelta(days=400), missing=100)


def test_a_sold_out_reward_is_refused(program, ani):
    give_points(ani, 100)
    refused("out_of_stock", ani, make_reward(program, stock=0))


def test_a_reward_is_offered_within_its_dates_only(program, ani):
    give_points(ani, 100)
    coming = make_reward(program, offered_from=LATER + timedelta(seconds=1))
    over = make_reward(program, "over", offered_until=LATER)
    off = make_reward(program, "off", is_active=False)
    refused("not_offered", ani, coming, offered_from=coming.offered_from.isoformat())
    refused("not_offered", ani, over, offered_until=LATER.isoformat())
    refused("not_offered", ani, off)


def test_a_reward_of_another_program_is_not_offered(program, ani):
    other = make_reward(make_program("other"))
    give_points(ani, 100)
    with pytest.raises(NoAccount):
        redeem(ani, other)


def test_a_reward_for_a_higher_tier_names_that_tier(program, ani):
    give_points(ani, 100)
    refused("tier_too_low", ani, make_reward(program, minimum_tier=Tier.objects.get(slug="gold")), tier="gold")


def test_the_limit_per_member_counts_what_was_not_cancelled(program, ani, budi):
    give_points(ani, 300)
    give_points(budi, 300)
    reward = make_reward(program, limit_per_member=1)
    first = redeem(ani, reward)
    refused("limit_reached", ani, reward, limit=1)
    redeem(budi, reward, "for budi")
    redemption.cancel(first, at=LATER, actor="test", by_member=True)
    assert redeem(ani, reward, "again").status == "issued"


def test_a_closed_member_redeems_nothing(program, ani):
    give_points(ani, 100)
    Member.objects.filter(pk=ani.pk).update(status=Member.Status.CLOSED)
    refused("member_closed", ani, make_reward(program))


def test_cancelling_returns_points_stock_and_limit_and_kills_the_code(program, ani):
    give_points(ani, 60, reference="a")
    give_points(ani, 60, reference="b")
    reward = make_reward(program, stock=1, limit_per_member=1)
    made = redeem(ani, reward)
    ends = list(Lot.objects.order_by("id").values_list("id", "expires_at"))
    cancelled = redemption.cancel(made, at=LATER, actor="test", by_member=True)
    assert (cancelled.status, cancelled.reversal.amount) == ("cancelled", 100)
    assert list(Lot.objects.order_by("id").values_list("id", "expires_at")) == ends
    returned = Allocation.objects.filter(entry=cancelled.reversal).order_by("lot").values_list("amount", flat=True)
    assert list(returned) == [60, 40]
    assert points_of(ani, at=LATER) == 120
    assert Reward.objects.get().taken == 0
    with pytest.raises(vouchers.VoucherCancelled):
        vouchers.use(made.voucher, at=LATER, till="1", receipt="9", actor="test")


def test_cancelling_twice_gives_the_first_answer(program, ani):
    give_points(ani, 100)
    made = redeem(ani, make_reward(program, stock=3))
    first = redemption.cancel(made, at=LATER, actor="test", by_member=True)
    again = redemption.cancel(made, at=LATER + timedelta(days=1), actor="other", by_member=False)
    assert (again.reversal_id, again.ended_at, again.ended_by) == (first.reversal_id, LATER, "test")
    assert points_of(ani, at=LATER) == 100
    assert Reward.objects.get().taken == 0


@pytest.mark.parametrize(("by_member", "left"), [(True, 0), (False, 100)])
def test_points_that_expired_meanwhile_live_on_only_when_the_merchant_cancels(program, ani, by_member, left):
    give_points(ani, 100)
    ends = Lot.objects.get().expires_at
    made = redeem(ani, make_reward(program), at=ends - timedelta(days=2))
    after = ends + timedelta(days=1)
    redemption.cancel(made, at=after, actor="test", by_member=by_member)
    last = ends + timedelta(days=1 + 14 + 1)  # the end of the fourteenth day after the one of cancelling
    assert points_of(ani, at=after) == left
    assert points_of(ani, at=last - timedelta(seconds=1)) == left
    assert points_of(ani, at=last) == 0


def test_a_used_reward_cannot_be_cancelled(program, ani):
    give_points(ani, 100)
    made = redeem(ani, make_reward(program))
    vouchers.use(made.voucher, at=LATER, till="1", receipt="9", actor="test")
    with pytest.raises(redemption.RedemptionUsed):
        redemption.cancel(made, at=LATER, actor="test", by_member=False)
    assert points_of(ani, at=LATER) == 0


def test_an_expired_reward_cannot_be_cancelled_whether_or_not_the_job_ran(program, ani):
    give_points(ani, 200)
    reward = make_reward(program, voucher_days=1)
    made, marked = redeem(ani, reward), redeem(ani, reward, "r2")
    after = LATER + timedelta(days=5)
    with pytest.raises(redemption.RedemptionExpired):
        redemption.cancel(made, at=after, actor="test", by_member=False)
    vouchers.expire_due(program, at=after)
    with pytest.raises(redemption.RedemptionExpired):
        redemption.cancel(marked, at=after, actor="test", by_member=False)


def test_a_redemption_costs_the_same_number_of_queries_whatever_the_history(
    program, ani, django_assert_max_num_queries
):
    for number in range(30):
        give_points(ani, 10, reference=f"g{number}")
    reward = make_reward(program, cost=10, limit_per_member=99)
    for number in range(20):
        redeem(ani, reward, f"r{number}")
    with django_assert_max_num_queries(30):
        redeem(ani, reward, "last")


def test_locks_are_taken_in_one_order_account_then_lots_then_reward(program, ani):
    give_points(ani, 100)
    reward = make_reward(program, stock=1)
    with CaptureQueriesContext(connection) as redeeming:
        made = redeem(ani, reward)
    with CaptureQueriesContext(connection) as cancelling:
        redemption.cancel(made, at=LATER, actor="test", by_member=True)
    for queries in (redeeming, cancelling):
        touched = [_touched(query["sql"]) for query in queries]
        order = [table for index, table in enumerate(touched) if table and table not in touched[:index]]
        assert order == ["account", "lots", "reward"]


def _touched(sql: str) -> str:
    """Which of the contended rows a statement locks: the account when read first, the others when written."""
    if 'FROM "ledger_account"' in sql:
        return "account"
    written = re.search(r'UPDATE "(ledger_lot|rewards_reward)"', sql)
    return {"ledger_lot": "lots", "rewards_reward": "reward"}[written[1]] if written else ""
