"""The letters of a member in the portal: what was written, newest first, with a mark until it is opened."""

from datetime import UTC, datetime, timedelta

import pytest

from loyalty.mail import outbox
from loyalty.mail.models import Message
from members import inbox
from members.testing import make_member
from members.tests.portal import signed_in, words

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 5, tzinfo=UTC)


def write(member, subject="a", kind="welcome", **more):
    context = {"name": member.name, "program": "Kopi Nusantara", "number": "1234"} | more
    outbox.queue(
        recipient=member.number, address=member.email, language=member.language, kind=kind, subject=subject,
        context=context, at=NOON,
    )  # fmt: skip
    return Message.objects.get(recipient=member.number, kind=kind, subject=subject)


def test_a_member_reads_each_letter_once_new_and_only_their_own(ani, program):
    client = signed_in(ani)
    assert "No letters yet" in words(client.get("/letters/"))
    letter, others = write(ani, name="<b>Ani</b>"), write(make_member(program, "Ben"))
    shown = words(client.get("/letters/"))
    assert "Welcome" in shown and "1 letter that you have not opened here." in shown
    assert "1 letter to read" in words(client.get("/"))
    assert client.get(f"/letters/{others.pk}/").status_code == 404
    page = words(client.get(f"/letters/{letter.pk}/"))
    assert "&lt;b&gt;Ani&lt;/b&gt;" in page and "You get it whether or not" not in page
    letter.refresh_from_db()
    first = letter.read_at
    client.get(f"/letters/{letter.pk}/")
    letter.refresh_from_db()
    assert first is not None and letter.read_at == first
    assert "to read" not in words(client.get("/"))


def test_older_letters_follow_and_all_can_be_taken_as_read(ani, django_assert_max_num_queries):
    for number in range(45):
        write(ani, str(number))
    first = inbox.page(ani)
    second = inbox.page(ani, before=first.older)
    third = inbox.page(ani, before=second.older)
    found = [letter.subject for page in (first, second, third) for letter in page.letters]
    assert found == [str(number) for number in range(44, -1, -1)] and third.older is None
    client = signed_in(ani)
    with django_assert_max_num_queries(8):
        assert "Show older" in words(client.get("/letters/"))
    assert client.get("/letters/?before=zero").status_code == 200
    client.post("/letters/read/")
    assert inbox.unread(ani) == 0


def test_news_nobody_agreed_to_are_no_letters_but_what_could_not_be_mailed_is(ani):
    news, refused, _later = write(ani, kind="win_back"), write(ani), write(ani, "later", kind="win_back")
    Message.objects.filter(pk=news.pk).update(status="stopped", stopped_for="consent")
    Message.objects.filter(pk=refused.pk).update(status="failed", error="550")
    assert [letter.pk for letter in inbox.page(ani).letters] == [refused.pk]
    with pytest.raises(inbox.LetterUnknown):
        inbox.open_letter(ani, news.pk, at=NOON + timedelta(days=1))
