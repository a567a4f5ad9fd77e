"""Mailings: whom they go to, when they leave, how fast, and what stops them."""

from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from django.core import mail

from campaigns.mailings import audience, course, letters, sending, writing
from campaigns.mailings.models import Mailing, Recipient
from campaigns.mailings.tests.readers import LEAVES, START, agree, everybody, look, send, townspeople, write
from campaigns.tests.shop import add_campaign
from loyalty.jobs.changes import deciding
from loyalty.jobs.models import ApprovalLimits, ChangeRequest
from loyalty.mail import blocking, delivery
from loyalty.mail.models import Message
from loyalty.tests.racing import on_postgresql, race
from members.models import Member
from members.segments import saving
from members.segments.uses import uses_of
from members.testing import give_points, make_member
from members.tests.changes import hired

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def states(**terms):
    return sorted(Message.objects.filter(**terms).values_list("status", "stopped_for"))


def test_the_audience_is_counted_with_everybody_who_is_left_out_and_frozen_at_the_start(program, ani, budi, siti):
    dewi, eko = make_member(program, "Dewi"), make_member(program, "Eko")
    for member in (ani, budi, siti, dewi):
        agree(member)
    agree(dewi, False)
    Member.objects.filter(pk=budi.pk).update(email="")
    blocking.block(siti.email.upper(), at=START, actor="test")
    mailing = write(program)
    expected = audience.Audience(members=5, without_address=1, without_consent=2, blocked=1)
    assert audience.count(mailing, at=START) == expected and expected.recipients == 1
    assert not Recipient.objects.exists()
    send(mailing)
    agree(eko, at=START + MINUTE)  # too late
    assert audience.frozen(mailing) == expected
    assert list(Recipient.objects.values_list("member", "is_kept_out")) == [(ani.pk, False)]


def test_nothing_leaves_for_ten_minutes_and_each_reader_gets_one_letter_in_their_language(program, ani, budi, siti):
    for member in (ani, budi, siti):
        agree(member)
    give_points(ani, 1)
    give_points(budi, 2500)
    mailing = send(write(
        program, subject_id="Panen baru, {{ name }}", text="{{ tier }}: {{ balance }}, {{ number }}\n{{ link }}",
        text_id="{{ tier }}: {{ balance }}\nhttps://example.com/a?b=1&c=2.",
    ))  # fmt: skip
    look(LEAVES - timedelta(seconds=1))
    assert mail.outbox == [] and mailing.status == "running"
    for _again in range(2):
        look(LEAVES)
    by_reader = {letter.to[0]: letter for letter in mail.outbox}
    assert sorted(by_reader) == ["ani@example.com", "budi@example.com", "siti@example.com"]
    assert by_reader["ani@example.com"].subject == "New harvest, Ani"
    number = f"{ani.number[:4]} {ani.number[4:8]} {ani.number[8:]}"
    assert by_reader["ani@example.com"].body.startswith(f"Bronze: 1 point, {number}\n")
    assert by_reader["budi@example.com"].subject == "Panen baru, Budi"
    assert by_reader["budi@example.com"].body.startswith("Perunggu: 2.500 poin\n")
    html = by_reader["budi@example.com"].alternatives[0][0]
    assert '<a href="https://example.com/a?b=1&amp;c=2">https://example.com/a?b=1&amp;c=2</a>.' in html
    assert by_reader["siti@example.com"].body.startswith("Gangsa: 0 mata, ")
    assert by_reader["siti@example.com"].extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    look(LEAVES + MINUTE)
    mailing.refresh_from_db()
    assert (mailing.status, mailing.ended_at, mailing.released, len(mail.outbox)) == ("done", LEAVES, 3, 3)


def test_a_stop_within_the_ten_minutes_stops_every_letter(program):
    townspeople(program, 3)
    mailing = send(write(program))
    course.stop(mailing, at=LEAVES - MINUTE, actor="test")
    look(LEAVES + MINUTE)
    assert mail.outbox == [] and not Message.objects.exists()
    with pytest.raises(course.MailingMoved):
        course.resume(mailing, at=LEAVES, actor="test")


