"""Every letter goes out at most once, whatever the mail server does (RELIABILITY R-6)."""

import socket
import threading
from datetime import UTC, datetime, timedelta
from email import message_from_bytes

import pytest
import time_machine
from django.core import mail
from django.db import connection

from loyalty.mail import delivery, outbox
from loyalty.mail.models import Message
from loyalty.mail.tests.servers import MailServer, Script

AT = datetime(2026, 3, 1, tzinfo=UTC)


def queue(count=1, *, address="member{}@example.com", kind="welcome"):
    context = {"name": "Ani", "number": "1"}
    outbox.queue_many([outbox.Letter(str(n), address.format(n), "en", kind, "x", context, AT) for n in range(count)])


def deliver(at=AT, **more):
    with time_machine.travel(at, tick=False):
        return delivery.deliver_due(at=at, **more)


def states():
    return list(Message.objects.order_by("id").values_list("status", "attempts"))


@pytest.fixture
def server(settings):
    script = Script()
    running = MailServer(script)
    running.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", running.port, 60
    yield script
    running.stop()


@pytest.fixture
def nobody_listens(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with socket.socket() as taken:  # the port is ours, so nobody comes to listen at it
        taken.bind(("127.0.0.1", 0))
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = *taken.getsockname(), 60
        yield


@pytest.mark.django_db
def test_letters_that_are_due_go_out_over_one_connection_and_not_again(server):
    queue(3)
    tally = deliver()
    assert (tally.found, tally.done, tally.skipped) == (3, 3, 0)
    assert states() == [("sent", 1)] * 3
    assert deliver().is_empty
    assert len(server.taken) == 3 and server.connections == 1
    letter = message_from_bytes(server.taken[0].content)
    assert letter["Message-ID"] == Message.objects.order_by("id").first().message_id
    assert letter["To"] == "member0@example.com" and letter["Auto-Submitted"] == "auto-generated"


@pytest.mark.django_db
def test_a_letter_that_is_not_due_waits():
    queue()
    assert deliver(AT - timedelta(seconds=1)).is_empty
    assert mail.outbox == []


@pytest.mark.django_db
def test_a_preview_sends_nothing():
    queue(3)
    assert deliver(dry_run=True).found == 3
    assert mail.outbox == [] and states() == [("queued", 0)] * 3


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("behaviour", "code"),
    [("refuse", "554"), ("refuse recipient", "550"), ("not now", "451"), ("recipient not now", "450")],
)
def test_a_refused_letter_counts_attempts_with_growing_pauses_and_finally_fails(server, behaviour, code):
    server.behaviour = behaviour
    queue()
    tried = [hours for hours in range(24) if deliver(AT + timedelta(hours=hours)).skipped]
    assert tried == [0, 1, 2, 4, 12]
    message = Message.objects.get()
    assert (message.status, message.attempts) == ("failed", 5)
    assert message.error.startswith(code)


@pytest.mark.django_db
def test_a_server_that_had_no_time_gets_the_letter_once_when_it_has(server):
    server.behaviour = "not now"
    queue()
    deliver()
    assert (Message.objects.get().status, Message.objects.get().due_at) == ("queued", AT + delivery.PAUSES[0])
    server.behaviour = "accept"
    assert deliver(AT + timedelta(minutes=4)).is_empty
    assert deliver(AT + timedelta(minutes=5)).done == 1
    assert states() == [("sent", 2)] and len(server.taken) == 1


