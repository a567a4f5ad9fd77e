"""A letter as it is read: subject, plain text and HTML, in the language of the one it goes to.

The built-in wording is in files, `emails/<kind>/{subject.txt,body.txt,body.html}`; staff may write another one
(`wordings`). The values of a letter are shown, never run: a
name that looks like template code or HTML stays a name.
"""

import re
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context, engines
from django.template.loader import get_template
from django.template.loader_tags import ExtendsNode
from django.urls import NoReverseMatch, reverse
from django.utils import translation
from django.utils.module_loading import import_string
from django.utils.safestring import mark_safe

from loyalty.mail import filling, unsubscribing, variables, wordings
from loyalty.mail.kinds import KINDS, kind_of
from loyalty.mail.models import Message
from loyalty.mail.wordings import Words

# The inside of a letter comes as a value: a value is shown, never run.
FRAME = """{%% extends "emails/%(kind)s/%(part)s" %%}{%% block title %%}{{ title_said }}{%% endblock %%}{%% block letter %%}{{ letter_said }}{%% endblock %%}"""
KIND = re.compile(r"[a-z][a-z0-9_]*")


def render(message: Message) -> tuple[str, str, str]:
    """Subject (one line), text and HTML of a letter. Raises TemplateDoesNotExist for an unknown kind."""
    if not KIND.fullmatch(message.kind):
        raise ValueError(f"not a kind of letter: {message.kind[:40]!r}")
    values = {"sender": sender_name(), "decimals": 0, **message.context}
    values |= {"link": link_for(message.kind), "site": settings.SITE_URL, "language": message.language}
    if kind_of(message.kind).purpose:
        values |= dict(zip(("unsubscribe", "choices"), unsubscribing.addresses(message), strict=True))
    words = _words(message)
    with translation.override(message.language):
        if words is not None:
            return compose(message.kind, words, variables.shown(message.kind, values), values)
        subject = _fill(message.kind, "subject.txt", values)
        text = _fill(message.kind, "body.txt", values)
        html = _fill(message.kind, "body.html", values)
    return " ".join(subject.split())[:200], text.strip() + "\n", html.strip() + "\n"


def compose(kind: str, words: Words, shown: variables.Shown, values: dict[str, Any]) -> tuple[str, str, str]:
    """A letter by a wording of staff, in the frame that the built-in letter of its kind has. Nothing staff wrote is run."""
    told = values | {"title_said": " ".join(filling.fill(words.subject, shown).split())[:200]}
    text = _framed(kind, "body.txt", told | {"letter_said": filling.fill(words.text, shown)})
    html = _framed(kind, "body.html", told | {"letter_said": mark_safe(filling.fill(words.html, shown, is_html=True))})  # noqa: S308
    return told["title_said"], text.strip() + "\n", html.strip() + "\n"


def preview(kind: str, language: str, words: Words, shown: variables.Shown) -> tuple[str, str, str]:
    """How a wording would read with these values, in its language."""
    with translation.override(language):
        values = _values(kind, language) | {"program": shown.get("program", "")}
        if kind_of(kind).purpose:  # the way out belongs to a letter that went; here it only shows
            values |= dict.fromkeys(("unsubscribe", "choices"), settings.SITE_URL + "/")
        return compose(kind, words, shown, values)


def built_in(kind: str, language: str) -> Words:
    """The built-in wording of a kind, with its variables instead of values: what staff begin with."""
    values = _values(kind, language) | variables.placeholders(kind)
    with translation.override(language):
        subject = " ".join(_fill(kind, "subject.txt", values).split()).replace("{{ days }}", "{{ first_day }}")
        text, html = _inside(kind, "body.txt", values), _inside(kind, "body.html", values)
    html = html.replace("{{ days }}</h1>", "{{ first_day }}</h1>")
    absent = variables.notes_of(kind)
    text = "\n".join(line.replace("{{ days }}:", "{{ days }}").rstrip() for line in text.strip().splitlines())
    text += "".join(f"\n{variables.written(name)}" for name in absent)
    html = html.strip() + "".join(f'\n<p style="margin:12px 0 0;">{variables.written(name)}</p>' for name in absent)
    return Words(subject, text + "\n", html + "\n")


def as_email(message: Message) -> EmailMultiAlternatives:
    """The letter ready to be handed over, with the Message-ID it has at every attempt."""
    subject, text, html = render(message)
    headers = {"Message-ID": message.message_id, "Auto-Submitted": "auto-generated"}
    headers |= unsubscribing.headers(message)
    email = EmailMultiAlternatives(subject, text, settings.DEFAULT_FROM_EMAIL, [message.address], headers=headers)
    email.attach_alternative(html, "text/html")
    return email


def sender_name() -> str:
    """The name letters come from, when the letter does not name its program."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[0] or "Setia"


def link_for(kind: str) -> str:
    """The full address of the page a letter of this kind points to."""
    try:
        return settings.SITE_URL + reverse(kind_of(kind).page)
    except NoReverseMatch:
        return settings.SITE_URL + "/"


def _words(message: Message) -> Words | None:
    """What staff wrote: for this very mailing, or for letters of its kind. None: it reads as it was built."""
    own = settings.SETIA_MAILING_WORDS if kind_of(message.kind).has_own_words else ""
    if own and (words := import_string(own)(message.subject, message.language)):
        return words
    wording = wordings.in_force(message.kind, message.language) if message.kind in KINDS else None
    return None if wording is None else Words(wording.subject, wording.text, wording.html)


def _fill(kind: str, part: str, values: dict[str, Any]) -> str:
    template: Any = get_template(f"emails/{kind}/{part}")
    return template.template.render(Context(values, autoescape=part.endswith(".html")))


def _values(kind: str, language: str) -> dict[str, Any]:
    """What every letter knows besides its own values."""
    return {
        "sender": sender_name(),
        "decimals": 0,
        "link": link_for(kind),
        "site": settings.SITE_URL,
        "language": language,
    }


def _framed(kind: str, part: str, values: dict[str, Any]) -> str:
    """The inside of a letter in its frame: the template is ours, the inside one of its values."""
    frame: Any = engines["django"].from_string(FRAME % {"kind": kind, "part": part})
    return frame.template.render(Context(values, autoescape=part.endswith(".html")))


def _inside(kind: str, part: str, values: dict[str, Any]) -> str:
    """What a built-in letter says inside of its frame."""
    template: Any = get_template(f"emails/{kind}/{part}").template  # type: ignore[attr-defined]
    context = Context(values, autoescape=part.endswith(".html"))
    with context.bind_template(template):
        return str(template.nodelist.get_nodes_by_type(ExtendsNode)[0].blocks["letter"].nodelist.render(context))
