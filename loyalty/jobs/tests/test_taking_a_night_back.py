"""A whole night's expiry is taken back behind four eyes: everything that the run wrote off, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse

from loyalty.desk import roles
from loyalty.jobs import running
from loyalty.jobs.changes import deciding, drafting, nightly
from loyalty.jobs.models import JobRun
from loyalty.ledger.models import Entry
from loyalty.tests.desk import enter, hire
from members.testing import give_points, points_of

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 5, tzinfo=UTC)
MIDNIGHT = datetime(2026, 2, 28, 17, tzinfo=UTC)


@pytest.fixture
def frozen():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def night(program, ani, budi, frozen):
    """An earlier run expired 7 points of Ani; tonight's 40 of Ani and 60 of Budi."""
    give_points(ani, 7, expires_at=MIDNIGHT - timedelta(days=1))
    give_points(ani, 40, expires_at=MIDNIGHT)
    give_points(budi, 60, expires_at=MIDNIGHT)
    expire(program, MIDNIGHT - timedelta(days=1))
    frozen.shift(timedelta(hours=1))
    return expire(program, MIDNIGHT)


def expire(program, as_of):
    run = running.run("expire_points", program=program, as_of=as_of, started_by="test")
    assert run.status == "done"
    return run


def staff(role):
    user = hire(role)
    return f"staff:{user.pk}", enter(user)


def test_a_night_is_taken_back_as_a_whole_and_no_other_night(night, ani, budi, frozen, proven_books):
    ops, _client = staff(roles.OPS)
    boss, _client = staff(roles.ADMINISTRATOR)
    frozen.shift(timedelta(hours=1))
    at = NOON + timedelta(hours=2)
    change = nightly.take_back(night, reason="the wrong year", at=at, actor=ops)
    assert (change.lines_count, change.points_given, change.summary["members"]) == (2, 100, 2)
    assert Entry.objects.filter(kind="reinstatement").count() == 0
    deciding.submit(change, at=at, actor=ops)
    if change.is_above_limit:
        deciding.approve(change, at=at, actor=boss)
    change.refresh_from_db()
    assert (change.status, points_of(ani, at=at), points_of(budi, at=at)) == ("done", 40, 60)
    with pytest.raises(drafting.NothingToDo):
        nightly.take_back(night, reason="again", at=at, actor=ops)


def test_a_night_that_went_on_after_another_takes_back_only_what_it_wrote_itself(program, ani, budi, frozen):
    early = MIDNIGHT - timedelta(days=1)
    give_points(ani, 7, expires_at=early)
    first = expire(program, early)
    frozen.shift(timedelta(hours=1))
    give_points(budi, 5, expires_at=early)  # came late, and went with the next night
    expire(program, MIDNIGHT)
    frozen.shift(timedelta(hours=1))
    first.ended_at = NOON + timedelta(hours=2)
    first.save()
    ops, _client = staff(roles.OPS)
    change = nightly.take_back(first, reason="the wrong year", at=NOON + timedelta(hours=2), actor=ops)
    assert (change.lines_count, change.points_given) == (1, 7)


def test_what_was_given_back_is_taken_again_by_the_undo_of_the_change(night, ani, budi, frozen, proven_books):
    ops, _client = staff(roles.OPS)
    at = NOON + timedelta(hours=2)
    change = nightly.take_back(night, reason="the wrong year", at=at, actor=ops)
    deciding.submit(change, at=at, actor=ops)
    undo = drafting.draft_undo(change, reason="it was right", at=at, actor=ops)
    deciding.submit(undo, at=at, actor=ops)
    assert (points_of(ani, at=at), points_of(budi, at=at)) == (0, 0)


def test_a_run_that_expired_nothing_or_was_a_preview_cannot_be_taken_back(program, night):
    empty = expire(program, MIDNIGHT)
    preview = running.run("expire_points", program=program, as_of=MIDNIGHT, started_by="test", dry_run=True)
    for run in (empty, preview):
        with pytest.raises(nightly.NothingExpired):
            nightly.take_back(run, reason="why", at=NOON, actor="staff:1")


def test_the_page_of_the_run_offers_it_to_those_who_may_ask_for_expiry_runs(night):
    _ops, client = staff(roles.OPS)
    _auditor, other = staff(roles.AUDITOR)
    deed = reverse("admin:jobs_jobrun_take_back", args=[night.pk])
    assert deed in client.get(reverse("admin:jobs_jobrun_change", args=[night.pk])).content.decode()
    page = client.post(deed, {"words": "the wrong year"}, follow=True).content.decode()
    assert "Nothing has moved yet" in page and "Everything that the expiry of 1 Mar 2026 wrote off" in page
    assert other.post(deed, {"words": "x"}).status_code == 403
    assert JobRun.objects.get(pk=night.pk).status == "done"


def test_a_change_tells_how_its_points_are_spread(night, ani, frozen):
    ops, client = staff(roles.OPS)
    give_points(ani, 5_000, at=NOON, expires_at=NOON + timedelta(minutes=30))
    change = drafting.draft(
        night.program, "expiry_run", parameters={"as_of": (NOON + timedelta(hours=1)).isoformat()}, reason="why",
        at=NOON + timedelta(hours=1), actor=ops,
    )  # fmt: skip
    assert change.summary["spread"] == [[1000, 1, 5000]]
    taken = nightly.take_back(night, reason="why", at=NOON + timedelta(hours=2), actor=ops)
    assert taken.summary["spread"] == [[10, 2, 100]]
    taken.summary["spread"] = [[1, 3, 12], [100, 1, 388]]
    taken.save()
    page = client.get(reverse("admin:jobs_changerequest_change", args=[taken.pk])).content.decode()
    assert "How the points are spread" in page and "100 to 999" in page and "97.0" in page
