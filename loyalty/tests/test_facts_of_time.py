"""What time does is true on every page at that instant, although no job has run (DOMAIN 2.4, laws of the books 4)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.ledger import asof, clawback, holds, posting, statements
from loyalty.ledger.models import Account, Entry, Hold
from loyalty.ledger.statements import Balance
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from members import statements as members_statements
from members.enrolment import main_account
from members.tests.portal import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books"), pytest.mark.machine_clock]
HOUR = timedelta(hours=1)
WORDS = {"source": "t", "actor": "t"}
# Hours after the beginning: 10 activation, 20 the hold's end, 30 cancel-by, 40 expiry of all but the never-ending ones.
WALK = [
    (1, Balance(available=60, pending=50 + 20, held=40)),
    (10, Balance(available=60 + 50, pending=20, held=40)),
    (20, Balance(available=60 + 50 + 40, pending=20)),
    (30, Balance(available=60 + 50 + 40)),
    (40, Balance(available=5)),
]


def earn(member, points, start, reference, **dates):
    credit = posting.Accrual(main_account(member).id, points, start, reference, "t", "t", **dates)
    posting.accrue_many([credit], recorded_at=start)
    return Entry.objects.get(account=main_account(member).id, reference=reference)


def live_through(member, start):
    """100 points of which 40 are held, 50 that become active, 20 that wait for an event, 5 of the 100 without end."""
    account, end = main_account(member).id, start + 40 * HOUR
    earn(member, 95, start, "a", expires_at=end)
    earn(member, 5, start, "b", expires_at=None)
    holds.hold(account, 40, at=start, reference="h", minutes=20 * 60, **WORDS)
    earn(member, 50, start, "c", available_at=start + 10 * HOUR, expires_at=end)
    earn(member, 20, start, "d", confirm_by=start + 30 * HOUR)
    return account


def seen_everywhere(member, account) -> dict[str, Balance]:
    """What each door says of the account now."""
    found = {}
    at = timezone.now()
    found["verb"] = statements.balance(account, at=at)
    found["as of"] = asof.position(account, at=at).balance
    found["statement"] = members_statements.statement(member, at=at).of(account).balance
    shop = Shop(member.program)
    told = shop.get(f"/members/{member.number}").json()["balances"][0]
    found["API"] = Balance(told["available"], told["pending"], told["held"], told["debt"])
    told = shop.get(f"/members/{member.number}/statement").json()["wallets"][0]
    found["API statement"] = Balance(told["available"], told["pending"], told["held"], told["debt"])
    found["portal"] = signed_in(member).get(reverse("portal_points")).context["balance"]
    found["home"] = signed_in(member).get(reverse("portal_home")).context["balance"]
    desk = staff_client(roles.ADMINISTRATOR)
    (row,) = desk.get(reverse("admin:ledger_account_changelist") + f"?q=%23{account}").context["cl"].result_list
    found["desk list"] = Balance(row.available, row.pending, row.held, row.debt)
    stats = desk.get(reverse("admin:ledger_account_change", args=[account])).context["stats"]
    found["desk page"] = Balance(*(int(stat.value) for stat in stats))
    with connection.cursor() as cursor:
        cursor.execute("SELECT available, pending, held, debt FROM report_accounts WHERE account = %s", [account])
        found["report"] = Balance(*(int(value) for value in cursor.fetchone()))
    return found


@pytest.mark.parametrize(("hours", "expected"), WALK)
def test_every_door_says_the_same_at_each_instant_without_any_job(ani, hours, expected):
    account = live_through(ani, timezone.now() - hours * HOUR - timedelta(minutes=1))
    found = seen_everywhere(ani, account)
    assert found == dict.fromkeys(found, expected)
    assert Hold.objects.get().status == "held"
    assert Account.objects.get(pk=account).pending == 70


def test_every_door_takes_a_debt_off_what_time_has_freed(ani):
    start = timezone.now() - 11 * HOUR
    account = main_account(ani).id
    bought = earn(ani, 30, start, "a")
    posting.redeem(account, 30, at=start, reference="r", **WORDS)
    clawback.claw_back(bought, 30, at=start, reference="back", **WORDS)
    earn(ani, 50, start, "c", available_at=start + 10 * HOUR)
    found = seen_everywhere(ani, account)
    assert found == dict.fromkeys(found, Balance(available=20))
    assert Account.objects.get(pk=account).debt == 30
