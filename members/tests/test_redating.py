"""Points that members have get another policy only through a preview, never sooner than the days of notice (DOMAIN 9.4)."""

from datetime import timedelta

import pytest
from django.urls import reverse

from loyalty.common.clock import last_valid_day
from loyalty.desk import roles
from loyalty.jobs.changes import deciding
from loyalty.jobs.changes import posting as changes
from loyalty.jobs.models import ChangeRequest
from loyalty.ledger import idling, policies, posting
from loyalty.ledger.models import Entry, Lot, Wallet
from loyalty.ledger.trails import Act
from loyalty.tests.desk import staff_client
from members.corrections.redating import PolicyUnknown, RedatePoints
from members.enrolment import main_account
from members.models import MemberAccount
from members.testing import OPENING, give_points, make_member, make_program
from members.tests.changes import NOW, ask, hired, limited, undo

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
EVERYBODY = {"all": True}


@pytest.fixture
def dewi(program):
    limited(program, bulk_points=1000)
    return hired("dewi")


def policy(program, kind, count=0, **more):
    return policies.set_expiry(program.wallets.get(), kind=kind, count=count, at=NOW, actor="test", **more)


def days():
    return [str(last_valid_day(lot.expires_at, "Asia/Jakarta")) for lot in Lot.objects.order_by("id")]


def redate(program, made, by, **more):
    return ask(program, "redate", by=by, selection=EVERYBODY, policy=made.pk, **more)


def test_a_shorter_policy_ends_nothing_sooner_than_the_days_of_notice(program, ani, dewi):
    give_points(ani, 10)
    give_points(ani, 20, at=NOW)
    made = policy(program, "days", 20)
    assert days() == ["2027-01-01", "2027-01-31"]
    change = redate(program, made, dewi)
    assert change.status == ChangeRequest.Status.DONE
    assert days() == ["2026-02-14", "2026-02-20"]  # the first would be over: it gets the fourteen days from 31 January
    assert {lot.expiry_policy_id for lot in Lot.objects.all()} == {made.pk}
    undo(change, by=dewi)
    assert days() == ["2027-01-01", "2027-01-31"]
    assert made.pk not in {lot.expiry_policy_id for lot in Lot.objects.all()}


def test_only_the_points_that_were_chosen_are_re_dated(program, ani, budi, dewi):
    give_points(ani, 10, rule_version="base v1")
    give_points(ani, 10, rule_version="harbolnas v1")
    give_points(budi, 10, at=NOW - timedelta(days=1), rule_version="base v1")
    redate(program, policy(program, "never"), dewi, rule="base", until="2026-01-10")
    assert [lot.expires_at is None for lot in Lot.objects.order_by("id")] == [True, False, False]


def test_points_re_dated_to_inactivity_are_kept_alive_from_then_on(program, ani, dewi):
    give_points(ani, 10)
    made = policy(program, "idle_days", 60, resets="purchase")
    change = redate(program, made, dewi)
    assert days() == ["2026-03-02"]
    idling.note([Act(main_account(ani).id, "purchase", NOW + timedelta(days=10))], recorded_at=NOW + timedelta(days=10))
    assert days() == ["2026-04-11"]
    undo(change, by=dewi, at=NOW + timedelta(days=11))
    assert days() == ["2027-01-01"]


def test_an_extension_of_points_that_end_by_inactivity_can_be_taken_back(program, ani, dewi):
    made = policy(program, "idle_days", 60, resets="purchase")
    give_points(ani, 10, at=NOW)
    change = ask(program, "extend", by=dewi, selection=EVERYBODY, until="2026-12-31", before="2026-06-30")
    assert days() == ["2026-12-31"]
    undo(change, by=dewi)
    assert days() == ["2026-04-01"]
    assert made.is_idle


def test_many_points_wait_for_a_second_person_and_the_preview_says_what_happens(program, ani, dewi):
    give_points(ani, 5000)
    change = redate(program, policy(program, "days", 20), dewi)
    assert change.status == ChangeRequest.Status.WAITING
    assert days() == ["2027-01-01"]
    assert change.summary["warnings"][0] == "The earliest new last day is 14 Feb 2026."
    assert change.summary["months"] == [["2026-02", 0, 5000], ["2027-01", 5000, 0]]


def test_points_of_any_wallet_are_re_dated_and_no_others(program, ani, budi, dewi):
    cashback = Wallet.objects.create(program=program, slug="cashback", units="rupiah")
    policies.set_expiry(cashback, kind="months", count=3, at=OPENING, actor="test")
    (account,) = posting.open_accounts(cashback, 1, at=OPENING)
    MemberAccount.objects.create(member=ani, account_id=account, wallet=cashback)
    give_points(ani, 10)
    posting.accrue(account, 500, at=OPENING, reference="r1", source="test", actor="test")
    made = policies.set_expiry(cashback, kind="never", at=NOW, actor="test")
    change = redate(program, made, dewi)
    assert (change.wallet, change.lines_count) == (cashback, 1)
    assert list(Lot.objects.order_by("id").values_list("granted", "expiry_policy")[1:]) == [(500, made.pk)]
    assert [lot.expires_at is None for lot in Lot.objects.order_by("id")] == [False, True]
    undo(change, by=dewi)
    assert [lot.expires_at is None for lot in Lot.objects.order_by("id")] == [False, False]


def test_a_policy_of_another_program_is_refused(program, ani, dewi):
    give_points(ani, 10)
    theirs = policies.current(make_program("teh").wallets.get())
    with pytest.raises(PolicyUnknown):
        redate(program, theirs, dewi)
    assert days() == ["2027-01-01"]


def test_a_posting_that_was_stopped_is_taken_up_where_it_stopped(program, dewi, monkeypatch):
    monkeypatch.setattr(changes, "AT_ONCE", 0)
    monkeypatch.setattr(RedatePoints, "chunk", 2)
    for number in range(5):
        give_points(make_member(program, f"M{number}"), 10)
    change = redate(program, policy(program, "never"), dewi)
    deciding.approve(change, at=NOW, actor=hired("rama"))
    changes.post_due(program, at=NOW, progress=lambda *told: False)  # asked to stop after the first chunk
    assert [lot.expires_at is None for lot in Lot.objects.order_by("id")].count(True) == 2
    for _again in range(2):
        changes.post_due(program, at=NOW)
    change.refresh_from_db()
    assert (change.status, change.posted_count) == (ChangeRequest.Status.DONE, 5)
    assert all(lot.expires_at is None for lot in Lot.objects.all())
    assert Entry.objects.filter(kind="extension").count() == 5


def test_the_page_of_the_change_shows_months_as_a_chart_and_as_a_table(program, ani, dewi):
    give_points(ani, 5000)
    change = redate(program, policy(program, "days", 20), dewi)
    page = staff_client(roles.PROGRAM_MANAGER).get(reverse("admin:jobs_changerequest_change", args=[change.pk]))
    told = page.content.decode()
    assert "Points by the month they end in" in told and "Feb 2026" in told and "Jan 2027" in told
    assert "Under expiry policy" in told and "20 days after activation" in told


def test_the_desk_has_a_page_for_it(program, ani):
    give_points(ani, 10, at=OPENING)
    page = staff_client(roles.PROGRAM_MANAGER).get(reverse("admin:jobs_change_new", args=["redate"])).content.decode()
    assert "Expiry policy" in page and "12 months after activation" in page
