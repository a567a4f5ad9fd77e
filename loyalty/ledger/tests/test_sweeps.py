"""Activation, holds that ran out and debt: recorded once, whenever the jobs come, with the same end."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.ledger import activation, clawback, expiry, holds, posting, statements
from loyalty.ledger.models import Entry, Hold, Lot, Wallet
from members.enrolment import main_account
from members.testing import OPENING, give_points, points_of

pytestmark = pytest.mark.usefixtures("proven_books")
NOON = OPENING + timedelta(hours=2)
LATER = OPENING + timedelta(days=8)


def hold(member, points, reference="hold", at=NOON):
    return holds.hold(main_account(member).id, points, at=at, reference=reference, source="t", actor="t")


def take(origin, points, at=NOON):
    return clawback.claw_back(origin, points, at=at, reference=f"refund:{origin.pk}", source="t", actor="t")


def burn(member, points, at=NOON):
    return posting.redeem(main_account(member).id, points, at=at, reference="burn", source="t", actor="t")


def statements_of(verb):
    with CaptureQueriesContext(connection) as captured:
        verb()
    return len(captured)


def figures(member):
    account = main_account(member)
    return account.available, account.pending, account.held, account.debt


@pytest.fixture
def a_week_pending(program):
    Wallet.objects.filter(program=program).update(activation_days=7)


@pytest.mark.usefixtures("a_week_pending")
class TestActivation:
    def test_points_are_activated_from_their_first_instant_and_once(self, program, ani):
        give_points(ani, 60)
        at = Lot.objects.get().available_at
        assert activation.activate_due(program, at=at - timedelta(microseconds=1)).is_empty
        preview = activation.activate_due(program, at=at, dry_run=True)
        assert figures(ani) == (0, 60, 0, 0)
        tally = activation.activate_due(program, at=at)
        assert (tally.found, tally.report) == (preview.found, preview.report) == (1, {"points": 60})
        assert (figures(ani), activation.activate_due(program, at=LATER).is_empty) == ((60, 0, 0, 0), True)

    def test_points_taken_back_while_they_waited_do_not_keep_the_job_from_ending(self, program, ani, monkeypatch):
        monkeypatch.setattr(activation, "CHUNK", 1)
        for _ in range(3):
            take(give_points(ani, 10), 10)
        give_points(ani, 5)
        tally = activation.activate_due(program, at=LATER)
        assert (tally.done, tally.report, figures(ani)) == (4, {"points": 5}, (5, 0, 0, 0))

    def test_many_members_in_small_chunks_and_a_stop_between_them(self, program, ani, budi, monkeypatch):
        monkeypatch.setattr(activation, "CHUNK", 2)
        for member in (ani, budi):
            for _ in range(3):
                give_points(member, 10)
        stopped = activation.activate_due(program, at=LATER, progress=lambda found, done, skipped: False)
        assert stopped.done == 3
        activation.activate_due(program, at=LATER)
        assert (figures(ani), figures(budi)) == ((30, 0, 0, 0), (30, 0, 0, 0))

    def test_the_number_of_statements_does_not_grow_with_the_members(
        self, program, ani, budi, siti, django_assert_num_queries
    ):
        give_points(ani, 10)
        few = statements_of(lambda: activation.activate_due(program, at=LATER))
        for member in (ani, budi, siti):
            give_points(member, 10)
        assert statements_of(lambda: activation.activate_due(program, at=LATER)) == few

    def test_another_programs_points_wait_for_its_own_job(self, program, ani):
        from members.testing import make_member, make_program

        other = make_program("teh")
        Wallet.objects.filter(program=other).update(activation_days=7)
        tono = make_member(other, "Tono")
        give_points(tono, 10)
        assert activation.activate_due(program, at=LATER).is_empty
        assert figures(tono) == (0, 10, 0, 0)


class TestHoldsThatRanOut:
    def test_they_are_recorded_in_small_chunks_and_once(self, program, ani, budi, siti, monkeypatch):
        monkeypatch.setattr(holds, "CHUNK", 1)
        for member in (ani, budi, siti):
            give_points(member, 100)
            hold(member, 60)
        live = hold(siti, 30, "longer", at=NOON + timedelta(minutes=10))
        end = NOON + timedelta(minutes=15)
        assert holds.release_due(at=end - timedelta(microseconds=1)).is_empty
        assert holds.release_due(at=end, dry_run=True).found == 3
        assert holds.release_due(at=end).done == 3
        assert [figures(member) for member in (ani, budi, siti)] == [(100, 0, 0, 0), (100, 0, 0, 0), (70, 0, 30, 0)]
        assert holds.release_due(at=end).is_empty
        assert set(Hold.objects.exclude(pk=live.pk).values_list("status", "ended_at")) == {("released", end)}

    def test_the_number_of_statements_does_not_grow_with_the_holds(
        self, program, ani, budi, siti, django_assert_num_queries
    ):
        for member in (ani, budi, siti):
            give_points(member, 100)
        hold(ani, 10)
        few = statements_of(lambda: holds.release_due(program, at=LATER))
        for number, member in enumerate((ani, ani, budi, siti)):
            hold(member, 10, f"h{number}")
        assert statements_of(lambda: holds.release_due(program, at=LATER)) == few


class TestDebtAndPointsNeverStandTogether:
    def owing(self, member):
        """Spent 100, then the goods came back while another 60 were held."""
        order = give_points(member, 100)
        burn(member, 100, at=OPENING + timedelta(hours=1))
        after = NOON - timedelta(minutes=1)
        give_points(member, 60, at=after, recorded_at=after, expires_at=OPENING + timedelta(days=2))
        held = hold(member, 60)
        take(order, 40)
        assert figures(member) == (0, 0, 60, 40)
        return held

    def test_a_released_hold_repays(self, ani):
        holds.release(self.owing(ani), at=NOON)
        assert figures(ani) == (20, 0, 0, 0)

    def test_what_a_capture_leaves_over_repays(self, ani):
        holds.capture(self.owing(ani), at=NOON, actor="t", amount=30)
        assert figures(ani) == (0, 0, 0, 10)

    def test_a_hold_that_ran_out_repays_and_the_balance_says_so_before_anything_recorded_it(self, program, ani):
        end = self.owing(ani).expires_at
        assert statements.balance(main_account(ani).id, at=end) == statements.Balance(available=20)
        holds.release_due(program, at=end)
        assert figures(ani) == (20, 0, 0, 0)
        assert points_of(ani, at=end) == 20

    def test_a_late_job_repays_as_of_the_end_of_the_hold_though_the_points_ran_out_since(self, program, ani):
        end = self.owing(ani).expires_at
        late = OPENING + timedelta(days=5)
        assert statements.balance(main_account(ani).id, at=late) == statements.Balance()
        expiry.run_sweep(program, at=late)
        assert figures(ani) == (0, 0, 0, 0)
        repayment = Entry.objects.get(kind="claw_back", amount=0)
        assert (repayment.effective_at, repayment.recorded_at, repayment.explanation["repaid"]) == (end, late, 40)
        assert Entry.objects.get(kind="expiry").amount == -20

    def test_points_that_became_active_repay_before_what_is_earned_now(self, program, ani):
        order = give_points(ani, 100)
        burn(ani, 100)
        Wallet.objects.filter(program=program).update(activation_days=7)
        waiting = give_points(ani, 30)
        Wallet.objects.filter(program=program).update(activation_days=0)
        take(order, 50)
        assert figures(ani) == (0, 30, 0, 50)
        give_points(ani, 40, at=LATER, recorded_at=LATER)
        assert Lot.objects.get(entry=waiting).remaining == 0
        assert figures(ani) == (20, 0, 0, 0)


def test_points_that_are_all_held_past_their_end_do_not_stand_in_the_way_of_days_of_grace(ani):
    ends = NOON + timedelta(minutes=5)
    give_points(ani, 100, expires_at=ends)
    spent = burn(ani, 60)
    held = hold(ani, 40)
    words = {"at": ends + timedelta(minutes=1), "reference": "undo", "source": "t", "actor": "t"}
    posting.reverse(spent, grace_days=14, **words)
    assert (figures(ani), Entry.objects.filter(kind="expiry").count()) == ((60, 0, 40, 0), 0)
    holds.capture(held, at=ends + timedelta(minutes=2), actor="t")
    assert figures(ani) == (60, 0, 0, 0)
