"""Points that end sooner and become known only after a redemption live as long as those that were drawn in their stead (DOMAIN 2.5)."""

from datetime import date, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from loyalty.ledger import (
    asof,
    clawback,
    closing,
    corrections,
    exchanging,
    expiry,
    finance,
    holds,
    policies,
    posting,
    triggers,
)
from loyalty.ledger.checking import verify
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Allocation, Entry, Lot, Wallet
from loyalty.ledger.statements import balance
from loyalty.ledger.writing import Line, write_accounts, write_allocations, write_lines
from members import wording
from members.enrolment import main_account
from members.testing import OPENING, make_member

pytestmark = pytest.mark.usefixtures("proven_books")
WORDS = {"source": "t", "actor": "t"}


def day(number):
    return OPENING + timedelta(days=number)


def give(account, points, *, on, ends, told=None, reference=""):
    """Points that are true from one day on and are told on another."""
    more = {"recorded_at": day(told if told is not None else on), "expires_at": day(ends) if ends else None}
    return posting.accrue(account, points, at=day(on), reference=reference or f"{on}-{ends}", **WORDS, **more)


def burn(account, points, on, reference="burn"):
    return posting.redeem(account, points, at=day(on), reference=reference, **WORDS)


def left(account, *days):
    return [balance(account, at=day(number)).available for number in days]


def lots(account):
    return list(Lot.objects.filter(account=account).order_by("expires_at", "id").values_list("remaining", flat=True))


@pytest.fixture
def account(ani):
    return main_account(ani).id


@pytest.fixture
def late(account):
    """400 until day 65, 300 of them redeemed on day 30; then 400 until day 45 of which nobody knew."""
    give(account, 400, on=1, ends=65)
    burn(account, 300, 30)
    return give(account, 400, on=2, ends=45, told=35)


def test_late_points_live_as_long_as_those_that_were_drawn_in_their_stead(program, account, late):
    assert (left(account, 35, 44, 46, 60, 66), lots(account)) == ([500, 500, 400, 400, 0], [100, 400])
    out, back = Entry.objects.filter(account=account, kind="extension").order_by("number")
    assert [(e.amount, e.effective_at, e.recorded_at, e.actor) for e in (out, back)] == [
        (-300, day(30), day(35), "books"), (300, day(30), day(35), "books"),
    ]  # fmt: skip
    drawn = Allocation.objects.filter(entry__reference="burn").values_list("lot__expires_at", "amount")
    assert list(drawn) == [(day(65), 300)]  # the redemption keeps what it was granted from
    told = "300 points that would have lasted through February 15, 2026 last through March 7, 2026."
    why = "Had they been known in time, they would have been used before points that last longer."
    assert {wording.explain(e) for e in (out, back)} == {f"{told} {why}"}
    assert (wording.title(out), wording.title(back)) == ("Points last longer", "Points last longer")
    month = finance.roll_forward(program.wallets.get(), date(2026, 2, 1))
    assert (month.burned, month.reinstated, month.adjusted) == (0, 0, 0)
    before = asof.position(account, at=day(32), known_at=day(32))
    then = asof.position(account, at=day(47))
    assert (before.balance.available, then.balance.available, then.ran_out) == (100, 400, 100)
    expiry.run_sweep(program, at=day(50))
    assert (lots(account), exchanging.exchange({account: _locked(account)}, at=day(50))) == ([0, 400], 0)


def _locked(account):
    found = Account.objects.get(id=account)
    assert not found.has_idle_lots
    return found


def test_it_reaches_points_whose_own_end_has_passed(program, account):
    give(account, 400, on=1, ends=65)
    burn(account, 300, 30)
    give(account, 400, on=2, ends=45, told=50)
    assert (left(account, 50, 64, 65), lots(account)) == ([400, 400, 0], [100, 400])
    expiry.run_sweep(program, at=day(51))
    assert lots(account) == [0, 400]


