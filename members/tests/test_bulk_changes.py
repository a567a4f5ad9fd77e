"""Bulk changes: forgiving, extending, giving back, expiry runs; chunks, kills, races and what they cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.jobs.changes import deciding, drafting, nightly, posting
from loyalty.jobs.models import ChangeRequest
from loyalty.ledger import clawback, expiry, statements
from loyalty.ledger import posting as books
from loyalty.ledger.models import Entry
from loyalty.tests.racing import on_postgresql, race
from members.corrections.adjusting import AdjustMany
from members.enrolment import main_account
from members.segments import membership
from members.segments.testing import all_of, make_segment
from members.testing import OPENING, give_points, make_member, make_program, points_of
from members.tests.changes import NOW, adjust, adjust_many, ask, hired, limited, undo

Status = ChangeRequest.Status
FREE = {"adjustment_points": None, "adjustment_points_a_day": None, "bulk_members": None, "bulk_points": None}


@pytest.fixture
def dewi(program):
    """A manager of a program that limits debts only."""
    limited(program, **FREE)
    return hired("dewi")


@pytest.fixture
def large(monkeypatch):
    """Everything counts as large, two lines make a chunk."""
    monkeypatch.setattr(posting, "AT_ONCE", 0)
    monkeypatch.setattr(AdjustMany, "chunk", 2)


def spend(member, points, *, at=NOW, reference="spent"):
    books.redeem(main_account(member).pk, points, at=at, reference=reference, source="test", actor="test")


def members(program, count):
    return [make_member(program, f"M{number}") for number in range(count)]


def owing(member, points):
    """A member who spent what came back."""
    entry = give_points(member, points, at=OPENING)
    spend(member, points, at=OPENING + timedelta(days=1))
    clawback.claw_back(entry, points, at=OPENING + timedelta(days=2), reference="back", source="test", actor="test")


# --- Whom -------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_bulk_change_is_for_who_was_in_the_segment_when_it_was_asked_for(ani, budi, dewi, program, proven_books):
    readers = make_segment(program, "readers", all_of({"about": "language", "is": ["en"]}), at=NOW - timedelta(days=1))
    budi.language = "id"
    budi.save()
    membership.refresh(readers, at=NOW - timedelta(hours=1))
    told = {"selection": {"segment": "readers"}, "amount": 10}
    drafted = drafting.draft(program, "adjust_many", parameters=told, reason="because", at=NOW, actor=dewi)
    assert drafted.summary["said"] == "10 points each: members: segment “readers”"
    ani.language = "id"
    ani.save()
    membership.refresh(readers, at=NOW + timedelta(minutes=1))
    deciding.submit(drafted, at=NOW + timedelta(minutes=2), actor=dewi)
    later = NOW + timedelta(hours=1)
    assert (points_of(ani, at=later), points_of(budi, at=later)) == (10, 0)
    with pytest.raises(drafting.NothingToDo):
        ask(program, "adjust_many", by=dewi, at=NOW, selection={"segment": "nobody"}, amount=10)


# --- Debt -------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_forgiving_a_debt_waits_and_then_nothing_is_owed(ani, dewi, proven_books):
    owing(ani, 80)
    change = ask(ani.program, "forgive_debt", by=dewi, number=ani.number, amount=80)
    assert (change.status, statements.balance(main_account(ani).pk, at=NOW).debt) == (Status.WAITING, 80)
    deciding.approve(change, at=NOW, actor=hired("rama"))
    assert statements.balance(main_account(ani).pk, at=NOW).debt == 0


@pytest.mark.django_db
def test_more_than_is_owed_cannot_be_forgiven_and_a_repaid_debt_makes_it_stale(ani, dewi, proven_books):
    owing(ani, 80)
    with pytest.raises(Exception, match="owes only 80"):
        ask(ani.program, "forgive_debt", by=dewi, number=ani.number, amount=81)
    change = ask(ani.program, "forgive_debt", by=dewi, number=ani.number, amount=80)
    give_points(ani, 10, at=NOW)
    assert deciding.approve(change, at=NOW, actor=hired("rama")).status == Status.STALE


@pytest.mark.django_db
def test_an_undone_forgiveness_is_owed_again_and_repaid_by_what_there_is(ani, dewi, proven_books):
    owing(ani, 80)
    rama = hired("rama")
    change = ask(ani.program, "forgive_debt", by=dewi, number=ani.number, amount=80)
    deciding.approve(change, at=NOW, actor=rama)
    give_points(ani, 30, at=NOW)
    back = undo(change, by=dewi)
    deciding.approve(back, at=NOW, actor=rama)
    held = statements.balance(main_account(ani).pk, at=NOW)
    assert (held.debt, held.available) == (50, 0)


# --- Extending and giving back ----------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_points_are_extended_for_a_tier_and_the_undo_keeps_the_days_of_notice(program, ani, budi, dewi, proven_books):
    give_points(ani, 40, expires_at=NOW + timedelta(days=3))
    give_points(budi, 5)
    told = {"selection": {"tier": "bronze"}, "before": "2026-02-10", "until": "2026-12-31"}
    change = ask(program, "extend", by=dewi, **told)
    assert (change.status, change.lines_count) == (Status.DONE, 1)
    assert points_of(ani, at=NOW + timedelta(days=200)) == 40
    undo(change, by=dewi)
    assert points_of(ani, at=NOW + timedelta(days=14)) == 40
    assert points_of(ani, at=NOW + timedelta(days=16)) == 0


@pytest.mark.django_db
def test_what_expired_is_given_back_to_a_list_and_the_undo_takes_what_is_left(program, ani, dewi, proven_books):
    give_points(ani, 40, expires_at=NOW - timedelta(days=1))
    expiry.run_sweep(program, at=NOW)
    told = {"selection": {"numbers": [ani.number]}, "since": "2026-01-01", "until": "2026-06-30"}
    change = ask(program, "reinstate", by=dewi, **told)
    assert points_of(ani, at=NOW) == 40
    with pytest.raises(Exception, match="nothing to post"):
        ask(program, "reinstate", by=dewi, **told)
    spend(ani, 15)
    back = undo(change, by=dewi)
    assert (back.lines.get().amount, back.lines.get().short, points_of(ani, at=NOW)) == (-25, 15, 0)


# --- Expiry runs ------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_an_expiry_run_takes_what_the_sweep_would_take_and_is_undone_as_a_whole(program, ani, budi, dewi, proven_books):
    give_points(ani, 40, expires_at=NOW - timedelta(days=1))
    give_points(budi, 60, expires_at=NOW - timedelta(days=2))
    foreseen = expiry.preview(program, at=NOW)
    run = ask(program, "expiry_run", by=dewi, as_of=NOW.isoformat())
    assert (run.status, run.points_taken, run.lines_count) == (Status.DONE, foreseen["points"], foreseen["lots"])
    assert expiry.preview(program, at=NOW)["lots"] == 0
    back = undo(run, by=dewi, at=NOW + timedelta(days=1))
    assert (back.points_given, points_of(ani, at=NOW + timedelta(days=15)), points_of(budi, at=NOW + timedelta(days=1))) == (100, 40, 60)  # fmt: skip


@pytest.mark.django_db
def test_the_undo_of_a_run_says_what_a_refund_told_late_has_used_of_it(program, ani, budi, dewi, proven_books):
    """Ani's purchase of 60 came back while 100 others of hers were there; it is told when the run has written these off."""
    bought = give_points(ani, 60, at=OPENING)
    spend(ani, 60, at=OPENING + timedelta(days=1))
    give_points(ani, 100, at=OPENING + timedelta(days=2), expires_at=NOW - timedelta(days=1))
    give_points(budi, 30, expires_at=NOW - timedelta(days=1))
    run = ask(program, "expiry_run", by=dewi, as_of=NOW.isoformat())
    words = {"reference": "back", "effective_at": OPENING + timedelta(days=3), "source": "test", "actor": "test"}
    clawback.claw_back(bought, 60, at=NOW + timedelta(hours=1), **words)
    back = undo(run, by=dewi, at=NOW + timedelta(hours=2))
    held = statements.balance(main_account(ani).pk, at=NOW + timedelta(hours=3))
    assert (back.status, back.points_given, held.available, held.debt) == (Status.DONE, 70, 40, 0)
    ((who, why),) = back.summary["left_out"]
    assert (who, "60 of 100 expired points" in why) == (ani.shown_number, True)


