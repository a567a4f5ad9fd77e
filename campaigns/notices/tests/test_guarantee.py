"""No points end in silence: without a letter in time they last longer, whatever of ours was down."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.notices import guarantee
from campaigns.notices.models import Notice
from campaigns.notices.showing import told_to, what_became_of
from campaigns.reminders import remind_expiring
from loyalty.common.clock import day_start
from loyalty.desk import roles
from loyalty.jobs.changes import drafting, nightly, showing
from loyalty.ledger import holds, policies, posting
from loyalty.ledger.models import Entry, Lot, Wallet
from loyalty.mail import blocking, delivery
from loyalty.mail.models import Message
from loyalty.tests.desk import enter, hire
from members.enrolment import main_account
from members.models import Member
from members.testing import OPENING, give_points, points_of

pytestmark = pytest.mark.django_db
ZONE = "Asia/Jakarta"
Status = Message.Status


@pytest.fixture(autouse=True)
def promised(program):
    """Points end only after a notice, as wherever nobody set it otherwise."""
    program.wallets.update(notice_guarantee=Wallet.Guarantee.ALL)


def midnight(year, month, day):
    return day_start(datetime(year, month, day).date(), ZONE)


LAST_DAY = midnight(2026, 3, 20)
END = midnight(2026, 3, 21)
TOLD = midnight(2026, 3, 5)  # sixteen days before the end
CLOSES = midnight(2026, 3, 7)  # fourteen


def hand_over(*, at, status=Status.SENT):
    """What became of all letters that wait."""
    Message.objects.filter(status=Status.QUEUED).update(status=status, sent_at=at if status == Status.SENT else None)


def ends():
    return list(Lot.objects.order_by("id").values_list("expires_at", flat=True))


def test_points_end_on_their_day_when_a_letter_about_them_was_handed_over_in_time(program, ani, proven_books):
    give_points(ani, 120, expires_at=END)
    remind_expiring(program, at=TOLD)
    notice = Notice.objects.get()
    assert (notice.account_id, notice.expires_at, notice.points) == (main_account(ani).pk, END, 120)
    hand_over(at=TOLD + timedelta(hours=9))
    assert nightly.expire(program, at=CLOSES).is_empty
    tally = nightly.expire(program, at=END)
    assert (tally.done, tally.report) == (1, {"lots": 1, "accounts": 1, "points": 120})
    assert points_of(ani, at=END) == 0


@pytest.mark.parametrize("status", [Status.QUEUED, Status.FAILED, Status.UNCERTAIN, Status.SENDING])
def test_a_letter_that_was_not_handed_over_is_no_notice_and_the_points_last_longer(program, ani, status, proven_books):
    give_points(ani, 120, expires_at=END)
    remind_expiring(program, at=TOLD)
    hand_over(at=TOLD, status=status)
    assert nightly.expire(program, at=CLOSES - timedelta(days=1)).is_empty
    tally = nightly.expire(program, at=CLOSES)
    assert tally.report["extended_points"] == 120
    assert (tally.report["extended_lots"], tally.report["extended_members"], tally.report["lots"]) == (1, 1, 0)
    assert ends() == [midnight(2026, 4, 1)]
    entry = Entry.objects.get(kind="extension")
    assert (entry.amount, entry.reason) == (0, "Nobody could be told in time that these points run out.")
    assert nightly.expire(program, at=CLOSES).is_empty
    assert points_of(ani, at=END) == 120


@pytest.mark.parametrize("came_back", [TOLD + timedelta(hours=10), CLOSES + timedelta(days=5)])
def test_a_letter_that_came_back_is_no_notice_whenever_that_is_heard(program, ani, came_back, proven_books):
    give_points(ani, 120, expires_at=END)
    remind_expiring(program, at=TOLD)
    hand_over(at=TOLD)
    letter = Message.objects.get()
    blocking.take_events([blocking.Event(ani.email, "bounce", came_back, letter=letter.pk)], actor="test")
    tally = nightly.expire(program, at=max(came_back, CLOSES))
    assert (tally.report["extended_points"], points_of(ani, at=END)) == (120, 120)
    assert told_to(ani, at=TOLD) == []


def test_a_letter_that_went_out_too_late_is_no_notice_in_time(program, ani, proven_books):
    give_points(ani, 120, expires_at=END)
    remind_expiring(program, at=TOLD)
    hand_over(at=CLOSES + timedelta(seconds=1))
    nightly.expire(program, at=CLOSES + timedelta(days=1))
    assert ends() == [midnight(2026, 4, 1)]


def test_what_lasts_longer_is_told_of_in_one_letter_and_then_ends(program, ani, proven_books):
    for day in (10, 14, 20):
        give_points(ani, 10, expires_at=midnight(2026, 3, day))
    nightly.expire(program, at=CLOSES)
    assert set(ends()) == {midnight(2026, 4, 1)}
    for day in range(0, 20):
        remind_expiring(program, at=CLOSES + timedelta(days=day))
    assert [n.points for n in Notice.objects.all()] == [30]
    hand_over(at=midnight(2026, 3, 16))
    nightly.expire(program, at=midnight(2026, 4, 1))
    assert points_of(ani, at=midnight(2026, 4, 1)) == 0


def test_points_that_ended_while_the_jobs_were_down_come_back(program, ani, proven_books):
    give_points(ani, 120, expires_at=END)
    back = midnight(2026, 4, 2)
    assert points_of(ani, at=back) == 0
    tally = nightly.expire(program, at=CLOSES, recorded_at=back)
    assert tally.report["extended_points"] == 120
    assert points_of(ani, at=back) == 120
    assert ends() == [midnight(2026, 5, 1)]
    assert list(Entry.objects.order_by("id").values_list("kind", "amount")) == [
        ("accrual", 120), ("expiry", -120), ("reinstatement", 120),
    ]  # fmt: skip
    nightly.expire(program, at=END, recorded_at=back)
    assert points_of(ani, at=back) == 120


def test_a_preview_of_the_night_agrees_with_it_and_changes_nothing(program, ani, budi, proven_books):
    give_points(ani, 120, expires_at=END)
    give_points(budi, 50, expires_at=END)
    remind_expiring(program, at=TOLD)
    Message.objects.filter(recipient=budi.number).update(status=Status.SENT, sent_at=TOLD)
    preview = nightly.expire(program, at=END, dry_run=True)
    assert preview.report == {
        "lots": 1, "accounts": 1, "points": 50, "extended_lots": 1, "extended_points": 120, "extended_members": 1,
    }  # fmt: skip
    assert Entry.objects.count() == 2
    assert nightly.expire(program, at=END).report == preview.report


def test_points_that_came_after_the_letter_are_told_of_in_a_further_one_or_last_longer(program, ani, proven_books):
    give_points(ani, 100, expires_at=midnight(2026, 3, 20))
    remind_expiring(program, at=midnight(2026, 3, 4))
    give_points(ani, 7, at=midnight(2026, 3, 4), expires_at=midnight(2026, 3, 30))
    give_points(ani, 5, at=midnight(2026, 3, 4), expires_at=midnight(2026, 3, 20))
    for day in range(5, 15):
        remind_expiring(program, at=midnight(2026, 3, day))
    told = Message.objects.order_by("period").values_list("period", "context__points")
    assert list(told) == [("2026-03", 100), ("2026-03.2", 112)]
    hand_over(at=midnight(2026, 3, 5))
    nightly.expire(program, at=midnight(2026, 3, 30))
    assert points_of(ani, at=midnight(2026, 3, 30)) == 0


def test_an_end_that_activity_moved_needs_a_notice_of_its_own(program, ani, proven_books):
    policies.set_expiry(
        program.wallets.get(), kind="idle_days", count=60, resets="earn,purchase", at=OPENING, actor="test"
    )
    give_points(ani, 100, at=OPENING)
    remind_expiring(program, at=midnight(2026, 2, 16))
    hand_over(at=midnight(2026, 2, 16))
    give_points(ani, 1, at=midnight(2026, 2, 20))
    assert set(ends()) == {midnight(2026, 4, 22)}
    nightly.expire(program, at=midnight(2026, 4, 8))
    assert set(ends()) == {midnight(2026, 5, 1)}
    assert points_of(ani, at=midnight(2026, 4, 30)) == 101


def test_whoever_has_no_address_keeps_the_points_unless_only_reachable_members_are_promised(program, ani, proven_books):
    give_points(ani, 120, expires_at=END)
    Member.objects.filter(pk=ani.pk).update(email="")
    assert remind_expiring(program, at=TOLD).report == {"letters": 1, "without_address": 1}
    delivery.deliver_due(at=TOLD)
    assert Message.objects.get().stopped_for == Message.Stop.GONE
    program.wallets.update(notice_guarantee="reachable")
    assert nightly.expire(program, at=CLOSES).is_empty
    program.wallets.update(notice_guarantee="all")
    assert nightly.expire(program, at=CLOSES).report["extended_points"] == 120
    program.wallets.update(notice_guarantee="off")
    assert nightly.expire(program, at=midnight(2026, 4, 1)).report["points"] == 120


@pytest.mark.parametrize(
    ("taken", "kept"),
    [
        ({"status": Status.SENT, "sent_at": CLOSES}, 0),
        ({"status": Status.SENT, "sent_at": CLOSES + timedelta(seconds=1)}, 120),
        ({"status": Status.UNCERTAIN}, 120),
        ({"status": Status.FAILED}, 120),
    ],
)
def test_whoever_has_only_a_phone_was_told_when_another_system_of_the_shop_took_the_letter_in_time(
    program, ani, taken, kept, proven_books
):
    give_points(ani, 120, expires_at=END)
    Member.objects.filter(pk=ani.pk).update(email="")
    remind_expiring(program, at=TOLD)
    Message.objects.update(status=Status.STOPPED, stopped_for=Message.Stop.GONE)
    copied = ("recipient", "kind", "subject", "period", "context", "queued_at", "due_at", "language")
    Message.objects.create(channel="webhook", **Message.objects.values(*copied).get(), **taken)
    assert nightly.expire(program, at=CLOSES).report.get("extended_points", 0) == kept
    assert len(told_to(ani, at=TOLD)) == ("sent_at" in taken)


def test_closed_memberships_pending_confirmations_and_what_had_ended_before_it_was_known_wait_for_nobody(
    program, ani, budi, proven_books
):
    give_points(ani, 10, expires_at=midnight(2026, 1, 2), recorded_at=midnight(2026, 2, 1))
    give_points(budi, 10, expires_at=END)
    Member.objects.filter(pk=budi.pk).update(status=Member.Status.CLOSED)
    tally = nightly.expire(program, at=END)
    assert (tally.done, tally.report) == (2, {"lots": 2, "accounts": 2, "points": 20})


def test_held_points_last_longer_with_the_others_of_their_lot(program, ani, proven_books):
    give_points(ani, 100, expires_at=END)
    account = main_account(ani).pk
    posting.redeem(account, 10, at=TOLD, reference="spent", source="test", actor="test")
    holds.hold(account, 30, at=CLOSES, reference="hold", source="test", actor="test")
    tally = nightly.expire(program, at=CLOSES + timedelta(minutes=1))
    assert tally.report["extended_points"] == 60
    assert points_of(ani, at=END) == 90


def test_more_than_a_page_is_kept_and_a_stop_is_made_up_later(program, ani, budi, siti, monkeypatch, proven_books):
    monkeypatch.setattr(guarantee, "PAGE", 2)
    for member in (ani, budi, siti):
        give_points(member, 10, expires_at=END)
        give_points(member, 20, expires_at=LAST_DAY)
    stopped = guarantee.keep_untold(program, at=CLOSES, progress=lambda found, done, skipped: False)
    assert stopped.done == 2
    assert guarantee.keep_untold(program, at=CLOSES).done == 4
    assert set(ends()) == {midnight(2026, 4, 1)}


def test_the_number_of_statements_does_not_grow_with_what_lasts_longer(program, ani, budi, siti):
    counts = []
    for members in ([ani, budi], [ani, budi, siti]):
        for member in members:
            give_points(member, 10, expires_at=END)
            give_points(member, 20, expires_at=LAST_DAY)
        with CaptureQueriesContext(connection) as queries:
            assert guarantee.keep_untold(program, at=CLOSES).done == 2 * len(members)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_letter_that_waited_until_its_day_was_another_is_not_sent_and_told_anew_with_the_right_day(program, ani):
    give_points(ani, 120, expires_at=END)
    remind_expiring(program, at=TOLD)
    assert nightly.expire(program, at=CLOSES).report["extended_points"] == 120  # the mail system was down
    waiting = Message.objects.filter(status=Status.QUEUED)
    assert delivery.claim(waiting, at=CLOSES + timedelta(hours=9)) == []
    late = Message.objects.get()
    assert (late.status, late.stopped_for, late.context["days"]) == (
        Status.STOPPED,
        "stale",
        [["2026-03-20", 120, "points"]],
    )
    remind_expiring(program, at=midnight(2026, 3, 17))
    (told,) = delivery.claim(waiting, at=midnight(2026, 3, 17) + timedelta(hours=9))
    assert told.context["days"] == [["2026-03-31", 120, "points"]]


def test_a_copy_for_another_system_is_stopped_as_the_mail_is_when_its_day_is_another(program, ani, budi):
    for member in (ani, budi):
        give_points(member, 120, expires_at=END)
    remind_expiring(program, at=TOLD)
    copied = ("recipient", "language", "kind", "subject", "period", "context", "status", "queued_at", "due_at")
    for mail in Message.objects.values(*copied):
        Message.objects.create(channel="webhook", **mail)
    posting.redeem(main_account(ani).pk, 120, at=TOLD, reference="r", source="t", actor="t")
    waiting = Message.objects.filter(status=Status.QUEUED, channel="webhook")
    (told,) = delivery.claim(waiting, at=TOLD + timedelta(hours=9))
    assert told.recipient == budi.number
    late = Message.objects.get(recipient=ani.number, channel="webhook")
    assert (late.status, late.stopped_for) == (Status.STOPPED, "stale")


def test_a_day_that_holds_no_more_leaves_the_other_days_of_its_letter_to_a_further_one(program, ani):
    for points, end in ((50, END), (70, END + timedelta(days=2))):
        give_points(ani, points, expires_at=end)
    remind_expiring(program, at=TOLD)
    posting.redeem(main_account(ani).pk, 50, at=TOLD, reference="r", source="t", actor="t")
    waiting = Message.objects.filter(status=Status.QUEUED)
    assert delivery.claim(waiting, at=TOLD + timedelta(hours=9)) == []
    remind_expiring(program, at=TOLD + timedelta(days=2))
    (told,) = delivery.claim(waiting, at=TOLD + timedelta(days=2, hours=9))
    assert told.context["days"] == [["2026-03-22", 70, "points"]]


def test_staff_see_that_a_letter_came_back(program, ani):
    give_points(ani, 120, expires_at=END)
    remind_expiring(program, at=TOLD)
    hand_over(at=TOLD)
    letter = Message.objects.get()
    assert "handed to the mail system" in what_became_of(letter.notices.get())
    letter.bounced_at = TOLD
    assert "came back" in what_became_of(letter.notices.get())


def test_an_expiry_run_names_whom_nobody_could_tell_with_their_points_on_its_page_and_in_its_file(program, ani, budi):
    give_points(ani, 120, expires_at=END)
    remind_expiring(program, at=TOLD)
    hand_over(at=TOLD + timedelta(hours=9))
    give_points(budi, 30, expires_at=END)
    give_points(budi, 5, expires_at=END - timedelta(days=1))
    user = hire(roles.OPS)
    told = {"parameters": {"as_of": END.isoformat()}, "reason": "why", "at": END, "actor": f"staff:{user.pk}"}
    change = drafting.draft(program, "expiry_run", **told)
    change.refresh_from_db()
    why = "35 points: nobody could be told in time. The night gives them more time."
    assert (change.lines_count, change.points_taken) == (1, 120)
    assert change.summary["left_out"] == [[budi.shown_number, why]]
    assert "2 credits that have run out are left out" in change.summary["warnings"][0]
    assert (change.summary["members"], [*showing.all_cells(change)][1:]) == (
        1, [(budi.shown_number, "", "", "", why, "left out")],
    )  # fmt: skip
    client = enter(user)
    page = client.get(reverse("admin:jobs_changerequest_change", args=[change.pk])).content.decode()
    assert "Left out" in page and why in page
    sweep = nightly.expire(program, at=END)
    assert (sweep.report["points"], sweep.report["extended_points"]) == (120, 35)
