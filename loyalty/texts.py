"""Finding the texts that people see, without gettext's tools.

In modules they are read from the syntax tree; templates are first turned into gettext calls by Django itself. Besides our
own there are borrowed ones: texts of the admin theme, the sign-in library and the scheduler that people meet here and
that no package translates. They are dropped again once a package brings its own translation.
"""

import ast
import gettext
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.utils.translation import templatize

OURS = ("loyalty", "members", "rewards", "campaigns", "templates")
SKIPPED = {"tests", "migrations", "locale", "__pycache__"}
# Of other packages: the parts whose pages people meet here. The rest of them is switched off or for developers.
BORROWED = {
    "unfold": (
        "admin.py",
        "forms.py",
        "widgets.py",
        "mixins",
        "templates",
        "contrib/filters",
    ),
    "allauth": ("account", "mfa", "templates/account", "templates/mfa"),
    "django.contrib": ("admin", "auth"),
    "django": ("forms", "core"),
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
        collect(texts, settings.BASE_DIR / name, shown_from=settings.BASE_DIR)
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
            collect(texts, top / part, shown_from=top.parent)
    known = _translated_elsewhere(language)
    better = {
        (None, words): Text((None, words), {"django/utils/dateformat.py"})
        for words in SAID_BETTER_HERE.get(language, ())
    }
    return {key: text for key, text in texts.items() if lookup_key(key) not in known} | better


def collect(texts: dict[Key, Text], folder: Path, *, shown_from: Path) -> None:
    """Add the texts of every module and template in a folder, with the files they stand in."""
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
        given = [_plain_text(argument) for argument in node.args]
        words = [text for at in words_at if at < len(given) and (text := given[at])]
        context = given[context_at] if context_at is not None and given else None
        if len(words) == len(words_at):
            yield context, (words[0] if len(words) == 1 else tuple(words))


def _plain_text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


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


def lookup_key(key: Key) -> str:
    """A text's key as gettext looks it up."""
    context, words = key
    first = words if isinstance(words, str) else words[0]
    return f"{context}\x04{first}" if context else first
