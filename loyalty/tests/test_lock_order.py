"""The watch over the lock order sees what it is there to see, and the retries that stand behind it work."""

import threading

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.urls import include, path

from loyalty.common.bulk import is_postgresql
from loyalty.common.retrying import TRIES_MORE, retried
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Lot
from loyalty.tests import lock_order
from loyalty.tests.racing import on_postgresql, race
from members.enrolment import main_account
from rewards.models import Reward
from rewards.testing import make_reward


class TestTheWatch:
    pytestmark = on_postgresql

    def test_it_names_an_account_that_is_touched_after_the_reward(self, program, ani):
        make_reward(program)
        with transaction.atomic():
            Reward.objects.update(taken=1)
            Account.objects.update(available=0)
        (found,) = lock_order.broken()
        assert found.startswith("accounts locked after reward")

    def test_it_lets_the_right_order_pass_and_forgets_with_the_transaction(self, program, ani):
        make_reward(program)
        with transaction.atomic():
            Account.objects.update(available=0)
            Lot.objects.update(held=0)
            Reward.objects.update(taken=1)
        with transaction.atomic():
            Account.objects.update(available=0)
        Reward.objects.update(taken=0)
        Account.objects.update(available=0)
        assert lock_order.broken() == []

    def test_a_transaction_that_was_rolled_back_is_forgotten_too(self, program, ani):
        make_reward(program)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Reward.objects.update(taken=1)
            raise ZeroDivisionError
        with transaction.atomic():
            Account.objects.update(available=0)
        assert lock_order.broken() == []

    def test_it_names_accounts_that_are_locked_out_of_order(self, program, ani, budi):
        first, second = sorted((main_account(ani).id, main_account(budi).id))
        with transaction.atomic():
            lock(second)
            lock(first)
        assert lock_order.broken() == [f"account {first} locked after {second}"]
        with transaction.atomic():
            lock(second, first)
        assert lock_order.broken() == []


@pytest.mark.postgresql
@pytest.mark.skipif(not is_postgresql(), reason="SQLite has one lock for all")
@pytest.mark.django_db
def test_the_watch_works_within_a_tests_own_transaction(program, ani):
    make_reward(program)
    with transaction.atomic():
        Reward.objects.update(taken=1)
        Account.objects.update(available=0)
    with transaction.atomic():
        Account.objects.update(available=0)
    assert len(lock_order.broken()) == 1


class Unlucky:
    """Fails so many times as a database does that was too busy."""

    def __init__(self, times, words="database is locked"):
        self.times, self.words, self.calls = times, words, 0

    def __call__(self):
        self.calls += 1
        if self.calls <= self.times:
            raise OperationalError(self.words)
        return "done"


@pytest.mark.django_db(transaction=True)
class TestRetries:
    def test_what_fails_in_passing_is_tried_three_times_more(self):
        unlucky = Unlucky(TRIES_MORE)
        assert (retried(unlucky)(), unlucky.calls) == ("done", 4)

    def test_a_fourth_failure_is_raised(self):
        unlucky = Unlucky(TRIES_MORE + 1)
        with pytest.raises(OperationalError):
            retried(unlucky)()
        assert unlucky.calls == 4

    def test_what_will_not_pass_is_not_tried_again(self):
        unlucky = Unlucky(1, "no such table")
        with pytest.raises(OperationalError):
            retried(unlucky)()
        assert unlucky.calls == 1

    def test_inside_a_transaction_the_failure_goes_to_whoever_began_it(self):
        unlucky = Unlucky(1)
        with pytest.raises(OperationalError), transaction.atomic():
            retried(unlucky)()
        assert unlucky.calls == 1


def too_busy(request):
    raise OperationalError("database is locked")


def broken_otherwise(request):
    raise OperationalError("no such table")


urlpatterns = [path("busy", too_busy), path("broken", broken_otherwise), path("", include("loyalty.urls"))]


@pytest.mark.django_db
@pytest.mark.urls(__name__)
class TestPages:
    def test_a_page_that_met_a_busy_database_says_when_to_come_again(self):
        answer = Client().get("/busy")
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert "Nothing was changed. Please go back and try the same again in a few seconds." in answer.content.decode()

    def test_other_failures_are_not_called_busy(self):
        assert Client(raise_request_exception=False).get("/broken").status_code == 500


@pytest.mark.postgresql
@pytest.mark.skipif(not is_postgresql(), reason="SQLite has no such limits")
@pytest.mark.django_db
def test_waiting_for_a_lock_a_statement_or_an_idle_transaction_has_an_end():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting FROM pg_settings"
            " WHERE name IN ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout') ORDER BY name"
        )
        assert cursor.fetchall() == [
            ("idle_in_transaction_session_timeout", "30000"), ("lock_timeout", "5000"), ("statement_timeout", "15000"),
        ]  # fmt: skip


class TestARealDeadlock:
    pytestmark = on_postgresql

    def test_it_is_tried_again_until_both_are_through(self, program, ani, budi):
        """Two transactions that lock two rows crosswise: one is ended by the server, and comes again."""
        accounts = [main_account(member).id for member in (ani, budi)]
        met = threading.Barrier(2, timeout=60)

        def crosswise(first, second):
            meets = [True]

            @retried
            @transaction.atomic
            def go():
                Account.objects.select_for_update().get(id=first)
                if meets:
                    meets.clear()
                    met.wait()
                Account.objects.select_for_update().get(id=second)
                return "through"

            return go

        results, _ = race(crosswise(*accounts), crosswise(*reversed(accounts)))
        assert results == ["through", "through"]
        assert any("locked after" in where for where in lock_order.broken())
