"""The words of a mailing: a subject line and a text in three languages, with a fixed list of variables (loyalty/mail/variables.py).

The HTML of the letter is made from its text: a paragraph for each line, addresses as links, the subject line as its heading. Members
read English where their language was left empty.
"""

import re
from datetime import datetime
from html import escape

from django.utils.translation import gettext as _
from django.utils.translation import override

from campaigns.mailings import letters
from campaigns.mailings.models import Mailing
from loyalty.common.errors import Refusal
from loyalty.common.languages import LANGUAGES
from loyalty.mail import rendering, trying, variables, wordings
from loyalty.mail.halting import KIND
from loyalty.mail.wordings import Words
from members.models import Member

PARTS = ("subject", "text")
ADDRESS = re.compile(r"https?://[^\s<>{}]*[^\s<>{}.,;:!?)]")
LINK = re.compile(r"\{\{\s*(link|site|unsubscribe|choices)\s*\}\}")
BUTTON = re.compile(r"\s*\{\{\s*link\s*\}\}\s*")
COPIED = (
    "segment", "campaign", "subject", "subject_id", "subject_ms", "text", "text_id", "text_ms", "pace", "pace_per",
    "control_percent", "measured_days",
)  # fmt: skip


class MailingRefused(Refusal):
    """A mailing that cannot go out as it is; the sentence says why."""

    code = "mailing_refused"
    status = 422


def words_of(about: str, language: str) -> Words | None:
    """How the letters of a mailing read, by what they are about; None when there is no such mailing. One query."""
    number = about.removeprefix("mailing:")
    mailing = Mailing.objects.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 19 else None
    return words(mailing, language) if mailing else None


def words(mailing: Mailing, language: str) -> Words:
    """Subject line, text and HTML of a mailing in a language."""
    subject, text = mailing.words_in(language)
    return Words(subject, text, html_of(subject, text))


def html_of(subject: str, text: str) -> str:
    """The inside of the letter: a line of its own for each line of the text, so that one that says nothing is left out in both."""
    lines = [f'<h1 style="margin:0 0 12px;font-size:22px;line-height:1.3;">{escape(subject)}</h1>']
    written = text.splitlines()
    for line, following in zip(written, [*written[1:], ""], strict=True):
        if line.strip() and not BUTTON.fullmatch(line):  # the frame has a button that leads there
            lines.append(f'<p style="margin:0 0 {0 if following.strip() else 12}px;">{_linked(escape(line))}</p>')
    return "\n".join(lines)


def beginning() -> dict[str, str]:
    """What a new mailing says until somebody writes: the wording of announcements, in every language."""
    found: dict[str, str] = {}
    for code, _name in LANGUAGES:
        latest = wordings.in_force(KIND, code) or rendering.built_in(KIND, code)
        ending = "" if code == "en" else f"_{code}"
        found |= {f"subject{ending}": latest.subject, f"text{ending}": latest.text.strip()}
    return found


def faults(mailing: Mailing) -> dict[str, list[str]]:
    """What is wrong with the words, in sentences by field. A language is written whole, or not at all."""
    found: dict[str, list[str]] = {}
    for code, _name in LANGUAGES:
        fields = {part: part if code == "en" else f"{part}_{code}" for part in PARTS}
        told = {part: getattr(mailing, field) for part, field in fields.items()}
        if code != "en" and not any(told.values()):
            continue
        wrong = wordings.faults(KIND, Words(told["subject"], told["text"], "-"))
        found |= {fields[part]: wrong[part] for part in PARTS if part in wrong}
    return found


def preview(mailing: Mailing, language: str, *, at: datetime, member: str = "") -> tuple[str, str, str]:
    """Subject line, text and HTML as a member would read them; without one with what each variable means. Raises NobodyToShow."""
    number = member.replace(" ", "")
    with override(language):
        shown = variables.samples(KIND)
    if number:
        reader = Member.objects.filter(program=mailing.program_id, number=number).first()
        if reader is None:
            raise trying.NobodyToShow(_("No member has this number. Compare its twelve digits."))
        with override(language):
            told = variables.shown(KIND, letters.values_for(mailing, reader, at=at))
        shown |= {name: said for name, said in told.items() if name not in ("link", "site", "unsubscribe", "choices")}
    return rendering.preview(KIND, language, words(mailing, language), shown)


def duplicate(mailing: Mailing, *, at: datetime, actor: str) -> Mailing:
    """A draft with the same words, audience and pace, to be sent once more or to others."""
    name = _("Copy of %(name)s") % {"name": mailing.name}
    copied = {field: getattr(mailing, field) for field in COPIED}
    return Mailing.objects.create(
        program=mailing.program, name=name[:120], created_at=at, created_by=actor, **copied
    )  # fmt: skip


def _linked(line: str) -> str:
    line = ADDRESS.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', line)
    return LINK.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', line)
