"""Changing the limits of four eyes is behind four eyes itself (DOMAIN 12.4, laws of the books 19)."""

import pytest
from django.urls import reverse

from loyalty.desk import roles
from loyalty.jobs.changes import deciding, limits
from loyalty.jobs.changes.deciding import SamePerson
from loyalty.jobs.changes.drafting import NothingToDo
from loyalty.jobs.changes.limiting import NoNewLimit
from loyalty.jobs.models import ApprovalLimits, ChangeRequest
from loyalty.tests.desk import staff_client
from members.tests.changes import NOW, adjust, ask, hired, limited, undo

pytestmark = pytest.mark.django_db
Status = ChangeRequest.Status


@pytest.fixture
def small(program):
    return limited(program)


@pytest.fixture
def boss():
    return hired("Boss", roles.ADMINISTRATOR)


@pytest.fixture
def other():
    return hired("Other", roles.ADMINISTRATOR)


def limit(program, *, by, **wanted):
    return ask(program, "limits", by=by, limits=wanted)


def test_raising_a_limit_waits_for_a_second_person(program, small, boss, other):
    change = limit(program, by=boss, adjustment_points=500)
    assert change.status == Status.WAITING
    assert change.summary["limits"] == ["Raising or removing a limit always needs a second person."]
    assert limits.of(program).adjustment_points == 100
    with pytest.raises(SamePerson):
        deciding.approve(change, at=NOW, actor=boss)
    assert limits.of(program).adjustment_points == 100
    assert deciding.approve(change, at=NOW, actor=other).status == Status.DONE
    assert limits.of(program).adjustment_points == 500


@pytest.mark.parametrize("wanted", [{"adjustment_points_a_day": 251}, {"bulk_points": None}, {"expired_points": 1}])
def test_only_what_lets_one_person_do_more_is_a_raise(program, small, boss, wanted):
    """An expiry run without a limit that gets one is lowered."""
    change = limit(program, by=boss, **wanted)
    assert change.status == (Status.DONE if "expired_points" in wanted else Status.WAITING)


def test_lowering_a_limit_counts_at_once_and_other_limits_stay(program, small, boss, ani):
    assert limit(program, by=boss, adjustment_points=10).status == Status.DONE
    assert adjust(ani, 11, by=hired("dewi")).status == Status.WAITING
    assert limits.of(program).adjustment_points_a_day == 250


def test_one_raise_among_lowered_limits_makes_the_whole_wait(program, small, boss):
    change = limit(program, by=boss, adjustment_points=10, bulk_members=4)
    assert (change.status, change.lines_count) == (Status.WAITING, 2)
    assert limits.of(program).adjustment_points == 100


def test_undoing_a_lowered_limit_raises_it_and_waits(program, small, boss, other):
    lowered = limit(program, by=boss, adjustment_points=10)
    back = undo(lowered, by=boss)
    assert (back.status, limits.of(program).adjustment_points) == (Status.WAITING, 10)
    deciding.approve(back, at=NOW, actor=other)
    assert limits.of(program).adjustment_points == 100


def test_an_undo_leaves_alone_what_was_changed_since(program, small, boss):
    first = limit(program, by=boss, adjustment_points=50)
    limit(program, by=boss, adjustment_points=10)
    with pytest.raises(NothingToDo, match="It was changed again since"):
        undo(first, by=boss)
    assert limits.of(program).adjustment_points == 10


def test_a_raise_asked_for_before_another_change_dies_with_it(program, small, boss, other):
    change = limit(program, by=boss, adjustment_points=500)
    limit(program, by=other, adjustment_points=10)
    assert deciding.approve(change, at=NOW, actor=other).status == Status.STALE
    assert limits.of(program).adjustment_points == 10


def test_a_program_without_limits_of_its_own_begins_at_the_defaults(program, boss, other):
    with pytest.raises(NoNewLimit):
        limit(program, by=boss, adjustment_points=1000)
    assert not ApprovalLimits.objects.exists()
    assert limit(program, by=boss, adjustment_points=1001).status == Status.WAITING
    assert not ApprovalLimits.objects.exists()


def test_the_desk_asks_for_other_limits_and_edits_none(program, small):
    client = staff_client(roles.ADMINISTRATOR)
    listed = client.get(reverse("admin:jobs_approvallimits_changelist")).content.decode()
    assert "Change the limits" in listed
    page = reverse("admin:jobs_approvallimits_change", args=[small.pk])
    client.post(page, {"program": program.pk, "adjustment_points": "9999"})
    assert limits.of(program).adjustment_points == 100
    assert client.get(reverse("admin:jobs_approvallimits_add")).status_code == 403
    form = reverse("admin:jobs_change_new", args=["limits"])
    values = {"adjustment_points": "500", "adjustment_points_a_day": "250", "forgiven_points": "0", "bulk_members": "3", "bulk_points": "200", "expired_points": "", "mailing_recipients": "1000", "reason": "Ramadan"}  # fmt: skip
    shown = client.post(form, values, follow=True).content.decode()
    assert "points of one adjustment: from 100 to 500" in shown
    assert "Raising or removing a limit always needs a second person." in shown
    change = ChangeRequest.objects.get()
    assert (change.status, change.lines_count) == (Status.DRAFT, 1)
    assert staff_client(roles.PROGRAM_MANAGER).get(form).status_code == 403
