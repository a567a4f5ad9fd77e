"""Queries that are put into words once say the same as those that are made anew each time."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.common.prepared import Given, Prepared
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
