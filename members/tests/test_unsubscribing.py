"""Out of every letter that needs consent there is a way without signing in; asking for a page never takes it."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from loyalty.mail import outbox, unsubscribing
from loyalty.mail.models import Message
from members import consents
from members.models import Consent

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 5, tzinfo=UTC)


def letter_to(member):
    consents.give(member, "email", "marketing", at=NOON, source="portal", actor="test")
    outbox.queue(
        recipient=member.number, address=member.email, language="en", kind="win_back", subject="x", context={}, at=NOON
    )
    return Message.objects.get(recipient=member.number)


def stop_page(token):
    return reverse("letter_unsubscribe", args=[token])


def choices_page(token):
    return reverse("letter_choices", args=[token])


def agrees(member, purpose="marketing"):
    return consents.has(member, "email", purpose)


def test_one_click_of_a_mail_program_unsubscribes(ani):
    letter = letter_to(ani)
    program = Client(enforce_csrf_checks=True)
    for _again in range(2):
        answer = program.post(stop_page(unsubscribing.token_of(letter)), {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200 and "You are unsubscribed" in answer.content.decode()
    assert not agrees(ani)
    said = Consent.objects.get(member=ani, is_given=False)
    assert (said.source, said.recorded_by) == ("letter", f"member:{ani.number}")
    letter.refresh_from_db()
    assert letter.unsubscribed_at == said.recorded_at


@pytest.mark.parametrize("method", ["get", "head"])
def test_opening_the_page_unsubscribes_nobody(ani, client, method):
    token = unsubscribing.token_of(letter_to(ani))
    for page in (stop_page(token), choices_page(token)):
        assert getattr(client, method)(page).status_code == 200
    assert agrees(ani)


def test_the_page_is_in_the_language_of_the_member(ani, client):
    ani.language = "id"
    ani.save()
    page = client.get(stop_page(unsubscribing.token_of(letter_to(ani))))
    assert '<html lang="id"' in page.content.decode() and page["Cache-Control"].startswith("max-age=0")


def test_what_is_said_after_saving_is_in_the_language_of_the_member(ani, client):
    ani.language = "id"
    ani.save()
    token = unsubscribing.token_of(letter_to(ani))
    page = client.post(choices_page(token), {"agreed": ["surveys-email"]}, follow=True).content.decode()
    with translation.override("id"):
        said = gettext("Saved. You can change this at any time.")
    assert said in page and "Saved." not in page


def test_choices_about_letters_change_without_signing_in_and_leave_other_channels_alone(ani, client):
    consents.give(ani, "sms", "marketing", at=NOON, source="portal", actor="test")
    token = unsubscribing.token_of(letter_to(ani))
    page = client.get(choices_page(token)).content.decode()
    assert 'value="marketing-email" checked' in page and "sms" not in page.lower()
    client.post(choices_page(token), {"agreed": ["surveys-email", "partners-sms"]})
    assert (agrees(ani), agrees(ani, "surveys")) == (False, True)
    assert consents.has(ani, "sms", "marketing") and not consents.has(ani, "sms", "partners")


def test_a_closed_membership_can_say_no_but_not_yes(ani, client):
    token = unsubscribing.token_of(letter_to(ani))
    ani.status = ani.Status.CLOSED
    ani.save()
    answer = client.post(choices_page(token), {"agreed": ["marketing-email", "surveys-email"]}, follow=True)
    assert "This membership is closed" in answer.content.decode()
    assert not agrees(ani, "surveys")
    client.post(stop_page(token))
    assert not agrees(ani)


def test_a_token_that_was_changed_or_is_somebody_elses_work_opens_nothing(ani, client):
    token = unsubscribing.token_of(letter_to(ani))
    for wrong in (token[:-1], token + "x", "x", "a:b:c"):
        for page in (stop_page(wrong), choices_page(wrong)):
            assert client.get(page).status_code == 404
            answer = client.post(page)
            assert answer.status_code == 404 and "This link is not complete" in answer.content.decode()
    assert agrees(ani)


def test_the_link_of_a_service_letter_is_no_way_out_of_anything(ani, client):
    letter = letter_to(ani)
    Message.objects.update(kind="welcome")
    letter.refresh_from_db()
    assert client.post(stop_page(unsubscribing.token_of(letter))).status_code == 404
    assert agrees(ani)


def test_the_page_of_choices_ends_after_a_year_and_the_way_out_never(ani, client):
    with time_machine.travel(NOON, tick=False) as clock:
        token = unsubscribing.token_of(letter_to(ani))
        clock.shift(timedelta(days=364))
        assert client.get(choices_page(token)).status_code == 200
        clock.shift(timedelta(days=2))
        answer = client.get(choices_page(token))
        assert answer.status_code == 404 and "older than a year" in answer.content.decode()
        assert client.post(choices_page(token), {"agreed": ["email:surveys"]}).status_code == 404
        assert not agrees(ani, "surveys")
        assert client.post(stop_page(token)).status_code == 200
    assert not agrees(ani)


def test_a_browser_that_was_switched_to_another_language_keeps_it_on_the_pages_of_letters(ani, client):
    token = unsubscribing.token_of(letter_to(ani))
    client.post(reverse("portal_switch_language"), {"language": "ms", "next": choices_page(token)})
    for page in (stop_page(token), choices_page(token)):
        assert '<html lang="ms"' in client.get(page).content.decode()
