"""Staff write their own wordings with a fixed list of variables; versions stay, and nothing they write is run."""

from datetime import UTC, datetime

import pytest
from django.core import mail
from django.urls import reverse

from loyalty.common.languages import LANGUAGES
from loyalty.desk import roles
from loyalty.mail import filling, outbox, rendering, variables, wordings
from loyalty.mail.kinds import KINDS
from loyalty.mail.models import LetterWording, Message
from loyalty.mail.tests.test_rendering import SAMPLES, letter
from loyalty.mail.wordings import Words
from loyalty.tests.desk import staff_client

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 5, tzinfo=UTC)
OURS = Words("Hi {{ name }}", "Number {{ number }}\n", "<p>Number <b>{{number}}</b></p>\n")
LETTERS = [(kind, code) for kind in KINDS for code, _name in LANGUAGES]


def publish(words=OURS, kind="welcome", language="en", based_on=0):
    return wordings.publish(kind, language, words, based_on=based_on, at=NOON, actor="staff:1")


@pytest.mark.parametrize(("kind", "language"), LETTERS)
def test_every_built_in_letter_can_be_taken_as_the_start_of_ones_own(kind, language):
    words = rendering.built_in(kind, language)
    assert wordings.faults(kind, words) == {}
    subject, text, html = rendering.preview(kind, language, words, variables.samples(kind))
    assert subject and "{{" not in subject + text + html and f'lang="{language}"' in html
    publish(words, kind, language)
    used = set(filling.VARIABLE.findall(words.subject + words.text + words.html))
    assert used <= set(variables.names_of(kind))


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_letter_by_the_built_in_words_says_the_same_as_the_built_in_letter(kind):
    before = rendering.render(letter(kind))
    publish(rendering.built_in(kind, "en"), kind)
    after = rendering.render(letter(kind))
    assert after[0] == before[0]
    said = set(after[1].split())
    assert [word for word in before[1].split() if word not in said] == []


def test_ones_own_wording_counts_for_its_kind_and_language_only():
    publish()
    subject, text, html = rendering.render(letter("welcome", name="Ani & <b>"))
    assert subject == "Hi Ani & <b>" and text.startswith("Number 1234 5678 9012\n")
    assert "<p>Number <b>1234 5678 9012</b></p>" in html and "<title>Hi Ani &amp; &lt;b&gt;</title>" in html
    assert "This letter is about your membership" in text and "prefers-color-scheme: dark" in html
    assert "Selamat datang" in rendering.render(letter("welcome", "id"))[0]


def test_values_and_wordings_are_shown_and_never_run():
    publish(Words("{{ name }}", "{{ name }}", "<p>{{ name }}</p>"))
    name = "{% now 'Y' %}{{ site }}<script>alert(1)</script>"
    subject, text, html = rendering.render(letter("welcome", name=name))
    assert subject == name and name in text
    assert "<script>" not in html and "{% now &#x27;Y&#x27; %}{{ site }}&lt;script&gt;" in html


def test_a_line_with_a_list_is_repeated_and_a_line_that_says_nothing_is_left_out():
    values = {"facts": ["Seat: 4", "Row: 2"], "code": "", "name": "Ani", "owed_note": ""}
    wording = "Hello {{ name }},\n\n- {{ facts }}\nCode: {{ code }}\nThanks {{ name }}{{ code }}\n{{ owed_note }}"
    assert filling.fill(wording, values) == "Hello Ani,\n\n- Seat: 4\n- Row: 2\nThanks Ani"


def test_values_of_a_letter_are_words_of_its_language():
    publish(
        Words("{{ points }} {{ units }} {{ first_day }}", "{{ days }}\n{{ worth }}", "<p>{{ days }}</p>"),
        "expiring",
        "id",
    )
    subject, text, html = rendering.render(letter("expiring", "id"))
    assert subject == "12.500 points 15 Maret 2026"
    assert "15 Maret 2026: 12.000 points\n31 Maret 2026: 500 points\n" in text
    assert html.count("<p>") == 2 and "1.250.000" in text


