"""Terms of wallets are remembered between credits, and never believed when they have changed."""

from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from loyalty.common.bulk import is_postgresql
from loyalty.ledger import policies, posting
from loyalty.ledger.models import Entry, ExpiryPolicy, Lot, Program, Season, Wallet
from loyalty.ledger.seasons import set_period
from loyalty.tests.racing import on_postgresql, race
from members.enrolment import main_account
from members.testing import OPENING

pytestmark = pytest.mark.django_db
LATER = OPENING + timedelta(days=10, hours=20)
TWO_DAYS = timedelta(days=2)


def credit(account, reference, **more):
    """By itself; returns the lot."""
    return posting.accrue(account, 5, at=LATER, reference=reference, source="t", actor="t", **more).lot


def credit_locked(account, reference):
    """As purchases are credited, the account locked before; returns the lot."""
    (entry_id,) = posting.accrue_many([posting.Accrual(account, 5, LATER, reference, "t", "t")], recorded_at=LATER)
    return Lot.objects.get(entry=entry_id)


WAYS = pytest.mark.parametrize("way", [credit, credit_locked])


def policy(program, days):
    return policies.set_expiry(program.wallets.get(), kind="days", count=days, at=OPENING, actor="t")


@WAYS
def test_a_new_policy_counts_from_the_next_credit_on(program, ani, way, proven_books):
    account = main_account(ani).id
    policy(program, 30)
    before = way(account, "first")
    newer = policy(program, 40)
    after = way(account, "second")
    assert (after.expiry_policy_id, after.expires_at - before.expires_at) == (newer.id, timedelta(days=10))


@WAYS
@pytest.mark.parametrize(
    ("model", "change", "instant", "later"),
    [(Wallet, {"activation_days": 2}, "available_at", 42), (Program, {"time_zone": "Asia/Jayapura"}, "expires_at", -2)],
)
def test_other_days_or_another_clock_count_from_the_next_credit_on(program, ani, way, model, change, instant, later):
    account = main_account(ani).id
    policy(program, 30)
    before = way(account, "first")
    model.objects.update(**change)
    assert getattr(way(account, "second"), instant) - getattr(before, instant) == timedelta(hours=later)


@WAYS
def test_a_policy_that_was_undone_is_forgotten(program, ani, way, proven_books):
    account = main_account(ani).id
    kept = policy(program, 30)
    with suppress(KeyError), transaction.atomic():
        policy(program, 40)
        way(account, "undone as well")
        raise KeyError
    again = policy(program, 50)
    lot = way(account, "kept")
    assert lot.expiry_policy_id == again.id != kept.id
    assert list(Entry.objects.values_list("reference", flat=True)) == ["kept"]


def test_an_account_of_another_wallet_gets_that_wallets_terms(program, ani, proven_books):
    policy(program, 30)
    credit(main_account(ani).id, "points")
    other = Wallet.objects.create(program=program, slug="cashback", activation_days=1)
    (account,) = posting.open_accounts(other, 1, at=OPENING)
    lot = credit(account, "cashback")
    assert (lot.expires_at, lot.expiry_policy, lot.is_pending) == (None, None, True)


@WAYS
def test_days_of_a_season_that_were_corrected_count_from_the_next_credit_on(program, ani, way, proven_books):
    account = main_account(ani).id
    season = Season.objects.create(program=program, slug="sale", name="Sale")
    first, last = (LATER + timedelta(days=30)).date(), (LATER + timedelta(days=35)).date()
    given = {"source": "t", "at": OPENING, "actor": "t"}
    set_period(season, "2026", first_day=first, last_day=last, **given)
    policies.set_expiry(program.wallets.get(), kind="season", season=season, at=OPENING, actor="t")
    before = way(account, "first")
    set_period(season, "2026", first_day=first, last_day=last + TWO_DAYS, **given)
    assert way(account, "second").expires_at - before.expires_at == TWO_DAYS


@pytest.mark.skipif(not is_postgresql(), reason="on SQLite a credit asks before it writes")
def test_after_a_change_the_terms_are_asked_once_and_then_known_again(program, ani):
    account = main_account(ani).id
    credit(account, "first")
    policy(program, 40)
    with CaptureQueriesContext(connection) as changed:
        credit(account, "second")
    with CaptureQueriesContext(connection) as known:
        credit(account, "third")
    asked = [[q["sql"].split()[0] for q in ran if "ledger_expirypolicy" in q["sql"]] for ran in (changed, known)]
    assert asked == [["WITH", "SELECT", "WITH"], ["WITH"]]


class TestOtherConnections:
    """What another connection changes, as another process would, is seen by the next credit."""

    pytestmark = on_postgresql

    @WAYS
    def test_a_policy_set_by_another_connection_counts_at_once(self, program, ani, way):
        account = main_account(ani).id
        policy(program, 30)
        way(account, "first")
        ((newer,), _none) = race(lambda: policy(program, 40))
        assert way(account, "second").expiry_policy_id == newer.id

    @WAYS
    def test_credits_while_policies_change_never_follow_one_that_was_over_before_they_began(self, program, ani, way):
        account = main_account(ani).id
        way(account, "first")

        def change():
            return [policy(program, 30 + n) for n in range(8)]

        def credits(name):
            told = []
            for n in range(8):
                newest = ExpiryPolicy.objects.latest("id").id
                told.append((newest, way(account, f"{name}:{n}").expiry_policy_id))
            return told

        results, refusals = race(change, *(lambda name=name: credits(name) for name in range(3)))
        told = [pair for result in results for pair in result if isinstance(pair, tuple)]
        assert (len(told), refusals) == (24, [])
        assert all(begun <= followed for begun, followed in told)
