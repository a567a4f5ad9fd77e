"""Processes racing for the same points, on either engine: exactly what fits succeeds, nobody is refused wrongly, nothing deadlocks."""

from datetime import UTC, date, datetime, timedelta

import pytest

from loyalty.tests import forked

pytestmark = [pytest.mark.processes, pytest.mark.timeout(1800)]
OPENING = datetime(2026, 1, 1, 3, tzinfo=UTC)
LATER = OPENING + timedelta(days=10)


def cast(*names, points=0):
    """The program and the main accounts of its members, each with one lot of these points."""
    from members.enrolment import main_account
    from members.testing import give_points, make_member, make_program

    program = make_program()
    members = [make_member(program, name) for name in names]
    for member in members:
        if points:
            give_points(member, points)
    return program, [main_account(member).id for member in members]


def burn(account, points, reference, at=LATER):
    from loyalty.ledger import posting

    return lambda: posting.redeem(account, points, at=at, reference=reference, source="t", actor="t").id


def told(ends, *accounts):
    """How the attempts ended, the accounts' figures, and what is wrong with the books."""
    from loyalty.ledger.checking import verify
    from loyalty.ledger.models import Account

    figures = [(a.available, a.held, a.debt) for a in Account.objects.filter(id__in=accounts).order_by("id")]
    return [forked.count(ends), figures, [str(violation) for violation in verify()]]


def last_points(workers):
    _, (account,) = cast("Ani", points=100)
    return told(forked.race(*(burn(account, 10, f"r{n}") for n in range(workers))), account)


def same_reference(workers):
    _, (account,) = cast("Ani", points=100)
    ends = forked.race(*(burn(account, 60, "same") for _ in range(workers)))
    return [*told(ends, account), len({entry for _, entry in ends})]


def reversed_and_burned(rounds):
    from loyalty.ledger import posting

    _, (account,) = cast("Ani", points=100)
    wrong = []
    for number in range(rounds):
        first = posting.redeem(account, 100, at=LATER, reference=f"first{number}", source="t", actor="t")
        ends = forked.race(
            lambda first=first, number=number: posting.reverse(first, at=LATER, reference=f"undo{number}", source="t", actor="t").id,
            *(burn(account, 100, f"again{number}-{n}") for n in range(3)),
        )  # fmt: skip
        counted = forked.count(ends)
        if counted not in ({"done": 1, "insufficient_points": 3}, {"done": 2, "insufficient_points": 2}):
            wrong.append(counted)
        last = posting.Entry.objects.filter(account=account).latest("number")
        if last.kind == "redemption":
            posting.reverse(last, at=LATER, reference=f"back{number}", source="t", actor="t")
    return [wrong, told([], account)]


def sweeps_and_burns(sweeps, burns):
    from loyalty.ledger import expiry, posting

    expiry.CHUNK = 7
    program, accounts = cast("Ani", "Budi")
    ends_at = LATER + timedelta(seconds=1)
    for account in accounts:
        rows = [posting.Accrual(account, 10, OPENING, f"r{n}", "t", "t", expires_at=ends_at) for n in range(50)]
        posting.accrue_many(rows, recorded_at=OPENING)
    ends = forked.race(
        *(burn(account, 25, f"b{n}") for n in range(burns) for account in accounts),
        *(lambda: expiry.run_sweep(program, at=ends_at).done for _ in range(sweeps)),
    )
    lots = sorted(posting.Entry.objects.filter(kind="expiry").values_list("allocations__lot", flat=True))
    burned = sum(posting.Entry.objects.filter(kind="redemption").values_list("amount", flat=True))
    expired = sum(posting.Entry.objects.filter(kind="expiry").values_list("amount", flat=True))
    refused = set(forked.count(ends)) <= {"done", "insufficient_points"}
    return [refused, len(lots) == len(set(lots)), burned + expired, told([], *accounts)[1:]]


