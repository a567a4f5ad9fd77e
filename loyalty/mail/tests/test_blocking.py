"""Bounces and complaints stop mail, whether the provider tells them or staff bring a file."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from loyalty.desk import roles
from loyalty.mail import blocking, outbox, signatures
from loyalty.mail.models import BlockedAddress, Message
from loyalty.tests.desk import staff_client

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 5, tzinfo=UTC)
SECRET = "sebuah-rahasia"
HOOK = "/hooks/mail/"


@pytest.fixture
def provider(settings, client):
    """A provider that knows the secret; returns how it calls."""
    settings.SETIA_MAIL_EVENTS_SECRET = SECRET

    def call(body, *, secret=SECRET, signed_at=NOON):
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        signature = signatures.sign(sent, secret, at=signed_at)
        with time_machine.travel(NOON, tick=False):
            return client.post(HOOK, sent, content_type="application/json", headers={signatures.HEADER: signature})

    return call


def blocked():
    return list(BlockedAddress.objects.order_by("address").values_list("address", "reason", "blocked_at"))


def test_the_provider_tells_of_bounces_and_complaints(provider):
    events = [
        {"address": "Ani@Example.com", "reason": "bounce", "at": "2026-03-01T09:30:00Z", "detail": "550 no such user"},
        {"address": "budi@example.com", "reason": "complaint"},
        {"address": "siti@example.com", "reason": "soft_bounce"},
    ]
    assert provider({"events": events}).json() == {"told": 2, "blocked": 2}
    assert blocked() == [
        ("ani@example.com", "bounce", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("budi@example.com", "complaint", NOON),
    ]
    assert provider({"events": events}).json() == {"told": 2, "blocked": 0}
    assert len(blocked()) == 2


def test_the_letter_that_came_back_remembers_it(provider):
    outbox.queue(
        recipient="1", address="a@example.com", language="en", kind="welcome", subject="x", context={}, at=NOON
    )
    letter = Message.objects.get()
    for address in ("other@example.com", "a@example.com"):
        provider({"events": [{"address": address, "reason": "bounce", "message_id": letter.message_id}]})
        letter.refresh_from_db()
        assert (letter.bounced_at == NOON) == (address == "a@example.com")


@pytest.mark.parametrize("call", [{"secret": "another"}, {"signed_at": NOON - timedelta(minutes=6)}])
def test_a_call_that_is_not_signed_now_by_who_knows_the_secret_is_refused(provider, call):
    answer = provider({"events": [{"address": "a@example.com", "reason": "bounce"}]}, **call)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_wrong")
    assert blocked() == []


def test_without_a_secret_the_call_does_not_exist(client):
    assert client.post(HOOK, b"{}", content_type="application/json").status_code == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"events": 3}', b'{"events": [1]}', b"[" * 5000])
def test_what_is_no_list_of_events_is_refused_in_words(provider, body):
    assert provider(body).status_code == 400


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"address": "nobody", "reason": "bounce"}, "Row 1: “nobody” is no e-mail address."),
        ({"address": "a@example.com", "reason": "fun"}, "Row 1: The reason must be bounce or complaint, not “fun”."),
        ({"address": "a@example.com", "reason": "bounce", "at": "yesterday"}, "Row 1: “yesterday” is no instant."),
        ({"address": "a@example.com", "reason": "bounce", "at": "2026-02-30T00:00:00Z"}, "is no instant"),
    ],
)
def test_a_row_that_cannot_be_right_names_itself_and_nothing_is_blocked(provider, event, said):
    answer = provider({"events": [event]})
    assert answer.status_code == 422 and said in answer.json()["detail"]
    assert blocked() == []


def test_older_news_does_not_block_again_what_staff_said_is_well():
    found = blocking.block("a@example.com", at=NOON, actor="staff:1", detail="by phone")
    blocking.lift(found, at=NOON, actor="staff:2")
    with pytest.raises(blocking.NotBlocked):
        blocking.lift(found, at=NOON, actor="staff:2")
    old, new = (blocking.Event("a@example.com", "bounce", NOON + timedelta(hours=hours)) for hours in (-1, 1))
    assert blocking.take_events([old], actor="test").blocked == 0
    assert blocking.take_events([new], actor="test").blocked == 1
    assert list(BlockedAddress.objects.order_by("id").values_list("lifted_by", flat=True)) == ["staff:2", ""]


@pytest.mark.parametrize("text", ["address,reason\na@example.com,bounce\n", "﻿Reason; Address\nspam;a@example.com\n"])
def test_a_file_is_read_with_commas_or_semicolons(text):
    (event,) = blocking.read_file(text.encode(), at=NOON)
    assert event.address == "a@example.com"


@pytest.mark.parametrize(
    ("content", "said"), [(b"address\na@example.com", "Missing: reason"), ("ä".encode("latin-1"), "UTF-8"), (b"", "Missing")]
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_in_words(content, said):
    with pytest.raises(blocking.EventsRefused, match=said):
        blocking.read_file(content, at=NOON)


def test_staff_bring_a_file_block_one_address_and_lift_a_block():
    client = staff_client(roles.SUPPORT_AGENT)
    page = reverse("admin:mail_blockedaddress_file")
    file = SimpleUploadedFile("bounces.csv", b"address,reason\na@example.com,bounce\n")
    assert "1 address is blocked now." in client.post(page, {"file": file}, follow=True).content.decode()
    client.post(page, {"address": "b@example.com", "detail": "asked on the phone"})
    assert [(address, reason) for address, reason, _at in blocked()] == [
        ("a@example.com", "bounce"),
        ("b@example.com", "staff"),
    ]
    found = BlockedAddress.objects.get(address="a@example.com")
    client.post(reverse("admin:mail_blockedaddress_lift", args=[found.pk]))
    found.refresh_from_db()
    assert found.lifted_at and found.lifted_by.startswith("staff:")
    assert "lifted" in client.get(reverse("admin:mail_blockedaddress_changelist")).content.decode()


def test_a_file_with_a_fault_blocks_nobody_and_says_which_row():
    client = staff_client(roles.SUPPORT_AGENT)
    page = reverse("admin:mail_blockedaddress_file")
    file = SimpleUploadedFile("bounces.csv", b"address,reason\na@example.com,bounce\nnobody,bounce\n")
    assert "Row 2: “nobody” is no e-mail address." in client.post(page, {"file": file}).content.decode()
    assert "Choose a file, or type one address." in client.post(page, {}).content.decode()
    assert blocked() == []


def test_finance_sees_no_blocked_addresses_and_marketing_blocks_none():
    page = reverse("admin:mail_blockedaddress_file")
    assert staff_client(roles.MARKETING_ASSISTANT).get(page).status_code == 403
    assert staff_client(roles.FINANCE).get(reverse("admin:mail_blockedaddress_changelist")).status_code == 403


def test_every_letter_that_came_back_to_one_address_remembers_it(provider):
    for about in ("x", "y"):
        outbox.queue(
            recipient="1", address="A@example.com", language="en", kind="welcome", subject=about, context={}, at=NOON
        )
    events = [
        {
            "address": "a@example.com",
            "reason": "bounce",
            "at": f"2026-03-0{day}T00:00:00Z",
            "message_id": one.message_id,
        }
        for one, day in zip(Message.objects.order_by("id"), (2, 1), strict=True)
    ]
    assert provider({"events": events}).json() == {"told": 1, "blocked": 1}
    assert [one.bounced_at.day for one in Message.objects.order_by("id")] == [2, 1]
    assert blocked()[0][2].day == 2


@pytest.mark.parametrize(
    "told",
    [
        {"at": "0001-01-01T00:00:00+14:00"},
        {"address": f"{'a' * 60}@{'.'.join(['b' * 60] * 4)}.com"},
    ],
)
def test_what_no_table_could_keep_is_refused_in_words(provider, told):
    answer = provider({"events": [{"address": "a@example.com", "reason": "bounce"} | told]})
    assert (answer.status_code, answer.json()["code"], blocked()) == (422, "mail_events_refused", [])


def test_signs_that_cannot_be_written_are_left_out(provider):
    body = rb'{"events": [{"address": "a@example.com", "reason": "bounce", "detail": "5\u00005\ud8000"}]}'
    assert provider(body).status_code == 200
    assert BlockedAddress.objects.get().detail == "550"


def test_a_file_with_other_line_ends_is_read_and_one_that_is_no_csv_is_refused_in_words():
    assert len(blocking.read_file(b"address,reason\ra@example.com,bounce\r", at=NOON)) == 1
    with pytest.raises(blocking.EventsRefused, match="Line 2 cannot be read"):
        blocking.read_file(b"address,reason\n" + b"a" * 200_000 + b",bounce\n", at=NOON)
