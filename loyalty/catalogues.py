"""The translation catalogues: what is translated and what is missing, and writing the files Django reads.

Both files of a language are committed: the text one people edit, and the binary one, so that running Setia needs no
gettext. The texts come from `loyalty.texts`.
"""

import io
import re
from collections.abc import Iterable
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings

from loyalty.texts import Key, Text, borrowed_texts, own_texts

SOURCE_LANGUAGE = "en"
PLACEHOLDER = re.compile(r"%\(\w+\)[sdif]|%[sd]|\{\w*\}|</?\w+")
# Header lines that would make every update a change, or that name nobody.
SAYS_NOTHING = ('"POT-Creation', '"PO-Revision', '"Report-Msgid', '"Last-Translator', '"Language-Team', '"Generated-By')


def wanted_texts(language: str) -> dict[Key, Text]:
    """What the catalogue of a language must hold."""
    wanted = own_texts()
    if language != SOURCE_LANGUAGE:
        wanted = borrowed_texts(language) | wanted
    return wanted


def read(language: str) -> Catalog:
    """The catalogue of a language as it is; an empty one when there is none yet."""
    path = po_path(language)
    if not path.exists():
        return Catalog(locale=language, domain="django")
    with path.open("rb") as file:
        return read_po(file, locale=language, domain="django")


def missing(language: str) -> list[Text]:
    """Texts without a finished translation in a language: absent, empty, or only guessed (fuzzy)."""
    catalogue = read(language)
    return [text for key, text in wanted_texts(language).items() if not _is_done(_find(catalogue, key), catalogue)]


def broken(language: str) -> list[str]:
    """Translations whose placeholders or tags differ from those of the English text."""
    return [
        f"{form!r} -> {translation!r}"
        for message in read(language)
        if message.id
        for form, translation in _pairs(message)
        if translation and sorted(PLACEHOLDER.findall(form)) != sorted(PLACEHOLDER.findall(translation))
    ]


def update(language: str) -> tuple[int, int]:
    """Write the catalogue anew with what is wanted, keeping translations; returns how many texts and how many missing."""
    old, new = read(language), Catalog(locale=language, domain="django", project="Setia", version="0.1", fuzzy=False)
    if language != SOURCE_LANGUAGE:  # neither Indonesian nor Malay inflects after a number
        new.mime_headers = [("Plural-Forms", "nplurals=1; plural=0;")]
    new.header_comment = f"# Setia in {new.locale.english_name if new.locale else language}."
    undone = 0
    for (context, words), text in sorted(wanted_texts(language).items(), key=_order):
        known = _find(old, (context, words))
        translated = words if language == SOURCE_LANGUAGE else (known.string if known else "")
        message = new.add(
            words if isinstance(words, str) else list(words),
            translated or None,
            locations=[(file, 0) for file in sorted(text.files)],
            context=context,
        )
        undone += not _is_done(message, new)
    _write_po(new, po_path(language))
    return len(new), undone


def compile_catalogue(language: str) -> Path:
    """Write the binary catalogue that Django reads, from the text one."""
    path = po_path(language).with_suffix(".mo")
    path.write_bytes(compiled(language))
    return path


def compiled(language: str) -> bytes:
    """The binary catalogue as it should be."""
    buffer = io.BytesIO()
    write_mo(buffer, read(language))
    return buffer.getvalue()


def po_path(language: str) -> Path:
    """Where the catalogue of a language lies."""
    return Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"


def _find(catalogue: Catalog, key: Key) -> Message | None:
    context, words = key
    return catalogue.get(words if isinstance(words, str) else words[0], context)


def _is_done(message: Message | None, catalogue: Catalog) -> bool:
    if message is None or message.fuzzy or not message.string:
        return False
    if isinstance(message.id, str):
        return isinstance(message.string, str)
    forms = message.string
    return not isinstance(forms, str) and len(forms) == catalogue.num_plurals and all(forms)


def _pairs(message: Message) -> Iterable[tuple[str, str]]:
    """Each translated form with the English form it must agree with: the last one, which carries the number."""
    if isinstance(message.id, str):
        return [(message.id, str(message.string or ""))]
    forms = [message.string] if isinstance(message.string, str) else list(message.string or ())
    return [(message.id[-1], form) for form in forms[-1:]]


def _order(item: tuple[Key, Text]) -> tuple[str, str]:
    (context, words), _text = item
    return (words if isinstance(words, str) else words[0], context or "")


def _write_po(catalogue: Catalog, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=110, omit_header=False, sort_output=False, include_lineno=False)
    lines = buffer.getvalue().decode().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(SAYS_NOTHING)), encoding="utf-8")
