"""Previews of corrections say what is true at that instant: points that time has freed repay debt first, recorded or not (DOMAIN 2.4, 6.2)."""

from datetime import timedelta

import pytest

from loyalty.common.errors import Refusal
from loyalty.jobs.changes import deciding, drafting
from loyalty.ledger import clawback, holds, posting
from loyalty.ledger.adjusting import draws, settled
from loyalty.ledger.debts import repaid_by_time
from loyalty.ledger.models import Account, Lot
from loyalty.ledger.statements import balance
from members.enrolment import main_account
from members.testing import OPENING, give_points
from members.tests.changes import limited

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
AFTER = OPENING + timedelta(hours=2)
WORDS = {"source": "t", "actor": "t"}


@pytest.fixture
def owing(program, ani):
    """Of 100 points 20 are spent and 60 held for an hour; goods that had earned 50 came back meanwhile: 20 are taken, 30 owed."""
    limited(program, adjustment_points=None, adjustment_points_a_day=None, forgiven_points=None)
    account = main_account(ani).id
    order = give_points(ani, 70)
    give_points(ani, 30, expires_at=None)
    posting.redeem(account, 20, at=OPENING, reference="spent", **WORDS)
    holds.hold(account, 60, at=OPENING, reference="h", minutes=60, **WORDS)
    clawback.claw_back(order, 50, at=OPENING + timedelta(minutes=5), reference="back", **WORDS)
    return Account.objects.get(id=account)


def draft(program, kind, **parameters):
    return drafting.draft(program, kind, parameters=parameters, reason="because", at=AFTER, actor="staff:1")


def test_the_debt_is_there_until_the_hold_is_over_and_repaid_by_then_though_nothing_recorded_it(owing):
    assert (owing.available, owing.held, owing.debt) == (0, 60, 30)
    assert balance(owing.pk, at=AFTER).available == 30
    lots = list(Lot.objects.filter(account=owing).order_by("id").values_list("id", flat=True))
    assert repaid_by_time({owing.pk: 30}, at=AFTER) == {lots[0]: 30}
    assert repaid_by_time({owing.pk: 30}, at=OPENING) == repaid_by_time({}, at=AFTER) == {}
    before = draws({owing.pk: 25}, at=AFTER)
    settled([owing.pk], at=AFTER)
    assert draws({owing.pk: 25}, at=AFTER) == before


def test_points_that_repaid_a_debt_cannot_be_taken_in_a_preview(program, ani, owing):
    with pytest.raises(Refusal) as refused:
        draft(program, "adjust", number=ani.number, amount=-31)
    assert "30" in str(refused.value)
    taking = draft(program, "adjust", number=ani.number, amount=-30)
    shown = list(taking.lines.values_list("facts", flat=True))
    deciding.submit(taking, at=AFTER, actor="staff:1")
    account = main_account(ani)
    assert (account.available, account.held, account.debt) == (0, 0, 0)
    assert [lot["lots"] for lot in shown] == [[list(part) for part in taken_of(account)]]


def taken_of(account):
    return account.entries.get(kind="adjustment").allocations.order_by("id").values_list("lot_id", "amount")


def test_added_points_do_not_seem_to_repay_what_is_repaid_already(program, ani, owing):
    adding = draft(program, "adjust", number=ani.number, amount=50)
    assert [line.facts.get("repays") for line in adding.lines.all()] == [None]


def test_what_is_repaid_already_cannot_be_forgiven(program, ani, owing):
    with pytest.raises(Refusal, match="owes only 0"):
        draft(program, "forgive_debt", number=ani.number, amount=30)