@pytest.mark.django_db
def test_below_its_limit_the_night_expires_as_ever_and_above_it_waits(program, ani, dewi, proven_books):
    program.approval_limits.__class__.objects.update(expired_points=40)
    give_points(ani, 40, expires_at=NOW - timedelta(days=1))
    assert nightly.expire(program, at=NOW).done == 1
    give_points(ani, 41, expires_at=NOW + timedelta(hours=1))
    tonight, tomorrow = NOW + timedelta(days=1), NOW + timedelta(days=2)
    told = nightly.expire(program, at=tonight)
    assert (told.done, told.skipped, points_of(ani, at=tonight)) == (0, 1, 0)
    nightly.expire(program, at=tonight)
    nightly.expire(program, at=tomorrow)
    first, last = ChangeRequest.objects.order_by("pk")
    assert (first.status, last.status) == (Status.STALE, Status.WAITING)
    deciding.approve(last, at=tomorrow, actor=dewi)
    assert Entry.objects.filter(kind="expiry").count() == 2


# --- Chunks -----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_large_change_is_posted_in_chunks_with_its_progress(program, dewi, large, proven_books):
    people = members(program, 5)
    change = adjust_many(program, *((member, 10) for member in people), by=dewi)
    assert (change.status, Entry.objects.count()) == (Status.APPROVED, 0)
    assert [posting.post_chunk(change, at=NOW) for _ in range(3)] == [(2, 0, False), (2, 0, False), (1, 0, True)]
    change.refresh_from_db()
    assert (change.status, change.posted_count, [points_of(m, at=NOW) for m in people]) == (Status.DONE, 5, [10] * 5)
    assert posting.post_chunk(change, at=NOW) == (0, 0, True)


