"""The wordings of letters: what staff write instead of the built-in ones, in versions that stay for ever.

The latest version of a kind in a language counts; one may say that the built-in wording is back. Going back to an older version
makes a new one of it. Whoever writes says on which version they built: another one saved meanwhile is not overwritten.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.languages import LANGUAGES
from loyalty.mail import filling, variables
from loyalty.mail.kinds import KINDS, kind_of
from loyalty.mail.models import LetterWording


class WordingRefused(Refusal):
    """A wording uses what is not there, or there is no such letter. `numbers["faults"]` are the sentences by field."""

    code = "wording_refused"
    status = 422


class WordingChanged(Refusal):
    """Somebody else saved a version meanwhile."""

    code = "wording_changed"


@dataclass(frozen=True, slots=True)
class Words:
    """The parts of a wording."""

    subject: str
    text: str
    html: str


def latest(kind: str, language: str) -> LetterWording | None:
    """The version that counts, also when it says that the built-in wording does. None: there never was another."""
    return LetterWording.objects.filter(kind=kind, language=language).order_by("-number").first()


def all_latest() -> dict[tuple[str, str], LetterWording]:
    """The version that counts of every kind and language that ever had one. One query."""
    return {(one.kind, one.language): one for one in LetterWording.objects.order_by("number").defer("text", "html")}


def counts(version: LetterWording) -> bool:
    """Whether a version is the one that counts now."""
    newest = latest(version.kind, version.language)
    return newest is not None and newest.pk == version.pk


def in_force(kind: str, language: str) -> LetterWording | None:
    """What staff wrote, if that is what counts now. One query."""
    found = latest(kind, language)
    return None if found is None or found.is_built_in else found


def faults(kind: str, words: Words) -> dict[str, list[str]]:
    """What is wrong with a wording, in sentences by field. Unknown variables are named."""
    names = variables.names_of(kind)
    found: dict[str, list[str]] = {"subject": [], "text": [], "html": filling.faults(words.html)}
    for field in found:
        wording = getattr(words, field)
        if not wording.strip():
            found[field].append(_("This cannot be empty."))
        found[field] += [
            _("There is no variable “%(name)s” in this letter.") % {"name": name[:40]}
            if name.isidentifier()
            else _("“%(sign)s” is no part of a variable. Variables look like {{ name }}.") % {"sign": name}
            for name in filling.unknown(wording, names)
        ]
    for name in kind_of(kind).needs:
        for field in ("text", "html"):
            if name not in filling.VARIABLE.findall(getattr(words, field)):
                found[field].append(
                    _("Without {{ %(name)s }} this letter is worth nothing. Put it in.") % {"name": name}
                )
    return {field: said for field, said in found.items() if said}


def publish(kind: str, language: str, words: Words, *, based_on: int, at: datetime, actor: str) -> LetterWording:
    """A new version, in force from now on. Raises WordingRefused, WordingChanged."""
    _known(kind, language)
    wrong = faults(kind, words)
    if wrong:
        raise WordingRefused(" ".join(said for sentences in wrong.values() for said in sentences), faults=wrong)
    return _add(kind, language, words, False, based_on=based_on, at=at, actor=actor)


def use_built_in(kind: str, language: str, *, based_on: int, at: datetime, actor: str) -> LetterWording:
    """From now on the built-in wording again. Raises WordingRefused, WordingChanged."""
    _known(kind, language)
    return _add(kind, language, Words("", "", ""), True, based_on=based_on, at=at, actor=actor)


def go_back(version: LetterWording, *, at: datetime, actor: str) -> LetterWording:
    """Make an older version count again, as a new one. Raises WordingRefused if its variables are gone, WordingChanged."""
    newest = latest(version.kind, version.language)
    based_on = newest.number if newest else 0
    if version.is_built_in:
        return use_built_in(version.kind, version.language, based_on=based_on, at=at, actor=actor)
    words = Words(version.subject, version.text, version.html)
    return publish(version.kind, version.language, words, based_on=based_on, at=at, actor=actor)


def _known(kind: str, language: str) -> None:
    if kind not in KINDS or language not in dict(LANGUAGES):
        raise WordingRefused(_("There is no such letter."))


def _add(
    kind: str, language: str, words: Words, is_built_in: bool, *, based_on: int, at: datetime, actor: str
) -> LetterWording:
    changed = WordingChanged(
        _(
            "Somebody else saved another version meanwhile, so nothing was saved. Look at theirs, then write yours again."
        )
    )
    newest = latest(kind, language)
    if (newest.number if newest else 0) != based_on:
        raise changed
    try:
        with transaction.atomic():
            return LetterWording.objects.create(
                kind=kind, language=language, number=based_on + 1, subject=words.subject, text=words.text, html=words.html,
                is_built_in=is_built_in, since=at, recorded_by=actor,
            )  # fmt: skip
    except IntegrityError as failure:
        raise changed from failure
