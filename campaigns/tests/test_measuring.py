"""Control groups, and what a campaign brought against them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from math import gamma, pi, sqrt
from random import Random
from statistics import mean, variance

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from campaigns import explanations
from campaigns.conditions import in_control
from campaigns.lift import Group, lift_of, t_quantile, welch_margin
from campaigns.measuring import groups, report, reports
from campaigns.models import Campaign
from campaigns.tests.shop import add_campaign, add_rule, buy, open_shop
from loyalty.desk import roles
from loyalty.tests.desk import staff_client
from members.models import Purchase
from members.testing import make_member

NOON = datetime(2026, 3, 6, 5, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def campaign(program):
    """Double points for half of the members."""
    open_shop(program)
    made = add_campaign(program, "double", NOON, NOON + 30 * DAY, control_percent=50, control_secret="lot")
    add_rule(program, "double", {"award": {"kind": "multiplier", "factor": "2"}}, campaign=made)
    return made


def crowd(program, count):
    """Members that were there before, and whether each is kept out."""
    made = [make_member(program, f"M{number}", at=NOON - DAY) for number in range(count)]
    return [(member, in_control("lot", 50, member.pk)) for member in made]


def test_the_draw_takes_about_its_share_and_is_the_same_each_time():
    drawn = [in_control("lot", 20, member) for member in range(10_000)]
    assert 1900 < sum(drawn) < 2100
    assert drawn == [in_control("lot", 20, member) for member in range(10_000)]
    assert drawn != [in_control("other lot", 20, member) for member in range(10_000)]
    assert not any(in_control("lot", 0, member) for member in range(100))


@pytest.mark.django_db
def test_the_control_group_gets_nothing_by_the_campaign_and_is_not_told(campaign, program):
    for member, is_out in crowd(program, 8):
        bought = buy(member, "100", NOON + DAY)
        assert bought.purchase.points == (100 if is_out else 200)
        assert [one.get("control", False) for one in bought.explanation.get("near", [])] == ([True] if is_out else [])
        assert explanations.near_misses(bought.explanation) == []


@pytest.mark.django_db
def test_the_report_measures_treated_against_control(campaign, program):
    people = crowd(program, 60)
    for number, (member, is_out) in enumerate(people):
        buy(member, "100" if is_out else "130", NOON + DAY + timedelta(minutes=number))
    treated = [member for member, is_out in people if not is_out]
    found = report(campaign, at=NOON + 2 * DAY)
    assert (found.members, found.purchases) == (len(treated), len(treated))
    assert (found.points, found.revenue) == (130 * len(treated), Decimal(130 * len(treated)))
    assert (found.lift.difference, found.lift.low, found.lift.high) == (Decimal(30), Decimal(30), Decimal(30))
    assert found.lift.revenue == 30 * len(treated)
    assert found.overlaps == [("base", len(treated))]
    assert (found.lift.treated.members, found.lift.control.members) == (len(treated), 60 - len(treated))
    assert found.roi == ((found.lift.revenue - found.cost) / found.cost).quantize(Decimal("0.001"))


def sample(*amounts):
    return Group.of(Decimal(str(amount)) for amount in amounts)


def test_the_interval_is_welchs():
    """By hand: t is -2.835, Welch's degrees of freedom are 27.7, and their 0.975 quantile is 2.049."""
    one = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4]
    other = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.0, 23.9]
    first, second = sample(*one), sample(*other)
    assert (round(first.average, 4), round(second.average, 4)) == (20.82, 23.5867)
    error = (first.variance / 15 + second.variance / 15) ** 0.5
    assert round((first.average - second.average) / error, 3) == -2.835
    assert round(welch_margin(first, second) / error, 3) == 2.049
    lift = lift_of(first, second)
    assert (lift.low, lift.difference, lift.high) == (Decimal("-4.77"), Decimal("-2.77"), Decimal("-0.77"))
    assert (lift.revenue_low, lift.revenue, lift.revenue_high) == (
        Decimal("-71.50"),
        Decimal("-41.50"),
        Decimal("-11.50"),
    )
    assert lift.is_certain
    assert lift_of(sample(*one[:9]), second) is None


def area_below(t, freedom, steps=20_000):
    """Student's distribution function by Simpson's rule over its density."""
    at = lambda x: (1 + x * x / freedom) ** (-(freedom + 1) / 2)  # noqa: E731
    width = t / steps
    inner = sum(at(k * width) * (4 if k % 2 else 2) for k in range(1, steps))
    scale = gamma((freedom + 1) / 2) / (sqrt(freedom * pi) * gamma(freedom / 2))
    return 0.5 + scale * (at(0) + inner + at(t)) * width / 3


@pytest.mark.parametrize("freedom", [9, 14.3, 27.7, 61.5, 150])
def test_the_interval_holds_what_a_plain_integral_of_the_density_says(freedom):
    assert area_below(t_quantile(0.975, freedom), freedom) == pytest.approx(0.975, abs=2e-6)


def test_averages_and_variances_are_those_of_the_statistics_module():
    luck = Random(7)
    one = [luck.choice([0, 0, 0, luck.randint(1, 90_000_000)]) / 100 for _ in range(400)]
    other = [luck.randint(0, 40_000_000) / 100 for _ in range(57)]
    for spent in (one, other):
        group = sample(*spent)
        assert group.average == pytest.approx(mean(spent), rel=1e-12)
        assert group.variance == pytest.approx(variance(spent), rel=1e-9)
    parts = variance(one) / 400, variance(other) / 57
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 399 + parts[1] ** 2 / 56)
    margin = welch_margin(sample(*one), sample(*other))
    assert margin == pytest.approx(t_quantile(0.975, freedom) * sqrt(sum(parts)), rel=1e-9)


