"""What is posted while a month is being signed is counted in it or refused, whatever its clock says (DOMAIN 13.2)."""

import contextlib
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction

from loyalty.ledger import closing, posting
from loyalty.ledger.checking import verify
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Wallet
from loyalty.tests.installation import until
from loyalty.tests.racing import meanwhile, on_postgresql, somebody_waits
from members.enrolment import main_account
from members.testing import give_points

pytestmark = on_postgresql
JANUARY = date(2026, 1, 1)
FEBRUARY_BEGINS = datetime(2026, 1, 31, 17, tzinfo=UTC)
JUST_BEFORE = FEBRUARY_BEGINS - timedelta(microseconds=1)
WORDS = {"source": "t", "actor": "t"}


def credit(account):
    return posting.accrue(account, 5, at=JUST_BEFORE, reference="late", **WORDS)


def burn(account):
    return posting.redeem(account, 5, at=JUST_BEFORE, reference="late", **WORDS)


def credit_with_others(account):
    return posting.accrue_many([posting.Accrual(account, 5, JUST_BEFORE, "late", "t", "t")], recorded_at=JUST_BEFORE)


WAYS = {credit: 15, credit_with_others: 15, burn: 5}


def waiting_for(locktype, mode):
    """How many wait in this database for a lock of this kind."""
    asked = """SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = %s AND mode = %s
        AND (database = (SELECT oid FROM pg_database WHERE datname = current_database()) OR locktype = 'transactionid')"""
    with connection.cursor() as cursor:
        cursor.execute(asked, [locktype, mode])
        return cursor.fetchone()[0]


class Signing:
    """January is being signed, and stands between waiting for who posts and reading its figures until it may go on."""

    def __init__(self, program):
        self.wallet = Wallet.objects.select_related("program").get(program=program)
        self.is_held_up, self.may_go_on = threading.Event(), threading.Event()

    def hold_up(self):
        with transaction.atomic():
            Wallet.objects.select_for_update().get(pk=self.wallet.pk)
            self.is_held_up.set()
            self.may_go_on.wait()

    def sign(self):
        self.is_held_up.wait()
        return closing.close_month(self.wallet, JANUARY, at=FEBRUARY_BEGINS, actor="staff:1")

    @contextlib.contextmanager
    def half_way(self):
        with meanwhile(self.hold_up), meanwhile(self.sign) as signed:
            try:
                until(lambda: waiting_for("transactionid", "ShareLock"), every=0.01)
                yield signed
            finally:
                self.may_go_on.set()

    def go_on(self, signed):
        """Until it is signed, or waits for who is posting."""
        self.may_go_on.set()
        until(lambda: signed or waiting_for("relation", "ExclusiveLock"), every=0.01)


@pytest.fixture
def signing(program):
    return Signing(program)


@pytest.mark.parametrize("post", WAYS)
def test_what_began_while_a_month_was_being_signed_stands_in_its_figures(signing, ani, post):
    give_points(ani, 10)
    with signing.half_way() as signed, transaction.atomic():
        post(main_account(ani).id)
        signing.go_on(signed)
    assert (signed[0].figures["closing"], list(verify())) == (WAYS[post], [])


@pytest.mark.parametrize("post", WAYS)
def test_who_waited_for_an_account_while_a_month_was_signed_stands_in_its_figures(signing, ani, post):
    """What the waiting statement read of signed months when it began is old when it gets the account."""
    give_points(ani, 10)
    account = main_account(ani).id
    with signing.half_way() as signed, contextlib.ExitStack() as stack, transaction.atomic():
        lock(account)
        stack.enter_context(meanwhile(lambda: post(account)))
        until(somebody_waits, every=0.01)
        signing.go_on(signed)
    assert (signed[0].figures["closing"], list(verify())) == (WAYS[post], [])
