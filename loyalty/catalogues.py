"""The translation catalogues: what texts the project shows, what is translated, and writing the files.

Texts are found without gettext's tools: in the syntax trees of modules, and in the calls Django turns templates into.
Besides our own texts a catalogue holds those of the admin theme and the sign-in library that have no translation in
the packages themselves; they are borrowed, and dropped again once a package brings its own.
"""

import ast
import gettext
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation import templatize

SOURCE_LANGUAGE = "en"
OURS = ("loyalty", "members", "rewards", "campaigns", "templates")
SKIPPED = {"tests", "migrations", "locale", "__pycache__"}
EXPORT_FORM = "contrib/import_export/forms.py"
EXPORT_PAGES = "contrib/import_export/templates/admin/import_export/export.html"
# Of other packages: the parts whose pages people meet here. The rest of them is switched off or for developers.
BORROWED = {
    "unfold": (
        "admin.py",
        "forms.py",
        "widgets.py",
        "mixins",
        "templates",
        "contrib/filters",
        EXPORT_FORM,
        EXPORT_PAGES,
    ),
    "allauth": ("account", "mfa", "templates/account", "templates/mfa"),
    "django.contrib": ("admin", "auth"),
    "django": ("forms", "core"),
    "import_export": ("forms.py",),
    "django_celery_beat": ("",),
}
# Django's Malay calls every hour after noon "malam" (night).
SAID_BETTER_HERE = {"ms": ("a.m.", "p.m.", "AM", "PM", "noon")}
# Function -> where its arguments stand: context (or None), then the words.
FUNCTIONS: dict[str, tuple[int | None, tuple[int, ...]]] = {"_": (None, (0,))}
for _ending in ("", "_lazy", "_noop"):
    FUNCTIONS |= {
        f"gettext{_ending}": (None, (0,)),
        f"ngettext{_ending}": (None, (0, 1)),
        f"pgettext{_ending}": (0, (1,)),
        f"npgettext{_ending}": (0, (1, 2)),
    }
CALL = re.compile(r"(?<!\w)(?:_|n?p?gettext)\(")
PLACEHOLDER = re.compile(r"%\(\w+\)[sdif]|%[sd]|\{\w*\}|</?\w+")
# Header lines that would make every update a change, or that name nobody.
SAYS_NOTHING = ('"POT-Creation', '"PO-Revision', '"Report-Msgid', '"Last-Translator', '"Language-Team', '"Generated-By')
Key = tuple[str | None, str | tuple[str, ...]]


@dataclass
class Text:
    """One text that people see: its key (context and English words) and the files it stands in."""

    key: Key
    files: set[str] = field(default_factory=set)


@cache
def own_texts() -> dict[Key, Text]:
    """Every text of this project's code and templates."""
    texts: dict[Key, Text] = {}
    for name in OURS:
        _collect(texts, settings.BASE_DIR / name, shown_from=settings.BASE_DIR)
    return texts


@cache
def borrowed_texts(language: str) -> dict[Key, Text]:
    """Texts of other packages that people meet here and that no package translates into this language."""
    texts: dict[Key, Text] = {}
    for package, parts in BORROWED.items():
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            continue
        top = Path(next(iter(spec.submodule_search_locations)))
        for part in parts:
            _collect(texts, top / part, shown_from=top.parent)
    known = _translated_elsewhere(language)
    better = {
        (None, words): Text((None, words), {"django/utils/dateformat.py"})
        for words in SAID_BETTER_HERE.get(language, ())
    }
    return {key: text for key, text in texts.items() if _lookup(key) not in known} | better


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


def _collect(texts: dict[Key, Text], folder: Path, *, shown_from: Path) -> None:
    for path in [folder] if folder.is_file() else sorted(folder.rglob("*")):
        if path.suffix not in {".py", ".html", ".txt"} or SKIPPED & set(path.relative_to(shown_from).parts):
            continue
        if shown_from != settings.BASE_DIR and _is_replaced(path):
            continue
        source = path.read_text(encoding="utf-8", errors="replace")
        found = _in_python(source) if path.suffix == ".py" else _in_template(source)
        for key in found:
            texts.setdefault(key, Text(key)).files.add(path.relative_to(shown_from).as_posix())


def _is_replaced(path: Path) -> bool:
    """Whether this template of a package is never shown, because we have our own in its place."""
    _before, found, name = path.as_posix().rpartition("/templates/")
    return bool(found) and (settings.BASE_DIR / "templates" / name).exists()


def _in_python(source: str) -> Iterator[Key]:
    """The texts handed to gettext's functions as they stand; what is computed cannot be read."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name not in FUNCTIONS:
            continue
        context_at, words_at = FUNCTIONS[name]
        given = [argument.value if isinstance(argument, ast.Constant) else None for argument in node.args]
        words = [given[at] for at in words_at if at < len(given)]
        context = given[context_at] if context_at is not None and given else None
        if len(words) == len(words_at) and all(isinstance(text, str) and text for text in words):
            yield context, (words[0] if len(words) == 1 else tuple(words))


def _in_template(source: str) -> Iterator[Key]:
    """Django blanks a template down to gettext calls; each call is then read by itself, as Python."""
    if "{%" not in source and "_(" not in source:
        return
    blanked = templatize(source)
    for start in CALL.finditer(blanked):
        call = _whole_call(blanked[start.start() :])
        if call:
            yield from _in_python(call)


def _whole_call(source: str) -> str:
    """A call up to its closing bracket; empty when there is none."""
    depth, lines = 0, source.splitlines(keepends=True)
    try:
        for token in tokenize.generate_tokens(iter(lines).__next__):
            depth += {"(": 1, ")": -1}.get(token.string, 0) if token.type == tokenize.OP else 0
            if token.string == ")" and depth == 0:
                row, column = token.end
                return "".join(lines[: row - 1]) + lines[row - 1][:column]
    except (tokenize.TokenError, SyntaxError):
        pass
    return ""


def _translated_elsewhere(language: str) -> set[str]:
    """Keys, as gettext looks them up, that Django or an installed package translates into a language."""
    from django.apps import apps

    folders = [Path(str(find_spec("django").submodule_search_locations[0])) / "conf"]  # type: ignore[union-attr, index]
    folders += [Path(config.path) for config in apps.get_app_configs() if not _is_ours(config.name)]
    known: set[str] = set()
    for folder in folders:
        path = folder / "locale" / language / "LC_MESSAGES" / "django.mo"
        if path.exists():
            with path.open("rb") as file:
                held = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
            known |= {key[0] if isinstance(key, tuple) else key for key, words in held.items() if words}
    return known


def _is_ours(app: str) -> bool:
    return app.split(".")[0] in OURS


def _lookup(key: Key) -> str:
    context, words = key
    first = words if isinstance(words, str) else words[0]
    return f"{context}\x04{first}" if context else first


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
    # The date of writing would make every update a change.
    lines = buffer.getvalue().decode().splitlines(keepends=True)
    path.write_text(
        "".join(line for line in lines if not line.startswith(('"POT-Creation', '"PO-Revision'))), encoding="utf-8"
    )
