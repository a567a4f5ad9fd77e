"""Occasions, joining, deeds, surveys, kinds of events and surprises."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.purchases import SaleLine
from campaigns.tests.shop import buy
from campaigns.ways import deeds, joining, kinds, occasions, surveys
from campaigns.ways.models import EventKind, Question, Survey, SurveyAnswer, WayTerms
from campaigns.ways.tests.ways import reward, set_terms
from loyalty.pos.models import Store
from loyalty.tests.racing import on_postgresql, race
from members.enrolment import Applicant, enrol, enrol_many
from members.models import Event, Member
from members.testing import make_member, points_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
DAY = timedelta(days=1)
NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
LATER = datetime(2026, 12, 1, tzinfo=UTC)


def born(program, name, day, *, at=datetime(2026, 1, 5, 3, tzinfo=UTC)) -> Member:
    return enrol(program, at=at, actor="test", name=name, birthday=day)


def celebrated(program, day, **more):
    """The job at noon of a day in Jakarta."""
    return occasions.celebrate(program, at=datetime(day.year, day.month, day.day, 5, tzinfo=UTC), **more)


def test_a_birthday_pays_once_a_year_however_often_the_job_runs(program):
    reward(program, birthday=100)
    member = born(program, "Dewi", date(1990, 3, 2))
    assert celebrated(program, date(2026, 3, 1)).done == 0
    assert [celebrated(program, date(2026, 3, 2)).done for _ in range(2)] == [1, 0]
    assert celebrated(program, date(2027, 3, 2)).done == 1
    assert points_of(member, at=datetime(2027, 3, 3, tzinfo=UTC)) == 100  # the first ran out after twelve months


@pytest.mark.parametrize(
    ("leap_day", "year", "day"),
    [("before", 2026, (2, 28)), ("after", 2026, (3, 1)), ("before", 2028, (2, 29)), ("after", 2028, (2, 29))],
)
def test_who_is_born_on_29_february_celebrates_on_the_day_that_was_set(leap_day, year, day):
    assert occasions.celebrated_on(date(2000, 2, 29), year, leap_day) == date(year, *day)


@pytest.mark.parametrize(("leap_day", "day"), [("before", date(2026, 2, 28)), ("after", date(2026, 3, 1))])
def test_the_job_finds_them_on_that_day(program, leap_day, day):
    reward(program, birthday=100)
    set_terms(program, leap_day=leap_day)
    born(program, "Dewi", date(2000, 2, 29))
    assert [celebrated(program, day - DAY).done, celebrated(program, day).done] == [0, 1]
    assert Event.objects.get().occurred_at == datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=7)


def test_days_without_jobs_are_made_up_for_and_not_forever(program):
    reward(program, birthday=100)
    set_terms(program, catch_up_days=30)
    born(program, "Dewi", date(1990, 3, 2))
    assert celebrated(program, date(2026, 4, 2)).done == 0
    assert celebrated(program, date(2026, 4, 1)).done == 1


def test_a_changed_date_of_birth_pays_no_second_time(program):
    reward(program, birthday=100)
    member = born(program, "Dewi", date(1990, 3, 2))
    celebrated(program, date(2026, 3, 2))
    Member.objects.filter(pk=member.pk).update(birthday=date(1990, 12, 20))
    assert celebrated(program, date(2026, 12, 20)).done == 0
    Member.objects.filter(pk=member.pk).update(birthday=date(1990, 1, 10))
    assert celebrated(program, date(2027, 1, 10)).done == 1


def test_a_birthday_before_joining_is_not_made_up_for(program):
    reward(program, birthday=100)
    born(program, "Dewi", date(1990, 3, 2), at=datetime(2026, 3, 10, tzinfo=UTC))
    assert celebrated(program, date(2026, 3, 12)).done == 0


def test_each_year_with_us_and_long_memberships_are_celebrated(program):
    reward(program, anniversary=50, tenure=500)
    make_member(program, "Dewi", at=datetime(2021, 3, 1, 20, tzinfo=UTC))  # 2 March in Jakarta
    report = celebrated(program, date(2026, 3, 2)).report
    assert (report["anniversary"], report["tenure"]) == (1, 1)
    report = celebrated(program, date(2027, 3, 2)).report
    assert (report["anniversary"], report["tenure"]) == (1, 0)


def test_a_complete_profile_is_rewarded_once(program, ani):
    reward(program, profile=20)
    assert celebrated(program, date(2026, 3, 2)).done == 0
    Member.objects.filter(pk=ani.pk).update(phone="0812345678", birthday=date(1990, 1, 1))
    assert [celebrated(program, date(2026, 3, 2) + n * DAY).done for n in range(3)] == [1, 0, 0]


def test_a_page_of_birthdays_takes_as_many_statements_for_eight_as_for_two(program):
    reward(program, birthday=100)
    for name in ("Dewi", "Eka"):
        born(program, name, date(1990, 3, 2))
    with CaptureQueriesContext(connection) as two:
        celebrated(program, date(2026, 3, 2))
    for number in range(8):
        born(program, f"Twin{number}", date(1990, 3, 3))
    with CaptureQueriesContext(connection) as many:
        assert celebrated(program, date(2026, 3, 3)).done == 8
    assert len(many) == len(two)


def test_joining_earns_through_every_door_once(program):
    reward(program, signup=200)
    member = enrol(program, at=NOW, actor="test", name="Dewi", source="till", source_key="1")
    assert enrol(program, at=NOW + DAY, actor="test", name="Dewi", source="till", source_key="1") == member
    people = [Applicant("till", str(number), enrolled_at=NOW) for number in range(4)]
    enrol_many(program, people, at=NOW + DAY, actor="test")
    enrol_many(program, people, at=NOW + DAY, actor="test")
    assert Event.objects.filter(kind="signup").count() == 4
    assert points_of(member, at=LATER) == 200


def test_members_who_joined_at_many_times_take_as_many_statements_as_those_of_one(program):
    reward(program, review=5)

    def statements(source, times):
        applicants = [Applicant(source, str(n), enrolled_at=NOW - timedelta(hours=n % times)) for n in range(8)]
        with CaptureQueriesContext(connection) as asked:
            enrol_many(program, applicants, at=NOW, actor="test")
        return len(asked)

    assert statements("till", 8) == statements("web", 1)


def test_the_first_members_get_the_launch_bonus_and_no_more(program):
    reward(program, launch=1000)
    set_terms(program, launch_places=3)
    enrol_many(program, [Applicant("till", str(n)) for n in range(2)], at=NOW, actor="test")
    enrol_many(program, [Applicant("till", str(n)) for n in range(2, 5)], at=NOW, actor="test")
    assert Event.objects.filter(kind="launch").count() == WayTerms.objects.get().launch_given == 3


@pytest.mark.parametrize("case", [pytest.param(0, marks=on_postgresql)])
def test_a_race_for_the_last_places_gives_no_more_than_there_are(case, program):
    reward(program, launch=1000)
    set_terms(program, launch_places=3)
    results, codes = race(*[lambda: joining.take_places(program, 1)] * 8)
    assert (sum(results), codes) == (3, [])


def test_a_visit_counts_once_a_day_of_the_program(program, ani):
    reward(program, visit=5)
    store = Store.objects.create(program=program, code="kota", name="Kota")
    visits = [deeds.visit(ani, store, at=NOW + timedelta(hours=hours), actor="test")[1] for hours in (0, 2, 14)]
    assert (visits, points_of(ani, at=LATER)) == ([True, False, True], 10)


def test_a_share_counts_once_a_day_and_channel(program, ani):
    reward(program, share=5)
    said = [deeds.share(ani, channel, at=NOW, actor="test")[1] for channel in ("whatsapp", "whatsapp", "facebook")]
    assert (said, points_of(ani, at=LATER)) == ([True, False, True], 10)
    with pytest.raises(deeds.ReviewRefused):
        deeds.share(ani, "pigeon", at=NOW, actor="test")


def test_a_serial_number_counts_once_for_ever(program, ani, budi):
    reward(program, registration=50)
    first = deeds.register(ani, "Kettle", "AB-12 34", at=NOW, actor="test")
    assert deeds.register(ani, "Kettle", "ab1234", at=NOW + DAY, actor="test") == first
    with pytest.raises(deeds.SerialTaken):
        deeds.register(budi, "Kettle", "AB1234", at=NOW, actor="test")
    with pytest.raises(deeds.SerialMalformed):
        deeds.register(budi, "Kettle", "-1-", at=NOW, actor="test")
    assert (points_of(ani, at=LATER), points_of(budi, at=LATER)) == (50, 0)


def test_only_what_was_bought_is_reviewed_and_earns_when_staff_approve(program, ani):
    reward(program, review=30)
    with pytest.raises(deeds.NotBought):
        deeds.write_review(ani, "Kettle", 5, "", at=NOW, actor="test")
    buy(ani, "20", NOW, lines=[SaleLine(amount=Decimal(20), product="Kettle")])
    assert deeds.products_to_review(ani) == ["Kettle"]
    made = deeds.write_review(ani, "Kettle", 5, "Boils", at=NOW, actor="test")
    assert (made.status, points_of(ani, at=LATER)) == ("waiting", 0)
    assert [deeds.approve_review(made, at=NOW + DAY, actor="staff:1").status for _ in range(2)] == ["approved"] * 2
    assert points_of(ani, at=LATER) == 30
    assert deeds.products_to_review(ani) == []
    deeds.refuse_review(made, at=NOW + 2 * DAY, actor="staff:1", note="Copied")
    assert points_of(ani, at=LATER) == 0


def test_a_program_may_let_reviews_count_at_once(program, ani):
    reward(program, review=30)
    set_terms(program, reviews_wait=False)
    buy(ani, "20", NOW, lines=[SaleLine(amount=Decimal(20), product="Kettle")])
    assert deeds.write_review(ani, "Kettle", 1, "", at=NOW, actor="test").points == 30


@pytest.fixture
def survey(program):
    made = Survey.objects.create(program=program, slug="spring", name="Spring", since=NOW, until=NOW + 30 * DAY)
    for position, (kind, needed) in enumerate([("nps", True), ("rating", True), ("choice", False), ("text", False)], 1):
        Question.objects.create(
            survey=made, position=position, kind=kind, text=kind, choices="Tea\nCoffee", is_needed=needed
        )
    return made


def test_a_survey_is_answered_once_and_earns_once(program, survey, ani):
    reward(program, survey=40)
    made, is_new = surveys.answer(survey, ani, {1: 9, 2: 5, 3: 1, 4: "Nice"}, at=NOW, actor="test")
    again, is_second = surveys.answer(survey, ani, {1: 0, 2: 1}, at=NOW, actor="test")
    assert (made.points, is_new, again, is_second) == (40, True, made, False)
    assert points_of(ani, at=LATER) == 40
    assert surveys.open_to(ani, at=NOW) == []


@pytest.mark.parametrize(
    "replies",
    [{}, {1: 11, 2: 5}, {1: 9, 2: 0}, {1: 9, 2: 5, 3: 2}, {1: "9", 2: 5}, {1: 9, 2: 5, 9: 1}, {1: True, 2: 5}],
)
def test_replies_that_do_not_fit_are_refused_and_nothing_is_kept(program, survey, ani, replies):
    with pytest.raises(surveys.AnswersRefused):
        surveys.answer(survey, ani, replies, at=NOW, actor="test")
    assert not SurveyAnswer.objects.exists()


def test_a_survey_is_closed_before_and_after_its_time(program, survey, ani):
    for at in (NOW - timedelta(seconds=1), NOW + 30 * DAY):
        with pytest.raises(surveys.SurveyClosed):
            surveys.answer(survey, ani, {1: 9, 2: 5}, at=at, actor="test")


def test_the_nps_is_promoters_less_detractors_with_its_interval(program, survey, ani, budi, siti):
    for member, number in ((ani, 10), (budi, 9), (siti, 6)):
        surveys.answer(survey, member, {1: number, 2: 4}, at=NOW, actor="test")
    found = surveys.results(survey)
    score = found[0].nps
    assert (score.promoters, score.passives, score.detractors) == (2, 0, 1)
    assert (round(score.score, 1), round(score.low, 1), round(score.high, 1)) == (33.3, -73.4, 100.0)
    assert (found[1].mean, found[1].total) == (4.0, 3)
    assert surveys.program_nps(program, since=NOW, until=NOW + DAY) == score
    assert surveys.program_nps(program, since=NOW + DAY, until=NOW + 2 * DAY) is None


def test_a_described_kind_counts_so_often_and_brings_its_details(program, ani):
    kind = EventKind.objects.create(
        program=program, slug="quiz", name="Quiz", most=2, once="week",
        fields=[{"name": "score", "kind": "number", "needed": True}, {"name": "level", "kind": "choice", "choices": ["a", "b"]}],
    )  # fmt: skip
    assert kinds.in_words(kind) == "2 times a week."
    for number in range(2):
        Event.objects.create(
            program=program, member=ani, source="app", key=str(number), kind="quiz", occurred_at=NOW, recorded_at=NOW
        )
    with pytest.raises(kinds.EventTooOften) as refused:
        kinds.judge(program, ani, "quiz", {"score": 1}, occurred_at=NOW + 5 * DAY)
    assert refused.value.numbers == {"most": 2, "per": "week"}
    kinds.judge(program, ani, "quiz", {"score": 1, "level": "b"}, occurred_at=NOW + 7 * DAY)
    for details in ({}, {"score": "1"}, {"score": 1, "level": "c"}, {"score": 1, "other": 2}):
        with pytest.raises(kinds.DetailsRefused):
            kinds.judge(program, ani, "quiz", details, occurred_at=NOW + 7 * DAY)


def test_a_surprise_shows_who_is_drawn_and_gives_exactly_that(program):
    from loyalty.jobs.changes import deciding, drafting

    members = [make_member(program, f"Member{number}") for number in range(6)]
    parameters = {"count": 2, "selection": {"all": True}, "amount": 25}
    change = drafting.draft(program, "surprise", parameters=parameters, reason="Thank you", at=NOW, actor="staff:7")
    drawn = set(change.lines.values_list("account_id", flat=True))
    deciding.submit(change, at=NOW, actor="staff:7")
    got = {one for one in members if points_of(one, at=LATER)}
    assert len(drawn) == len(got) == 2
    assert {one.member_accounts.get().account_id for one in got} == drawn
    assert {points_of(one, at=LATER) for one in got} == {25}
