"""Points that wait for a confirming event: confirmed, cancelled, lapsed, told of late."""

from datetime import timedelta

import pytest

from loyalty.ledger import asof, clawback, confirming, corrections, expiry, posting, statements
from loyalty.ledger.checking import verify
from loyalty.ledger.confirming import ConfirmationLate, NotWaiting
from loyalty.ledger.models import Account, Entry, Lot
from loyalty.ledger.posting import Accrual, ReferenceConflict, accrue_many
from loyalty.ledger.statements import Balance
from members.enrolment import main_account
from members.testing import OPENING

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
DAY = timedelta(days=1)
CANCEL_BY = OPENING + 30 * DAY
WORDS = {"source": "test", "actor": "test"}


def waiting(member, points=100, *, reference="stay:1", confirm_by=CANCEL_BY, **more) -> Entry:
    """Points of a booking that count once the guest has stayed."""
    account = main_account(member).id
    credit = Accrual(account, points, OPENING, reference, "test", "test", confirm_by=confirm_by, **more)
    (entry_id,) = accrue_many([credit], recorded_at=OPENING)
    return Entry.objects.get(id=entry_id)


def balance(member, at) -> Balance:
    return statements.balance(main_account(member).id, at=at)


def confirm(entry, *, at, reference="stayed:1", **more) -> Entry:
    return confirming.confirm(entry, at=at, reference=reference, **WORDS, **more)


def test_waiting_points_show_and_cannot_be_spent(ani):
    waiting(ani)
    assert balance(ani, OPENING) == Balance(pending=100)
    with pytest.raises(posting.InsufficientPoints) as refusal:
        posting.redeem(main_account(ani).id, 1, at=OPENING + 20 * DAY, reference="r", **WORDS)
    assert refusal.value.numbers == {"missing": 1, "available": 0}


def test_a_confirming_event_makes_them_spendable_and_starts_their_expiry(ani):
    entry = waiting(ani)
    stayed = OPENING + 10 * DAY
    line = confirm(entry, at=stayed)
    assert (line.kind, line.amount, line.corrects_id) == ("extension", 0, entry.pk)
    lot = Lot.objects.get(entry=entry)
    assert (lot.available_at, lot.expires_at.isoformat()) == (stayed, "2027-01-11T17:00:00+00:00")
    assert balance(ani, stayed) == Balance(available=100)
    assert balance(ani, CANCEL_BY + DAY) == Balance(available=100)


def test_unconfirmed_points_are_gone_at_the_instant_whether_or_not_a_sweep_has_run(ani, program):
    waiting(ani)
    moment = timedelta(microseconds=1)
    assert balance(ani, CANCEL_BY - moment) == Balance(pending=100)
    assert balance(ani, CANCEL_BY) == Balance()
    expiry.run_sweep(program, at=CANCEL_BY)
    assert balance(ani, CANCEL_BY) == Balance()
    lapse = Entry.objects.get(kind="expiry")
    assert (lapse.amount, lapse.explanation) == (-100, {"lapsed": "unconfirmed"})
    assert Account.objects.get(pk=main_account(ani).pk).pending == 0


def test_confirming_twice_gives_the_first_answer_whatever_the_reference(ani):
    entry = waiting(ani)
    first = confirm(entry, at=OPENING + DAY)
    assert confirm(entry, at=OPENING + 2 * DAY) == first
    assert confirm(entry, at=OPENING + 2 * DAY, reference="stayed:again") == first
    assert balance(ani, OPENING + 2 * DAY) == Balance(available=100)


def test_a_reference_confirms_one_thing(ani):
    one, other = waiting(ani), waiting(ani, reference="stay:2")
    confirm(one, at=OPENING)
    with pytest.raises(ReferenceConflict):
        confirm(other, at=OPENING)
    assert balance(ani, OPENING) == Balance(available=100, pending=100)


@pytest.mark.parametrize("is_swept", [False, True])
def test_an_event_after_the_end_is_refused_with_the_end(ani, program, is_swept):
    entry = waiting(ani)
    if is_swept:
        expiry.run_sweep(program, at=CANCEL_BY)
    with pytest.raises(ConfirmationLate) as refusal:
        confirm(entry, at=CANCEL_BY + DAY)
    assert refusal.value.numbers == {"confirm_by": CANCEL_BY.isoformat()}
    assert balance(ani, CANCEL_BY + DAY) == Balance()


@pytest.mark.parametrize("is_swept", [False, True])
def test_an_event_in_time_that_is_told_of_late_brings_the_points_back(ani, program, is_swept):
    entry = waiting(ani)
    late, stayed = CANCEL_BY + 5 * DAY, CANCEL_BY - DAY
    if is_swept:
        expiry.run_sweep(program, at=CANCEL_BY)
    line = confirm(entry, at=late, occurred_at=stayed)
    assert (line.kind, line.amount) == (("reinstatement", 100) if is_swept else ("extension", 0))
    assert balance(ani, late) == Balance(available=100)
    lot = Lot.objects.get(entry=entry)
    assert (lot.available_at, lot.expires_at.isoformat()) == (stayed, "2027-01-30T17:00:00+00:00")
    assert confirm(entry, at=late) == line


