"""Processes racing for the last of a budget, a cap, a limit or a place: exactly what is allowed is given, never over, not under (law 16).

Eight processes post purchases at once, each with a connection of its own. Together they always ask for more than is left, so what was given
must come to the last point of what was allowed; purchases themselves are never refused for it.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from loyalty.tests import forked

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(1800)]
OPENING = datetime(2026, 1, 1, 3, tzinfo=UTC)
NOON = OPENING + timedelta(days=10, hours=2)
WORKERS = 8


def shop(rules, people, **budget):
    """A program with a base rule, a campaign with a budget, and members; `rules` are the campaign's."""
    from campaigns.tests.shop import add_campaign, add_rule, open_shop
    from members.testing import make_member, make_program

    program = open_shop(make_program())
    campaign = add_campaign(program, "party", OPENING, OPENING + timedelta(days=90), **budget)
    for slug, definition in rules.items():
        add_rule(program, slug, definition, campaign=campaign)
    return program, campaign, [make_member(program, f"Member{n}") for n in range(people)]


def buying(member, amount, numbers):
    """One process: this member's purchases, one after the other."""

    def work():
        from campaigns.tests.shop import buy

        return [
            buy(member, amount, NOON + timedelta(seconds=number), receipt=f"{member.pk}-{number}", recorded_at=NOON + timedelta(hours=1)).points
            for number in numbers
        ]  # fmt: skip

    return work


def told(ends, campaign=None):
    """How the processes ended, the points of all purchases, what the campaign and its uses say, and what is wrong with the books."""
    from django.db.models import F, Sum

    from campaigns.models import RuleUse
    from loyalty.ledger.checking import verify
    from members.models import Purchase

    uses = RuleUse.objects.aggregate(points=Sum(F("points") - F("points_back")), money=Sum("money"))
    spent = None
    if campaign is not None:
        campaign.refresh_from_db()
        spent = [campaign.spent_points, str(campaign.spent_money.normalize())]
    earned = [Purchase.objects.count(), Purchase.objects.aggregate(all=Sum("points"))["all"]]
    return [forked.count(ends), earned, spent, [uses["points"], str(Decimal(uses["money"] or 0).normalize())], [str(one) for one in verify()]]  # fmt: skip


def last_of_a_budget(workers, each):
    """All want 40 of a budget of 250, of which 130 are given already."""
    gift = {"award": {"kind": "fixed", "points": "40"}}
    _, campaign, members = shop({"gift": gift}, workers + 1, budget_points=250)
    buying(members[-1], "10", range(4))()
    campaign.refresh_from_db()
    before = campaign.spent_points
    ends = forked.race(*(buying(member, "10", range(each)) for member in members[:workers]))
    return [before, *told(ends, campaign)]


def last_of_the_money(workers):
    """A point is worth 100; the budget of 12,350 holds 123 of them and never a part of one."""
    double = {"award": {"kind": "multiplier", "factor": "2"}}
    _, campaign, members = shop({"double": double}, workers, budget_money=Decimal(12350))
    return told(forked.race(*(buying(member, "37", range(2)) for member in members)), campaign)


def two_budgets(workers):
    """Two campaigns, one in points and one in money, are emptied by processes that meet them at once."""
    from campaigns.tests.shop import add_campaign, add_rule

    program, campaign, members = shop(
        {"gift": {"award": {"kind": "fixed", "points": "30"}}}, workers, budget_points=200
    )
    other = add_campaign(program, "other", OPENING, OPENING + timedelta(days=90), budget_money=Decimal(9000))
    add_rule(program, "more", {"award": {"kind": "fixed", "points": "20"}}, campaign=other)
    ends = forked.race(*(buying(member, "10", range(3)) for member in members))
    other.refresh_from_db()
    return [*told(ends, campaign), [other.spent_points, str(other.spent_money.normalize())]]


def all_or_nothing(workers):
    """A rule that refuses to give less: 250 hold six times 40, and the last 10 stay."""
    gift = {"award": {"kind": "fixed", "points": "40"}, "caps": {"refuse": True}}
    _, campaign, members = shop({"gift": gift}, workers, budget_points=250)
    return told(forked.race(*(buying(member, "10", [1]) for member in members)), campaign)


def cap_of_a_member(workers):
    """All processes buy for one member whose rule allows 100 a month."""
    gift = {"award": {"kind": "fixed", "points": "30"}, "caps": {"month": "100"}}
    _, campaign, (member,) = shop({"gift": gift}, 1)
    return told(forked.race(*(buying(member, "10", [n]) for n in range(workers))), campaign)


def limit_of_the_wallet(workers):
    """All processes buy for one member whose wallet allows 100 a day."""
    from loyalty.ledger import limiting

    program, _, (member,) = shop({"gift": {"award": {"kind": "fixed", "points": "30"}}}, 1)
    limiting.limit(program.wallets.get(), {"day": 100}, at=OPENING)
    return told(forked.race(*(buying(member, "10", [n]) for n in range(workers))))