def test_nothing_spent_by_anybody_is_no_difference():
    lift = lift_of(Group(members=10), Group(members=12))
    assert (lift.difference, lift.low, lift.high, lift.is_certain) == (0, 0, 0, False)


def test_an_interval_holds_the_truth_about_95_times_in_a_hundred():
    luck = Random(95)
    held = 0
    for _ in range(400):
        treated = sample(*[round(luck.gauss(130, 40), 2) for _ in range(40)])
        control = sample(*[round(luck.gauss(100, 25), 2) for _ in range(15)])
        lift = lift_of(treated, control)
        held += lift.low <= 30 <= lift.high
    assert 366 <= held <= 392  # 380 give or take 2.9 standard errors


@pytest.mark.parametrize(("freedom", "quantile"), [(9, 2.26216), (10, 2.22814), (25, 2.05954), (100, 1.98397)])
def test_students_quantile_is_that_of_the_tables(freedom, quantile):
    assert abs(t_quantile(0.975, freedom) - quantile) < 0.0001


@pytest.mark.django_db
def test_a_goal_has_an_amount_and_a_control_group_leaves_some(campaign):
    for wrong in ({"goal": "members"}, {"goal_amount": 5}, {"control_percent": 91}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Campaign.objects.filter(pk=campaign.pk).update(**wrong)


@pytest.mark.django_db
def test_the_page_tells_the_goal_and_what_it_brought_to_those_who_may_see_figures(campaign, program):
    Campaign.objects.filter(pk=campaign.pk).update(goal="members", goal_amount=100)
    for member, _is_out in crowd(program, 4):
        buy(member, "100", NOON + DAY)
    page = reverse("admin:campaigns_campaign_report", args=[campaign.pk])
    shown = staff_client(roles.PROGRAM_MANAGER).get(page).content.decode()
    assert "Goal: members reached" in shown
    assert "still too small" in shown
    file = staff_client(roles.FINANCE).get(page + "?as=csv")
    assert b"members," in b"".join(file.streaming_content)
    assert staff_client(roles.SUPPORT_AGENT).get(page).status_code == 403
    assert staff_client(roles.MARKETING_ASSISTANT).get(page + "?as=csv").status_code == 403


@pytest.mark.django_db
def test_who_bought_nothing_counts_in_the_averages_and_goods_that_came_back_do_not(campaign, program):
    people = crowd(program, 60)
    spent = {}
    for number, (member, _is_out) in enumerate(people):
        if number % 3:
            bought = buy(member, str(40 + number), NOON + DAY + timedelta(minutes=number))
            spent[member.pk] = Decimal(40 + number)
            if number == 31:
                Purchase.objects.filter(pk=bought.purchase.pk).update(refunded=Decimal("30.50"))
                spent[member.pk] -= Decimal("30.50")
    late = make_member(
        program, "Late", at=NOON + timedelta(hours=1)
    )  # belongs from then on, on the side that was drawn
    people.append((late, in_control("lot", 50, late.pk)))
    sides = {False: [], True: []}
    for member, is_out in people:
        sides[is_out].append(spent.get(member.pk, Decimal(0)))
    found = report(campaign, at=NOON + 2 * DAY)
    for is_out, group in ((False, found.lift.treated), (True, found.lift.control)):
        assert group.members == len(sides[is_out])
        assert group.average == pytest.approx(float(mean(sides[is_out])))
        assert group.variance == pytest.approx(float(variance(sides[is_out])))
    assert found.revenue == sum(amount for amount in sides[False] if amount)


@pytest.mark.django_db
def test_many_campaigns_are_measured_with_the_queries_of_one(campaign, program, django_assert_max_num_queries):
    other = add_campaign(program, "later", NOON + DAY, NOON + 9 * DAY, control_percent=10, control_secret="x")
    add_rule(program, "later", {"award": {"kind": "fixed", "points": "7"}}, campaign=other)
    plain = add_campaign(program, "redouble", NOON, NOON + 2 * DAY)  # its name ends like another's
    add_rule(program, "redouble", {"award": {"kind": "fixed", "points": "1"}}, campaign=plain)
    for member, _is_out in crowd(program, 12):
        buy(member, "100", NOON + timedelta(hours=1))
        buy(member, "100", NOON + DAY + timedelta(hours=1))
    single = [report(one, at=NOON + 3 * DAY) for one in (campaign, other, plain)]
    with django_assert_max_num_queries(5):
        together = reports([campaign, other, plain], at=NOON + 3 * DAY)
    assert together == single
    assert (together[2].members, together[2].purchases, together[2].points) == (12, 24, 24)


@pytest.mark.django_db
def test_anybody_can_draw_the_groups_again_from_the_file(campaign, program):
    people = crowd(program, 30)
    page = reverse("admin:campaigns_campaign_report", args=[campaign.pk])
    client = staff_client(roles.PROGRAM_MANAGER)
    shown = client.get(page).content.decode()
    assert campaign.control_secret in shown
    assert sha256(b"lot").hexdigest() in shown
    lines = b"".join(client.get(page + "?as=groups").streaming_content).decode("utf-8-sig").splitlines()[1:]
    drawn = {}
    for line in lines:
        pk, _number, group, since = line.split(",")
        assert datetime.fromisoformat(since) == NOON
        number = int.from_bytes(sha256(f"lot:{pk}".encode()).digest()[:8], "big")
        assert group == ("control" if number % 100 < 50 else "treated")
        drawn[int(pk)] = group == "control"
    assert drawn == {member.pk: is_out for member, is_out in people}
    assert [row["group"] == "control" for row in groups(campaign, at=NOON + DAY)] == [
        is_out for _member, is_out in people
    ]
    assert staff_client(roles.MARKETING_ASSISTANT).get(page + "?as=groups").status_code == 403
