"""Letters are read in the language of the one they go to, as text and as HTML."""

import pytest
from django.template import TemplateDoesNotExist
from django.utils import translation

from loyalty.mail.models import Message
from loyalty.mail.rendering import as_email, render

pytestmark = pytest.mark.django_db  # staff may have written another wording
SAMPLES = {
    "welcome": {"name": "Ani", "number": "1234 5678 9012", "program": "Kopi Nusantara"},
    "redeemed": {
        "name": "Ani", "reward": "Free coffee", "summary": "One cup, any size", "code": "ABCD-EFGH-JKMN-PQRS",
        "cost": "500 points", "balance": "1,200 points", "valid_until": "31 March 2026",
    },
    "expiring": {
        "name": "Ani", "program": "Kopi Nusantara", "points": 12500, "decimals": 0, "units": "points", "currency": "IDR",
        "days": [["2026-03-15", 12000, "points"], ["2026-03-31", 500, "points"]], "worth": "1250000.00",
    },
}  # fmt: skip


def letter(kind, language="en", address="ani@example.com", **more):
    return Message(
        pk=7, recipient="1", address=address, language=language, kind=kind, subject="x", context=SAMPLES[kind] | more
    )


@pytest.mark.parametrize("language", ["en", "id", "ms"])
@pytest.mark.parametrize("kind", SAMPLES)
def test_every_kind_renders_in_every_language_with_all_its_values(kind, language):
    subject, text, html = render(letter(kind, language))
    assert subject and "\n" not in subject
    assert f'lang="{language}"' in html and 'content="light dark"' in html
    for value in SAMPLES[kind].values():
        if isinstance(value, str) and value not in ("IDR", "1250000.00") and kind != "expiring":
            assert value in text and value in html
    assert "{{" not in text + html and "{%" not in text + html
    assert "http://localhost:8000/" in text and "http://localhost:8000/" in html


def test_an_expiry_letter_tells_how_many_until_when_what_they_are_worth_and_what_to_do():
    subject, text, html = render(letter("expiring"))
    assert subject == "12,500 points run out from 15 March 2026"
    for part in ("15 March 2026: 12,000 points", "31 March 2026: 500 points", "1,250,000.", "choose a reward"):
        assert part in text
    assert "12,000 points" in html and "31 March 2026" in html


def test_days_and_numbers_follow_the_language_of_the_letter_and_not_of_the_sender():
    with translation.override("en"):
        _, text, _ = render(letter("expiring", "id"))
        assert translation.get_language() == "en"
    assert "15 Maret 2026" in text and "12.000" in text


def test_a_name_that_looks_like_code_stays_a_name():
    name = "<script>alert(1)</script>{{ site }}{% now %}"
    _, text, html = render(letter("welcome", name=name))
    assert name in text
    assert "<script>" not in html and "&lt;script&gt;" in html and "{{ site }}" in html


def test_line_breaks_in_a_value_cannot_add_a_header():
    email = as_email(letter("redeemed", reward="Coffee\r\nBcc: everyone@example.com"))
    assert email.subject == "Your voucher: Coffee Bcc: everyone@example.com"
    assert "Bcc" not in email.message()


def test_a_letter_has_two_parts_and_the_same_message_id_at_every_attempt():
    message = letter("welcome")
    first, second = as_email(message).message(), as_email(message).message()
    assert first["Message-ID"] == second["Message-ID"] == "<setia-letter-7@setia.example>"
    assert [part.get_content_type() for part in first.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize("kind", ["../../etc/passwd", "Welcome", ""])
def test_a_kind_is_a_plain_name(kind):
    with pytest.raises(ValueError, match="not a kind of letter"):
        render(Message(pk=1, kind=kind, language="en"))


def test_an_unknown_kind_is_an_error():
    with pytest.raises(TemplateDoesNotExist):
        render(Message(pk=1, kind="no_such_letter", language="en"))
