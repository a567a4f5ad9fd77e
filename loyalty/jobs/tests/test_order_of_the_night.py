"""The daily jobs of a program in the order of DOMAIN 9.5, never side by side, and an outage that changes nothing."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.conf import settings

from loyalty.jobs import nudging, registry
from loyalty.jobs.models import JobRun
from loyalty.ledger import clawback, holds, posting
from loyalty.ledger.models import Account, Entry, Lot, Wallet
from members.enrolment import main_account
from members.testing import OPENING, give_points, make_member, make_program

pytestmark = pytest.mark.django_db
DUE = datetime(2026, 2, 28, 17, 5, tzinfo=UTC)  # 1 March, 00:05 in Jakarta
MIDNIGHT = DUE - timedelta(minutes=5)
IN_ORDER = ["activate_points", "expire_points", "verify_books", "anchor_books", "remind_expiry"]


def nudge(at):
    with time_machine.travel(at, tick=False):
        return nudging.nudge(at)


def test_the_jobs_stand_in_the_order_of_the_night():
    names = [job.name for job in registry.jobs()]
    assert [name for name in names if name in IN_ORDER] == IN_ORDER
    assert names.index("expire_vouchers") < names.index("verify_books")
    assert names[-3:] == ["deliver_mail", "pass_letters_on", "send_alerts"]


def test_three_missed_nights_are_made_up_night_by_night_and_in_order(program):
    nudge(DUE)
    JobRun.objects.all().delete()
    nudge(DUE)
    nudge(DUE + timedelta(days=3, hours=5))
    daily = [job.name for job in registry.jobs() if job.is_daily]
    dated = JobRun.objects.filter(business_date__isnull=False).order_by("id")
    expected = [(date(2026, 3, day), job) for day in (1, 2, 3, 4) for job in daily]
    assert list(dated.values_list("business_date", "job")) == expected
    assert set(dated.values_list("status", flat=True)) == {"done"}


def owing_member(program, name):
    """Owes 40; 30 points become active at midnight and run out two days later; 60 are held for a while."""
    member = make_member(program, name)
    account = main_account(member).id
    order = give_points(member, 100)
    posting.redeem(account, 100, at=OPENING, reference="all", source="t", actor="t")
    later = OPENING + timedelta(minutes=1)
    give_points(member, 60, at=later, expires_at=MIDNIGHT + timedelta(days=1))
    holds.hold(account, 60, at=MIDNIGHT - timedelta(hours=1), reference="h", source="t", actor="t")
    Wallet.objects.filter(program=program).update(activation_days=59)
    give_points(member, 30, at=later, expires_at=MIDNIGHT + timedelta(days=2))
    Wallet.objects.filter(program=program).update(activation_days=0)
    clawback.claw_back(order, 75, at=MIDNIGHT - timedelta(minutes=50), reference="back", source="t", actor="t")
    account = main_account(member)
    assert (account.available, account.pending, account.held, account.debt) == (0, 30, 60, 75)


def figures(program):
    account = Account.objects.get(wallet__program=program)
    lots = Lot.objects.filter(account=account).order_by("id")
    entries = Entry.objects.filter(account=account).order_by("number")
    return (
        (account.available, account.pending, account.held, account.debt),
        list(lots.values_list("remaining", "clawed_back", "expired")),
        list(entries.values_list("kind", "amount", "effective_at")),
    )


def test_nights_made_up_after_an_outage_leave_what_punctual_nights_leave(proven_books):
    punctual, late = make_program("punctual"), make_program("late")
    for program in (punctual, late):
        owing_member(program, program.slug)
    type(late).objects.filter(pk=late.pk).update(is_active=False)
    for day in range(4):
        nudge(DUE + timedelta(days=day))
    type(late).objects.filter(pk=late.pk).update(is_active=True)
    for job in registry.jobs():
        if job.is_daily:
            JobRun.objects.create(
                job=job.name, program=late, business_date=date(2026, 2, 28), as_of=MIDNIGHT, started_by="x",
                started_at=DUE, seen_at=DUE, status="done",
            )  # fmt: skip
    nudge(DUE + timedelta(days=3, minutes=1))
    assert figures(late) == figures(punctual)
    assert figures(punctual)[:2] == ((0, 0, 0, 0), [(0, 0, 0), (0, 60, 0), (0, 15, 15)])


def test_while_one_job_of_a_program_runs_the_next_is_left_to_whoever_runs_it(program):
    at_work = JobRun.objects.create(
        job="activate_points", program=program, business_date=date(2026, 3, 1), as_of=MIDNIGHT, started_by="other",
        started_at=DUE, seen_at=DUE,
    )  # fmt: skip
    nudge(DUE + timedelta(minutes=1))
    assert list(JobRun.objects.values_list("job", flat=True)) == ["activate_points"]
    JobRun.objects.filter(pk=at_work.pk).update(status=JobRun.Status.DONE, ended_at=DUE)
    nudge(DUE + timedelta(minutes=2))
    assert JobRun.objects.filter(job="expire_points", status="done").count() == 1


def test_another_programs_night_does_not_wait(program):
    other = make_program("teh")
    JobRun.objects.create(
        job="activate_points", program=program, business_date=date(2026, 3, 1), as_of=MIDNIGHT, started_by="other",
        started_at=DUE, seen_at=DUE,
    )  # fmt: skip
    nudge(DUE + timedelta(minutes=1))
    assert JobRun.objects.filter(program=other, job="expire_points", status="done").exists()
    assert not JobRun.objects.filter(program=program, job="expire_points").exists()


def test_every_job_runs_by_hand_and_changes_nothing_when_it_is_only_a_preview(program, ani):
    from loyalty.jobs import running

    give_points(ani, 10, expires_at=MIDNIGHT)
    for job in settings.SETIA_JOBS:
        run = running.run(job, program=program, as_of=DUE, started_by="t", dry_run=True)
        assert (run.status, run.error) == ("done", "")
    assert main_account(ani).available == 10
