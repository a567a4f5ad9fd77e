"""Whoever owes repays with what time has freed, whether or not the activation has come by."""

from datetime import timedelta

import pytest

from loyalty.ledger import activation, clawback, holds, posting, repaying
from loyalty.ledger.models import Wallet
from members.enrolment import main_account
from members.testing import OPENING, give_points

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENING + timedelta(days=10)
BY = {"source": "t", "actor": "t"}


def owe(member, points):
    """Earn, spend and give the goods back."""
    order = give_points(member, points)
    posting.redeem(main_account(member).id, points, at=OPENING, reference="spent", **BY)
    clawback.claw_back(order, points, at=LATER - timedelta(days=1), reference="back", **BY)


def figures(member):
    account = main_account(member)
    return account.available, account.pending, account.held, account.debt


def pending(member, points, days):
    Wallet.objects.update(activation_days=days)
    give_points(member, points)
    Wallet.objects.update(activation_days=0)


def test_points_whose_day_has_come_repay_and_the_rest_can_be_spent(ani, budi, program):
    for member in (ani, budi):
        pending(member, 50, 10)
    owe(ani, 30)
    assert figures(ani) == (0, 50, 0, 30)
    assert repaying.repay_due(program, at=LATER - timedelta(hours=12)).is_empty
    assert repaying.repay_due(program, at=LATER, dry_run=True).found == 1
    tally = repaying.repay_due(program, at=LATER)
    assert (tally.done, tally.report) == (1, {"repaid": 30})
    assert (figures(ani), figures(budi)) == ((20, 0, 0, 0), (0, 50, 0, 0))  # who owes nothing is left to the activation
    assert repaying.repay_due(program, at=LATER).is_empty


def test_points_of_a_hold_that_ran_out_repay(ani, program):
    order = give_points(ani, 30)
    posting.redeem(main_account(ani).id, 30, at=OPENING, reference="spent", **BY)
    give_points(ani, 40)
    held = holds.hold(main_account(ani).id, 40, at=LATER, reference="till", **BY)
    clawback.claw_back(order, 30, at=LATER + timedelta(seconds=1), reference="back", **BY)
    assert figures(ani) == (0, 0, 40, 30)
    tally = repaying.repay_due(program, at=held.expires_at)
    assert (tally.report, figures(ani)) == ({"repaid": 30}, (10, 0, 0, 0))


def test_a_run_that_is_told_to_stop_ends_after_its_chunk_and_the_next_goes_on(ani, budi, program, monkeypatch):
    monkeypatch.setattr(repaying, "CHUNK", 1)
    for member in (ani, budi):
        pending(member, 50, 10)
        owe(member, 30)
    assert repaying.repay_due(program, at=LATER, progress=lambda *figures: False).done == 1
    assert repaying.repay_due(program, at=LATER).done == 1
    assert figures(ani) == figures(budi) == (20, 0, 0, 0)


def test_the_activation_tells_what_it_repaid_and_leaves_nothing_to_repay(ani, program):
    pending(ani, 50, 10)
    owe(ani, 30)
    assert activation.activate_due(program, at=LATER).report == {"points": 50, "repaid": 30}
    assert repaying.repay_due(program, at=LATER).is_empty
