"""Holds, claw-backs, debt, corrections and transfers: what moves, exactly, and what stays."""

from datetime import timedelta
from decimal import Decimal

import pytest

from loyalty.ledger import activation, clawback, corrections, expiry, holds, posting, statements, transfers
from loyalty.ledger.models import Entry, Hold, Lot, Wallet
from members.enrolment import main_account
from members.testing import OPENING, give_points, points_of

pytestmark = pytest.mark.usefixtures("proven_books")
NOON = OPENING + timedelta(hours=2)
FAR = OPENING + timedelta(days=90)


def account_of(member):
    return main_account(member).id


def burn(member, points, reference="burn", at=NOON):
    return posting.redeem(account_of(member), points, at=at, reference=reference, source="t", actor="t")


def hold(member, points, reference="hold", at=NOON, **more):
    return holds.hold(account_of(member), points, at=at, reference=reference, source="t", actor="t", **more)


def take(origin, points, reference, at=NOON):
    return clawback.claw_back(origin, points, at=at, reference=reference, source="t", actor="t")


def figures(member):
    account = main_account(member)
    return account.available, account.pending, account.held, account.debt


@pytest.fixture
def policy(program):
    def choose(name, limit=None):
        Wallet.objects.filter(program=program).update(debt_policy=name, debt_limit=limit)

    return choose


class TestHolds:
    def test_held_points_are_reserved_and_captured(self, ani):
        give_points(ani, 100)
        held = hold(ani, 60)
        assert hold(ani, 60) == held
        assert figures(ani) == (40, 0, 60, 0)
        with pytest.raises(posting.InsufficientPoints):
            burn(ani, 41)
        entry = holds.capture(held, at=NOON + timedelta(minutes=14), actor="t")
        assert holds.capture(held, at=NOON + timedelta(days=1), actor="t") == entry
        assert (entry.amount, figures(ani)) == (-60, (40, 0, 0, 0))
        with pytest.raises(holds.HoldCaptured):
            holds.release(held, at=NOON)

    def test_a_part_can_be_captured_and_the_rest_is_free(self, ani):
        give_points(ani, 100)
        assert holds.capture(hold(ani, 60), at=NOON, actor="t", amount=25).amount == -25
        assert figures(ani) == (75, 0, 0, 0)

    def test_a_released_hold_frees_its_points_once(self, ani):
        give_points(ani, 100)
        held = hold(ani, 60)
        holds.release(held, at=NOON)
        assert holds.release(held, at=NOON).status == Hold.Status.RELEASED
        assert figures(ani) == (100, 0, 0, 0)
        with pytest.raises(holds.HoldOver):
            holds.capture(held, at=NOON, actor="t")

    def test_a_hold_past_its_end_holds_nothing_even_when_nothing_recorded_that(self, ani, program):
        give_points(ani, 100)
        held = hold(ani, 60)
        end = held.expires_at
        assert statements.balance(account_of(ani), at=end - timedelta(seconds=1)).available == 40
        assert statements.balance(account_of(ani), at=end) == statements.Balance(available=100)
        with pytest.raises(holds.HoldOver):
            holds.capture(held, at=end, actor="t")
        burn(ani, 100, at=end)
        assert figures(ani) == (0, 0, 0, 0)

    def test_the_job_records_holds_that_ran_out(self, ani, program):
        give_points(ani, 100)
        held = hold(ani, 60)
        assert holds.release_due(program, at=held.expires_at - timedelta(seconds=1)).done == 0
        assert holds.release_due(program, at=held.expires_at).done == 1
        assert figures(ani) == (100, 0, 0, 0)

    def test_points_held_over_their_expiry_can_still_be_captured(self, ani, program):
        ends = NOON + timedelta(minutes=5)
        give_points(ani, 100, expires_at=ends)
        held = hold(ani, 60)
        later = NOON + timedelta(minutes=10)
        assert expiry.preview(program, at=later)["points"] == 40
        assert expiry.run_sweep(program, at=later).report["points"] == 40
        holds.capture(held, at=later, actor="t", amount=50)
        assert expiry.run_sweep(program, at=later).report["points"] == 10

    def test_a_preview_counts_what_timed_out_holds_let_go(self, ani, program):
        ends = NOON + timedelta(minutes=5)
        give_points(ani, 100, expires_at=ends)
        hold(ani, 60)
        later = NOON + timedelta(hours=1)
        preview = expiry.run_sweep(program, at=later, dry_run=True)
        assert preview.report == expiry.run_sweep(program, at=later).report == {"lots": 1, "accounts": 1, "points": 100}