@pytest.mark.django_db
def test_a_line_that_does_not_fit_any_more_is_left_out_and_says_why(program, dewi, large, proven_books):
    first, second, third = members(program, 3)
    for member in (first, second, third):
        give_points(member, 50)
    change = adjust_many(program, (first, -50), (second, -50), (third, -50), by=dewi)
    spend(second, 1)
    tally = posting.post_due(at=NOW)
    change.refresh_from_db()
    assert (tally.found, tally.done, tally.skipped) == (3, 2, 1)
    assert (change.status, change.posted_count, change.skipped_count) == (Status.DONE, 2, 1)
    assert change.lines.get(outcome="skipped").said == f"{second.shown_number}: this line cannot be posted any more."
    assert [points_of(m, at=NOW) for m in (first, second, third)] == [0, 49, 0]


@pytest.mark.django_db
def test_only_what_was_posted_is_undone(program, dewi, large, proven_books):
    first, second = members(program, 2)
    for member in (first, second):
        give_points(member, 50)
    change = adjust_many(program, (first, -50), (second, -50), by=dewi)
    spend(second, 1)
    posting.post_due(at=NOW)
    back = undo(change, by=dewi)
    posting.post_due(at=NOW)
    back.refresh_from_db()
    assert (back.status, points_of(first, at=NOW), points_of(second, at=NOW)) == (Status.DONE, 50, 49)


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.django_db
@pytest.mark.parametrize("moment", ["_write_outcomes", "_end"])
def test_a_kill_in_the_middle_loses_nothing_and_posts_nothing_twice(
    program, dewi, large, proven_books, monkeypatch, moment
):
    people = members(program, 5)
    change = adjust_many(program, *((member, 10) for member in people), by=dewi)
    posting.post_chunk(change, at=NOW)
    with monkeypatch.context() as broken:
        broken.setattr(posting, moment, lambda *a, **k: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            posting.post_due(at=NOW)
    change.refresh_from_db()
    assert (change.status, change.posted_count, Entry.objects.count()) == (Status.POSTING, 2, 2)
    posting.post_due(at=NOW)
    change.refresh_from_db()
    assert (change.status, change.posted_count, Entry.objects.count()) == (Status.DONE, 5, 5)


@pytest.mark.django_db
def test_an_error_is_kept_on_the_change_and_trying_again_goes_on(program, dewi, large, proven_books, monkeypatch):
    people = members(program, 3)
    change = adjust_many(program, *((member, 10) for member in people), by=dewi)
    posting.post_chunk(change, at=NOW)
    with monkeypatch.context() as broken:
        broken.setattr(AdjustMany, "post", lambda *a, **k: 1 / 0)
        posting.post_due(at=NOW)
    change.refresh_from_db()
    assert (change.status, change.posted_count) == (Status.FAILED, 2)
    assert change.error.startswith("ZeroDivisionError")
    posting.try_again(change, at=NOW, actor=dewi)
    posting.post_due(at=NOW)
    change.refresh_from_db()
    assert (change.status, change.posted_count, change.error) == (Status.DONE, 3, "")


@pytest.mark.django_db
def test_a_change_that_must_be_whole_is_posted_wholly_or_not_at_all(program, dewi, large, proven_books, monkeypatch):
    monkeypatch.setattr(AdjustMany, "is_whole", True)
    first, second, third = members(program, 3)
    for member in (first, second, third):
        give_points(member, 50)
    change = adjust_many(program, (first, -50), (second, -50), (third, -50), by=dewi)
    spend(third, 1)
    posting.post_due(at=NOW)
    change.refresh_from_db()
    assert (change.status, change.posted_count, points_of(first, at=NOW)) == (Status.STALE, 0, 50)
    assert change.differences


@pytest.mark.django_db
@pytest.mark.parametrize("amount", [10, -10])
def test_a_chunk_costs_the_same_number_of_statements_whatever_its_size(program, dewi, large, monkeypatch, amount):
    counts = []
    for size in (3, 30):
        monkeypatch.setattr(AdjustMany, "chunk", size)
        people = members(make_program(f"p{size}"), size)
        for member in people:
            give_points(member, 50)
        program = people[0].program
        limited(program, **FREE)
        change = adjust_many(program, *((member, amount) for member in people), by=dewi)
        with CaptureQueriesContext(connection) as queries:
            posting.post_chunk(change, at=NOW)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.django_db
def test_lines_far_from_the_usual_are_shown_as_outliers(program, dewi):
    people = members(program, 5)
    lines = [(member, 10) for member in people[:4]] + [(people[4], 101)]
    told = {"lines": [[member.number, amount] for member, amount in lines]}
    change = drafting.draft(program, "adjust_many", parameters=told, reason="why", at=NOW, actor=dewi)
    assert change.summary["outliers"] == [str(main_account(people[4]).pk)]


# --- Races ------------------------------------------------------------------------------------------------------------
class TestRaces:
    """Two at once, on a database that can lock rows."""

    pytestmark = on_postgresql

    def test_two_approvals_post_once(self, ani, program):
        limited(program)
        dewi, rama, siti = hired("dewi"), hired("rama"), hired("siti")
        change = adjust(ani, 500, by=dewi)
        results, codes = race(
            *(
                lambda by=by: deciding.approve(ChangeRequest.objects.get(pk=change.pk), at=NOW, actor=by)
                for by in (rama, siti)
            )
        )
        assert ([r.status for r in results], codes) == ([Status.DONE], ["change_not_waiting"])
        assert points_of(ani, at=NOW) == 500

    def test_approving_against_spending_takes_all_or_nothing(self, ani, program):
        limited(program)
        dewi, rama = hired("dewi"), hired("rama")
        give_points(ani, 500)
        change = adjust(ani, -500, by=dewi)
        _results, codes = race(
            lambda: deciding.approve(ChangeRequest.objects.get(pk=change.pk), at=NOW, actor=rama),
            lambda: spend(ani, 1),
        )
        change.refresh_from_db()
        outcome = (change.status, points_of(ani, at=NOW), codes)
        assert outcome in ((Status.DONE, 0, ["insufficient_points"]), (Status.STALE, 499, []))

    def test_two_at_once_do_not_both_stay_below_the_24_hours(self, program, ani, budi):
        limited(program, adjustment_points_a_day=150)
        dewi = hired("dewi")
        results, codes = race(lambda: adjust(ani, 100, by=dewi), lambda: adjust(budi, 100, by=dewi))
        assert codes == []
        assert sorted(change.status for change in results) == [Status.DONE, Status.WAITING]
        assert points_of(ani, at=NOW) + points_of(budi, at=NOW) == 100

    def test_two_workers_post_every_line_once(self, program, large):
        limited(program, **FREE)
        people = members(program, 7)
        change = adjust_many(program, *((member, 10) for member in people), by=hired("dewi"))
        race(lambda: posting.post_due(at=NOW), lambda: posting.post_due(at=NOW))
        change.refresh_from_db()
        assert (change.status, change.posted_count, Entry.objects.count()) == (Status.DONE, 7, 7)

    def test_two_undos_take_back_once(self, ani, program):
        limited(program, **FREE)
        dewi = hired("dewi")
        change = adjust(ani, 100, by=dewi)
        drafts = [drafting.draft_undo(change, reason="twice", at=NOW, actor=dewi) for _ in range(2)]
        give_points(ani, 100)
        results, codes = race(*(lambda d=d: deciding.submit(d, at=NOW, actor=dewi) for d in drafts))
        assert (len(results), len(codes)) == (1, 1)
        assert points_of(ani, at=NOW) == 100
