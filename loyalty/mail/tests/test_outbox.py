"""A letter is queued once per cause, with its cause or not at all."""

from datetime import UTC, datetime

import pytest
from django.db import transaction

from loyalty.mail import outbox
from loyalty.mail.models import Message

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, tzinfo=UTC)


def letter(number, *, address="ani@example.com", subject="x", period=""):
    return outbox.Letter(number, address, "en", "welcome", subject, {"name": "Ani"}, AT, period)


def queue(**more):
    terms = {"recipient": "1", "address": "ani@example.com", "language": "id", "kind": "welcome", "subject": "x"}
    outbox.queue(**terms, context={}, at=AT, **more)


def test_a_letter_waits_from_the_instant_of_its_cause():
    queue()
    message = Message.objects.get()
    assert (message.status, message.queued_at, message.due_at, message.language) == ("queued", AT, AT, "id")


def test_a_cause_that_happens_twice_writes_one_letter():
    queue()
    queue()
    queue(period="2026-03")
    assert Message.objects.count() == 2


def test_a_cause_that_is_undone_takes_its_letter_with_it():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        queue()
        raise ZeroDivisionError
    assert not Message.objects.exists()


def test_who_has_no_address_is_written_to_as_well():
    outbox.queue_many([letter("1"), letter("2", address="")])
    assert list(Message.objects.order_by("id").values_list("recipient", "address")) == [
        ("1", "ani@example.com"),
        ("2", ""),
    ]


def test_many_letters_take_one_statement_per_batch(django_assert_num_queries):
    letters = [letter(str(number)) for number in range(40)]
    with django_assert_num_queries(1):
        outbox.queue_many(letters)
    assert Message.objects.count() == 40
