"""Recency, frequency and money: quintiles, ties, classes, and what a second scoring changes."""

from datetime import date

import pytest

from members.models import Member
from members.segments.models import MemberScore, ScoringPolicy, Segment
from members.segments.scoring import score_members
from members.segments.tests.world import DAY, NOW, bought, open_world
from members.testing import make_member, make_program

pytestmark = pytest.mark.django_db


@pytest.fixture
def ten(program) -> list[Member]:
    """Ten members; number n bought n + 1 times, last 10 x n days ago, always for 10."""
    made = [make_member(program, f"M{n}", at=NOW - 400 * DAY) for n in range(10)]
    for number, member in enumerate(made):
        for time in range(number + 1):
            bought(member, 10 * number + 1 + time, "10.00")
    return made


def scores(program) -> dict[str, tuple]:
    return {
        s.member.name: (s.recency, s.frequency, s.money)
        for s in MemberScore.objects.filter(program=program).select_related("member")
    }


def classes(program) -> dict[str, str]:
    return dict(MemberScore.objects.filter(program=program).values_list("member__name", "class_name"))


def test_the_fifths_of_ten_members_are_pairs(program, ten):
    tally = score_members(program, at=NOW)
    assert (tally.found, tally.done) == (10, 10)
    assert scores(program) == {f"M{n}": (5 - n // 2, 1 + n // 2, 1 + n // 2) for n in range(10)}
    kept = MemberScore.objects.get(member=ten[9])
    assert (kept.purchases, str(kept.spent), kept.day) == (10, "100.00", date(2026, 6, 15))
    assert ScoringPolicy.objects.get(program=program).scored_on == date(2026, 6, 15)


def test_equal_figures_get_equal_scores(program):
    for name in "ABCDE":
        bought(make_member(program, name, at=NOW - 400 * DAY), 5, "10.00")
    bought(make_member(program, "F", at=NOW - 400 * DAY), 5, "20.00")
    score_members(program, at=NOW)
    assert scores(program) == dict.fromkeys("ABCDE", (1, 1, 1)) | {"F": (1, 1, 5)}


def test_classes_follow_from_the_scores(program, ten):
    for member in ten[:2]:  # they also bought long ago, and much: no newcomers
        for time in range(12):
            bought(member, 200 + time, "10.00")
    score_members(program, at=NOW)
    assert classes(program) == {
        "M0": "champions", "M1": "champions", "M2": "new", "M3": "new", "M4": "new", "M5": "new", "M6": "at_risk", "M7": "at_risk",
        "M8": "at_risk", "M9": "at_risk",
    }  # fmt: skip


def test_who_bought_before_the_days_looked_at_is_lapsed_and_who_never_bought_has_no_score(program, ani, budi, siti):
    bought(ani, 400, "10.00")
    bought(siti, 5, "10.00", refunded="10.00")
    score_members(program, at=NOW)
    assert scores(program) == {"Ani": (None, None, None)}
    assert classes(program) == {"Ani": "lapsed"}


def test_a_change_of_class_is_remembered_with_its_day(program, ani, budi):
    bought(ani, 400, "10.00")
    bought(budi, 5, "10.00")
    score_members(program, at=NOW)
    bought(ani, -1, "90.00")
    score_members(program, at=NOW + 2 * DAY)
    kept = MemberScore.objects.get(member=ani)
    assert (kept.class_name, kept.class_before) == ("potential" if kept.recency < 4 else kept.class_name, "lapsed")
    assert kept.class_since == date(2026, 6, 17)


def test_scoring_again_writes_nothing_and_an_earlier_date_is_not_scored_at_all(program, ten):
    score_members(program, at=NOW)
    assert score_members(program, at=NOW).done == 0
    before = scores(program)
    assert score_members(program, at=NOW - 30 * DAY).is_empty
    assert scores(program) == before


def test_a_score_goes_when_its_last_purchase_came_back_or_the_member_left(program, ten):
    score_members(program, at=NOW)
    ten[0].purchases.update(refunded=10)
    ten[1].status = Member.Status.CLOSED
    ten[1].save()
    score_members(program, at=NOW + DAY)
    assert set(scores(program)) == {f"M{n}" for n in range(2, 10)}


def test_a_preview_of_the_job_counts_and_writes_nothing(program, ten):
    tally = score_members(program, at=NOW, dry_run=True)
    assert (tally.found, tally.done, sum(tally.report.values())) == (10, 0, 10)
    assert not MemberScore.objects.exists() and not Segment.objects.exists()


def test_programs_are_compared_each_for_itself(program, ten):
    other = make_program("teh")
    bought(make_member(other, "Zed", at=NOW - 400 * DAY), 300, "1.00")
    score_members(other, at=NOW)
    assert scores(other) == {"Zed": (1, 1, 1)}
    assert scores(program) == {}


def test_the_statement_says_what_a_plain_ranking_says(program):
    open_world(program)
    score_members(program, at=NOW)
    rows = list(MemberScore.objects.filter(recency__isnull=False))
    for column, score in (("last_bought_at", "recency"), ("purchases", "frequency"), ("spent", "money")):
        values = [getattr(row, column) for row in rows]
        assert [getattr(row, score) for row in rows] == [
            1 + 5 * sum(other < value for other in values) // len(values) for value in values
        ]


def test_scoring_takes_the_same_number_of_statements_for_any_number_of_members(
    program, ten, django_assert_max_num_queries
):
    score_members(program, at=NOW - DAY)
    with django_assert_max_num_queries(10):
        score_members(program, at=NOW)