class TestClawBack:
    def test_it_takes_from_the_orders_own_lot_first(self, ani):
        give_points(ani, 50, expires_at=OPENING + timedelta(days=5))
        order = give_points(ani, 100)
        take(order, 30, "refund-1")
        assert list(Lot.objects.order_by("id").values_list("remaining", "clawed_back")) == [(50, 0), (70, 30)]

    def test_then_from_other_lots_and_then_it_is_owed(self, ani):
        order = give_points(ani, 100)
        give_points(ani, 20)
        burn(ani, 90)
        entry = take(order, 100, "refund")
        assert entry.explanation == {"asked": 100, "taken": 30, "owed": 70, "written_off": 0}
        assert (entry.amount, figures(ani)) == (-100, (0, 0, 0, 70))

    def test_debt_is_repaid_first_from_what_is_earned_next(self, ani):
        order = give_points(ani, 100)
        burn(ani, 100)
        take(order, 100, "refund")
        give_points(ani, 60)
        assert figures(ani) == (0, 0, 0, 40)
        give_points(ani, 60)
        assert figures(ani) == (20, 0, 0, 0)
        assert points_of(ani, at=NOON) == 20
        assert sum(Entry.objects.values_list("amount", flat=True)) == 20

    def test_pending_points_repay_debt_when_they_are_activated(self, ani, program):
        order = give_points(ani, 100)
        burn(ani, 100)
        take(order, 100, "refund")
        program.wallets.update(activation_days=7)
        give_points(ani, 60)
        assert figures(ani) == (0, 60, 0, 100)
        assert activation.activate_due(program, at=OPENING + timedelta(days=8)).report == {"points": 60, "repaid": 60}
        assert figures(ani) == (0, 0, 0, 40)

    def test_pending_points_of_the_order_are_taken_before_they_can_be_spent(self, ani, program):
        program.wallets.update(activation_days=7)
        order = give_points(ani, 100)
        take(order, 40, "refund")
        assert figures(ani) == (0, 60, 0, 0)

    def test_the_policy_may_stop_at_zero_and_write_the_rest_off(self, ani, policy):
        policy(Wallet.DebtPolicy.FLOOR)
        order = give_points(ani, 100)
        burn(ani, 80)
        assert take(order, 100, "refund").explanation == {"asked": 100, "taken": 20, "owed": 0, "written_off": 80}
        assert figures(ani) == (0, 0, 0, 0)

    def test_the_policy_may_take_from_pending_points_only(self, ani, policy):
        policy(Wallet.DebtPolicy.PENDING_ONLY)
        order = give_points(ani, 100)
        assert take(order, 100, "refund").explanation["written_off"] == 100
        assert figures(ani) == (100, 0, 0, 0)

    def test_debt_stops_at_the_wallets_limit(self, ani, policy):
        policy(Wallet.DebtPolicy.DEBT, limit=50)
        order = give_points(ani, 100)
        burn(ani, 100)
        assert take(order, 100, "refund").explanation == {"asked": 100, "taken": 0, "owed": 50, "written_off": 50}

    @pytest.mark.parametrize("parts", [[100], [25, 25, 25, 25], [1, 99], [33, 33, 34]])
    def test_many_small_refunds_take_the_same_as_one(self, ani, parts):
        order = give_points(ani, 100)
        burn(ani, 70)
        for number, part in enumerate(parts):
            take(order, part, f"refund-{number}")
        assert figures(ani) == (0, 0, 0, 70)

    def test_a_repeated_refund_takes_once_and_more_than_earned_is_refused(self, ani):
        order = give_points(ani, 100)
        first = take(order, 60, "refund")
        assert take(order, 60, "refund") == first
        with pytest.raises(posting.ReferenceConflict):
            take(order, 59, "refund")
        with pytest.raises(clawback.NothingLeftToTake) as refusal:
            take(order, 41, "refund-2")
        assert refusal.value.numbers == {"earned": 100, "left": 40}
        assert figures(ani) == (40, 0, 0, 0)

    @pytest.mark.parametrize("is_swept", [True, False])
    def test_what_expired_unused_is_not_taken_a_second_time(self, ani, program, is_swept):
        order = give_points(ani, 100, expires_at=FAR)
        burn(ani, 60)
        if is_swept:
            expiry.run_sweep(program, at=FAR)
        assert take(order, 30, "a", at=FAR).amount == 0
        assert take(order, 70, "b", at=FAR).explanation["owed"] == 60
        expiry.run_sweep(program, at=FAR)
        assert figures(ani) == (0, 0, 0, 60)

    def test_points_that_come_back_too_late_do_not_repay_debt(self, ani):
        order = give_points(ani, 100, expires_at=FAR)
        spent = burn(ani, 100)
        take(order, 100, "refund")
        assert figures(ani) == (0, 0, 0, 100)
        posting.reverse(spent, at=FAR, reference="back", source="t", actor="t")
        assert points_of(ani, at=FAR) == 0
        assert main_account(ani).debt == 100

    @pytest.mark.parametrize("is_swept", [True, False])
    def test_grace_is_for_what_comes_back_not_for_what_had_run_out(self, ani, program, is_swept):
        give_points(ani, 100, expires_at=FAR)
        spent = burn(ani, 60)
        if is_swept:
            expiry.run_sweep(program, at=FAR)
        posting.reverse(spent, at=FAR, reference="back", source="t", actor="t", grace_days=14)
        assert points_of(ani, at=FAR) == 60
        assert figures(ani) == (60, 0, 0, 0)


