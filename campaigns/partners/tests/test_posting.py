"""Partners give points and take them back: once per reference, within limits, explained."""

from datetime import date, timedelta

import pytest

from campaigns import explanations
from campaigns.partners import posting
from campaigns.partners.models import PartnerPosting, PartnerTakeBack
from campaigns.partners.tests.cast import make_partner, post
from campaigns.tests.shop import add_rule
from loyalty.ledger.models import Entry
from loyalty.ledger.posting import redeem
from members import history
from members.activity import MemberUnknown
from members.enrolment import main_account
from members.models import Member
from members.testing import OPENING, make_program, points_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
DAY = timedelta(days=1)
MARCH = OPENING + 61 * DAY  # 3 March, 10:00 in Jakarta


@pytest.fixture
def biru(program):
    return make_partner(program)


def refused(error, act, **numbers):
    """A refusal with its numbers, after a look that nothing moved."""
    before = (Entry.objects.count(), PartnerPosting.objects.count(), PartnerTakeBack.objects.count())
    with pytest.raises(error) as refusal:
        act()
    assert (Entry.objects.count(), PartnerPosting.objects.count(), PartnerTakeBack.objects.count()) == before
    assert {name: refusal.value.numbers[name] for name in numbers} == numbers


def test_a_partner_gives_points_and_the_history_says_whose_they_are(biru, ani):
    posted = posting.post(
        biru, ani, 200, reference="c-1", occurred_at=MARCH, at=MARCH, actor="test", words="card payments"
    )
    assert points_of(ani, at=MARCH) == 200
    assert (posted.month, posted.price) == (date(2026, 3, 1), 120)
    (line,) = history.told([posted.entry])
    assert line.title == "Points from Bank Biru"
    assert line.explanation == "200 points from Bank Biru, 3 March 2026 (card payments)"
    assert explanations.sentence(posted.entry.explanation, "en") == line.explanation


def test_a_reference_counts_once_and_for_one_thing(biru, ani, budi):
    first = post(biru, ani, 200, MARCH, reference="c-1")
    assert post(biru, ani, 200, MARCH, reference="c-1", told_at=MARCH + DAY) == first
    refused(posting.PostingConflict, lambda: post(biru, ani, 201, MARCH, reference="c-1"))
    refused(posting.PostingConflict, lambda: post(biru, budi, 200, MARCH, reference="c-1"))
    other = make_partner(biru.program, "hijau")
    assert post(other, ani, 200, MARCH, reference="c-1") != first
    assert points_of(ani, at=MARCH) == 400


def test_members_who_left_and_members_of_others_are_unknown_alike(biru, ani, budi):
    Member.objects.filter(pk=budi.pk).update(status="closed")
    refused(MemberUnknown, lambda: post(biru, budi, 10, MARCH))
    refused(MemberUnknown, lambda: post(make_partner(make_program("teh")), ani, 10, MARCH))


def test_a_posting_of_tomorrow_or_of_long_ago_is_refused(biru, ani):
    refused(posting.PostingDateRefused, lambda: post(biru, ani, 10, MARCH + DAY, told_at=MARCH))
    refused(posting.PostingDateRefused, lambda: post(biru, ani, 10, MARCH - 367 * DAY, told_at=MARCH), days=366)


def test_a_paused_partner_posts_nothing_but_takes_back(biru, ani):
    posted = post(biru, ani, 50, MARCH)
    biru.status = "paused"
    biru.save(update_fields=["status"])
    refused(posting.PartnerNotActive, lambda: post(biru, ani, 10, MARCH))
    assert posting.take_back(posted, reference="b", at=MARCH, actor="test").points == 50


def test_the_monthly_limit_counts_what_is_settled_in_the_month_less_what_came_back(biru, ani):
    biru.monthly_limit = 100
    biru.save(update_fields=["monthly_limit"])
    posted = post(biru, ani, 80, MARCH)
    refused(posting.PartnerLimitReached, lambda: post(biru, ani, 21, MARCH), left=20, limit=100)
    posting.take_back(posted, reference="b", points=30, at=MARCH, actor="test")
    post(biru, ani, 50, MARCH)
    refused(posting.PartnerLimitReached, lambda: post(biru, ani, 1, MARCH), left=0)
    post(biru, ani, 100, MARCH + 31 * DAY)
    assert points_of(ani, at=MARCH + 31 * DAY) == 200


def test_what_is_taken_back_in_parts_is_never_more_than_was_posted(biru, ani):
    posted = post(biru, ani, 100, MARCH)
    part = posting.take_back(posted, reference="b1", points=40, at=MARCH + DAY, actor="test")
    assert posting.take_back(posted, reference="b1", points=40, at=MARCH + DAY, actor="test") == part
    refused(
        posting.PostingConflict, lambda: posting.take_back(posted, reference="b1", points=39, at=MARCH, actor="test")
    )
    refused(
        posting.MoreThanPosted,
        lambda: posting.take_back(posted, reference="b2", points=61, at=MARCH, actor="test"),
        left=60,
    )
    posting.take_back(posted, reference="b2", at=MARCH + DAY, actor="test")
    refused(posting.MoreThanPosted, lambda: posting.take_back(posted, reference="b3", at=MARCH, actor="test"), left=0)
    assert points_of(ani, at=MARCH + DAY) == 0
    (line,) = history.told([part.entry])
    assert (line.title, line.explanation) == (
        "Taken back by Bank Biru",
        "Bank Biru took back 40 points of 3 March 2026",
    )


def test_after_the_days_agreed_nothing_is_taken_back(biru, ani):
    posted = post(biru, ani, 100, MARCH)
    late = MARCH + 30 * DAY
    refused(posting.TakeBackTooLate, lambda: posting.take_back(posted, reference="b", at=late, actor="test"), days=30)
    biru.take_back_days = 0
    biru.save(update_fields=["take_back_days"])
    refused(posting.TakeBackTooLate, lambda: posting.take_back(posted, reference="b", at=MARCH, actor="test"), days=0)


def test_spent_points_are_owed_and_what_is_written_off_is_not_paid_back(biru, ani):
    biru.program.wallets.update(debt_policy="floor")
    posted = post(biru, ani, 100, MARCH)
    redeem(main_account(ani).pk, 70, at=MARCH, reference="r", source="test", actor="test")
    taken = posting.take_back(posted, reference="b", at=MARCH + DAY, actor="test")
    assert (taken.asked, taken.points) == (100, 30)


def test_rules_for_postings_of_a_partner_add_points_which_go_with_the_last_of_it(biru, ani):
    definition = {
        "award": {"kind": "fixed", "points": "25"}, "conditions": {"activity": posting.ACTIVITY, "partners": ["biru"]},
    }  # fmt: skip
    add_rule(biru.program, "biru-bonus", definition)
    posted = post(biru, ani, 100, MARCH)
    post(make_partner(biru.program, "hijau"), ani, 100, MARCH)
    assert points_of(ani, at=MARCH) == 225
    posting.take_back(posted, reference="b1", points=99, at=MARCH, actor="test")
    assert points_of(ani, at=MARCH) == 126
    posting.take_back(posted, reference="b2", at=MARCH, actor="test")
    assert points_of(ani, at=MARCH) == 100