def bought_and_given_back(rounds):
    """One process takes the last of a budget while another gives what the first purchase took back: the freed part is given again, once."""
    from campaigns.tests.shop import buy, give_back

    gift = {"award": {"kind": "fixed", "points": "100"}}
    _, campaign, members = shop({"gift": gift}, rounds + 1, budget_points=100)
    answers, first = [], buy(members[-1], "10", NOON).purchase
    for number in range(rounds):
        at = NOON + timedelta(minutes=number + 1)
        taker = members[number]
        ends = forked.race(
            lambda at=at, first=first: give_back(first, at, "10", recorded_at=at).refund.points,
            lambda at=at, taker=taker: buy(taker, "10", at, recorded_at=at).points,
        )
        got = ends[1][1]
        campaign.refresh_from_db()
        answers.append([forked.count(ends), campaign.spent_points == got - 10, got in (10, 110)])
        first = buy(taker, "10", at + timedelta(seconds=30), receipt=f"again{number}", recorded_at=at + timedelta(seconds=30)).purchase if got == 10 else _bought(taker, at)  # fmt: skip
    return [answers, told([], campaign)[-1]]


def _bought(member, at):
    from members.models import Purchase

    return Purchase.objects.get(member=member, occurred_at=at)


def launch_bonus(workers, places):
    """More people join at once than there are places."""
    from campaigns.tests.shop import add_rule
    from campaigns.ways.models import WayTerms
    from loyalty.ledger.checking import verify
    from members.enrolment import enrol
    from members.models import Event, Member
    from members.testing import make_program

    program = make_program()
    add_rule(program, "launch", {"award": {"kind": "fixed", "points": "70"}, "conditions": {"activity": "launch"}})
    WayTerms.objects.create(program=program, launch_places=places)

    def join(number):
        return lambda: [
            enrol(program, at=NOON, actor="t", name=f"M{number}-{n}", email=f"m{number}-{n}@example.com", welcome=False).number
            for n in range(2)
        ]  # fmt: skip

    ends = forked.race(*(join(number) for number in range(workers)))
    events = list(Event.objects.filter(kind="launch").values_list("points", flat=True))
    return [forked.count(ends), Member.objects.count(), events, WayTerms.objects.get().launch_given, [str(one) for one in verify()]]  # fmt: skip


def test_the_last_of_a_budget_goes_to_the_point_and_no_further(house):
    before, ends, earned, spent, uses, wrong = house.play(last_of_a_budget, workers=WORKERS, each=3)
    assert before == 160
    assert (ends, wrong) == ({"done": WORKERS}, [])
    assert earned == [28, 28 * 10 + 250]
    assert (spent, uses) == ([250, "2.5E+4"], [250, "2.5E+4"])


def test_a_budget_in_money_gives_whole_points_and_never_a_part_more(house):
    ends, earned, spent, uses, wrong = house.play(last_of_the_money, workers=WORKERS)
    assert (ends, wrong) == ({"done": WORKERS}, [])
    assert earned == [16, 16 * 37 + 123]
    assert (spent, uses) == ([123, "1.23E+4"], [123, "1.23E+4"])


def test_two_budgets_are_emptied_at_once_without_waiting_for_each_other_for_ever(house):
    ends, earned, spent, _uses, wrong, other = house.play(two_budgets, workers=WORKERS)
    assert (ends, wrong) == ({"done": WORKERS}, [])
    assert earned == [24, 24 * 10 + 200 + 90]
    assert (spent[0], other) == (200, [90, "9E+3"])


def test_all_or_nothing_leaves_what_does_not_hold_one_more(house):
    ends, earned, spent, _uses, wrong = house.play(all_or_nothing, workers=WORKERS)
    assert (ends, wrong) == ({"done": WORKERS}, [])
    assert (earned, spent[0]) == ([8, 8 * 10 + 240], 240)


def test_the_cap_of_a_member_is_shared_by_all_tills(house):
    ends, earned, _spent, uses, wrong = house.play(cap_of_a_member, workers=WORKERS)
    assert (ends, wrong) == ({"done": WORKERS}, [])
    assert (earned, uses[0]) == ([8, 8 * 10 + 100], 100)


def test_the_limit_of_the_wallet_is_shared_by_all_tills(house):
    ends, earned, _spent, uses, wrong = house.play(limit_of_the_wallet, workers=WORKERS)
    assert (ends, wrong) == ({"done": WORKERS}, [])
    assert (earned, uses[0]) == ([8, 100], 100)


def test_what_goods_give_back_of_a_budget_is_given_once_more_and_not_twice(house):
    answers, wrong = house.play(bought_and_given_back, rounds=6)
    assert wrong == []
    assert answers == [[{"done": 2}, True, True]] * 6


def test_the_launch_bonus_goes_to_as_many_as_there_are_places(house):
    ends, members, points, given, wrong = house.play(launch_bonus, workers=WORKERS, places=5)
    assert (ends, members, wrong) == ({"done": WORKERS}, 16, [])
    assert (points, given) == ([70] * 5, 5)