def test_a_pause_and_a_stop_hold_also_for_what_a_worker_has_claimed(program, monkeypatch):
    townspeople(program, 4)
    mailing = send(write(program))
    hand_over, step = delivery._hand_over, {1: course.pause, 2: course.stop}

    def press_after(mailer, message):
        hand_over(mailer, message)
        step.pop(len(mail.outbox))(mailing, at=LEAVES, actor="test")

    monkeypatch.setattr(delivery, "_hand_over", press_after)
    look(LEAVES)
    assert states() == [("held", "")] * 3 + [("sent", "")]
    look(LEAVES + MINUTE)
    assert len(mail.outbox) == 1
    course.resume(mailing, at=LEAVES + 2 * MINUTE, actor="test")
    look(LEAVES + 2 * MINUTE)
    assert states() == [("sent", "")] * 2 + [("stopped", "off")] * 2
    assert len(mail.outbox) == 2


def test_a_letter_held_by_a_worker_that_came_late_goes_out_when_the_mailing_goes_on(program, ani):
    agree(ani)
    send(write(program))
    sending.send_due(at=LEAVES)
    Message.objects.update(status="held")
    look(LEAVES + MINUTE)
    assert states() == [("sent", "")]


def test_letters_leave_at_the_pace_and_an_outage_does_not_end_in_a_flood(program):
    townspeople(program, 40)
    mailing = send(write(program, pace=4, pace_per="minute"))

    def released(at):
        look(at)
        mailing.refresh_from_db()
        return mailing.released

    assert [released(LEAVES + timedelta(seconds=s)) for s in (0, 14, 15, 60, 60, 120)] == [0, 0, 1, 4, 4, 8]
    assert released(LEAVES + timedelta(hours=3)) == 28  # five minutes' worth, not three hours'
    sending.send_due(at=LEAVES + timedelta(hours=3, minutes=1))
    sending.send_due(at=LEAVES + timedelta(hours=3, minutes=2))  # what waits for the mail system lets nothing follow
    mailing.refresh_from_db()
    assert mailing.released == 32 and Message.objects.filter(status="queued").count() == 4


def test_in_quiet_hours_nothing_is_written(program, ani):
    program.quiet_from, program.quiet_until = time(11), time(15)  # 12:10 is quiet
    program.save()
    agree(ani)
    mailing = send(write(program))
    look(LEAVES)
    assert not Message.objects.exists()
    look(START + timedelta(hours=3))
    mailing.refresh_from_db()
    assert mailing.released == 1 and len(mail.outbox) == 1


def test_who_withdrew_left_or_had_enough_since_the_freeze_gets_nothing(program, ani, budi, siti):
    for member in (ani, budi, siti):
        agree(member)
    program.news_most = program.news_days = 1
    program.save()
    send(write(program))
    agree(ani, False, at=START + MINUTE)
    Member.objects.filter(pk=budi.pk).update(email="")
    look(LEAVES)
    second = send(write(program), at=LEAVES + MINUTE)
    look(LEAVES + 12 * MINUTE)
    assert states(recipient=ani.number) == [("stopped", "consent")]
    assert states(recipient=budi.number) == []
    assert states(recipient=siti.number) == [("sent", ""), ("stopped", "cap")]
    assert second.about != "mailing:0" and len(mail.outbox) == 1


def test_the_control_group_of_its_campaign_gets_nothing_and_one_of_its_own_is_drawn_alike(program):
    people = townspeople(program, 40)
    campaign = add_campaign(program, "fest", START, LEAVES + timedelta(days=9), control_percent=50, control_secret="s")
    theirs = send(write(program, campaign=campaign, control_percent=10))
    ours = send(write(program, control_percent=50, control_secret="s"))
    kept_out = [set(Recipient.objects.filter(mailing=one, is_kept_out=True).values_list("member", flat=True)) for one in (theirs, ours)]  # fmt: skip
    assert kept_out[0] == kept_out[1] and 10 < len(kept_out[0]) < 30
    assert (theirs.control_secret, theirs.control_percent) == ("s", 50)
    assert audience.frozen(theirs).kept_out == len(kept_out[0])
    look(LEAVES)
    written = set(Message.objects.filter(subject=theirs.about).values_list("recipient", flat=True))
    assert written == {member.number for member in people if member.pk not in kept_out[0]}


