"""Queries that are put into words once say the same as those that are made anew each time."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.common.bulk import is_postgresql
from loyalty.common.prepared import FEW, Given, Prepared, hot_cursor
from loyalty.ledger.models import Account, Lot
from members.models import Member
from members.testing import OPENING, give_points

pytestmark = pytest.mark.django_db


def test_a_prepared_query_gives_each_caller_the_rows_of_its_own_values(program, ani, budi):
    by_number = Prepared(
        lambda: Member.objects.filter(program=Given("program"), number=Given("number")).select_related("tier")
    )
    assert by_number.first(program=program.pk, number=ani.number) == ani
    found = by_number.first(program=program.pk, number=budi.number)
    assert (found, found.tier) == (budi, budi.tier)
    assert by_number.first(program=program.pk + 1, number=ani.number) is None


def test_rows_read_twice_are_records_of_their_own(program, ani):
    members = Prepared(lambda: Member.objects.filter(program=Given("program")))
    first, again = members.first(program=program.pk), members.first(program=program.pk)
    first.name = "changed"
    assert again.name == "Ani"


def test_lists_and_instants_are_values_too_and_the_text_stays_the_same(ani, budi):
    give_points(ani, 10, at=OPENING)
    give_points(budi, 20, at=OPENING + timedelta(hours=1))
    granted = Prepared(
        lambda: (
            Lot.objects.filter(account__any_of=Given("accounts"), granted_at__lte=Given("at"))
            .order_by("id")
            .values_list("granted", flat=True)
        )
    )
    accounts = set(Account.objects.values_list("id", flat=True))
    with CaptureQueriesContext(connection) as asked:
        assert granted(accounts=accounts, at=OPENING + timedelta(hours=2)) == [10, 20]
        assert granted(accounts=accounts, at=OPENING) == [10]
        assert granted(accounts=[], at=OPENING) == []
    assert len(asked) == 3


def plans_kept(table):
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", [f"%{table}%"])
        return cursor.fetchone()[0]


@pytest.mark.postgresql
@pytest.mark.skipif(not is_postgresql(), reason="SQLite keeps no plans")
def test_postgresql_plans_a_hot_query_once_whatever_the_size_of_its_numbers(program, ani):
    accounts = Prepared(lambda: Account.objects.filter(id__any_of=Given("ids"), debt=Given("debt")))
    before = plans_kept("ledger_account")
    for debt in (0, 70_000, 2**40):
        accounts(ids=[1, 2], debt=debt)
    assert plans_kept("ledger_account") == before + 1


@pytest.mark.postgresql
@pytest.mark.skipif(not is_postgresql(), reason="SQLite keeps no plans")
def test_a_long_list_is_planned_for_what_it_holds(program, ani):
    accounts = Prepared(lambda: Account.objects.filter(id__any_of=Given("ids")))
    before = plans_kept("ledger_account")
    assert len(accounts(ids=range_of(FEW + 1))) == len(accounts(ids=set(range_of(FEW + 1))))
    assert plans_kept("ledger_account") == before


@pytest.mark.postgresql
@pytest.mark.skipif(not is_postgresql(), reason="SQLite keeps no plans")
def test_plans_need_not_be_kept(settings, program, ani):
    settings.KEEP_PLANS = False
    accounts = Prepared(lambda: Account.objects.filter(id__any_of=Given("ids")))
    before = plans_kept("ledger_account")
    assert accounts(ids=[0]) == []
    assert plans_kept("ledger_account") == before


def test_a_hot_cursor_is_asked_again_after_it_was_closed():
    for number in (1, 2):
        with hot_cursor() as cursor:
            cursor.execute("SELECT %s + 0", [number])
            assert cursor.fetchone()[0] == number


def range_of(count):
    return list(range(1, count + 1))
