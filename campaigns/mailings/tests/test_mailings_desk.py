"""Mailings at the desk: written with a preview, sent by those who may, read with their results, and taken out as CSV."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core import mail
from django.urls import reverse

from campaigns.mailings import course, measuring
from campaigns.mailings.models import Mailing
from campaigns.mailings.tests.readers import LEAVES, START, agree, everybody, look, send, townspeople, write
from campaigns.tests.shop import buy, open_shop
from loyalty.desk import roles
from loyalty.jobs.models import ApprovalLimits, ChangeRequest
from loyalty.mail import blocking, unsubscribing
from loyalty.mail.models import Message
from loyalty.tests.desk import staff_client
from members.testing import give_points
from rewards import redemption
from rewards.testing import make_reward

pytestmark = pytest.mark.django_db
ADD = "admin:mailings_mailing_add"
FORM = {"name": "News", "subject": "Hi {{ name }}", "text": "See {{ link }}", "pace_per": "hour", "control_percent": "0", "measured_days": "14"}  # fmt: skip


@pytest.fixture(autouse=True)
def day():
    """The desk's clock stands at the start."""
    with time_machine.travel(START, tick=False):
        yield


def page_of(mailing, name="change"):
    return reverse(f"admin:mailings_mailing_{name}", args=[mailing.pk])


def do(client, mailing, deed, **values):
    return client.post(page_of(mailing, deed), values, follow=True).content.decode()


def test_an_assistant_writes_a_mailing_looks_at_it_tests_it_and_sends_it(program, ani):
    agree(ani)
    give_points(ani, 1200)
    client, segment = staff_client(roles.MARKETING_ASSISTANT), everybody(program)
    empty = client.get(reverse("admin:mailings_mailing_changelist")).content.decode()
    assert "A mailing sends news to a segment" in empty
    start = client.get(reverse(ADD)).content.decode()
    assert "News from {{ program }}" in start and "You can still spend {{ balance }}." in start
    wrong = client.post(reverse(ADD), FORM | {"segment": segment.pk, "text_id": "Hai {{ nama }}"}).content.decode()
    assert "There is no variable “nama” in this letter." in wrong and "This cannot be empty." in wrong
    shown = client.post(reverse(ADD), FORM | {"segment": segment.pk, "text": "You have {{ balance }}"}, follow=True)
    mailing = Mailing.objects.get()
    assert shown.redirect_chain[-1][0] == page_of(mailing)
    assert "Would get it now" in shown.content.decode() and "did not agree to news by e-mail" in shown.content.decode()

    asks = reverse("admin:mailings_mailing_preview") + f"?of={mailing.pk}"
    typed = {
        "subject": "Hi {{ name }}",
        "text": "<b> {{ balance }}",
        "look-language": "en",
        "look-member": ani.shown_number,
    }
    told = client.post(asks, typed).json()
    assert told["subject"] == "Hi Ani" and told["text"].startswith("<b> 1,200 points")
    assert "&lt;b&gt; 1,200 points" in told["html"] and "Unsubscribe" in told["html"]
    assert client.post(asks, typed | {"text": "{{ x }}"}).json() == {
        "faults": ["There is no variable “x” in this letter."]
    }
    assert client.post(asks, typed | {"look-member": "1"}).json()["faults"][0].startswith("No member has this number.")
    assert client.get(asks).status_code == 405

    do(client, mailing, "send_test", language="en", member=ani.number)
    me = get_user_model().objects.get(groups__name=roles.MARKETING_ASSISTANT)
    assert [(letter.to, letter.subject) for letter in mail.outbox] == [([me.email], "[Test] Hi Ani")]
    assert "It starts on 2 Mar 2026, 12:00." in do(client, mailing, "send")
    mailing.refresh_from_db()
    assert (mailing.status, mailing.change.status) == ("scheduled", ChangeRequest.Status.DONE)
    assert "This mailing is scheduled by now." in do(client, mailing, "send")
    assert 'name="_save"' not in client.get(page_of(mailing)).content.decode()


def test_a_mailing_that_waits_for_a_second_person_is_not_edited_and_is_told_at_the_changes(program, ani):
    agree(ani)
    ApprovalLimits.objects.create(program=program, mailing_recipients=0)
    client, boss = staff_client(roles.MARKETING_ASSISTANT), staff_client(roles.PROGRAM_MANAGER)
    mailing = write(program)
    assert "It waits for a second person" in do(client, mailing, "send")
    shown = client.get(page_of(mailing)).content.decode()
    assert "waits for approval" in shown and 'name="_save"' not in shown
    change = ChangeRequest.objects.get()
    told = boss.get(reverse("admin:jobs_changerequest_change", args=[change.pk])).content.decode()
    assert "“New harvest, {{ name }}” to the segment all" in told and "It would go to 1 members now" in told
    assert "It goes to 1 members; one person alone may write to 0." in told


