"""Points that are told of while what would have drawn on them is being written change places all the same (DOMAIN 2.5)."""

import threading
from datetime import timedelta

import pytest
from django.db import connections, transaction

from loyalty.ledger import confirming, policies, posting
from loyalty.ledger.checking import verify
from loyalty.ledger.models import Account, Entry, Lot
from loyalty.tests.installation import until
from loyalty.tests.racing import on_postgresql, somebody_waits
from members.enrolment import main_account
from members.testing import OPENING

WORDS = {"source": "t", "actor": "t"}
SOON = OPENING + timedelta(days=45)
MOMENT = OPENING + timedelta(days=30)


def credit(account, reference, *, at, ends):
    return posting.accrue(account, 400, at=at, reference=reference, expires_at=ends, **WORDS)


def burn(account):
    return posting.redeem(account, 300, at=MOMENT, reference="burn", **WORDS)


def lots(account):
    return list(Lot.objects.filter(account=account).order_by("expires_at").values_list("remaining", flat=True))


def told_alone(account):
    credit(account, "late", at=MOMENT - timedelta(seconds=1), ends=SOON)


def told_in_a_batch(account):
    at = MOMENT - timedelta(seconds=1)
    posting.accrue_many([posting.Accrual(account, 400, at, "late", "t", "t", expires_at=SOON)], recorded_at=MOMENT)


WAYS = [told_alone, told_in_a_batch]


@pytest.mark.django_db
@pytest.mark.parametrize("tell", WAYS)
def test_a_credit_whose_clock_was_read_before_a_redemption_that_came_first_is_late(ani, proven_books, tell):
    account = main_account(ani).id
    credit(account, "early", at=OPENING, ends=SOON + timedelta(days=20))
    burn(account)
    tell(account)
    assert lots(account) == [100, 400]


class TestMeanwhile:
    pytestmark = on_postgresql

    @pytest.mark.parametrize("tell", WAYS)
    def test_a_credit_that_waits_for_a_redemption_knows_of_it(self, ani, tell):
        """What the waiting statement saw when it began does not tell of the redemption; the account's row does."""
        account, failed = main_account(ani).id, []
        credit(account, "early", at=OPENING, ends=SOON + timedelta(days=20))

        def run():
            try:
                tell(account)
            except Exception as error:
                failed.append(error)
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        with transaction.atomic():
            burn(account)
            thread.start()
            until(somebody_waits, every=0.01)
        thread.join()
        assert (failed, lots(account), list(verify())) == ([], [100, 400], [])


@pytest.mark.django_db
def test_points_confirmed_late_change_places_too(program, ani, proven_books):
    account = main_account(ani).id
    policies.set_expiry(program.wallets.get(), kind="days", count=40, at=OPENING, actor="t")
    credit(account, "early", at=OPENING, ends=OPENING + timedelta(days=65))
    order = posting.Accrual(account, 400, OPENING, "order", "t", "t", confirm_by=OPENING + timedelta(days=60))
    (waiting,) = posting.accrue_many([order], recorded_at=OPENING)
    burn(account)
    told = {"occurred_at": OPENING + timedelta(days=2), "reference": "came", **WORDS}
    confirming.confirm(Entry.objects.get(id=waiting), at=MOMENT + timedelta(days=1), **told)
    assert lots(account) == [100, 400]
    assert Entry.objects.filter(kind="extension").exclude(amount=0).count() == 2


@pytest.mark.django_db
def test_when_something_drew_last_is_proven_against_entries_and_holds(ani):
    account = main_account(ani).id
    credit(account, "early", at=OPENING, ends=SOON)
    burn(account)
    assert Account.objects.get(id=account).last_draw_at == MOMENT
    for planted in (None, OPENING, MOMENT + timedelta(days=1)):
        Account.objects.filter(id=account).update(last_draw_at=planted)
        (found,) = verify()
        assert str(found) == f"balance: account {account}: something drew on it at {MOMENT}, it remembers {planted}"
