"""Races of partners on PostgreSQL: the monthly limit, a reference posted twice, a month that is closed meanwhile."""

from datetime import date, timedelta
from functools import partial

import pytest

from campaigns.partners import posting, settlement
from campaigns.partners.models import PartnerPosting, Settlement
from campaigns.partners.tests.cast import make_partner, post
from loyalty.tests.racing import on_postgresql, race
from members.testing import OPENING, make_member, make_program

pytestmark = on_postgresql
MARCH = OPENING + timedelta(days=61)


@pytest.fixture
def biru():
    return make_partner(make_program(), monthly_limit=100)


def test_twelve_postings_at_once_stay_within_the_limit(biru):
    members = [make_member(biru.program, f"M{number}") for number in range(12)]
    attempts = [partial(post, biru, member, 15, MARCH, reference=f"p{n}") for n, member in enumerate(members)]
    results, codes = race(*attempts)
    assert (len(results), codes) == (6, ["partner_limit_reached"] * 6)
    assert posting.posted_in(biru, date(2026, 3, 1)) == 90


def test_one_reference_posted_eight_times_at_once_counts_once(biru):
    ani = make_member(biru.program, "Ani")
    results, codes = race(*[partial(post, biru, ani, 40, MARCH, reference="same")] * 8)
    assert (len({one.pk for one in results}), codes) == (1, [])
    assert PartnerPosting.objects.count() == 1


def test_taking_back_at_once_never_takes_more_than_was_posted(biru):
    posted = post(biru, make_member(biru.program, "Ani"), 40, MARCH)
    back = [
        partial(posting.take_back, posted, reference=f"b{n}", points=15, at=MARCH, actor="test") for n in range(6)
    ]  # fmt: skip
    results, codes = race(*back)
    assert (len(results), codes) == (2, ["more_than_posted"] * 4)


def test_a_month_closed_meanwhile_has_every_posting_or_the_next_one_has(biru):
    """Whatever comes first: each posting of January is in the closed figures, or settled in February."""
    members = [make_member(biru.program, f"M{number}") for number in range(6)]
    told_at = OPENING + timedelta(days=32)
    attempts = [
        partial(post, biru, member, 10, OPENING + timedelta(days=1), reference=f"p{n}", told_at=told_at)
        for n, member in enumerate(members)
    ]
    close = partial(settlement.close_month, biru, date(2026, 1, 1), at=told_at, actor="test")
    results, codes = race(*attempts[:3], close, *attempts[3:])
    assert (len(results), codes) == (7, [])
    closed = Settlement.objects.get().figures["points"]
    assert closed == posting.posted_in(biru, date(2026, 1, 1))
    assert closed + posting.posted_in(biru, date(2026, 2, 1)) == 60
    assert list(settlement.problems(biru)) == []


def test_a_month_closed_twice_at_once_is_closed_once(biru):
    close = partial(settlement.close_month, biru, date(2026, 1, 1), at=MARCH, actor="test")
    results, codes = race(*[close] * 4)
    assert (len(results), codes, Settlement.objects.count()) == (1, ["settlement_not_due"] * 3, 1)