def test_lots_of_one_last_day_are_told_of_together(account):
    give(account, 100, on=1, ends=65, reference="a")
    give(account, 200, on=1, ends=65, reference="b")
    burn(account, 250, 30)
    give(account, 400, on=2, ends=45, told=35)
    told = Entry.objects.filter(account=account, kind="extension").first().explanation
    assert told == {"in_turn": [{"points": 250, "was": "2026-02-15", "until": "2026-03-07"}]}


def test_a_claw_back_finds_the_points_where_they_would_be(account, late):
    first = Entry.objects.get(reference="1-65")
    taken = clawback.claw_back(first, 400, at=day(50), reference="back", **WORDS)
    assert (taken.explanation["owed"], left(account, 50)) == (0, [0])


def test_a_cancelled_redemption_returns_to_the_lots_it_drew_on(account, late):
    posting.reverse(Entry.objects.get(reference="burn"), at=day(36), reference="cancel", **WORDS)
    assert (left(account, 36, 46), lots(account)) == ([800, 700], [100, 700])
    give(account, 10, on=3, ends=70, told=37)
    assert lots(account) == [100, 700, 10]  # what lives longer already is never shortened


def test_points_that_live_again_repay_what_is_owed(account):
    give(account, 400, on=1, ends=65)
    spent = give(account, 50, on=1, ends=20)
    burn(account, 450, 10)
    clawback.claw_back(spent, 50, at=day(15), reference="back", **WORDS)
    give(account, 100, on=2, ends=18, told=50)
    stands = balance(account, at=day(50))
    assert (stands.available, stands.debt) == (50, 0)


NOTHING = {
    "points that end later than what was drawn": {"ends": 80},
    "points that never end": {"ends": None},
    "points of after the redemption": {"on": 31, "ends": 45},
}


@pytest.mark.parametrize("name", NOTHING)
def test_other_late_points_change_nothing(account, name):
    give(account, 400, on=1, ends=65)
    burn(account, 300, 30)
    give(account, 400, **({"on": 2, "told": 35} | NOTHING[name]))
    assert not Entry.objects.filter(kind="extension").exists()


def test_ends_moved_by_hand_or_by_activity_are_answers_that_stand(program, account, budi):
    give(account, 400, on=1, ends=65)
    words = {
        "until": day(90),
        "before": day(70),
        "at": day(5),
        "reference": "x",
        "actor": "staff:1",
        "reason": "because",
    }
    corrections.extend([account], **words)
    burn(account, 300, 30)
    give(account, 400, on=2, ends=45, told=35)
    policies.set_expiry(program.wallets.get(), kind="idle_days", count=60, resets="redeem", at=day(1), actor="t")
    idle = main_account(budi).id
    posting.accrue(idle, 400, at=day(1), reference="a", **WORDS)
    burn(idle, 300, 30)
    give(idle, 400, on=2, ends=45, told=35)
    assert not Entry.objects.filter(kind="extension").exclude(amount=0).exists()


def test_what_is_held_is_drawn_in_turn_and_stays_held(account):
    give(account, 400, on=1, ends=65)
    held = holds.hold(account, 300, at=day(30), reference="h", **WORDS)
    give(account, 400, on=2, ends=45, told=30)
    assert left(account, 30, 46) == [500, 700]  # past day 45 the hold is over, too
    holds.capture(held, at=day(30) + timedelta(minutes=5), actor="t")
    assert left(account, 31, 46) == [500, 400]


@pytest.mark.parametrize("policy", ["debt", "floor", "pending"])
def test_under_every_debt_policy_a_refund_in_between_counts(program, account, policy):
    assert policy in Wallet.DebtPolicy.values
    Wallet.objects.filter(program=program).update(debt_policy=policy)
    first = give(account, 400, on=1, ends=65)
    clawback.claw_back(first, 100, at=day(20), reference="back", **WORDS)
    burn(account, 300, 30)
    give(account, 400, on=2, ends=45, told=35)
    kept = 400 if policy == "pending" else 300
    assert left(account, 35, 46) == [kept + 100, kept]


