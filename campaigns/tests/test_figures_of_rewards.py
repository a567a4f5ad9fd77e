"""The report on rewards equals what one counts by hand: what was redeemed, by whom, what it cost, how soon it was used, what nobody wants."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.figures import FIGURES, Reading, periods
from loyalty.desk import roles
from loyalty.tests.desk import staff_client
from members.models import Member, Tier
from members.segments.models import Segment, SegmentStay
from members.testing import OPENING, give_points
from members.tests.portal import words
from rewards import redemption, vouchers
from rewards.testing import make_reward

pytestmark = pytest.mark.django_db
NOW = OPENING + timedelta(days=75)
DAY = timedelta(days=1)
NAMES = ("rewards_redeemed", "redemptions_by_tier", "redemptions_by_segment", "rewards_unwanted")


def value(name, program, at=NOW):
    wallet = program.wallets.select_related("program").get(is_main=True)
    return FIGURES[name].function(Reading(program, wallet, periods(program, at=at)["month"], at))


def redeem(member, reward, reference, at):
    return redemption.redeem(member, reward, at=at, reference=reference, source="t", actor="t")


@pytest.fixture
def month(program, ani, budi):
    """Ani used a tote after two days and let a pin run out; Budi holds a tote and cancelled one."""
    since = periods(program, at=NOW)["month"].since
    for member in (ani, budi):
        give_points(member, 500, at=OPENING)
    tote = make_reward(program, "tote", cost=30, unit_cost=Decimal("1000"), name="Tote")
    pin = make_reward(program, "pin", cost=5, voucher_days=1, name="Pin")
    used = redeem(ani, tote, "a", since)
    vouchers.use(used.voucher, at=since + 2 * DAY, till="1", receipt="R", actor="t")
    redeem(ani, pin, "b", since)
    redeem(budi, tote, "c", since + DAY)
    redemption.cancel(redeem(budi, tote, "d", since + DAY), at=since + DAY, actor="t", by_member=True)
    redeem(budi, pin, "e", since - timedelta(microseconds=1))
    return tote, pin


def test_each_reward_tells_its_cost_margin_wait_and_what_ran_out(program, month):
    tote, pin = month
    assert value("rewards_redeemed", program) == [
        {
            "reward": tote, "redemptions": 2, "points": 60, "worth": Decimal("6000.00"), "cost": Decimal("2000.00"),
            "margin": Decimal("4000.00"), "days_to_use": Decimal("2.00"), "unused": 0, "unused_share": Decimal("0.0000"),
        },
        {
            "reward": pin, "redemptions": 1, "points": 5, "worth": Decimal("500.00"), "cost": Decimal("0.00"),
            "margin": Decimal("500.00"), "days_to_use": None, "unused": 1, "unused_share": Decimal("1.0000"),
        },
    ]  # fmt: skip


def test_what_is_marked_as_run_out_counts_like_what_is_only_past_its_end(program, month):
    before = value("rewards_redeemed", program)
    vouchers.expire_due(program, at=NOW)
    assert value("rewards_redeemed", program) == before


def test_who_redeems_is_told_by_tier_and_segment_and_never_by_name(program, ani, budi, month):
    silver = Tier.objects.get(program=program, slug="silver")
    Member.objects.filter(pk=budi.pk).update(tier=silver)
    by_tier = value("redemptions_by_tier", program)
    told = [(row["tier"].slug, row["members"], row["redemptions"], row["points"], row["share"]) for row in by_tier]
    assert told[-1] == ("silver", 1, 1, 30, Decimal("0.3333"))
    assert (sum(row["redemptions"] for row in by_tier), by_tier[0]["unused"]) == (3, 1)
    fans = Segment.objects.create(program=program, slug="fans", name="Fans", definition={}, created_at=OPENING)
    SegmentStay.objects.create(segment=fans, member=ani, since=OPENING)
    SegmentStay.objects.create(segment=fans, member=budi, since=OPENING, until=OPENING + DAY)
    (row,) = value("redemptions_by_segment", program)
    assert (row["segment"], row["members"], row["redemptions"], row["share"]) == (fans, 1, 2, Decimal("0.6667"))


def test_nobody_wants_what_was_offered_and_not_redeemed(program, ani, month):
    cup = make_reward(program, "cup", cost=40)
    make_reward(program, "off", cost=90, is_active=False)
    make_reward(program, "over", cost=90, offered_until=periods(program, at=NOW)["month"].since)
    make_reward(program, "ahead", cost=90, offered_from=NOW + DAY)
    assert value("rewards_unwanted", program) == [{"reward": cup, "points": 40, "before": 0}]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_at_all_is_an_empty_table_and_the_page_opens(program, name):
    assert value(name, program) == []
    page = staff_client(roles.PROGRAM_MANAGER).get(f"/admin/campaigns/campaign/figures/{name}/")
    assert page.status_code == 200, words(page)


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_costs_the_same_however_many_rewards_there_are(program, ani, month, name):
    with CaptureQueriesContext(connection) as few:
        value(name, program)
    for number in range(8):
        redeem(ani, make_reward(program, f"r{number}", cost=1), f"r{number}", NOW - DAY)
        make_reward(program, f"u{number}", cost=1)
    with CaptureQueriesContext(connection) as many:
        value(name, program)
    assert len(many) == len(few)