class TestCorrections:
    def test_points_are_added_and_taken_by_hand_with_a_reason(self, ani):
        added = corrections.adjust(
            account_of(ani), 50, at=NOON, reference="a1", actor="staff:1", reason="Sorry, late parcel"
        )
        assert corrections.adjust(account_of(ani), 50, at=NOON, reference="a1", actor="staff:1", reason="x") == added
        corrections.adjust(account_of(ani), -20, at=NOON, reference="a2", actor="staff:1", reason="Given twice")
        assert figures(ani) == (30, 0, 0, 0)
        with pytest.raises(posting.InsufficientPoints):
            corrections.adjust(account_of(ani), -31, at=NOON, reference="a3", actor="staff:1", reason="x")
        with pytest.raises(corrections.ReasonMissing):
            corrections.adjust(account_of(ani), 1, at=NOON, reference="a4", actor="staff:1", reason=" ")

    def test_debt_is_forgiven_with_a_reason_and_never_more_than_is_owed(self, ani):
        order = give_points(ani, 100)
        burn(ani, 100)
        take(order, 100, "refund")
        with pytest.raises(corrections.NoSuchDebt):
            corrections.write_off(account_of(ani), 101, at=NOON, reference="w", actor="staff:1", reason="x")
        corrections.write_off(account_of(ani), 60, at=NOON, reference="w", actor="staff:1", reason="Good customer")
        give_points(ani, 50)
        assert figures(ani) == (10, 0, 0, 0)

    def test_expired_points_are_reinstated_once_into_their_lot(self, ani, program):
        give_points(ani, 100, expires_at=FAR)
        expiry.run_sweep(program, at=FAR)
        gone = Entry.objects.get(kind="expiry")
        until = FAR + timedelta(days=30)
        give = {"until": until, "actor": "staff:1", "reason": "Our outage"}
        back = corrections.reinstate(gone, at=FAR, reference="r", **give)
        assert corrections.reinstate(gone, at=FAR, reference="r2", **give) == back
        assert points_of(ani, at=until - timedelta(seconds=1)) == 100
        assert expiry.run_sweep(program, at=until).report["points"] == 100

    def test_an_extension_moves_only_sooner_ends_and_says_which(self, ani):
        give_points(ani, 10, expires_at=FAR)
        give_points(ani, 10, expires_at=FAR + timedelta(days=100))
        give_points(ani, 10, expires_at=None)
        until = FAR + timedelta(days=30)
        longer = {"until": until, "before": until, "actor": "staff:1", "reason": "Flood"}
        assert corrections.extend([account_of(ani)], at=NOON, reference="x", **longer) == 1
        assert corrections.extend([account_of(ani)], at=NOON, reference="x", **longer) == 0
        lot = Lot.objects.order_by("id").first()
        assert lot.expires_at == until
        told = Entry.objects.get(kind="extension").explanation["extension"]["lots"]
        assert told == {str(lot.id): {"from": FAR.isoformat(), "until": until.isoformat()}}


class TestTransfers:
    def test_points_cannot_be_passed_on_unless_the_wallet_allows_it(self, ani, budi):
        give_points(ani, 100)
        with pytest.raises(transfers.TransferNotAllowed):
            self.send(ani, budi, 10)
        assert figures(budi) == (0, 0, 0, 0)

    def test_points_keep_their_expiry_when_they_change_hands(self, ani, budi, program):
        program.wallets.update(transfer_limit=100)
        give_points(ani, 10, expires_at=FAR)
        give_points(ani, 10, expires_at=FAR + timedelta(days=1))
        first = self.send(ani, budi, 15)
        assert self.send(ani, budi, 15) == first
        assert figures(ani) == (5, 0, 0, 0)
        ends = list(Lot.objects.filter(account=account_of(budi)).values_list("granted", "expires_at"))
        assert ends == [(10, FAR), (5, FAR + timedelta(days=1))]
        with pytest.raises(transfers.TransferNotAllowed):
            self.send(ani, budi, 101, reference="more")

    def test_a_rate_between_wallets_rounds_down_once(self, ani, budi, program):
        program.wallets.update(transfer_limit=100)
        miles = Wallet.objects.create(program=program, slug="miles")
        (other,) = posting.open_accounts(miles, 1, at=OPENING)
        for days in (1, 2, 3):
            give_points(ani, 5, expires_at=FAR + timedelta(days=days))
        transfers.transfer(
            account_of(ani), other, 15, at=NOON, reference="t", source="t", actor="t", rate=Decimal("0.5")
        )
        assert list(Lot.objects.filter(account=other).order_by("id").values_list("granted", flat=True)) == [2, 3, 2]

    @staticmethod
    def send(giver, taker, points, reference="gift"):
        return transfers.transfer(
            account_of(giver), account_of(taker), points, at=NOON, reference=reference, source="t", actor="t"
        )
