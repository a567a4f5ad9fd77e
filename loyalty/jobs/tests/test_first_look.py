"""What is seen first on the page of jobs at night: what failed and what happens to it next, what runs, or that all is done."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.conf import settings as configured
from django.urls import reverse

from loyalty.desk import roles
from loyalty.jobs import first_look, nudging, run_page, wording
from loyalty.jobs.changes import nightly
from loyalty.jobs.models import ApprovalLimits, JobRun
from loyalty.mail.models import Message
from loyalty.tests.desk import enter, hire
from members.testing import give_points

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, 3, tzinfo=UTC)  # 10:00 in Jakarta
DAY = date(2026, 3, 1)


@pytest.fixture(autouse=True)
def two_jobs(settings):
    base = "loyalty.jobs.tests.jobs_for_tests."
    settings.SETIA_JOBS = {
        "expire_points": configured.SETIA_JOBS["expire_points"],
        "look": {"run": base + "find_nothing", "every": "nudge", "title": "Look"},
    }
    settings.SETIA_DISK_FREE_MB = 0


@pytest.fixture
def night(program):
    """The night's run is done, and the machinery awake."""
    for name in ("nudge", "worker"):
        nudging.beat(name, at=AT)
    return run_of(program)


def run_of(program, **more):
    terms = {
        "job": "expire_points", "business_date": DAY, "as_of": AT, "started_by": nudging.ACTOR, "started_at": AT, "seen_at": AT,
        "ended_at": AT, "status": "done",
    }  # fmt: skip
    return JobRun.objects.create(program=program, **(terms | more))


def look(program, at=AT):
    return [(one.tone, one.text) for one in first_look.notices(program, at=at)]


def test_when_all_is_done_that_is_what_is_said(program, night):
    assert look(program) == [
        ("good", "Everything that was due is done. Nothing failed, nothing waits and nothing runs.")
    ]


def test_a_failed_run_tells_when_it_is_tried_again_and_when_no_more(program, night):
    JobRun.objects.update(status="failed", attempts=2)
    ((tone, text),) = look(program)
    assert (tone, text) == (
        "bad", "Kopi Nusantara: Expire points failed. It is tried again by itself at 03:04 (try 3 of 6); it does nothing twice.",
    )  # fmt: skip
    assert "at the next nudge" in look(program, AT + timedelta(minutes=4))[0][1]
    JobRun.objects.update(attempts=6)
    assert "tried 6 times and is not tried again by itself" in look(program)[0][1]


def test_what_is_late_and_that_nobody_looks_come_first(program, night):
    type(program).objects.update(created_at=AT - timedelta(days=9))
    texts = [text for _tone, text in look(program, AT + timedelta(days=1))]
    assert texts[0].startswith("Nobody is looking for due work.")
    assert texts[1].startswith("Kopi Nusantara: Late: Expire points. They are taken up one after the other")


def test_what_runs_and_what_waits_is_told_with_its_progress(program, night):
    run_of(program, business_date=None, status="running", ended_at=None, found=2000, done=500, skipped=10)
    run_of(program, business_date=None, status="waiting", ended_at=None)
    assert look(program) == [
        ("info", "Expire points is running since 03:00: 510 of 2,000."),
        ("info", "Expire points waits for the worker."),
    ]


def test_an_expiry_run_that_waits_for_approval_is_told(program, night, ani):
    give_points(ani, 500, expires_at=AT - timedelta(days=1))
    ApprovalLimits.objects.create(program=program, expired_points=499)
    nightly.ask(program, at=AT, recorded_at=AT)
    limits = [one for one in first_look.notices(program, at=AT) if one.tone == "warn"]
    assert [one.text for one in limits] == ["Kopi Nusantara: an expiry run of 500 points waits for approval."]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ({"letters": 1, "without_address": 0}, ["1 letter"]),
        ({"entries": 0, "violations": 0}, ["0 entries read", "0 violations"]),
        ({"points": 18_600, "rewards": 7, "owed": 0}, ["18,600 points", "7 rewards"]),
        ({"points": 0}, ["nothing was due"]),
        ({"lapsed": 1712}, ["lapsed: 1,712"]),
    ],
)
def test_a_report_is_told_in_words_and_what_is_zero_is_left_out(report, said):
    assert wording.report(JobRun(report=report)) == said


def test_the_page_of_a_run_tells_the_next_step(program, night):
    JobRun.objects.update(status="stopped")
    night.refresh_from_db()
    assert "until somebody lets it go on" in run_page.advice(night, at=AT)
    night.status, night.error = "failed", "It broke."
    assert "It is tried again by itself at 03:02 (try 2 of 6)" in run_page.advice(night, at=AT)
    night.is_dry = True
    assert "preview it again" in run_page.advice(night, at=AT)


def test_the_pages_show_it_first(program, night):
    client = enter(hire(roles.OPS))
    with time_machine.travel(AT, tick=False):
        JobRun.objects.update(status="failed", attempts=6, error="It broke.")
        page = client.get(reverse("admin:jobs_overview")).content.decode()
    assert (
        page.index("is not tried again by itself") < page.index("Last nudge") < page.index("Once a day, in this order")
    )
    assert "The daily job" in page  # the calendar does not repeat what stands below


def test_letters_in_doubt_are_nothing_to_call_well(program, night):
    Message.objects.create(
        status="uncertain", queued_at=AT, due_at=AT, recipient="1", address="a@example.com", kind="welcome", subject="x"
    )
    client = enter(hire(roles.ADMINISTRATOR))
    with time_machine.travel(AT, tick=False):
        page = client.get(reverse("admin:jobs_health")).content.decode()
    assert "1 letter may or may not have arrived" in page and "All is well." not in page
