"""What templates may hold: texts that are translated, and nothing that the content policy forbids."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.template.base import Lexer, TokenType

from loyalty.tests import reading

TEMPLATES = reading.TOP / "templates"
# Names that are the same in every language.
SAME_EVERYWHERE = re.compile(
    r"\b(Setia|QR|API|CSV|PDF|PIN|ID|JSON|English|Bahasa Indonesia|Bahasa Melayu|EN|MS|UTC|[a-z]{1,2})\b|&\w+;"
)
LETTERS = re.compile(r"[^\W\d_]{2,}")
READ_ALOUD = {"title", "alt", "placeholder", "aria-label", "aria-description", "label", "data-confirm"}
VOID_OF_TEXT = {"script", "style", "svg", "code", "pre", "template"}
VOID = {
    "br",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "wbr",
    "area",
    "col",
    "path",
    "use",
    "circle",
    "rect",
    "line",
}


def pages() -> list[Path]:
    return sorted(TEMPLATES.rglob("*.html"))


def letters() -> list[Path]:
    return sorted(TEMPLATES.rglob("*.txt"))


def is_portal(path: Path) -> bool:
    """Pages under the strict content policy: all but the admin's and the bodies of letters."""
    parts = path.relative_to(TEMPLATES).parts
    return parts[0] not in {"admin", "emails", "unfold"} and "email" not in parts


def without_tags(source: str) -> str:
    """A template with its tags, variables, comments and translated passages blanked; lines stay where they are.

    Blocks named `..._class` hold what goes into an attribute: no words.
    """
    blank, inside, blocks = [], None, []
    for token in Lexer(source).tokenize():
        name = token.contents.split()[0] if token.contents.split() else ""
        kept = ""
        if token.token_type == TokenType.BLOCK and inside in (None, name.removeprefix("end")):
            if name in {"blocktranslate", "blocktrans", "comment", "verbatim"}:
                inside = name
            elif inside and name == f"end{inside}":
                inside = None
            elif name == "block":
                blocks.append(token.split_contents()[1])
            elif name == "endblock":
                blocks.pop()
        elif token.token_type == TokenType.TEXT and inside is None and not any(b.endswith("_class") for b in blocks):
            kept = token.contents
        blank.append(kept or "\n" * token.contents.count("\n"))
    return "".join(blank)


class Words(HTMLParser):
    """Collects the bare words a page shows, and what its tags carry that a strict content policy refuses."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, str]] = []
        self.words: list[tuple[int, str]] = []
        self.refused: list[tuple[int, str]] = []

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self.open.append((tag, values.get("class", "")))
        for name, value in values.items():
            if name in READ_ALOUD and says_something(value):
                self.words.append((self.getpos()[0], f"{name}={value}"))
            if name == "style" or name.startswith("on") or value.strip().lower().startswith("javascript:"):
                self.refused.append((self.getpos()[0], f"{tag} {name}"))
        if tag in {"input", "button"} and says_something(values.get("value", "")) and values.get("type") == "submit":
            self.words.append((self.getpos()[0], values["value"]))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in {name for name, _ in self.open}:
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data):
        silent = any(tag in VOID_OF_TEXT or "material-symbols" in classes for tag, classes in self.open)
        if not silent and says_something(data):
            self.words.append((self.getpos()[0], " ".join(data.split())))


def says_something(text: str) -> bool:
    """Whether a text holds words that would differ in another language."""
    return bool(LETTERS.search(SAME_EVERYWHERE.sub(" ", text)))


def read(path: Path) -> Words:
    words = Words()
    words.feed(without_tags(path.read_text(encoding="utf-8")))
    words.close()
    return words


def test_every_word_on_a_page_is_translated():
    found = [f"{reading.shown(path)}:{line} {words[:60]!r}" for path in pages() for line, words in read(path).words]
    assert not found, f"put these into translate tags: {found}"


def plain_words(path: Path) -> Iterator[str]:
    for number, line in enumerate(without_tags(path.read_text(encoding="utf-8")).splitlines(), start=1):
        if says_something(re.sub(r"https?://\S+", "", line)):
            yield f"{reading.shown(path)}:{number} {line.strip()[:60]!r}"


def test_every_word_in_a_plain_letter_is_translated():
    found = [words for path in letters() for words in plain_words(path)]
    assert not found, f"put these into translate tags: {found}"


def test_portal_pages_carry_nothing_that_their_content_policy_refuses():
    found = [f"{reading.shown(p)}:{line} {what}" for p in pages() if is_portal(p) for line, what in read(p).refused]
    assert not found, f"use the stylesheet and scripts of static/: {found}"


def test_scripts_written_into_portal_pages_carry_the_nonce():
    inline = re.compile(r"<(script|style)\b(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>")
    found = [
        f"{reading.shown(path)} {tag.group(0)}"
        for path in pages()
        if is_portal(path)
        for tag in inline.finditer(path.read_text(encoding="utf-8"))
        if "nonce" not in tag.group(0)
    ]
    assert not found, found


def test_pages_load_nothing_from_outside():
    outside = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=["'](?:https?:)?//[^"']*""")
    found = [f"{reading.shown(p)} {tag}" for p in pages() for tag in outside.findall(p.read_text(encoding="utf-8"))]
    assert not found, found


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<p>{% translate 'Hello' %} {{ name }}</p>", []),
        ("<p>Hello {{ name }}</p>", ["Hello"]),
        ("{% blocktranslate %}Hello <b>you</b>{% endblocktranslate %}", []),
        ("<a title='Go home' href='/'>{{ x }}</a>", ["title=Go home"]),
        ("<span class='material-symbols-outlined'>redeem</span>", []),
        ("{# a comment #}{% comment %}Hello{% endcomment %}<br>1.200", []),
        ("<script>let hello = 1</script><button>{% if x %}Yes{% endif %}</button>", ["Yes"]),
    ],
)
def test_the_reader_of_templates_finds_bare_words_only(tmp_path, source, words):
    page = tmp_path / "page.html"
    page.write_text(source)
    assert [word for _line, word in read(page).words] == words


def test_the_reader_of_templates_finds_what_the_policy_refuses(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<p style='color:red'>1</p><a href='javascript:x()' onclick='y()'>2</a><p class='red'>3</p>")
    assert [what for _line, what in read(page).refused] == ["p style", "a href", "a onclick"]
