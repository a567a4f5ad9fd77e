"""Four eyes: what is posted at once, what waits, who decides, and what makes a change die (DOMAIN 12.4, law 19)."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from loyalty.common.errors import Refusal
from loyalty.desk import roles
from loyalty.jobs.changes import deciding, drafting, limits
from loyalty.jobs.models import ChangeRequest
from loyalty.ledger import posting, statements
from loyalty.ledger.models import Entry
from loyalty.mail.models import Message
from members import enrolment
from members.enrolment import main_account
from members.models import Member
from members.testing import give_points, points_of
from members.tests.changes import NOW, adjust, adjust_many, ask, hired, limited, undo

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
Status = ChangeRequest.Status


@pytest.fixture
def dewi(program):
    """A program manager."""
    limited(program)
    return hired("dewi")


@pytest.fixture
def rama(db):
    """Another program manager."""
    return hired("rama")


def refused(attempt, code):
    """An attempt is refused with a code, and nothing moved."""
    before = (Entry.objects.count(), list(ChangeRequest.objects.values_list("pk", "status")))
    with pytest.raises(Refusal) as said:
        attempt()
    assert said.value.code == code
    assert str(said.value)
    assert before == (Entry.objects.count(), list(ChangeRequest.objects.values_list("pk", "status")))


def spend(member, points, *, at=NOW):
    posting.redeem(main_account(member).pk, points, at=at, reference=f"spent {points}", source="test", actor="test")


# --- Below and above the limits ----------------------------------------------------------------------------------------
def test_an_adjustment_at_the_limit_is_posted_at_once_and_kept_as_a_done_change(ani, dewi):
    change = adjust(ani, 100, by=dewi)
    assert (change.status, change.decided_by, change.posted_count) == (Status.DONE, dewi, 1)
    entry = Entry.objects.get()
    assert (entry.amount, entry.reason, entry.actor) == (100, "because", dewi)
    assert entry.reference == f"change:{change.pk}:{main_account(ani).pk}"


def test_one_point_above_the_limit_waits_and_moves_nothing(ani, dewi):
    change = adjust(ani, 101, by=dewi)
    assert change.status == Status.WAITING
    assert change.summary["limits"] == ["One adjustment moves 101 points; one person alone may move 100."]
    assert not Entry.objects.exists()


def test_taking_counts_like_giving(ani, dewi):
    give_points(ani, 500)
    assert adjust(ani, -101, by=dewi).status == Status.WAITING


def test_the_second_person_posts_exactly_what_was_shown(ani, dewi, rama):
    change = deciding.approve(adjust(ani, 500, by=dewi), at=NOW + timedelta(days=2), actor=rama)
    assert (change.status, change.decided_by, points_of(ani, at=NOW + timedelta(days=2))) == (Status.DONE, rama, 500)
    lot = Entry.objects.get().lot
    assert lot.expires_at.isoformat() == change.lines.get().facts["until"]


def test_the_sum_of_24_hours_counts_and_ends(ani, dewi):
    assert adjust(ani, 100, by=dewi).status == Status.DONE
    assert adjust(ani, 100, by=dewi, at=NOW + timedelta(hours=1)).status == Status.DONE
    third = adjust(ani, 51, by=dewi, at=NOW + timedelta(hours=2))
    assert third.status == Status.WAITING
    assert "moves 251 points in 24 hours" in third.summary["limits"][0]
    assert adjust(ani, 50, by=dewi, at=NOW + timedelta(hours=3)).status == Status.DONE
    assert adjust(ani, 51, by=dewi, at=NOW + timedelta(hours=24, minutes=1)).status == Status.DONE


def test_somebody_elses_sum_is_their_own(ani, dewi, rama):
    for _ in range(2):
        adjust(ani, 100, by=dewi)
    assert adjust(ani, 100, by=rama).status == Status.DONE


def test_without_limits_set_the_defaults_count(ani, rama):
    assert limits.of(ani.program).adjustment_points == 1000
    assert adjust(ani, 1001, by=rama).status == Status.WAITING


def test_an_empty_limit_is_none(ani, rama):
    limited(ani.program, adjustment_points=None, adjustment_points_a_day=None)
    assert adjust(ani, 10**9, by=rama).status == Status.DONE


def test_a_bulk_change_waits_above_its_lines_or_its_points_or_when_one_line_is_above(program, ani, budi, siti, dewi):
    assert adjust_many(program, (ani, 60), (budi, 60), by=dewi).status == Status.DONE
    assert adjust_many(program, (ani, 101), by=dewi).status == Status.WAITING
    limits.of(program)
    assert adjust_many(program, (ani, 70), (budi, 70), (siti, 70), by=hired("tuti")).status == Status.WAITING


# --- Who decides ----------------------------------------------------------------------------------------------------
def test_nobody_approves_or_refuses_their_own_not_even_a_superuser(ani, dewi):
    get_user_model().objects.update(is_superuser=True)
    change = adjust(ani, 500, by=dewi)
    refused(lambda: deciding.approve(change, at=NOW, actor=dewi), "same_person")
    refused(lambda: deciding.refuse(change, decision="no", at=NOW, actor=dewi), "same_person")


@pytest.mark.parametrize("role", [r for r in roles.TITLES if r not in (roles.PROGRAM_MANAGER, roles.ADMINISTRATOR)])
def test_a_role_without_the_right_approves_nothing(ani, dewi, role):
    other = hired("other", role)
    change = adjust(ani, 500, by=dewi)
    refused(lambda: deciding.approve(change, at=NOW, actor=other), "not_allowed")
    refused(lambda: deciding.refuse(change, decision="no", at=NOW, actor=other), "not_allowed")


@pytest.mark.parametrize("actor", ["api:1", "job:post_changes", "staff:999999", "staff:x", ""])
def test_what_is_no_person_approves_nothing(ani, dewi, actor):
    change = adjust(ani, 500, by=dewi)
    refused(lambda: deciding.approve(change, at=NOW, actor=actor), "not_allowed")


def test_somebody_who_left_approves_nothing(ani, dewi, rama):
    change = adjust(ani, 500, by=dewi)
    get_user_model().objects.filter(email="rama@staff.example").update(is_active=False)
    refused(lambda: deciding.approve(change, at=NOW, actor=rama), "not_allowed")


def test_a_superuser_who_is_somebody_else_may_approve(ani, dewi):
    boss = hired("boss", roles.SUPPORT_AGENT)
    get_user_model().objects.filter(email="boss@staff.example").update(is_superuser=True)
    assert deciding.approve(adjust(ani, 500, by=dewi), at=NOW, actor=boss).status == Status.DONE


def test_those_who_may_approve_get_a_letter_and_whoever_asked_gets_none(ani, dewi, rama):
    hired("agent", roles.SUPPORT_AGENT)
    change = adjust(ani, 500, by=dewi)
    letter = Message.objects.get()
    assert (letter.recipient, letter.kind, letter.subject) == (rama, "approval", f"change:{change.pk}")
    assert letter.context["given"] == "500"


# --- One's own member account ---------------------------------------------------------------------------------------
def as_member(actor, member):
    user = get_user_model().objects.get(pk=actor.removeprefix("staff:"))
    Member.objects.filter(pk=member.pk).update(user=user)


def test_nobody_asks_for_their_own_member_account(ani, dewi):
    as_member(dewi, ani)
    refused(lambda: adjust(ani, 1, by=dewi), "own_account")


def test_the_same_address_is_the_same_person(program, dewi):
    mine = enrolment.enrol(program, at=NOW, actor="test", name="Dewi", email="DEWI@staff.example", welcome=False)
    refused(lambda: adjust(mine, 1, by=dewi), "own_account")


def test_nobody_asks_for_a_list_with_their_own_account(program, ani, budi, dewi):
    as_member(dewi, budi)
    refused(lambda: adjust_many(program, (ani, 1), (budi, 1), by=dewi), "own_account")


def test_nobody_approves_what_is_for_their_own_account(ani, dewi, rama):
    change = adjust(ani, 500, by=dewi)
    as_member(rama, ani)
    refused(lambda: deciding.approve(change, at=NOW, actor=rama), "own_account")


# --- The states -----------------------------------------------------------------------------------------------------
def test_a_refusal_needs_words_and_ends_the_change(ani, dewi, rama):
    change = adjust(ani, 500, by=dewi)
    refused(lambda: deciding.refuse(change, decision=" ", at=NOW, actor=rama), "refused")
    deciding.refuse(change, decision="too much", at=NOW, actor=rama)
    assert (change.status, change.decision, change.decided_by) == (Status.REFUSED, "too much", rama)
    refused(lambda: deciding.approve(change, at=NOW, actor=rama), "change_not_waiting")


def test_only_who_asked_withdraws_and_then_nobody_approves(ani, dewi, rama):
    change = adjust(ani, 500, by=dewi)
    refused(lambda: deciding.withdraw(change, at=NOW, actor=rama), "not_allowed")
    assert deciding.withdraw(change, at=NOW, actor=dewi).status == Status.WITHDRAWN
    refused(lambda: deciding.approve(change, at=NOW, actor=rama), "change_not_waiting")


def test_what_is_done_cannot_be_decided_again(ani, dewi, rama):
    change = deciding.approve(adjust(ani, 500, by=dewi), at=NOW, actor=rama)
    for attempt in (
        lambda: deciding.approve(change, at=NOW, actor=rama),
        lambda: deciding.refuse(change, decision="no", at=NOW, actor=rama),
        lambda: deciding.withdraw(change, at=NOW, actor=dewi),
    ):
        refused(attempt, "change_not_waiting")


def test_a_draft_moves_nothing_and_only_its_maker_asks_for_it(ani, dewi, rama):
    told = {"number": ani.number, "amount": 50}
    change = drafting.draft(ani.program, "adjust", parameters=told, reason="why", at=NOW, actor=dewi)
    assert (change.status, Entry.objects.count()) == (Status.DRAFT, 0)
    refused(lambda: deciding.submit(change, at=NOW, actor=rama), "not_allowed")
    assert deciding.submit(change, at=NOW, actor=dewi).status == Status.DONE
    assert deciding.submit(change, at=NOW, actor=dewi).status == Status.DONE
    assert Entry.objects.count() == 1


def test_a_change_without_a_reason_is_refused(ani, dewi):
    refused(lambda: ask(ani.program, "adjust", by=dewi, reason="  ", number=ani.number, amount=1), "reason_missing")


def test_a_kind_that_nobody_knows_is_refused(ani, dewi):
    refused(lambda: ask(ani.program, "magic", by=dewi), "unknown_change")


def test_more_than_the_member_has_is_refused_with_the_number(ani, dewi):
    give_points(ani, 30)
    refused(lambda: adjust(ani, -50, by=dewi), "insufficient_points")


# --- Anything that changed since --------------------------------------------------------------------------------------
def dies(change, by, *, at=NOW):
    entries = Entry.objects.count()
    change = deciding.approve(change, at=at, actor=by)
    assert (change.status, Entry.objects.count()) == (Status.STALE, entries)
    assert change.differences
    return change.differences[0]


def test_a_member_who_spent_the_points_meanwhile_makes_it_stale(ani, dewi, rama):
    give_points(ani, 200)
    change = adjust(ani, -150, by=dewi)
    spend(ani, 100)
    assert dies(change, rama) == f"{ani.shown_number}: this line cannot be posted any more."


def test_other_lots_than_shown_make_it_stale(ani, dewi, rama):
    give_points(ani, 200)
    give_points(ani, 200, at=NOW - timedelta(days=1))
    change = adjust(ani, -150, by=dewi)
    spend(ani, 100)
    assert dies(change, rama) == f"{ani.shown_number}: the points would come from other lots than shown."


def test_lots_that_ran_out_meanwhile_make_it_stale(ani, dewi, rama):
    give_points(ani, 200)
    change = adjust(ani, -150, by=dewi)
    assert "cannot be posted" in dies(change, rama, at=NOW + timedelta(days=400))


def test_a_closed_member_makes_it_stale(ani, dewi, rama):
    change = adjust(ani, 500, by=dewi)
    Member.objects.filter(pk=ani.pk).update(status=Member.Status.CLOSED)
    dies(change, rama)


def test_a_shorter_life_of_points_makes_it_stale(ani, dewi, rama):
    from loyalty.ledger import policies

    change = adjust(ani, 500, by=dewi)
    policies.set_expiry(ani.program.wallets.get(), kind="months", count=3, at=NOW, actor="test")
    assert "now it would be" in dies(change, rama)


def test_a_purchase_of_the_member_does_not_disturb_what_is_given(ani, dewi, rama):
    change = adjust(ani, 500, by=dewi)
    give_points(ani, 7, at=NOW)
    assert deciding.approve(change, at=NOW, actor=rama).status == Status.DONE


def test_what_was_overtaken_can_be_looked_up_anew(ani, dewi, rama):
    give_points(ani, 200)
    change = adjust(ani, -150, by=dewi)
    give_points(ani, 50, at=NOW, expires_at=NOW + timedelta(days=9))
    assert deciding.approve(change, at=NOW, actor=rama).status == Status.STALE
    fresh = drafting.again(change, at=NOW, actor=dewi)
    assert (fresh.status, fresh.parameters) == (Status.DRAFT, change.parameters)
    assert deciding.submit(fresh, at=NOW, actor=dewi).status == Status.WAITING


def test_a_preview_that_is_overtaken_before_it_is_asked_for_says_so(ani, dewi):
    give_points(ani, 60)
    told = {"number": ani.number, "amount": -50}
    change = drafting.draft(ani.program, "adjust", parameters=told, reason="why", at=NOW, actor=dewi)
    spend(ani, 20)
    refused(lambda: deciding.submit(change, at=NOW, actor=dewi), "preview_changed")


# --- Undo ---------------------------------------------------------------------------------------------------------
def test_an_undone_adjustment_takes_its_own_points_back(ani, dewi):
    give_points(ani, 40)
    change = adjust(ani, 100, by=dewi)
    back = undo(change, by=dewi)
    change.refresh_from_db()
    assert (back.status, change.status, points_of(ani, at=NOW)) == (Status.DONE, Status.UNDONE, 40)
    assert Entry.objects.get(amount=100).lot.remaining == 0


def test_the_undo_says_what_was_spent_and_takes_only_the_rest(ani, dewi):
    change = adjust(ani, 100, by=dewi)
    spend(ani, 70)
    back = drafting.draft_undo(change, reason="by mistake", at=NOW, actor=dewi)
    line = back.lines.get()
    assert (line.amount, line.short, back.summary["short"]) == (-30, 70, 70)
    assert back.summary["warnings"] == ["70 points were spent meanwhile and cannot be taken back."]
    deciding.submit(back, at=NOW, actor=dewi)
    assert statements.balance(main_account(ani).pk, at=NOW).available == 0


def test_nothing_is_left_to_undo_when_everything_was_spent(ani, dewi):
    change = adjust(ani, 100, by=dewi)
    spend(ani, 100)
    refused(lambda: undo(change, by=dewi), "nothing_to_do")


def test_an_undone_taking_gives_the_points_back_with_the_end_they_had(ani, dewi):
    first = give_points(ani, 80)
    back = undo(adjust(ani, -60, by=dewi), by=dewi)
    assert points_of(ani, at=NOW) == 80
    assert Entry.objects.get(reference__startswith=f"change:{back.pk}:").lot.expires_at == first.lot.expires_at


def test_what_was_taken_and_would_have_run_out_lives_fourteen_days_more(ani, dewi):
    give_points(ani, 80, expires_at=NOW + timedelta(days=2))
    change = adjust(ani, -60, by=dewi)
    later = NOW + timedelta(days=10)
    undo(change, by=dewi, at=later)
    assert points_of(ani, at=later + timedelta(days=14)) == 60
    assert points_of(ani, at=later + timedelta(days=15)) == 0


def test_a_change_is_undone_once(ani, dewi):
    change = adjust(ani, 100, by=dewi)
    undo(change, by=dewi)
    refused(lambda: undo(change, by=dewi), "not_undoable")


@pytest.mark.parametrize("state", ["waiting", "refused"])
def test_what_was_never_posted_cannot_be_undone(ani, dewi, rama, state):
    change = adjust(ani, 500, by=dewi)
    if state == "refused":
        deciding.refuse(change, decision="no", at=NOW, actor=rama)
    refused(lambda: undo(change, by=dewi), "not_undoable")


def test_an_undo_above_the_limit_waits_for_a_second_person_too(ani, dewi, rama):
    change = deciding.approve(adjust(ani, 500, by=dewi), at=NOW, actor=rama)
    back = undo(change, by=rama)
    assert back.status == Status.WAITING
    deciding.approve(back, at=NOW, actor=dewi)
    assert points_of(ani, at=NOW) == 0


def test_an_undo_that_is_overtaken_dies_like_any_change(ani, dewi, rama):
    change = deciding.approve(adjust(ani, 500, by=dewi), at=NOW, actor=rama)
    back = undo(change, by=rama)
    spend(ani, 10)
    assert dies(back, dewi) == f"{ani.shown_number}: -500 points were shown, it would be -490 now."
