"""What stood in old letters is forgotten, as each program says; that somebody was told, and when, is not."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from campaigns.notices.models import Notice
from campaigns.notices.showing import told_to
from campaigns.reminders import remind_expiring
from loyalty.desk import roles
from loyalty.mail import delivery, forgetting
from loyalty.mail.models import Message
from loyalty.tests.desk import enter, hire
from members import inbox
from members.forgetting import forget_letters
from members.testing import give_points, make_member, make_program
from members.tests.portal import signed_in, words

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 3, 2, 17, 5, tzinfo=UTC)
OLD = NIGHT - timedelta(days=400, seconds=1)
NAMED = {"name": "Ani", "program": "Kopi Nusantara", "number": "1"}


def letter(recipient, *, written=OLD, status="sent", subject="a", **more):
    """A letter that went, or not, long ago."""
    stopped_for = "consent" if status == "stopped" else ""
    return Message.objects.create(
        recipient=recipient, address="ani@example.com", kind="welcome", subject=subject, context=NAMED, status=status,
        stopped_for=stopped_for, queued_at=written, due_at=written, sent_at=written, error="said ani@example.com", **more,
    )  # fmt: skip


def emptied():
    """The subjects of the letters that hold nothing any more, after seeing that all others hold everything."""
    kept = Message.objects.filter(forgotten_at__isnull=True)
    assert all(
        (one.address, one.context, one.error) == ("ani@example.com", NAMED, "said ani@example.com") for one in kept
    )
    gone = Message.objects.filter(forgotten_at__isnull=False).order_by("id")
    assert all((one.address, one.context, one.error, one.forgotten_at) == ("", {}, "", NIGHT) for one in gone)
    return [one.subject for one in gone]


def test_old_letters_and_their_copies_are_emptied_in_batches_and_all_else_about_them_stays(program, ani, monkeypatch):
    monkeypatch.setattr(forgetting, "BATCH", 2)
    for status in ("sent", "failed", "uncertain", "stopped"):
        letter(ani.number, status=status, subject=status)
    letter(ani.number, subject="sent", channel="webhook")
    letter(ani.number, written=OLD + timedelta(seconds=1), subject="young")
    for status in ("queued", "held", "sending"):
        letter(ani.number, status=status, subject=status)
    stays = [name for name in (field.attname for field in Message._meta.fields) if name not in ("address", "context", "error", "forgotten_at")]  # fmt: skip
    before = list(Message.objects.order_by("id").values_list(*stays))
    told = forget_letters(program, at=NIGHT, dry_run=True)
    assert (told.found, told.done, emptied()) == (5, 0, [])
    stopped = forget_letters(program, at=NIGHT, progress=lambda found, done, skipped: False)
    assert (stopped.found, stopped.done) == (5, 2)
    assert forget_letters(program, at=NIGHT).done == 3
    assert emptied() == ["sent", "failed", "uncertain", "stopped", "sent"]
    assert forget_letters(program, at=NIGHT).is_empty
    assert list(Message.objects.order_by("id").values_list(*stays)) == before


def test_each_program_says_how_long_and_the_installation_for_staff_and_partners(program, ani, settings):
    other = make_program(slug="other")
    ben = make_member(other, "Ben")
    letter(ani.number, subject="ani"), letter(ben.number, subject="ben"), letter("staff:1", subject="staff")
    settings.SETIA_LETTER_DAYS = 0
    program.letters_kept_days = None
    assert forget_letters(program, at=NIGHT).is_empty
    other.letters_kept_days = 401
    assert forget_letters(other, at=NIGHT).is_empty
    other.letters_kept_days = 30
    assert forget_letters(other, at=NIGHT).done == 1
    settings.SETIA_LETTER_DAYS = 400
    assert forget_letters(program, at=NIGHT).done == 1
    assert sorted(emptied()) == ["ben", "staff"]


def test_a_notice_is_proven_after_its_letter_is_forgotten(program, ani):
    give_points(ani, 120, expires_at=NIGHT + timedelta(days=15))
    remind_expiring(program, at=NIGHT)
    Message.objects.update(status="sent", sent_at=NIGHT)
    before = told_to(ani, at=NIGHT)
    program.letters_kept_days = 30
    assert forget_letters(program, at=NIGHT + timedelta(days=31)).done == 1
    assert told_to(ani, at=NIGHT) == before and before[0].at == NIGHT
    assert Notice.objects.get().letter.context == {}
    assert remind_expiring(program, at=NIGHT).done == 0


def test_the_database_keeps_a_forgotten_letter_empty_and_over(program, ani):
    gone = letter(ani.number)
    forget_letters(program, at=NIGHT)
    for change in ({"address": "ani@example.com"}, {"status": "queued"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Message.objects.filter(pk=gone.pk).update(**change)


def test_a_forgotten_letter_is_not_sent_again_and_staff_read_why(program, ani):
    gone = letter(ani.number, status="failed")
    forget_letters(program, at=NIGHT)
    gone.refresh_from_db()
    with pytest.raises(delivery.NotToBeResent, match="forgotten"):
        delivery.resend(gone, at=NIGHT, actor="staff:1")
    client = enter(hire(roles.PROGRAM_MANAGER))
    page = words(client.get(reverse("admin:mail_message_change", args=[gone.pk])))
    assert "What stood in this letter is forgotten" in page and "Send again" not in page


def test_members_read_for_how_long_letters_are_kept_once_there_were_older_ones(program, ani):
    client = signed_in(ani)
    gone = letter(ani.number)
    letter(ani.number, channel="webhook", written=OLD + timedelta(hours=1))
    assert "Letters are kept" not in words(client.get("/letters/"))
    forget_letters(program, at=NIGHT)
    page = words(client.get("/letters/"))
    assert "No letters of late" in page and "Letters are kept for 400 days." in page
    assert client.get(f"/letters/{gone.pk}/").status_code == 404
    assert inbox.unread(ani) == 0
    for number in range(21):
        letter(ani.number, written=NIGHT, subject=str(number))
    assert "Letters are kept" not in words(client.get("/letters/"))
    older = inbox.page(ani).older
    assert "Letters are kept for 400 days." in words(client.get(f"/letters/?before={older}"))


def test_the_job_runs_by_its_name(program, ani):
    letter(ani.number)
    call_command("run_job", "forget_letters", "--as-of", NIGHT.isoformat())
    assert Message.objects.get().forgotten_at == NIGHT
