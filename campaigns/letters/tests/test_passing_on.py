"""Letters passed to another system: signed, at most once, and a refused call holds up no other."""

import json
import socket
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.utils import timezone

from campaigns.letters import passing
from campaigns.letters.models import LetterTerms
from loyalty.mail import channels, delivery, handing_on, outbox, signatures
from loyalty.mail.models import Message
from loyalty.mail.webhooks import Webhook
from members import consents
from members.consents import Purpose, Source
from members.testing import OPENING, make_member, make_program

pytestmark = pytest.mark.django_db
SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture
def other():
    """Another system that answers each call with the next of `answers` (0: hangs up after having heard), then with 200."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.heard.append((self.headers[signatures.HEADER], body))
            status = server.answers.pop(0) if server.answers else 200
            if status:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self.close_connection = True

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.heard, server.answers = [], []
    running = threading.Thread(target=server.serve_forever, daemon=True)
    running.start()
    yield server
    server.shutdown()
    server.server_close()
    running.join()


def passes_on(program, address, *kinds):
    secret = passing.new_secret()
    return LetterTerms.objects.create(
        program=program, webhook_address=address, webhook_kinds=kinds, webhook_secret=secret
    )


def write(member, kind="welcome", subject="a"):
    context = {"name": member.name, "program": "Kopi Nusantara", "number": "1", "balance": 5, "units": "points"}
    at = timezone.now() - timedelta(minutes=1)
    outbox.queue(recipient=member.number, address=member.email, language="en", kind=kind, subject=subject, context=context, at=at)  # fmt: skip


def deliver():
    delivery.deliver_due(at=timezone.now())
    return handing_on.deliver_due(at=timezone.now())


def passed():
    return list(Message.objects.filter(channel="webhook").order_by("id"))


def free_port():
    """A port where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def at(server):
    return f"http://127.0.0.1:{server.server_address[1]}/letters?key=1"


def test_letters_of_the_chosen_kinds_are_passed_on_signed_once_and_beside_mail(other):
    program = make_program()
    ani = make_member(program, "Ani")
    terms = passes_on(program, at(other), "welcome")
    write(ani), write(ani, "refunded")
    assert deliver().done == 1
    assert deliver().found == 0
    ((header, body),) = other.heard
    assert signatures.holds(header, body, passing.secret_of(terms), at=timezone.now())
    told, (letter,) = json.loads(body), passed()
    named = ("letter", "kind", "purpose", "member", "email", "language")
    assert tuple(told[name] for name in named) == (letter.pk, "welcome", "service", ani.number, ani.email, "en")
    assert "Hello Ani," in told["text"] and letter.status == "sent"
    assert Message.objects.filter(channel="email", status="sent").count() == 2


def test_a_refused_call_is_tried_again_later_a_broken_one_never_and_neither_holds_up_the_next(other):
    program = make_program()
    ani = make_member(program, "Ani")
    passes_on(program, at(other), "welcome")
    other.answers = [503, 0, 302]
    for number in range(4):
        write(ani, subject=str(number))
    tally = deliver()
    assert (tally.done, tally.report) == (1, {"refused": 2, "uncertain": 1})
    assert [(one.status, one.attempts) for one in passed()] == [
        ("queued", 1),
        ("uncertain", 0),
        ("queued", 1),
        ("sent", 1),
    ]
    assert all(one.due_at > timezone.now() for one in passed() if one.status == "queued")
    assert deliver().found == 0 and len(other.heard) == 4
    Message.objects.filter(status="queued").update(due_at=timezone.now())
    assert deliver().done == 2
    assert [one.status for one in passed()] == ["sent", "uncertain", "sent", "sent"]


def test_a_system_that_is_not_there_marks_nothing_and_the_letters_wait(other):
    program = make_program()
    passes_on(program, at(other), "welcome")
    other.shutdown()
    other.server_close()
    write(make_member(program, "Ani"))
    assert deliver().report == {"not_reached": 1}
    (letter,) = passed()
    assert (letter.status, letter.attempts, letter.due_at > timezone.now()) == ("queued", 0, True)


def test_news_are_passed_on_only_for_those_who_agreed_to_a_way_it_may_take(other):
    program = make_program()
    ani, ben = make_member(program, "Ani"), make_member(program, "Ben")
    passes_on(program, at(other), "win_back")
    for member, channel in ((ani, "sms"), (ben, "email")):
        consents.give(member, channel, Purpose.MARKETING, at=OPENING, source=Source.PORTAL, actor="test")
        write(member, "win_back")
    assert deliver().done == 1
    (told,) = [json.loads(body) for _header, body in other.heard]
    assert (told["member"], told["purpose"], told["agreed_by"]) == (ani.number, "marketing", ["sms"])
    assert {(one.recipient, one.channel): one.stopped_for for one in Message.objects.filter(status="stopped")} == {
        (ani.number, "email"): "consent", (ben.number, "webhook"): "consent",
    }  # fmt: skip


def test_a_dead_mail_server_holds_up_nothing_that_goes_another_way(other, settings):
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP, "127.0.0.1", free_port()
    program = make_program()
    ani = make_member(program, "Ani")
    passes_on(program, at(other), "welcome")
    write(ani)
    with pytest.raises(delivery.MailServerUnreachable):
        delivery.deliver_due(at=timezone.now())
    later = [str(number) for number in range(2)]  # claimed by no postman: the first letter told that nobody answers
    for subject in later:
        write(ani, subject=subject)
    write(ani, "refunded")
    assert handing_on.deliver_due(at=timezone.now()).done == 3
    assert handing_on.deliver_due(at=timezone.now()).found == 0
    assert sorted(json.loads(body)["kind"] for _header, body in other.heard) == ["welcome"] * 3
    assert set(Message.objects.filter(channel="email").values_list("status", flat=True)) == {"queued"}


def test_letters_that_wait_are_passed_on_in_chunks_each_once_and_not_before_they_are_due(other, monkeypatch):
    monkeypatch.setattr(channels, "CHUNK", 2)
    program = make_program()
    ani = make_member(program, "Ani")
    passes_on(program, at(other), "welcome")
    for number in range(5):
        write(ani, subject=str(number))
    Message.objects.filter(subject="4").update(due_at=timezone.now() + timedelta(hours=1))
    assert handing_on.deliver_due(at=timezone.now()).done == 4
    assert deliver().done == 0
    Message.objects.filter(subject="4").update(due_at=timezone.now())
    assert deliver().done == 1
    assert [one.status for one in passed()] == ["sent"] * 5


def test_where_nothing_is_passed_on_no_letter_is_looked_at(django_assert_num_queries):
    write(make_member(make_program(), "Ani"))
    with django_assert_num_queries(1):
        channels.copy_waiting(Webhook(), at=timezone.now())