@pytest.mark.parametrize(
    ("words", "field", "said"),
    [
        (Words("{{ surname }}", "x", "x"), "subject", "There is no variable “surname” in this letter."),
        (Words("x", "{{ cost }}", "x"), "text", "There is no variable “cost” in this letter."),
        (Words("x", "{{ name|upper }}", "x"), "text", "“{{” is no part of a variable."),
        (Words("x", "{% now %}", "x"), "text", "“{%” is no part of a variable."),
        (Words("x", "x", "<p>{# x #}</p>"), "html", "“{#” is no part of a variable."),
        (Words("x", " ", "x"), "text", "This cannot be empty."),
        (Words("x", "x", "<script>x</script>"), "html", "The tag <script> may not stand in a letter."),
        (Words("x", "x", '<img src="https://x.example/a.png">'), "html", "The tag <img> may not stand"),
        (Words("x", "x", '<p onclick="x()">x</p>'), "html", "The attribute onclick may not stand"),
        (Words("x", "x", '<p style="background:URL (x)">x</p>'), "html", "The attribute style holds something"),
        (Words("x", "x", '<p title="{{ name }}">x</p>'), "html", "The attribute title holds something"),
        (Words("x", "x", '<a href="javascript:x()">x</a>'), "html", "A link leads to"),
        (Words("x", "x", '<a href="{{ name }}">x</a>'), "html", "A link leads to"),
        (Words("x", "x", "<p>x"), "html", "The tag <p> is never closed."),
        (Words("x", "x", "</div><p>x</p>"), "html", "The tag </div> closes nothing."),
        (Words("x", "x", "<!-- x -->"), "html", "Comments may not stand"),
        (Words("x", "x", "<!DOCTYPE html>"), "html", "Only the inside of the letter"),
    ],
)
def test_what_may_not_stand_in_a_wording_is_named_and_nothing_is_saved(words, field, said):
    assert any(said in sentence for sentence in wordings.faults("welcome", words)[field])
    with pytest.raises(wordings.WordingRefused):
        publish(words)
    assert not LetterWording.objects.exists()


@pytest.mark.parametrize("target", ["https://example.com/a?b=c", "mailto:a@example.com", "{{ link }}", "{{site}}"])
def test_links_lead_to_pages_or_to_what_the_letter_is_about(target):
    assert filling.faults(f'<p><a href="{target}" style="color:#000">x</a><br/></p>') == []


def test_versions_stay_and_one_can_go_back():
    first = publish()
    second = publish(Words("Second", "x", "x"), based_on=1)
    assert (first.number, second.number, wordings.in_force("welcome", "en")) == (1, 2, second)
    third = wordings.use_built_in("welcome", "en", based_on=2, at=NOON, actor="staff:1")
    assert wordings.in_force("welcome", "en") is None and wordings.counts(third)
    assert rendering.render(letter("welcome"))[0] == "Welcome to Kopi Nusantara"
    fourth = wordings.go_back(first, at=NOON, actor="staff:2")
    assert (fourth.number, fourth.subject, fourth.recorded_by) == (4, "Hi {{ name }}", "staff:2")
    assert wordings.go_back(third, at=NOON, actor="staff:2").is_built_in
    assert LetterWording.objects.count() == 5


def test_what_somebody_saved_meanwhile_is_not_overwritten():
    publish()
    with pytest.raises(wordings.WordingChanged, match="Somebody else saved another version"):
        publish(Words("Mine", "x", "x"))
    assert wordings.in_force("welcome", "en").subject == "Hi {{ name }}"


@pytest.mark.parametrize(("kind", "language"), [("no_such_letter", "en"), ("welcome", "xx")])
def test_there_is_no_wording_of_what_is_no_letter(kind, language):
    with pytest.raises(wordings.WordingRefused):
        publish(kind=kind, language=language)


# --- at the desk --------------------------------------------------------------------------------------------------------


def editor(kind="welcome", language="en"):
    return reverse("admin:mail_wording_edit", args=[kind, language])


def typed(words=OURS, based_on=0, **more):
    return {"subject": words.subject, "text": words.text, "html": words.html, "based_on": based_on} | more


@pytest.fixture
def marketer():
    return staff_client(roles.MARKETING_ASSISTANT)


def test_staff_see_all_letters_and_write_one(marketer, django_assert_max_num_queries):
    with django_assert_max_num_queries(40):
        page = marketer.get(reverse("admin:mail_wordings")).content.decode()
    assert page.count("built in") == len(LETTERS)
    assert "Hello {{ name }}," in marketer.get(editor()).content.decode()
    answer = marketer.post(editor(), typed(Words("Hi", "a\r\nb", "<p>x</p>")), follow=True)
    assert "Version 1 counts from now on." in answer.content.decode()
    assert LetterWording.objects.get().text == "a\nb"
    assert "own, v1" in marketer.get(reverse("admin:mail_wordings")).content.decode()
    marketer.post(editor(), typed(based_on=1, built_in="1"))
    assert wordings.in_force("welcome", "en") is None