def test_above_the_limit_a_second_person_says_yes_to_exactly_what_was_shown(program):
    townspeople(program, 3)
    ApprovalLimits.objects.create(program=program, mailing_recipients=2)
    asking, boss = hired("asking"), hired("boss")
    mailing = course.ask(write(program), at=START, actor=asking)
    assert course.is_waiting(mailing) and mailing.status == "draft"
    with pytest.raises(course.MailingMoved):
        course.ask(mailing, at=START, actor=asking)
    change = ChangeRequest.objects.get()
    with pytest.raises(deciding.SamePerson):
        deciding.approve(change, at=START, actor=asking)
    Mailing.objects.update(text="Something else")
    assert deciding.approve(change, at=START, actor=boss).status == "stale"
    mailing = course.ask(Mailing.objects.get(), at=START, actor=asking)
    deciding.approve(ChangeRequest.objects.first(), at=START + MINUTE, actor=boss)
    mailing.refresh_from_db()
    assert (mailing.status, mailing.starts_at) == ("scheduled", START + MINUTE)
    look(START + MINUTE)
    assert Recipient.objects.count() == 3


def test_an_audience_that_outgrew_what_one_person_may_send_to_becomes_a_draft_again(program):
    townspeople(program, 2)
    ApprovalLimits.objects.create(program=program, mailing_recipients=2)
    mailing = course.ask(write(program, starts_at=LEAVES), at=START, actor="staff:1")
    assert mailing.status == "scheduled"
    agree(make_member(program, "Newcomer"))
    look(LEAVES)
    mailing.refresh_from_db()
    assert mailing.status == "draft" and "it would go to 3, and one person alone may write to 2." in mailing.said
    assert not Recipient.objects.exists() and not Message.objects.exists()


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"subject": "Hi {{ nmae }}"}, "There is no variable “nmae” in this letter."),
        ({"text": " "}, "This cannot be empty."),
        ({"subject_ms": "Hai"}, "This cannot be empty."),
        ({"text": "{% now %}"}, "is no part of a variable"),
        ({"starts_at": START - MINUTE}, "Its start has passed."),
        ({}, "Nobody would get it."),
    ],
)
def test_what_cannot_go_out_is_refused_in_words_and_nothing_moves(program, terms, said):
    mailing = write(program, **terms)
    with pytest.raises(writing.MailingRefused, match=said):
        course.ask(mailing, at=START, actor="staff:1")
    mailing.refresh_from_db()
    assert mailing.status == "draft" and not ChangeRequest.objects.exists()


def test_a_scheduled_mailing_may_become_a_draft_and_a_copy_is_a_draft(program, ani):
    agree(ani)
    mailing = course.ask(write(program, starts_at=LEAVES, pace=5), at=START, actor="staff:1")
    course.take_back(mailing, at=START, actor="test")
    look(LEAVES)
    assert not Recipient.objects.exists()
    copy = writing.duplicate(mailing, at=LEAVES, actor="test")
    assert (copy.name, copy.status, copy.starts_at, copy.pace, copy.text) == (
        "Copy of Harvest", "draft", None, 5, mailing.text,
    )  # fmt: skip
    assert copy.control_secret != mailing.control_secret


def test_a_segment_a_mailing_goes_to_is_in_use_until_it_is_over(program, ani):
    agree(ani)
    mailing = send(write(program))
    assert [(use.title, use.counts) for use in uses_of(mailing.segment)] == [("Mailing: Harvest", True)]
    with pytest.raises(saving.SegmentInUse):
        saving.archive(mailing.segment, at=START, actor="test")
    course.stop(mailing, at=START, actor="test")
    assert saving.archive(everybody(program), at=START, actor="test").archived_at == START