@pytest.mark.django_db
def test_a_server_that_never_greets_costs_the_time_limit_and_marks_nothing(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = *silent.getsockname(), 0.2
        queue(2)
        with pytest.raises(delivery.MailServerUnreachable, match="timed out"):
            deliver()
    assert states() == [("queued", 0)] * 2


@pytest.mark.django_db
def test_a_server_that_hangs_with_the_letter_in_hand_leaves_it_uncertain_and_it_never_goes_again(server, settings):
    server.behaviour, settings.EMAIL_TIMEOUT = "hang after data", 2
    queue(2)
    assert deliver().report == {"uncertain": 1}
    assert states() == [("uncertain", 0), ("queued", 0)]
    server.behaviour, settings.EMAIL_TIMEOUT = "accept", 60
    deliver(AT + timedelta(days=1))
    assert states() == [("uncertain", 0), ("sent", 1)]
    assert len(server.taken) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("behaviour", ["hang at sender", "hang at recipient", "drop at recipient"])
def test_a_server_that_goes_silent_before_the_letter_left_gets_it_later_and_once(server, settings, behaviour):
    server.behaviour, settings.EMAIL_TIMEOUT = behaviour, 2
    queue(2)
    with pytest.raises(delivery.MailServerUnreachable, match="tried again"):
        deliver()
    assert states() == [("queued", 0)] * 2 and server.taken == []
    server.behaviour, settings.EMAIL_TIMEOUT = "accept", 60
    assert deliver().done == 1  # the other one is not held up
    assert states() == [("queued", 0), ("sent", 1)]
    assert deliver(AT + delivery.PAUSES[0]).done == 1
    assert states() == [("sent", 1)] * 2 and len(server.taken) == 2


@pytest.mark.django_db
def test_one_refused_letter_does_not_hold_up_the_others(server):
    queue(1, address="nobody@example.com")
    Message.objects.update(recipient="none")
    queue(2)
    tally = deliver()
    assert (tally.done, tally.skipped, tally.report) == (2, 1, {"refused": 1})
    assert states() == [("queued", 1), ("sent", 1), ("sent", 1)]


@pytest.mark.django_db
def test_a_server_that_is_not_there_ends_the_run_and_marks_nothing(nobody_listens):
    queue(3)
    with pytest.raises(delivery.MailServerUnreachable, match="The mail server cannot be used now"):
        deliver()
    assert states() == [("queued", 0)] * 3
    assert not Message.objects.exclude(claimed_at=None, error="", due_at=AT).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("behaviour", ["too busy", "unknown sender"])
def test_a_server_that_takes_nothing_from_us_ends_the_run_and_marks_nothing(server, behaviour):
    server.behaviour = behaviour
    queue(3)
    with pytest.raises(delivery.MailServerUnreachable):
        deliver()
    assert states() == [("queued", 0)] * 3


@pytest.mark.django_db
def test_a_server_that_drops_the_line_after_the_letter_leaves_it_uncertain_and_the_rest_waiting(server):
    server.behaviour = "drop after data"
    queue(3)
    tally = deliver()
    assert (tally.done, tally.report) == (0, {"uncertain": 1})
    assert states() == [("uncertain", 0), ("queued", 0), ("queued", 0)]
    server.behaviour = "accept"
    deliver()
    assert states() == [("uncertain", 0), ("sent", 1), ("sent", 1)]
    assert len(server.taken) == 3


@pytest.mark.django_db
def test_a_server_that_takes_one_letter_per_connection_gets_them_all_once(server):
    server.behaviour = "one per connection"
    queue(3)
    assert deliver().done == 3
    assert len(server.taken) == 3 and server.connections == 3


@pytest.mark.django_db
def test_the_claim_is_written_before_the_server_is_spoken_to(monkeypatch):
    queue(2)
    seen = []
    monkeypatch.setattr(delivery, "_open", lambda mailer: seen.extend(states()))
    deliver()
    assert seen == [("sending", 0)] * 2


@pytest.mark.django_db
def test_a_claim_without_an_outcome_becomes_uncertain_and_is_never_sent_again_by_itself():
    queue()
    Message.objects.update(status="sending", claimed_at=AT)
    assert deliver(AT + delivery.CLAIM_HOLDS).is_empty
    tally = deliver(AT + delivery.CLAIM_HOLDS + timedelta(seconds=1))
    assert tally.report == {"uncertain": 1}
    for day in range(10):
        deliver(AT + timedelta(days=day))
    assert states() == [("uncertain", 0)] and mail.outbox == []


@pytest.mark.django_db
def test_staff_may_send_an_uncertain_letter_again_with_the_same_message_id():
    queue()
    Message.objects.update(status="uncertain", error="x")
    message = delivery.resend(Message.objects.get(), at=AT, actor="staff:1")
    assert (message.status, message.resent_by, message.resent_at) == ("queued", "staff:1", AT)
    deliver()
    assert mail.outbox[0].extra_headers["Message-ID"] == message.message_id


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["queued", "sending", "sent"])
def test_a_letter_that_went_out_or_will_is_not_sent_again(status):
    queue()
    Message.objects.update(status=status)
    with pytest.raises(delivery.NotToBeResent):
        delivery.resend(Message.objects.get(), at=AT, actor="staff:1")
    assert Message.objects.get().status == status


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["a@example.com\r\nBcc: b@example.com", "not an address", "é@example.com"])
def test_a_letter_to_an_impossible_address_is_refused_and_adds_no_recipient(server, address):
    queue()
    Message.objects.update(address=address)
    assert deliver().report == {"refused": 1}
    assert server.taken == []


@pytest.mark.django_db
def test_a_letter_that_cannot_be_written_is_refused_in_words():
    queue(kind="no_such_letter")
    deliver()
    message = Message.objects.get()
    assert (message.status, message.attempts) == ("queued", 1)
    assert message.error.startswith("TemplateDoesNotExist")


@pytest.mark.django_db
def test_a_run_that_is_told_to_stop_gives_back_what_it_had_claimed():
    queue(5)
    tally = deliver(progress=lambda found, done, skipped: done < 2)
    assert (tally.found, tally.done) == (2, 2)
    assert states() == [("sent", 1)] * 2 + [("queued", 0)] * 3


@pytest.mark.django_db
def test_a_worker_that_lost_its_claim_writes_no_outcome(monkeypatch):
    queue()
    hand_over = delivery._hand_over

    def be_slow(mailer, message):
        Message.objects.update(status="uncertain")
        hand_over(mailer, message)

    monkeypatch.setattr(delivery, "_hand_over", be_slow)
    deliver()
    assert states() == [("uncertain", 0)]


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="races need PostgreSQL")
@pytest.mark.django_db(transaction=True)
def test_four_workers_at_once_send_each_letter_once(server):
    queue(200)
    failures = []

    def race():
        try:
            delivery.deliver_due(at=AT)
        except Exception as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(envelope.rcpt_tos[0] for envelope in server.taken) == sorted(
        f"member{n}@example.com" for n in range(200)
    )
    assert Message.objects.filter(status="sent", attempts=1).count() == 200
