"""Points of an order that wait for an event of it: set by a policy, released by the shop's report, or lapsed (DOMAIN 2.5, 4.1)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns import confirmations, explanations, purchases
from campaigns.awaited import Awaited
from campaigns.confirmations import ConfirmationAhead, ConfirmationConflict, Happened
from campaigns.lasting import Lasting
from campaigns.tests.shop import add_campaign, add_rule, buy, give_back, open_shop, sale
from loyalty.desk import roles
from loyalty.jobs.changes.drafting import NothingToDo
from loyalty.jobs.changes.limiting import FIELDS
from loyalty.ledger import expiry, policies, statements
from loyalty.ledger.models import Account, Entry, ExpiryPolicy, Lot
from loyalty.ledger.showing import words_of
from loyalty.ledger.statements import Balance
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from members.enrolment import main_account
from members.ladders import ladder
from members.models import Confirmation, Purchase, QualifyingPart
from members.testing import OPENING, make_member, make_program
from members.tests.changes import ask, hired, limited, undo

pytestmark = pytest.mark.usefixtures("proven_books")
NOON = datetime(2026, 3, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
GONE = datetime(2026, 3, 31, 17, tzinfo=UTC)  # 1 April, 00:00 in Jakarta: 31 March is the last of 30 days
BIG = {"award": {"kind": "multiplier", "by_tier": {"silver": "2"}}}


@pytest.fixture
def shop(program):
    """One point per unit of money; all points of purchases wait for the delivery, at most 30 days."""
    waiting(program)
    return open_shop(program)


def waiting(program, event="delivered", days=30, **more):
    told = {"kind": "months", "count": 12, "at": OPENING, "actor": "test"} | more
    return policies.set_expiry(program.wallets.get(), confirmed_by=event, confirm_days=days, **told)


def delivered(member, at, *, receipt="r1", told_at=None, kind="delivered"):
    happened = Happened("test", receipt, kind, at)
    return confirmations.confirm(member.program, happened, at=told_at or at, actor="test")


def balance(member, at) -> Balance:
    return statements.balance(main_account(member).id, at=at)


def test_points_of_a_purchase_wait_until_the_delivery_and_then_live_their_whole_time(shop, ani):
    buy(ani, "100", NOON, receipt="r1")
    assert balance(ani, NOON) == Balance(pending=100)
    lot = Lot.objects.get()
    assert (lot.available_at, lot.confirm_by, lot.expires_at) == (None, GONE, GONE)
    made = delivered(ani, NOON + 3 * DAY)
    assert (made.is_repeat, made.confirmation.status, made.confirmation.points) == (False, "applied", 100)
    assert balance(ani, NOON + 3 * DAY) == Balance(available=100)
    lot.refresh_from_db()
    assert (lot.available_at, lot.expires_at.isoformat()) == (NOON + 3 * DAY, "2027-03-04T17:00:00+00:00")


def test_an_order_is_confirmed_once_and_with_one_time(shop, ani):
    buy(ani, "100", NOON, receipt="r1")
    first = delivered(ani, NOON + DAY)
    again = delivered(ani, NOON + DAY, told_at=NOON + 2 * DAY)
    assert (again.is_repeat, again.confirmation.pk) == (True, first.confirmation.pk)
    entries = Entry.objects.count()
    with pytest.raises(ConfirmationConflict):
        delivered(ani, NOON + 2 * DAY)
    with pytest.raises(ConfirmationAhead):
        delivered(ani, NOON + 9 * DAY, told_at=NOON + 2 * DAY, receipt="r2")
    assert (Confirmation.objects.count(), Entry.objects.count()) == (1, entries)


def test_another_event_releases_nothing(shop, ani):
    buy(ani, "100", NOON, receipt="r1")
    made = delivered(ani, NOON + DAY, kind="packed")
    assert (made.confirmation.status, made.confirmation.points) == ("applied", 0)
    assert balance(ani, NOON + DAY) == Balance(pending=100)


def test_a_confirmation_before_its_purchase_waits_for_it(shop, ani):
    made = delivered(ani, NOON + 3 * DAY)
    assert (made.confirmation.status, made.confirmation.purchase) == ("waiting", None)
    assert delivered(ani, NOON + 3 * DAY, told_at=NOON + 4 * DAY).is_repeat
    buy(ani, "100", NOON, receipt="r1", recorded_at=NOON + 5 * DAY)
    assert balance(ani, NOON + 5 * DAY) == Balance(available=100)
    told = Confirmation.objects.get()
    assert (told.status, told.points, told.purchase) == ("applied", 100, Purchase.objects.get())


def test_what_is_not_confirmed_in_time_is_gone_and_the_member_is_told_with_the_job_that_records_it(shop, ani):
    buy(ani, "100", NOON, receipt="r1")
    assert balance(ani, GONE - DAY) == Balance(pending=100)
    assert balance(ani, GONE) == Balance()
    assert not Message.objects.exists()
    expiry.run_sweep(shop, at=GONE)
    expiry.run_sweep(shop, at=GONE + DAY)
    letter = Message.objects.get()
    assert (letter.kind, letter.recipient) == ("points_lapsed", ani.number)
    subject, text, html = render(letter)
    assert subject == "100 points were not confirmed"
    assert "100 points of 1 March 2026 waited for a confirmation through 31 March 2026." in text
    assert "100 points were not confirmed" in html
    late = delivered(ani, GONE, told_at=GONE + DAY)
    assert (late.confirmation.status, late.confirmation.points) == ("late", 0)
    assert balance(ani, GONE + DAY) == Balance()


def test_a_lapse_that_is_rolled_back_tells_nobody(shop, ani):
    buy(ani, "100", NOON, receipt="r1")
    assert expiry.run_sweep(shop, at=GONE, dry_run=True).report["points"] == 100
    assert not Message.objects.exists()


def test_the_same_facts_end_the_same_in_any_order_told_in_time_or_long_after(shop):
    """Bought, given back in part, delivered, swept: each order of arrival, with all of it told when it was over."""
    told_at = GONE + 20 * DAY
    steps = {
        "bought": lambda member: buy(member, "100", NOON, receipt=member.name, recorded_at=told_at),
        "back": lambda member: back(member, "40", told_at),
        "delivered": lambda member: delivered(member, NOON + 20 * DAY, receipt=member.name, told_at=told_at),
        "swept": lambda member: expiry.run_sweep(shop, at=told_at),
    }
    ends = {}
    for number, order in enumerate(permutations(steps)):
        member = make_member(shop, f"M{number}")
        for step in order:
            steps[step](member)
        lot = Lot.objects.get(account=main_account(member))
        ends[order] = balance(member, told_at), lot.available_at, lot.expires_at, lot.remaining
    in_time = make_member(shop, "Prompt")
    buy(in_time, "100", NOON, receipt="Prompt")
    back(in_time, "40", NOON + 10 * DAY)
    delivered(in_time, NOON + 20 * DAY, receipt="Prompt")
    expiry.run_sweep(shop, at=told_at)
    lot = Lot.objects.get(account=main_account(in_time))
    expected = balance(in_time, told_at), lot.available_at, lot.expires_at, lot.remaining
    assert expected[0] == Balance(available=60)
    assert {order: end for order, end in ends.items() if end != expected} == {}


def back(member, amount, told_at):
    from campaigns import refunds
    from campaigns.refunds import Return

    returned = Return(
        source="test", receipt=member.name, number="b", occurred_at=NOON + 10 * DAY, amount=Decimal(amount)
    )
    refunds.refund(member.program, returned, at=told_at, actor="test")


def test_goods_that_came_back_whole_leave_nothing_to_a_late_confirmation(shop, ani):
    bought = buy(ani, "100", NOON, receipt="r1").purchase
    expiry.run_sweep(shop, at=GONE)
    give_back(bought, NOON + DAY, "100", recorded_at=GONE + DAY)
    delivered(ani, NOON + 2 * DAY, told_at=GONE + 2 * DAY)
    assert balance(ani, GONE + 2 * DAY) == Balance()


def test_what_a_confirmed_order_earns_later_is_confirmed_with_it(shop, ani):
    """A delivery told late lifts the tier from then on, so the confirmed order earns more: that can be spent at once too."""
    add_rule(shop, "by-tier", BIG)
    buy(ani, "100", NOON, receipt="r1")
    delivered(ani, NOON + 2 * DAY)
    buy(ani, "1000", NOON - 3 * DAY, receipt="r0", recorded_at=NOON + 3 * DAY)
    assert balance(ani, NOON + 3 * DAY) == Balance(available=100, pending=1000)  # it waits, and lifts nobody
    delivered(ani, NOON - DAY, receipt="r0", told_at=NOON + 3 * DAY)
    assert balance(ani, NOON + 3 * DAY) == Balance(available=1200)
    assert Confirmation.objects.get(receipt="r1").points == 200


def test_settling_again_asks_no_more_for_many_confirmed_orders_than_for_few(shop, ani):
    asked = []
    for number in range(6):
        buy(ani, "10", NOON + number * DAY, receipt=f"r{number}")
        delivered(ani, NOON + number * DAY, receipt=f"r{number}")
        with CaptureQueriesContext(connection) as queries:
            buy(ani, "10", NOON - (number + 1) * DAY, receipt=f"late{number}", recorded_at=NOON + number * DAY)
        asked.append(len(queries))
    assert len(set(asked[1:])) == 1


def test_a_rule_lets_its_own_points_wait_and_no_others(program, ani):
    open_shop(program)
    waiting(program, "window-over", 14, name="Window")
    campaign = add_campaign(program, "double", NOON - DAY, NOON + DAY)
    double = {"award": {"kind": "multiplier", "factor": "2"}, "expiry": {"policy": "Window"}}
    add_rule(program, "double", double, campaign=campaign)
    bought = buy(ani, "100", NOON, receipt="r1")
    assert balance(ani, NOON) == Balance(available=100, pending=100)
    told = explanations.sentence(bought.explanation)
    assert told.endswith(
        "100 of them last through March 1, 2027, 100 of them wait for “window-over” through March 15, 2026"
    )
    delivered(ani, NOON + DAY, kind="window-over")
    assert balance(ani, NOON + DAY) == Balance(available=200)


def test_points_of_events_and_gifts_have_no_order_to_wait_for(shop, ani):
    add_rule(shop, "review", {"award": {"kind": "fixed", "points": "5"}, "conditions": {"activity": "review"}})
    told = {"kind": "review", "source": "test", "key": "1", "occurred_at": NOON, "at": NOON, "actor": "test"}
    purchases.record_event(shop, ani, **told)
    assert balance(ani, NOON) == Balance(available=5)


def test_a_policy_that_lets_points_wait_from_now_on_leaves_earlier_purchases_alone(program, ani):
    open_shop(program)
    buy(ani, "100", NOON, receipt="r1")
    waiting(program)
    buy(ani, "10", NOON + DAY, receipt="r2")
    assert balance(ani, NOON + DAY) == Balance(available=100, pending=10)


def test_a_batch_confirms_what_waited_with_statements_that_do_not_grow(shop, ani, django_assert_max_num_queries):
    sales = [sale(ani, "10", NOON, receipt=f"r{number}") for number in range(20)]
    delivered(ani, NOON, receipt="r3")
    with django_assert_max_num_queries(60):
        purchases.record_many(shop, sales, at=NOON, actor="test")
    assert balance(ani, NOON) == Balance(available=10, pending=190)
    assert Account.objects.get(pk=main_account(ani).pk).pending == 190


def test_what_begins_to_count_for_tiers_is_written_at_once_for_many_orders(shop, ani):
    for number in range(6):
        delivered(ani, NOON, receipt=f"r{number}")
    sales = [sale(ani, "10", NOON, receipt=f"r{number}") for number in range(20)]
    with CaptureQueriesContext(connection) as queries:
        purchases.record_many(shop, sales, at=NOON, actor="test")
    written = [one for one in queries if "qualifyingpart" in one["sql"] and 'SET "counts_at"' in one["sql"]]
    assert len(written) == 1
    assert QualifyingPart.objects.filter(counts_at=NOON).count() == 6
    assert QualifyingPart.objects.filter(counts_at__isnull=True).count() == 14


def test_a_replay_asks_for_what_counts_later_within_its_own_query(shop, ani, django_assert_num_queries):
    bought = buy(ani, "10", NOON, receipt="r1").purchase
    buy(ani, "10", NOON, receipt="r2")
    delivered(ani, NOON + DAY)
    awaited = Awaited(ladder(shop), Lasting(shop.pk))
    with django_assert_num_queries(1):
        assert list(Purchase.objects.filter(pk__in=awaited.counting_since([ani.pk], NOON))) == [bought]
    assert not Purchase.objects.filter(pk__in=awaited.counting_since([ani.pk], NOON + 2 * DAY)).exists()


def test_points_that_lapsed_unconfirmed_are_given_back_by_nobody(shop, ani):
    """Neither by giving expired points back in bulk nor by undoing the run that recorded the lapse."""
    buy(ani, "100", NOON, receipt="r1")
    at, by = GONE + DAY, hired("dewi")
    limited(shop, **dict.fromkeys(FIELDS))
    run = ask(shop, "expiry_run", by=by, at=at, as_of=GONE.isoformat())
    assert (run.status, run.points_taken) == ("done", 100)
    assert Message.objects.filter(kind="points_lapsed").count() == 1
    with pytest.raises(NothingToDo):
        undo(run, by=by, at=at)
    with pytest.raises(NothingToDo):
        told = {"selection": {"numbers": [ani.number]}, "since": "2026-01-01", "until": "2026-12-31"}
        ask(shop, "reinstate", by=by, at=at, **told)
    assert balance(ani, at) == Balance()
    delivered(ani, GONE - DAY, told_at=at)
    assert balance(ani, at) == Balance(available=100)


# --- The doors ---


def test_a_shop_reports_a_delivery_and_reads_it_again(shop, ani):
    at = timezone.now()
    buy(ani, "100", at - 2 * DAY, receipt="r1")
    till, sent = Shop(shop), body(at)
    made = till.post("/confirmations", sent)
    told = made.json()
    assert (made.status_code, told["status"], told["points"], told["member"]) == (201, "applied", 100, ani.number)
    assert told["balances"][0]["available"] == 100
    again = till.post("/confirmations", sent)
    assert (again.status_code, again.json()["is_repeat"]) == (200, True)
    read = till.get("/confirmations", source="test", receipt="r1").json()["confirmations"]
    assert [(one["kind"], one["points"]) for one in read] == [("delivered", 100)]
    other = till.post("/confirmations", body(at - DAY))
    assert (other.status_code, other.json()["code"]) == (409, "confirmation_conflict")
    ahead = till.post("/confirmations", body(at + DAY, receipt="r9"))
    assert (ahead.status_code, ahead.json()["code"]) == (422, "confirmation_in_future")


def test_a_key_of_another_program_confirms_nothing_of_ours(shop, ani):
    at = timezone.now()
    buy(ani, "100", at - DAY, receipt="r1")
    foreign = Shop(make_program("teh"))
    made = foreign.post("/confirmations", body(at)).json()
    assert (made["status"], made["member"]) == ("waiting", None)
    assert balance(ani, at) == Balance(pending=100)
    assert foreign.get("/confirmations", source="test", receipt="r1").json()["confirmations"][0]["member"] is None


def body(at, **more):
    return {"source": "test", "receipt": "r1", "kind": "delivered", "occurred_at": at.isoformat()} | more


def test_the_desk_shows_what_was_reported_in_its_list_and_on_the_purchase(shop, ani):
    bought = buy(ani, "100", NOON, receipt="r1").purchase
    delivered(ani, NOON + DAY)
    client = staff_client(roles.SUPPORT_AGENT)
    assert "test / r1" in client.get(reverse("admin:members_confirmation_changelist")).content.decode()
    page = client.get(reverse("admin:members_purchase_change", args=[bought.pk])).content.decode()
    assert "Points confirmed" in page
    assert "delivered" in page


def policy_form(program, **more):
    told = {"wallet": program.wallets.get().pk, "name": "", "kind": "months", "count": "12", "round_to": "", "at_least": "0"}  # fmt: skip
    return staff_client(roles.PROGRAM_MANAGER).post(reverse("admin:ledger_expirypolicy_add"), told | more)


def test_a_manager_lets_points_wait_in_the_form_of_a_policy(program, ani):
    open_shop(program)
    assert policy_form(program, confirmed_by="delivered", confirm_days="30").status_code == 302
    made = ExpiryPolicy.objects.order_by("-version").first()
    assert (made.confirmed_by, made.confirm_days) == ("delivered", 30)
    assert words_of(made) == "12 months after activation; purchases wait for “delivered”, at most 30 days"
    buy(ani, "100", timezone.now(), receipt="r1")
    assert balance(ani, timezone.now()) == Balance(pending=100)


def test_a_form_says_what_waiting_lacks_and_drops_what_the_kind_does_not_need(program):
    before = ExpiryPolicy.objects.count()
    page = policy_form(program, confirmed_by="delivered").content.decode()
    assert "Say for how many days points wait, at least 1." in page
    assert ExpiryPolicy.objects.count() == before
    policy_form(program, kind="never", count="7", at_least="3", confirm_days="9")
    made = ExpiryPolicy.objects.order_by("-version").first()
    assert (made.kind, made.count, made.at_least, made.confirm_days) == ("never", 0, 0, 0)
