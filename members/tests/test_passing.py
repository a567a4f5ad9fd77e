"""Passing points on: to another member, to another wallet, to a partner's program; limits, letters, masked names."""

from datetime import timedelta
from decimal import Decimal

import pytest

from loyalty.ledger import statements, transfers
from loyalty.ledger.drawing import InsufficientPoints
from loyalty.ledger.models import Entry, ExchangeRate, Lot
from loyalty.ledger.posting import ReferenceConflict
from loyalty.mail.models import Message
from members import passing
from members.enrolment import main_account
from members.models import Member
from members.testing import OPENING, give_points, make_member, make_program, points_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
DAY = timedelta(days=1)
NOW = OPENING + 5 * DAY


@pytest.fixture
def open_wallet(program):
    program.wallets.update(transfer_limit=100)


def give(member, to, points, *, at=NOW, reference="t1", **more):
    giver = passing.account_in(member)
    return passing.pass_on(giver, to, points, at=at, reference=reference, source="test", actor="test", **more)


def refused(error, member, to, points, *, at=NOW, reference="no"):
    """The numbers of a refusal, after a look that nothing moved; the preview refuses the same."""
    before = Entry.objects.count()
    with pytest.raises(error) as refusal:
        give(member, to, points, at=at, reference=reference)
    with pytest.raises(error) as foreseen:
        passing.preview(passing.account_in(member), to, points, at=at)
    assert foreseen.value.numbers == refusal.value.numbers
    assert Entry.objects.count() == before
    return refusal.value.numbers


def test_points_change_hands_with_their_expiry_and_both_get_a_letter(open_wallet, ani, budi):
    give_points(ani, 80)
    passed = give(ani, budi, 50)
    assert (points_of(ani, at=NOW), points_of(budi, at=NOW)) == (30, 50)
    assert (passed.points, passed.received, passed.rate) == (50, 50, Decimal(1))
    assert Lot.objects.get(entry__account=main_account(budi).id).expires_at == Lot.objects.first().expires_at
    letters = {m.recipient: (m.kind, m.context["other"], m.context["points"]) for m in Message.objects.all()}
    assert letters == {
        ani.number: ("points_passed", "B•••", "50 points"),
        budi.number: ("points_received", "A•••", "50 poin"),
    }


def test_the_same_reference_passes_on_once(open_wallet, ani, budi, siti):
    give_points(ani, 80)
    first = give(ani, budi, 50)
    assert give(ani, budi, 50, at=NOW + DAY).entry == first.entry
    assert (points_of(ani, at=NOW), Message.objects.count()) == (30, 2)
    with pytest.raises(ReferenceConflict):
        give(ani, siti, 50)
    assert points_of(siti, at=NOW) == 0


def test_nothing_leaves_a_wallet_that_lets_nothing_leave(ani, budi):
    give_points(ani, 80)
    assert refused(transfers.TransferNotAllowed, ani, budi, 10) == {}


def test_more_than_there_is_does_not_leave(open_wallet, ani, budi):
    give_points(ani, 80)
    assert refused(InsufficientPoints, ani, budi, 81) == {"missing": 1, "available": 80}


def test_limits_count_days_and_months_of_the_program_clock(program, ani, budi):
    program.wallets.update(transfer_limit=40, transfer_daily_limit=60, transfer_monthly_limit=70)
    give_points(ani, 500)
    assert refused(transfers.TransferLimitReached, ani, budi, 41) == {"limit": 40, "left": 40}
    give(ani, budi, 40, reference="a")
    assert refused(transfers.TransferLimitReached, ani, budi, 21) == {"limit": 40, "left": 20}
    give(ani, budi, 20, reference="b")
    assert refused(transfers.TransferLimitReached, ani, budi, 1) == {"limit": 40, "left": 0}
    assert refused(transfers.TransferLimitReached, ani, budi, 11, at=NOW + DAY) == {"limit": 40, "left": 10}
    february = OPENING + 31 * DAY
    give(ani, budi, 40, at=february, reference="c")
    assert points_of(budi, at=february) == 100


def test_what_has_to_stay_stays(program, ani, budi):
    program.wallets.update(transfer_limit=100, transfer_keep=30)
    give_points(ani, 80)
    assert refused(transfers.TransferKeepsTooLittle, ani, budi, 51) == {"keep": 30, "most": 50}
    give(ani, budi, 50)
    assert points_of(ani, at=NOW) == 30


def test_points_become_a_partners_points_at_the_agreed_rate(open_wallet, program, ani):
    partner = make_program("teh")
    sari = make_member(partner, "Sari")
    give_points(ani, 80)
    refused(transfers.NoExchange, ani, sari, 10)
    agreed = ExchangeRate.objects.create(
        from_wallet=program.wallets.get(), to_wallet=partner.wallets.get(), rate=Decimal("0.3")
    )
    refused(transfers.NothingArrives, ani, sari, 3)
    assert give(ani, sari, 15).received == 4
    ExchangeRate.objects.filter(pk=agreed.pk).update(rate=Decimal(2))
    assert give(ani, sari, 15).received == 4, "a repeated reference keeps its rate"
    assert (points_of(ani, at=NOW), points_of(sari, at=NOW)) == (65, 4)
    assert statements.balance(main_account(sari).id, at=NOW).available == 4


def test_only_active_members_are_found_and_only_a_masked_name_is_told(program, ani, budi):
    assert passing.receiver(program, budi.shown_number) == budi
    assert passing.masked(budi) == "B•••"
    budi.name = ""
    assert passing.masked(budi) == f"•••• •••• {budi.number[-4:]}"
    Member.objects.filter(pk=budi.pk).update(status="closed")
    foreign = make_member(make_program("teh"), "Sari")
    for number in (budi.number, foreign.number):
        with pytest.raises(passing.ReceiverUnknown) as refusal:
            passing.receiver(program, number)
        assert str(refusal.value) == "Nobody with this number can receive points. Please check it."
    wrong = ani.number[:-1] + str((int(ani.number[-1]) + 1) % 10)
    with pytest.raises(passing.NumberMistyped):
        passing.receiver(program, wrong)
