"""Accruals, redemptions and reversals, entry by entry and lot by lot."""

from datetime import UTC, datetime, timedelta

import pytest

from loyalty.ledger import expiry, posting, statements
from loyalty.ledger.models import Allocation, Entry, Lot
from members.enrolment import main_account
from members.testing import OPENING, give_points, points_of

pytestmark = pytest.mark.usefixtures("proven_books")

LATER = OPENING + timedelta(days=40)


def burn(member, points, *, at=LATER, reference="burn"):
    return posting.redeem(main_account(member).id, points, at=at, reference=reference, source="test", actor="test")


def left(member):
    return list(Lot.objects.filter(account=main_account(member)).order_by("id").values_list("remaining", flat=True))


def test_points_earned_can_be_spent_and_show_when_they_end(ani):
    give_points(ani, 100)
    assert points_of(ani, at=LATER) == 100
    lot = Lot.objects.get()
    # Earned on 1 January 2026 in Jakarta: valid to the end of 1 January 2027 there.
    assert lot.expires_at == datetime(2027, 1, 1, 17, tzinfo=UTC)
    assert statements.expiring(lot.account_id, at=LATER, until=lot.expires_at) == [(datetime(2027, 1, 1).date(), 100)]


def test_the_soonest_expiry_is_spent_first_and_never_expiring_points_last(ani):
    give_points(ani, 10, expires_at=None)
    give_points(ani, 10, expires_at=OPENING + timedelta(days=90))
    give_points(ani, 10, expires_at=OPENING + timedelta(days=60))
    entry = burn(ani, 15)
    assert left(ani) == [10, 5, 0]
    assert list(Allocation.objects.filter(entry=entry).values_list("amount", flat=True)) == [10, 5]


def test_a_burn_that_does_not_fit_says_how_many_are_missing_and_moves_nothing(ani):
    give_points(ani, 100)
    with pytest.raises(posting.InsufficientPoints) as refusal:
        burn(ani, 220)
    assert refusal.value.numbers == {"missing": 120, "available": 100}
    assert str(refusal.value) == "120 points are missing for this."
    assert left(ani) == [100]
    assert Entry.objects.filter(kind="redemption").count() == 0


def test_a_repeated_burn_is_answered_with_the_first_even_when_the_points_are_gone(ani):
    give_points(ani, 100)
    first = burn(ani, 100)
    assert burn(ani, 100) == first
    assert left(ani) == [0]


def test_the_same_reference_for_another_amount_is_a_conflict(ani):
    give_points(ani, 100)
    burn(ani, 40)
    with pytest.raises(posting.ReferenceConflict):
        burn(ani, 41)
    with pytest.raises(posting.ReferenceConflict):
        give_points(ani, 99, reference="gift:1")
    assert left(ani) == [60]


def test_expired_points_are_not_spent_even_when_no_sweep_has_run(ani):
    give_points(ani, 100, expires_at=LATER)
    assert points_of(ani, at=LATER - timedelta(microseconds=1)) == 100
    assert points_of(ani, at=LATER) == 0
    with pytest.raises(posting.InsufficientPoints):
        burn(ani, 1, at=LATER)


def test_pending_points_show_and_are_spent_from_their_day_on_without_a_job(ani, program):
    wallet = program.wallets.get()
    wallet.activation_days = 14
    wallet.save()
    give_points(ani, 100)
    account = main_account(ani)
    assert (account.available, account.pending) == (0, 100)
    before = datetime(2026, 1, 14, 16, 59, tzinfo=UTC)
    assert statements.balance(account.id, at=before) == statements.Balance(available=0, pending=100)
    with pytest.raises(posting.InsufficientPoints):
        burn(ani, 1, at=before)
    burn(ani, 30, at=datetime(2026, 1, 14, 17, tzinfo=UTC))
    account.refresh_from_db()
    assert (account.available, account.pending) == (70, 0)
    # The expiry clock started at activation, on 15 January in Jakarta.
    assert Lot.objects.get().expires_at == datetime(2027, 1, 15, 17, tzinfo=UTC)


def test_a_reversed_redemption_returns_its_points_to_their_lots(ani):
    give_points(ani, 10, expires_at=OPENING + timedelta(days=60))
    give_points(ani, 10, expires_at=OPENING + timedelta(days=90))
    entry = burn(ani, 15)
    ends = list(Lot.objects.order_by("id").values_list("expires_at", flat=True))
    back = posting.reverse(entry, at=LATER, reference="back", source="test", actor="test")
    assert (back.amount, back.corrects) == (15, entry)
    assert left(ani) == [10, 10]
    assert list(Lot.objects.order_by("id").values_list("expires_at", flat=True)) == ends
    assert posting.reverse(entry, at=LATER, reference="again", source="test", actor="test") == back
    assert points_of(ani, at=LATER) == 20


def test_returned_points_that_expired_meanwhile_are_gone_unless_grace_days_are_given(ani, program):
    ends = OPENING + timedelta(days=50)
    give_points(ani, 10, expires_at=ends)
    give_points(ani, 10, expires_at=ends)
    plain, graced = burn(ani, 10, reference="a"), burn(ani, 10, reference="b")
    after = ends + timedelta(days=1)
    posting.reverse(plain, at=after, reference="plain", source="test", actor="test")
    assert points_of(ani, at=after) == 0
    posting.reverse(graced, at=after, reference="graced", source="test", actor="test", grace_days=14)
    assert points_of(ani, at=after) == 10
    assert points_of(ani, at=after + timedelta(days=14)) == 10
    assert points_of(ani, at=after + timedelta(days=15)) == 0
    assert expiry.run_sweep(program, at=after).report["points"] == 10


def test_only_a_redemption_can_be_reversed(ani):
    entry = give_points(ani, 10)
    with pytest.raises(posting.NotReversible):
        posting.reverse(entry, at=LATER, reference="x", source="test", actor="test")


def test_many_accruals_cost_a_constant_number_of_statements(ani, budi, django_assert_max_num_queries):
    accounts = [main_account(ani).id, main_account(budi).id]
    many = [posting.Accrual(accounts[n % 2], 1 + n, OPENING, f"r{n}", "test", "test") for n in range(200)]
    with django_assert_max_num_queries(14):
        ids = posting.accrue_many(many, recorded_at=LATER)
    assert len(set(ids)) == 200
    assert posting.accrue_many(many[:3], recorded_at=LATER) == [None, None, None]
    assert points_of(ani, at=LATER) == sum(range(1, 200, 2))


@pytest.mark.parametrize("open_lots", [1, 150, 400])
def test_a_burn_reads_no_more_lots_than_it_needs(ani, open_lots, django_assert_max_num_queries):
    account = main_account(ani).id
    posting.accrue_many(
        [posting.Accrual(account, 5, OPENING, f"r{n}", "test", "test") for n in range(open_lots)], recorded_at=OPENING
    )
    with django_assert_max_num_queries(14):
        burn(ani, 5)