def there_and_back(transfers_each):
    from loyalty.ledger import transfers
    from loyalty.ledger.models import Wallet

    _, (ani, budi) = cast("Ani", "Budi", points=100)
    Wallet.objects.update(transfer_limit=1000)

    def pass_on(giver, taker, number):
        words = {"at": LATER, "reference": f"t{giver}-{number}", "source": "t", "actor": "t"}
        return lambda: transfers.transfer(giver, taker, 10, **words).id

    both = [pass_on(*pair, number) for number in range(transfers_each) for pair in ((ani, budi), (budi, ani))]
    return told(forked.race(*both), ani, budi)


def hold_ends(rounds):
    from loyalty.ledger import holds, posting
    from loyalty.ledger.models import Hold

    _, (account,) = cast("Ani", points=10 * rounds)
    wrong, captured = [], 0
    for number in range(rounds):
        held = holds.hold(account, 10, at=LATER, reference=f"h{number}", source="t", actor="t")
        end = held.expires_at
        ends = forked.race(
            lambda held=held, end=end: holds.capture(held, at=end - timedelta(seconds=1), actor="t").id,
            lambda held=held, end=end: holds.release(held, at=end - timedelta(seconds=1)).id,
            lambda end=end: holds.release_due(at=end).done,
            lambda end=end: holds.release_due(at=end).done,
        )
        held.refresh_from_db()
        captured += held.status == Hold.Status.CAPTURED
        expected = "hold_captured" if held.status == Hold.Status.CAPTURED else "hold_over"
        refusals = {code for end, code in ends if end != "done"}
        entries = posting.Entry.objects.filter(reference=f"hold:h{number}").count()
        if not refusals <= {expected} or entries != (held.status == Hold.Status.CAPTURED):
            wrong.append([held.status, ends, entries])
    _, figures, books = told([], account)
    return [wrong, figures == [(10 * rounds - 10 * captured, 0, 0)], books]


def refunds_and_burns(burns):
    from loyalty.ledger import clawback, posting

    _, (account,) = cast("Ani")
    order = posting.accrue(account, 100, at=OPENING, reference="order", source="t", actor="t")

    def take(number):
        words = {"at": LATER, "reference": f"refund{number}", "source": "t", "actor": "t"}
        return lambda: clawback.claw_back(order, 25, **words).id

    ends = forked.race(*(take(n) for n in range(6)), *(burn(account, 10, f"b{n}") for n in range(burns)))
    counted, ((available, _, debt),), books = told(ends, account)
    taken, spent = counted["done"] - (done := sum(end == "done" for end, _ in ends[6:])), 10 * done
    return [taken, counted.get("more_than_earned"), (available == 0 or debt == 0), available - debt + spent, books]


def extension_and_sweep(rounds):
    from loyalty.ledger import corrections, expiry
    from members.enrolment import main_account
    from members.testing import give_points, make_member, make_program

    program = make_program()
    sums, until = [], LATER + timedelta(days=30)
    for number in range(rounds):
        member = make_member(program, f"m{number}")
        ends = LATER + timedelta(seconds=number)
        give_points(member, 100, expires_at=ends)
        account = main_account(member).id
        words = {
            "before": until,
            "at": ends - timedelta(microseconds=1),
            "reference": "longer",
            "actor": "t",
            "reason": "outage",
        }
        forked.race(
            lambda account=account, words=words: corrections.extend([account], until=until, **words),
            lambda ends=ends: expiry.run_sweep(program, at=ends).done,
        )
        (_, ((available, _, _),), books) = told([], account)
        sums.append(available in (0, 100) and books == [])
    return sums


