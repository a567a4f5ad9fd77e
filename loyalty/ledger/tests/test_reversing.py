"""Days of grace are given once: what was redeemed while a lot lived by them returns with the end they gave (DOMAIN 7.2)."""

from datetime import timedelta

import pytest

from loyalty.ledger import corrections, expiry, posting
from loyalty.ledger.models import Entry, Lot
from loyalty.ledger.redating import redated
from loyalty.ledger.tests.model import after_days
from members.enrolment import main_account
from members.testing import OPENING, give_points, points_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
ENDS = OPENING + timedelta(days=50)


def day(number):
    return OPENING + timedelta(days=number)


def burn(member, points, *, at=OPENING, reference="burn"):
    return posting.redeem(main_account(member).id, points, at=at, reference=reference, source="t", actor="t")


def cancel(spent, at, grace_days=14):
    return posting.reverse(spent, at=at, reference=f"c{spent.pk}", source="t", actor="t", grace_days=grace_days)


@pytest.fixture
def lot(ani):
    give_points(ani, 100, expires_at=ENDS)
    return Lot.objects.get()


def ends_of(lot):
    return Lot.objects.get(pk=lot.pk).expires_at


@pytest.mark.parametrize("is_swept", [False, True])
def test_cancelled_redeemed_and_cancelled_again_the_points_have_the_end_of_the_first_grace(ani, program, lot, is_swept):
    cancel(burn(ani, 100), day(51))
    by_grace = after_days(day(51), 14)
    assert (points_of(ani, at=day(52)), ends_of(lot)) == (100, by_grace)
    again = burn(ani, 100, reference="again", at=day(60))
    if is_swept:
        expiry.run_sweep(program, at=day(67))
    back = cancel(again, day(67))
    assert (points_of(ani, at=day(67)), ends_of(lot), redated(back.explanation)) == (0, by_grace, [])
    assert expiry.run_sweep(program, at=day(67)).report["points"] == 100
    assert cancel(again, day(90)) == back


def test_cancelled_again_within_the_days_of_grace_the_points_live_until_their_end(ani, lot):
    cancel(burn(ani, 100), day(51))
    cancel(burn(ani, 100, reference="again", at=day(60)), day(61))
    assert (points_of(ani, at=day(62)), ends_of(lot)) == (100, after_days(day(51), 14))


def test_a_redemption_from_before_the_grace_of_another_gets_its_own(ani, lot):
    first, second = burn(ani, 60), burn(ani, 40, reference="second")
    cancel(first, day(51))
    cancel(second, day(67))
    assert (points_of(ani, at=day(67)), ends_of(lot)) == (40, after_days(day(67), 14))
    assert Entry.objects.get(kind="reversal", corrects=second).explanation["extension"]
    assert Entry.objects.filter(kind="expiry").values_list("amount", flat=True).get() == -60


def test_what_was_redeemed_in_the_grace_of_one_is_not_spared_by_the_grace_of_another(ani, lot):
    first, second = burn(ani, 60), burn(ani, 40, reference="second")
    cancel(first, day(51))
    third = burn(ani, 60, reference="third", at=day(52))
    cancel(second, day(67))
    cancel(third, day(90))
    assert (points_of(ani, at=day(90)), ends_of(lot)) == (0, after_days(day(67), 14))


def test_an_end_that_was_given_since_is_an_end_like_any_other(ani, program, lot):
    cancel(burn(ani, 100), day(51))
    corrections.extend(
        [main_account(ani).id], until=day(80), before=day(80), at=day(60), reference="e", actor="t", reason="because"
    )
    cancel(burn(ani, 100, reference="again", at=day(61)), day(81))
    assert (points_of(ani, at=day(81)), ends_of(lot)) == (100, after_days(day(81), 14))


def test_the_member_who_cancels_gets_no_days_of_grace_at_all(ani, lot):
    cancel(burn(ani, 100), day(51), grace_days=0)
    assert (points_of(ani, at=day(51)), ends_of(lot)) == (0, ENDS)
