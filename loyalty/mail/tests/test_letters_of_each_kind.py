"""Every kind of letter: in three languages, as text and HTML, asking nothing from outside, with a way out only where consent is asked."""

import re
from html.parser import HTMLParser

import pytest

from loyalty.mail import variables
from loyalty.mail.kinds import KINDS
from loyalty.mail.rendering import as_email, render
from loyalty.mail.tests.letters_of_each_kind import VALUES, letter

pytestmark = pytest.mark.django_db  # staff may have written another wording
FETCHING = {"script", "link", "iframe", "object", "embed", "img", "video", "audio", "source", "form"}
LANGUAGES = ("en", "id", "ms")


class Tags(HTMLParser):
    """The tags of a letter, and the values of those attributes that make a mail program ask for something."""

    def __init__(self, html):
        super().__init__()
        self.names, self.asked = set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.asked += [value for name, value in attrs if name in {"src", "srcset", "background", "poster"}]


def test_there_are_values_for_every_kind():
    assert VALUES.keys() == KINDS.keys() == variables.PER_KIND.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_has_a_subject_a_text_and_html_in_each_language(kind):
    told = [render(letter(kind, language)) for language in LANGUAGES]
    for language, (subject, text, html) in zip(LANGUAGES, told, strict=True):
        assert subject.strip() and "\n" not in subject
        assert f'lang="{language}"' in html and "prefers-color-scheme: dark" in html
        assert not re.search(r"\{\{|\{%|<\w", text) and "{{" not in html and "{%" not in html
        assert "http://localhost:8000" in text and len(text.splitlines()) > 4
    assert len({text for _, text, _ in told}) == len({html for _, _, html in told}) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_asks_nothing_from_outside_and_is_no_wider_than_a_phone(kind):
    html = render(letter(kind))[2]
    tags = Tags(html)
    assert not tags.names & FETCHING and tags.asked == []
    assert not re.search(r"url\(|@import|@font-face", html)
    assert all(int(width) < 320 for width in re.findall(r"(?<!max-)\bwidth[:=]\"?(\d+)(?!\d*%)", html))


@pytest.mark.parametrize("kind", KINDS)
def test_only_news_carry_a_way_out_and_all_of_them_do(kind):
    email = as_email(letter(kind))
    html = email.alternatives[0][0]
    is_news = bool(KINDS[kind].purpose)
    assert ("List-Unsubscribe" in email.extra_headers) is is_news
    assert (email.extra_headers.get("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click") is is_news
    assert ("letters/unsubscribe/" in html and "letters/choices/" in html) is is_news
    assert ("letters/unsubscribe/" in email.body and "letters/choices/" in email.body) is is_news