def month_and_late_posting(rounds):
    from loyalty.ledger import closing, posting
    from loyalty.ledger.models import Entry
    from members.enrolment import main_account
    from members.testing import make_member, make_program

    answers = []
    for number in range(rounds):
        program = make_program(f"kopi{number}")
        account = main_account(make_member(program, "Ani")).id
        wallet = program.wallets.get()
        at = datetime(2026, 2, 3, tzinfo=UTC)

        def late(n, account=account, at=at):
            return lambda: (
                posting.accrue(account, 10, at=LATER, recorded_at=at, reference=f"l{n}", source="t", actor="t").id
            )

        ends = forked.race(
            *(late(n) for n in range(6)),
            lambda wallet=wallet, at=at: closing.close_month(wallet, date(2026, 1, 1), at=at, actor="t").id,
        )
        began = {entry.effective_at for entry in Entry.objects.filter(account=account)}
        first = closing.open_since([wallet.pk]).get(wallet.pk)
        answers.append([forked.count(ends), began <= {LATER, first}, told([], account)[1:]])
    return answers


def enrolled_at_once(workers):
    from members.enrolment import enrol
    from members.models import Member
    from members.testing import make_program

    program = make_program()
    one = forked.race(
        *(
            lambda: enrol(program, at=OPENING, actor="t", email="ani@example.com", source="shop", source_key="7").pk
            for _ in range(workers)
        )
    )
    two = forked.race(
        *(lambda: enrol(program, at=OPENING, actor="t", email="budi@example.com").pk for _ in range(workers))
    )
    return [forked.count(one), len({pk for _, pk in one}), forked.count(two), Member.objects.count()]


def test_processes_after_the_last_points_get_exactly_what_is_there(house):
    assert house.play(last_points, workers=16) == [{"done": 10, "insufficient_points": 6}, [[0, 0, 0]], []]


@pytest.mark.slow
def test_fifty_processes_after_the_last_points_get_exactly_what_is_there(house):
    assert house.play(last_points, workers=50) == [{"done": 10, "insufficient_points": 40}, [[0, 0, 0]], []]


def test_one_reference_from_many_processes_burns_once(house):
    assert house.play(same_reference, workers=12) == [{"done": 12}, [[40, 0, 0]], [], 1]


@pytest.mark.slow
def test_points_given_back_are_spent_again_once_or_not_at_all(house):
    assert house.play(reversed_and_burned, rounds=20) == [[], [{}, [[100, 0, 0]], []]]


def test_sweeps_and_burns_take_every_point_once(house):
    assert house.play(sweeps_and_burns, sweeps=3, burns=4) == [True, True, -1000, [[[0, 0, 0], [0, 0, 0]], []]]


@pytest.mark.slow
def test_many_sweeps_and_burns_take_every_point_once(house):
    assert house.play(sweeps_and_burns, sweeps=8, burns=12) == [True, True, -1000, [[[0, 0, 0], [0, 0, 0]], []]]


def test_points_passed_on_both_ways_at_once_neither_deadlock_nor_vanish(house):
    assert house.play(there_and_back, transfers_each=8) == [{"done": 16}, [[100, 0, 0], [100, 0, 0]], []]


@pytest.mark.slow
def test_a_hold_is_captured_or_over_and_never_both(house):
    assert house.play(hold_ends, rounds=15) == [[], True, []]


def test_refunds_and_burns_at_once_add_up_and_no_debt_stands_beside_points(house):
    assert house.play(refunds_and_burns, burns=6) == [4, 2, True, 0, []]


@pytest.mark.slow
def test_points_are_extended_or_expired_and_never_both(house):
    assert house.play(extension_and_sweep, rounds=15) == [True] * 15


@pytest.mark.slow
def test_what_is_posted_while_its_month_is_closed_is_in_the_close_or_after_it(house):
    answers = house.play(month_and_late_posting, rounds=10)
    assert answers == [[{"done": 7}, True, [[[60, 0, 0]], []]]] * 10


def test_one_customer_enrolled_by_many_tills_is_one_member(house):
    same, members, addresses, all_members = house.play(enrolled_at_once, workers=8)
    assert (same, members, addresses, all_members) == ({"done": 8}, 1, {"done": 1, "email_taken": 7}, 2)
