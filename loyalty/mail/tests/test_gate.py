"""Consent, blocked addresses and quiet hours are asked when a letter is claimed, not when it was written."""

from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, transaction

from loyalty.common.clock import end_of_quiet
from loyalty.mail import blocking, delivery, outbox, unsubscribing
from loyalty.mail.models import BlockedAddress, Message
from members import consents, inbox
from members.models import Member
from members.testing import make_member

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 5, tzinfo=UTC)  # 12:00 in Jakarta
LATE = datetime(2026, 3, 2, 15, tzinfo=UTC)  # 22:00 in Jakarta
MORNING = datetime(2026, 3, 3, 1, tzinfo=UTC)  # 08:00 in Jakarta


def write(member, kind="win_back", *, at=NOON, subject="x"):
    context = {"name": member.name, "program": "Kopi", "balance": "5 points", "number": member.number}
    outbox.queue(
        recipient=member.number, address=member.email, language="en", kind=kind, subject=subject, context=context, at=at
    )


def agree(member, is_given=True, *, at=NOON):
    verb = consents.give if is_given else consents.withdraw
    verb(member, "email", "marketing", at=at, source="portal", actor="test")


def deliver(at=NOON, **more):
    with time_machine.travel(at, tick=False):
        return delivery.deliver_due(at=at, **more)


def states():
    return list(Message.objects.order_by("id").values_list("status", "stopped_for"))


def keep_quiet(program, begins=time(21), ends=time(8)):
    program.quiet_from, program.quiet_until = begins, ends
    program.save()


def test_news_goes_only_to_those_who_agreed_and_service_to_all(ani, budi):
    agree(ani)
    for member in (ani, budi):
        write(member)
        write(member, "welcome")
    assert deliver().done == 3
    assert states() == [("sent", ""), ("sent", ""), ("stopped", "consent"), ("sent", "")]
    assert sorted(letter.to[0] for letter in mail.outbox) == [ani.email, ani.email, budi.email]


def test_a_consent_withdrawn_after_the_letter_was_written_counts(ani):
    agree(ani)
    write(ani)
    agree(ani, False, at=NOON + timedelta(hours=1))
    deliver(NOON + timedelta(hours=2))
    assert states() == [("stopped", "consent")] and mail.outbox == []


def test_a_consent_withdrawn_while_the_letters_before_it_go_out_counts(ani, budi, monkeypatch):
    hand_over = delivery._hand_over

    def withdraw_meanwhile(mailer, message):
        hand_over(mailer, message)
        agree(budi, False)

    for member in (ani, budi):
        agree(member)
        write(member)
    monkeypatch.setattr(delivery, "_hand_over", withdraw_meanwhile)
    tally = deliver()
    assert (tally.found, tally.done) == (1, 1)
    assert states() == [("sent", ""), ("stopped", "consent")]


def test_who_left_gets_no_news(ani):
    agree(ani)
    write(ani)
    Member.objects.filter(pk=ani.pk).update(status=Member.Status.CLOSED)
    deliver()
    assert states() == [("stopped", "consent")]


def test_who_has_no_address_any_more_gets_no_letter(ani):
    write(ani, "welcome")
    Member.objects.filter(pk=ani.pk).update(email="")
    deliver()
    assert states() == [("stopped", "gone")] and mail.outbox == []


def test_a_letter_without_an_address_goes_to_the_one_that_was_told_since(ani):
    Member.objects.filter(pk=ani.pk).update(email="")
    ani.refresh_from_db()
    write(ani, "welcome")
    Member.objects.filter(pk=ani.pk).update(email="ani@example.com")
    deliver()
    assert states() == [("sent", "")] and mail.outbox[0].to == ["ani@example.com"]


def test_who_has_no_address_finds_the_letter_in_the_portal_though_no_mail_server_answers(ani, settings):
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "127.0.0.1",
        1,
    )
    write(ani, "redeemed")
    Member.objects.filter(pk=ani.pk).update(email="")
    ani.refresh_from_db()
    write(ani, "welcome")
    other = make_member(ani.program, "Other")
    write(other, "welcome")
    with pytest.raises(delivery.MailServerUnreachable):
        deliver()
    assert sorted(states()) == [("queued", ""), ("stopped", "gone"), ("stopped", "gone")]
    assert [letter.kind for letter in inbox.page(ani).letters] == ["welcome", "redeemed"]


def test_staff_without_an_address_get_none():
    outbox.queue(recipient="staff:1", address="", language="en", kind="approval", subject="x", context={}, at=NOON)
    deliver()
    assert states() == [("stopped", "gone")] and mail.outbox == []


def test_news_to_nobody_we_know_is_not_sent():
    outbox.queue(
        recipient="1", address="x@example.com", language="en", kind="win_back", subject="x", context={}, at=NOON
    )
    deliver()
    assert states() == [("stopped", "consent")]


def test_a_blocked_address_gets_nothing_until_staff_lift_the_block_and_send_again(ani):
    blocked = blocking.block(ani.email.upper(), at=NOON, actor="staff:1")
    write(ani, "welcome")
    deliver()
    assert states() == [("stopped", "blocked")] and mail.outbox == []
    message = delivery.resend(Message.objects.get(), at=NOON, actor="staff:1")
    deliver()
    assert states() == [("stopped", "blocked")]
    blocking.lift(blocked, at=NOON, actor="staff:1")
    delivery.resend(message, at=NOON, actor="staff:1")
    deliver()
    assert states() == [("sent", "")]