@pytest.mark.parametrize(
    ("role", "sees", "writes"),
    [(roles.PROGRAM_MANAGER, 200, True), (roles.SUPPORT_AGENT, 200, False), (roles.OPS, 403, False)],
)
def test_who_may_write_and_send(program, ani, role, sees, writes):
    agree(ani)
    mailing, client = write(program), staff_client(role)
    assert client.get(page_of(mailing)).status_code == sees
    assert client.get(reverse(ADD)).status_code == (200 if writes else 403)
    assert client.post(reverse("admin:mailings_mailing_preview"), {"look-language": "en"}).status_code == sees
    for deed in ("send", "stop", "pause", "resume", "take_back", "duplicate", "send_test"):
        assert client.post(page_of(mailing, deed), {"language": "en"}).status_code == (302 if writes else 403)
    mailing.refresh_from_db()
    assert mailing.status == ("draft" if not writes or mailing.status == "draft" else "stopped")


@pytest.mark.parametrize(
    ("day", "hour", "said"),
    [("2026-03-29", "02:30", "couldn’t be interpreted"), ("2026-10-25", "02:30", "couldn’t be interpreted")],
)
def test_an_hour_that_is_not_there_or_comes_twice_is_refused(program, ani, day, hour, said):
    program.time_zone = "Europe/Berlin"
    program.save()
    client = staff_client(roles.PROGRAM_MANAGER)
    values = FORM | {"segment": everybody(program).pk, "starts_at_0": day, "starts_at_1": hour}
    shown = client.post(reverse(ADD), values, follow=True).content.decode()
    assert said in shown.replace("&#x27;", "’").replace("'", "’") and not Mailing.objects.exists()


def test_what_somebody_else_sent_meanwhile_is_not_overwritten(program, ani):
    agree(ani)
    client, mailing = staff_client(roles.PROGRAM_MANAGER), write(program)
    form = client.get(page_of(mailing)).context["adminform"].form
    values = FORM | {"segment": mailing.segment_id, "_seen": form.seen}
    course.ask(mailing, at=START, actor="staff:1")
    assert client.post(page_of(mailing), values).status_code == 403
    course.take_back(mailing, at=START, actor="staff:1")
    mailing.refresh_from_db()
    assert mailing.subject == "New harvest, {{ name }}"


def test_the_results_tell_what_became_of_the_letters_and_what_both_groups_did(program):
    open_shop(program)
    people = townspeople(program, 40)
    mailing = send(write(program, control_percent=50, control_secret="s", measured_days=7))
    chosen = [one for one in people if one.mailings.filter(is_kept_out=False).exists()]
    kept_out = [one for one in people if one not in chosen]
    agree(chosen[0], False, at=START + timedelta(minutes=1))
    look(LEAVES)
    letter, complained = (Message.objects.get(recipient=chosen[place].number) for place in (1, 2))
    blocking.take_events(
        [blocking.Event(letter.address, "bounce", LEAVES, "", letter.pk), blocking.Event(complained.address, "complaint", LEAVES, "", complained.pk)],
        actor="test",
    )  # fmt: skip
    unsubscribing.note(unsubscribing.read(unsubscribing.headers(Message.objects.get(recipient=chosen[3].number))["List-Unsubscribe"].strip("<>").rstrip("/").rpartition("/")[2]), at=LEAVES)  # fmt: skip
    buy(chosen[0], "99", LEAVES - timedelta(minutes=1))  # before the first letter
    for member in chosen[:5]:
        buy(member, "100", LEAVES + timedelta(days=1))
    buy(chosen[0], "50", LEAVES + timedelta(days=7) - timedelta(seconds=1))
    buy(chosen[0], "70", LEAVES + timedelta(days=7))  # after the days that count
    buy(kept_out[0], "30", LEAVES)
    redemption.redeem(chosen[0], make_reward(program, cost=10), at=LEAVES + timedelta(days=2), reference="r", source="t", actor="t")  # fmt: skip
    mailing.refresh_from_db()
    found = measuring.results(mailing, at=LEAVES + timedelta(days=8))
    assert (found.sent, found.stopped) == (len(chosen) - 1, {"consent": 1})
    assert (found.bounced, found.complaints, found.unsubscribed) == (1, 1, 1)
    treated, control = found.treated, found.control
    assert (treated.spent.members, treated.buyers, treated.redeemers, treated.spent.total) == (
        len(chosen),
        5,
        1,
        55_000,
    )
    assert (control.spent.members, control.buyers, control.redeemers, control.spent.total) == (
        len(kept_out),
        1,
        0,
        3_000,
    )
    assert found.until == LEAVES + timedelta(days=7)
    assert found.lift is not None and found.lift.low < found.lift.difference < found.lift.high

    with time_machine.travel(LEAVES + timedelta(days=8), tick=False):
        client = staff_client(roles.PROGRAM_MANAGER)
        shown = client.get(page_of(mailing)).content.decode()
        lines = b"".join(client.get(page_of(mailing, "results_file")).streaming_content).decode().splitlines()
        listed = client.get(reverse("admin:mailings_mailing_changelist") + "?q=Harv").content.decode()
    for words in (
        "not sent: the reader did not agree to such letters",
        "called spam",
        "Kept out",
        "What they did after",
    ):
        assert words in shown
    assert {"segment_members,40", f"sent,{len(chosen) - 1}", "stopped_consent,1", "complaints,1", "treated_spent,550.00"} <= set(lines)  # fmt: skip
    assert "New harvest" in listed and "sent" in listed
    letters = client.get(reverse("admin:mail_message_changelist"), {"q": mailing.about}).content.decode()
    assert chosen[1].email in letters and kept_out[0].email not in letters