def test_confirmed_points_repay_debt_first(ani):
    bought = posting.accrue(main_account(ani).id, 60, at=OPENING, reference="p", **WORDS)
    posting.redeem(main_account(ani).id, 60, at=OPENING, reference="r", **WORDS)
    clawback.claw_back(bought, 60, at=OPENING, reference="back", **WORDS)
    entry = waiting(ani)
    assert balance(ani, OPENING) == Balance(pending=100, debt=60)
    confirm(entry, at=OPENING + DAY)
    assert balance(ani, OPENING + DAY) == Balance(available=40)


def test_waiting_points_can_be_cancelled_once(ani):
    entry = waiting(ani)
    words = {"reference": "cancelled:1", **WORDS}
    line = confirming.cancel(entry, at=OPENING + DAY, reason="the booking was cancelled", **words)
    assert (line.kind, line.amount, line.corrects_id) == ("claw_back", -100, entry.pk)
    assert confirming.cancel(entry, at=OPENING + 2 * DAY, **words) == line
    assert balance(ani, OPENING + DAY) == Balance()


def test_a_part_taken_back_before_leaves_the_rest_to_cancel_or_confirm(ani):
    one, other = waiting(ani), waiting(ani, reference="stay:2")
    for number, entry in enumerate((one, other)):
        clawback.claw_back(entry, 30, at=OPENING, reference=f"part:{number}", **WORDS)
    confirming.cancel(one, at=OPENING, reference="cancelled:1", **WORDS)
    assert balance(ani, OPENING) == Balance(pending=70)
    confirm(other, at=OPENING)
    assert balance(ani, OPENING) == Balance(available=70)


def test_what_does_not_wait_is_neither_confirmed_nor_cancelled(ani):
    at_once = posting.accrue(main_account(ani).id, 60, at=OPENING, reference="p", **WORDS)
    with pytest.raises(NotWaiting):
        confirm(at_once, at=OPENING)
    with pytest.raises(NotWaiting):
        confirming.cancel(at_once, at=OPENING, reference="c", **WORDS)
    lapsed = waiting(ani)
    with pytest.raises(NotWaiting):
        confirming.cancel(lapsed, at=CANCEL_BY, reference="c", **WORDS)
    assert balance(ani, OPENING) == Balance(available=60, pending=100)


def test_waiting_points_are_not_extended_nor_reinstated_by_hand(ani, program):
    waiting(ani)
    account = main_account(ani).id
    longer = {"until": CANCEL_BY + 90 * DAY, "before": CANCEL_BY + DAY, "at": OPENING, "reference": "e"}
    assert corrections.extend([account], actor="staff:1", reason="sorry", **longer) == 0
    expiry.run_sweep(program, at=CANCEL_BY)
    lapse = Entry.objects.get(kind="expiry")
    with pytest.raises(corrections.NotExpired):
        corrections.reinstate(
            lapse, at=CANCEL_BY, until=CANCEL_BY + 90 * DAY, reference="x", actor="staff:1", reason="sorry"
        )
    assert balance(ani, CANCEL_BY) == Balance()


def test_an_end_given_by_hand_counts_once_they_are_confirmed(ani):
    ends = OPENING + 300 * DAY
    entry = waiting(ani, expires_at=ends)
    confirm(entry, at=OPENING + DAY)
    assert Lot.objects.get(entry=entry).expires_at == ends


def test_time_travel_sees_them_wait_until_the_event_was_true_or_known(ani):
    entry = waiting(ani)
    stayed, told = OPENING + 10 * DAY, OPENING + 12 * DAY
    confirm(entry, at=told, occurred_at=stayed)
    account, between = main_account(ani).id, OPENING + 11 * DAY
    assert asof.position(account, at=OPENING + 9 * DAY).balance == Balance(pending=100)
    assert asof.position(account, at=between).balance == Balance(available=100)
    assert asof.position(account, at=between, known_at=between).balance == Balance(pending=100)
    assert asof.position(account, at=CANCEL_BY, known_at=between).balance == Balance()
    (lot,) = asof.position(account, at=between, known_at=between).lots
    assert (lot.available_at, lot.expires_at, lot.confirm_by) == (None, CANCEL_BY, CANCEL_BY)


@pytest.mark.parametrize(
    "changes",
    [
        {"confirm_by": CANCEL_BY + 30 * DAY, "expires_at": CANCEL_BY + 30 * DAY},
        {"available_at": OPENING + DAY},
        {"available_at": OPENING + DAY, "confirm_by": None, "expires_at": CANCEL_BY + 400 * DAY},
    ],
)
def test_tampering_with_the_dates_of_waiting_points_is_found(ani, changes):
    lot = Lot.objects.get(entry=waiting(ani))
    before = {name: getattr(lot, name) for name in changes}
    Lot.objects.filter(pk=lot.pk).update(**changes)
    assert {(violation.law, violation.lot) for violation in verify()} == {("lot dates", lot.pk)}
    Lot.objects.filter(pk=lot.pk).update(**before)


def test_tampering_with_the_beginning_of_confirmed_points_is_found(ani):
    entry = waiting(ani)
    confirm(entry, at=OPENING + DAY)
    Lot.objects.filter(entry=entry).update(available_at=OPENING)
    assert {violation.law for violation in verify()} == {"lot dates"}
    Lot.objects.filter(entry=entry).update(available_at=OPENING + DAY)