def test_in_quiet_hours_news_and_reminders_wait_and_what_was_just_asked_for_goes(program, ani):
    keep_quiet(program)
    agree(ani)
    for kind in ("win_back", "tier_up", "welcome"):
        write(ani, kind, at=LATE)
    assert deliver(LATE).done == 1
    assert list(Message.objects.order_by("id").values_list("kind", "status", "due_at")) == [
        ("win_back", "queued", MORNING), ("tier_up", "queued", MORNING), ("welcome", "sent", LATE),
    ]  # fmt: skip
    assert deliver(MORNING - timedelta(seconds=1)).is_empty
    assert deliver(MORNING).done == 2


def test_more_letters_that_must_wait_than_fit_in_a_batch_do_not_hold_up_the_others(program, ani):
    keep_quiet(program)
    for number in range(delivery.BATCH + 5):
        write(ani, "tier_up", subject=str(number), at=LATE)
    write(ani, "welcome", at=LATE)
    assert deliver(LATE).done == 1
    assert Message.objects.filter(status="queued", due_at=MORNING).count() == delivery.BATCH + 5


def test_a_run_for_a_later_instant_sends_nothing_before_its_time(program, ani):
    keep_quiet(program)
    write(ani, "tier_up", at=LATE)
    with time_machine.travel(LATE, tick=False):
        assert delivery.deliver_due(at=MORNING + timedelta(days=3)).is_empty
    assert Message.objects.get().due_at == MORNING


def test_the_gate_takes_as_many_queries_for_many_letters_as_for_one(ani, budi, django_assert_num_queries):
    for member in (ani, budi):
        agree(member)
        write(member)
        write(member, "welcome")
    waiting = Message.objects.filter(status="queued")
    # A savepoint and its end, the letters, their readers, consents, blocks, where letters are passed on, the claim, and the letters again.
    with django_assert_num_queries(9):
        assert len(delivery.claim(waiting, at=NOON)) == 4


@pytest.mark.parametrize(
    ("hour", "begins", "ends", "expected"),
    [
        (12, time(21), time(8), None),
        (21, time(21), time(8), (3, 8)),
        (3, time(21), time(8), (2, 8)),
        (8, time(21), time(8), None),
        (13, time(12), time(14), (2, 14)),
        (14, time(12), time(14), None),
    ],
)
def test_quiet_hours_begin_with_their_first_instant_and_end_before_their_last(hour, begins, ends, expected):
    at = datetime(2026, 3, 2, hour, tzinfo=UTC)
    found = end_of_quiet(at, begins, ends, "UTC")
    assert found == (datetime(2026, 3, *expected, tzinfo=UTC) if expected else None)


def test_quiet_hours_end_after_now_also_where_an_hour_comes_twice():
    at = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 in Berlin, the second time
    assert end_of_quiet(at, time(22), time(2, 30), "Europe/Berlin") == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("hours", [(time(21), None), (None, time(8)), (time(8), time(8))])
def test_quiet_hours_have_two_ends_that_differ(program, hours):
    with pytest.raises(IntegrityError), transaction.atomic():
        keep_quiet(program, *hours)


def test_only_letters_that_need_consent_carry_the_button_of_mail_programs(ani):
    agree(ani)
    write(ani)
    write(ani, "welcome")
    deliver()
    news, welcome = mail.outbox
    way = news.extra_headers["List-Unsubscribe"]
    assert way.startswith("<http") and news.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert way.strip("<>") in news.body and "letters/choices/" in news.body
    assert "List-Unsubscribe" not in welcome.extra_headers and "letters/" not in welcome.body
    token = way.strip("<>").rstrip("/").rpartition("/")[2]
    assert unsubscribing.read(token).recipient == ani.number


def test_a_letter_is_stopped_for_a_reason_or_not_at_all(ani):
    write(ani)
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.update(status="stopped")
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.update(stopped_for="consent")


def test_an_address_is_blocked_once_at_a_time_and_in_small_letters():
    BlockedAddress.objects.create(address="a@example.com", reason="staff", blocked_at=NOON, blocked_by="test")
    for address in ("a@example.com", "B@example.com"):
        with pytest.raises(IntegrityError), transaction.atomic():
            BlockedAddress.objects.create(address=address, reason="staff", blocked_at=NOON, blocked_by="test")


def test_a_letter_goes_where_its_reader_is_reached_now_also_when_it_is_sent_again(ani):
    write(ani, "welcome")
    blocking.block(ani.email, at=NOON, actor="test")
    deliver()
    Member.objects.filter(pk=ani.pk).update(email="baru@example.com")
    letter = Message.objects.get()
    assert letter.stopped_for == "blocked"
    delivery.resend(letter, at=NOON, actor="test")
    deliver()
    letter.refresh_from_db()
    assert (letter.status, letter.address, mail.outbox[0].to) == ("sent", "baru@example.com", ["baru@example.com"])


def test_a_letter_sent_again_has_not_come_back_yet(ani):
    write(ani, "welcome")
    letter = Message.objects.get()
    Message.objects.update(status="uncertain", bounced_at=NOON)
    assert delivery.resend(letter, at=NOON, actor="test").bounced_at is None