def test_the_job_may_be_stopped_between_batches_and_goes_on_where_it_was(program, monkeypatch):
    monkeypatch.setattr(sending, "BATCH", 2)
    townspeople(program, 5)
    mailing = send(write(program))
    assert sending.send_due(at=LEAVES, dry_run=True).found == 1
    assert sending.send_due(at=LEAVES, progress=lambda found, done, skipped: False).done == 2
    assert sending.send_due(at=LEAVES).done == 3
    assert sending.send_due(at=LEAVES).is_empty
    mailing.refresh_from_db()
    assert mailing.released == 5 and Message.objects.count() == 5


def test_a_batch_is_written_with_a_fixed_number_of_statements(program, monkeypatch, django_assert_num_queries):
    townspeople(program, 9)
    mailing = send(write(program))
    # A savepoint and its end, the mailing, the batch, the wallet, the letters, how far one has come.
    with django_assert_num_queries(7):
        assert sending.release(mailing, at=LEAVES) == 9


def test_values_are_those_a_letter_would_keep(program, budi):
    give_points(budi, 70)
    told = letters.values_for(write(program, text="{{ balance }}"), budi, at=START)
    number = f"{budi.number[:4]} {budi.number[4:8]} {budi.number[8:]}"
    assert told == {"name": "Budi", "program": "Kopi Nusantara", "tier": "Perunggu", "points": 70, "decimals": 0, "units": "poin", "number": number}  # fmt: skip
    subject, text, html = writing.preview(write(program), "id", at=START, member=budi.number)
    assert subject == "New harvest, Budi" and text.startswith("Hello Budi,") and "Berhenti" in html


def test_days_and_hours_are_those_of_the_program_clock_when_it_is_later_changed_to_summer(program, ani):
    program.time_zone = "Europe/Berlin"
    program.quiet_from, program.quiet_until = time(22), time(3)
    program.save()
    agree(ani, at=datetime(2026, 3, 1, tzinfo=UTC))
    start = datetime(2026, 3, 28, 23, tzinfo=UTC)  # midnight; at 02:00 the clock goes to 03:00
    send(write(program), at=start)
    look(datetime(2026, 3, 29, 0, 59, tzinfo=UTC))
    assert mail.outbox == []
    look(datetime(2026, 3, 29, 1, 0, tzinfo=UTC))
    assert len(mail.outbox) == 1


class TestRaces:
    """Many workers at once."""

    pytestmark = on_postgresql

    def test_workers_that_start_and_queue_one_mailing_together_write_each_letter_once(self, program, monkeypatch):
        monkeypatch.setattr(sending, "BATCH", 3)
        people = townspeople(program, 20)
        mailing = course.ask(write(program), at=START, actor="staff:1")
        race(*[lambda: sending.send_due(at=START) for _worker in range(4)])
        assert Recipient.objects.count() == 20
        race(*[lambda: sending.send_due(at=LEAVES) for _worker in range(4)])
        mailing.refresh_from_db()
        assert mailing.released == 20
        assert sorted(Message.objects.values_list("recipient", flat=True)) == sorted(one.number for one in people)

    def test_a_stop_beside_workers_leaves_no_letter_that_still_goes_out(self, program, monkeypatch):
        monkeypatch.setattr(sending, "BATCH", 2)
        townspeople(program, 12)
        mailing = send(write(program))
        race(
            *[lambda: sending.send_due(at=LEAVES) for _worker in range(3)],
            lambda: course.stop(mailing, at=LEAVES, actor="t"),
        )
        with time_machine.travel(LEAVES, tick=False):
            delivery.deliver_due(at=LEAVES)
        assert mail.outbox == [] and not Message.objects.exclude(status="stopped", stopped_for="off").exists()
