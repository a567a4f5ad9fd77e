"""A reader gets at most so many letters with news in so many days; asked at the claim, so that no two workers pass it together."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from loyalty.mail import delivery
from loyalty.mail.models import Message
from loyalty.mail.tests.test_gate import LATE, MORNING, NOON, agree, deliver, keep_quiet, states, write
from loyalty.tests.racing import on_postgresql, race

pytestmark = pytest.mark.django_db


@pytest.fixture
def few(program):
    """Two letters with news in seven days."""
    program.news_most, program.news_days = 2, 7
    program.save()
    return program


def test_the_third_letter_with_news_in_the_days_is_stopped_and_service_letters_are_not_counted(few, ani, budi):
    agree(ani)
    agree(budi)
    for subject in ("a", "b", "c"):
        write(ani, subject=subject)
    write(budi, subject="a")
    write(ani, "welcome")
    assert deliver().done == 4
    assert states() == [("sent", ""), ("sent", ""), ("stopped", "cap"), ("sent", ""), ("sent", "")]


def test_the_days_are_counted_back_from_the_claim(few, ani):
    agree(ani)
    for number, hours in enumerate((0, 1, 7 * 24 - 1, 7 * 24, 7 * 24 + 1)):
        at = NOON + timedelta(hours=hours)
        write(ani, subject=str(number), at=at)
        deliver(at)
    # The first is seven days old at the fourth, and the second at the fifth: neither counts any more.
    assert states() == [("sent", ""), ("sent", ""), ("stopped", "cap"), ("sent", ""), ("sent", "")]


def test_a_letter_that_perhaps_went_out_counts_and_one_that_did_not_does_not(few, ani):
    agree(ani)
    for subject in ("a", "b", "c"):
        write(ani, subject=subject)
    first, second, _third = Message.objects.order_by("id")
    Message.objects.filter(pk=first.pk).update(status="uncertain", claimed_at=NOON)
    Message.objects.filter(pk=second.pk).update(status="failed", claimed_at=NOON)
    write(ani, subject="d")
    deliver()
    assert states() == [("uncertain", ""), ("failed", ""), ("sent", ""), ("stopped", "cap")]


def test_letters_that_wait_for_the_morning_are_counted_in_the_morning(few, ani):
    keep_quiet(few)
    agree(ani)
    for subject in ("a", "b", "c"):
        write(ani, subject=subject, at=LATE)
    deliver(LATE)
    assert [status for status, _why in states()] == ["queued"] * 3
    deliver(MORNING)
    assert states() == [("sent", ""), ("sent", ""), ("stopped", "cap")]


def test_the_limit_takes_one_query_for_many_letters(few, ani, budi, django_assert_max_num_queries):
    for member in (ani, budi):
        agree(member)
        write(member)
    waiting = Message.objects.filter(status="queued")
    with django_assert_max_num_queries(11):  # nine without the limit; the lock on PostgreSQL and the count
        assert len(delivery.claim(waiting, at=NOON)) == 2


@pytest.mark.parametrize("limit", [(2, None), (None, 7), (0, 7), (2, 0), (2, 366)])
def test_the_limit_has_a_number_and_days(program, limit):
    program.news_most, program.news_days = limit
    with pytest.raises(IntegrityError), transaction.atomic():
        program.save()


class TestRaces:
    """Many workers at once."""

    pytestmark = on_postgresql

    def test_two_workers_never_pass_the_limit_together(self, few, ani, monkeypatch):
        monkeypatch.setattr(delivery, "BATCH", 1)
        agree(ani)
        for number in range(8):
            write(ani, subject=str(number))
        waiting = Message.objects.filter(status="queued")
        race(*[lambda: delivery.claim(waiting, at=NOON) for _worker in range(4)])
        while delivery.claim(waiting, at=NOON):
            pass
        assert sorted(states()) == [("sending", "")] * 2 + [("stopped", "cap")] * 6