def test_a_form_with_an_unknown_variable_names_it_and_saves_nothing(marketer):
    page = marketer.post(editor(), typed(Words("{{ surname }}", "x", "x"))).content.decode()
    assert "There is no variable “surname” in this letter." in page
    assert not LetterWording.objects.exists()


def test_two_people_at_one_letter_do_not_overwrite_each_other(marketer):
    marketer.post(editor(), typed())
    answer = marketer.post(editor(), typed(Words("Mine", "x", "x")))
    assert "Somebody else saved another version" in answer.content.decode()
    assert LetterWording.objects.count() == 1


def test_the_preview_follows_what_is_typed_with_the_values_of_a_real_member(marketer, ani):
    page = reverse("admin:mail_wording_preview", args=["welcome", "en"])
    assert marketer.post(page, typed()).json()["subject"] == "Hi [the reader's name]"
    assert marketer.post(page, typed(member=ani.number)).json()["subject"] == "Hi Ani"
    outbox.queue(
        recipient=ani.number, address=ani.email, language="en", kind="welcome", subject="x", at=NOON,
        context={"name": "Ani", "number": "1234", "program": "Kopi"},
    )  # fmt: skip
    told = marketer.post(page, typed(member=ani.shown_number)).json()
    assert told["text"].startswith("Number 1234\n") and "<b>1234</b>" in told["html"]
    assert marketer.post(page, typed(member="1")).json() == {
        "faults": ["No member has this number. Compare its twelve digits."]
    }
    assert "surname" in marketer.post(page, typed(Words("{{ surname }}", "x", "x"))).json()["faults"][0]
    assert not LetterWording.objects.exists() and Message.objects.count() == 1


def test_a_test_goes_to_oneself_and_nothing_is_saved(marketer):
    answer = marketer.post(editor(), typed(test="1")).content.decode()
    assert "A test went to marketing.assistant@example.com." in answer
    (sent,) = mail.outbox
    assert sent.to == ["marketing.assistant@example.com"] and sent.subject.startswith("[Test] Hi")
    assert not LetterWording.objects.exists() and not Message.objects.exists()


def test_an_older_version_is_looked_at_and_counts_again(marketer):
    first = publish()
    publish(Words("Second", "x", "x"), based_on=1)
    page = reverse("admin:mail_letterwording_change", args=[first.pk])
    assert "Hi [the reader" in marketer.get(page).content.decode()
    marketer.post(reverse("admin:mail_letterwording_go_back", args=[first.pk]))
    assert wordings.in_force("welcome", "en").number == 3
    assert marketer.get(reverse("admin:mail_letterwording_changelist")).status_code == 200


@pytest.mark.parametrize("role", [roles.SUPPORT_AGENT, roles.FINANCE, roles.OPS])
def test_others_do_not_write_letters(role):
    client = staff_client(role)
    assert client.get(editor()).status_code == 403
    assert client.post(reverse("admin:mail_wording_preview", args=["welcome", "en"]), typed()).status_code == 403
    assert client.get(reverse("admin:mail_wordings")).status_code == 403


@pytest.mark.parametrize(("kind", "language"), [("no_such", "en"), ("welcome", "xx")])
def test_the_editor_of_what_is_no_letter_is_not_found(marketer, kind, language):
    assert marketer.get(editor(kind, language)).status_code == 404


@pytest.mark.parametrize(
    "html",
    ['<p>x</p><img src="https://example.com/x"', "<p>x</p><svg/onload=x//", "<{{ name }}>", "<p>1 < 2</p>", '<a href="javascript:x"'],
)  # fmt: skip
def test_a_sign_that_begins_no_whole_tag_is_named(html):
    assert filling.faults(html) == ["A sign < that begins no whole tag is written as &lt;."]


def test_a_style_fetches_nothing_in_any_way():
    assert filling.faults("<p style=\"background:image-set('https://example.com/x' 1x)\">x</p>") != []
    assert filling.faults("<p>1 &lt; 2</p><hr/>") == []