def test_many_accounts_cost_as_many_statements_as_two(program):
    def story(name):
        account = main_account(make_member(program, name)).id
        give(account, 400, on=1, ends=65)
        burn(account, 300, 30)
        return posting.Accrual(account, 400, day(2), "late", "t", "t", expires_at=day(45))

    counts = []
    for names in (["a", "b"], ["c", "d", "e", "f", "g"]):
        credits = [story(f"{name}{len(names)}") for name in names]
        with CaptureQueriesContext(connection) as asked:
            posting.accrue_many(credits, recorded_at=day(35))
        counts.append(len(asked))
        assert [left(credit.account_id, 46) for credit in credits] == [[400]] * len(names)
    assert counts[0] == counts[1]


def test_half_of_an_exchange_is_found(account):
    give(account, 400, on=1, ends=65)
    lot = Lot.objects.get(account=account)
    with transaction.atomic():
        (locked,) = lock(account).values()
        line = Line(account, Entry.Kind.EXTENSION, -100, day(2), day(2), "books", "half", "books")
        (entry_id,) = write_lines({account: locked}, [line])
        write_allocations([(entry_id, lot.id, 100)])
        Lot.objects.filter(id=lot.id).update(remaining=300, redeemed=100)
        locked.available -= 100
        write_accounts([locked])
        found = [str(one) for one in verify()]
        transaction.set_rollback(True)
    assert found == [f"allocations: account {account}: points that changed places add up to -100, not to nothing"]


def test_a_signed_month_between_keeps_its_figures_and_the_pair_is_nothing_in_the_next(program, account):
    wallet, (january, february) = program.wallets.get(), (date(2026, 1, 1), date(2026, 2, 1))
    give(account, 400, on=1, ends=65)
    burn(account, 300, 20)
    closing.close_month(wallet, january, at=day(32), actor="staff:1")
    signed = finance.roll_forward(wallet, january)
    known = asof.position(account, at=day(30), known_at=day(30))
    give(account, 400, on=2, ends=45, told=35)
    pair = Entry.objects.filter(account=account, kind="extension").order_by("number")
    begins = finance.month_bounds(february, program.time_zone)[0]
    assert [(e.amount, e.effective_at, e.recorded_at) for e in pair] == [(n, begins, day(35)) for n in (-300, 300)]
    assert (finance.roll_forward(wallet, january), signed.closing) == (signed, 100)
    assert asof.position(account, at=day(30), known_at=day(30)) == known
    after = finance.roll_forward(wallet, february)
    assert (after.opening, after.issued, after.burned, after.adjusted, after.closing) == (100, 400, 0, 0, 500)
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, sum(amount) FROM report_entries GROUP BY kind ORDER BY kind")
        assert cursor.fetchall() == [("accrual", 800), ("extension", 0), ("redemption", -300)]
        cursor.execute("SELECT count(*) FROM report_adjustments")
        assert cursor.fetchone() == (0,)


def test_both_purchases_taken_back_and_the_redemption_undone_leave_nothing(account, late):
    """As in order: the redemption is owed while both are gone, and its points pay that when they come back."""
    first = Entry.objects.get(reference="1-65")
    for origin, reference in ((late, "late back"), (first, "first back")):
        clawback.claw_back(origin, 400, at=day(40), reference=reference, **WORDS)
    assert (balance(account, at=day(40)).available, balance(account, at=day(40)).debt) == (0, 300)
    posting.reverse(Entry.objects.get(reference="burn"), at=day(41), reference="cancel", **WORDS)
    stands = balance(account, at=day(41))
    assert (stands.available, stands.debt, lots(account)) == (0, 0, [0, 0])


def test_a_pair_that_tells_of_another_lot_is_named(account, late):
    """The amounts still add up to nothing; the lots say that something else happened."""
    taken = Allocation.objects.get(entry__kind="extension", entry__amount__lt=0)
    other = Lot.objects.filter(account=account).exclude(id=taken.lot_id).get()
    with triggers.lifted(), transaction.atomic():
        Allocation.objects.filter(id=taken.id).update(lot=other)
        found = {(one.law, one.lot) for one in verify()}
        transaction.set_rollback(True)
    assert {("lot parts", taken.lot_id), ("lot parts", other.id)} <= found
