"""Putting values into a wording: `{{ name }}` becomes the value, and nothing else happens. There is no template code.

A line with a list is repeated for each of its items. A line whose variables are all empty is left out, so that a wording
may speak of what is not always there. In HTML values are escaped, and only plain tags of text are allowed: no script, no
pictures, nothing that asks the outside.
"""

import re
from html import escape
from html.parser import HTMLParser

from django.utils.translation import gettext as _

from loyalty.mail.variables import LISTS, Shown

VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
BRACES = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")
TAGS = {"p", "h1", "h2", "h3", "a", "strong", "em", "b", "i", "u", "br", "hr", "ul", "ol", "li", "table", "tbody", "tr", "td", "th", "div", "span", "blockquote", "small"}  # fmt: skip
ALONE = {"br", "hr"}
ATTRIBUTES = {"style", "align", "valign", "width", "height", "cellpadding", "cellspacing", "role", "class", "colspan", "lang", "dir", "title"}  # fmt: skip
OUTSIDE = re.compile(r"url\s*\(|image-set|@import|expression|\\|/\*", re.IGNORECASE)
TARGET = re.compile(r"(https?://|mailto:)[^\s{}]+|\{\{\s*(link|site|unsubscribe|choices)\s*\}\}")


def fill(wording: str, values: Shown, *, is_html: bool = False) -> str:
    """A wording with its values."""
    lines: list[str] = []
    for line in wording.splitlines():
        lines += _filled(line, values, is_html)
    return "\n".join(lines)


def unknown(wording: str, names: tuple[str, ...]) -> list[str]:
    """The variables of a wording that are not on the list, and signs of template code."""
    found = [name for name in VARIABLE.findall(wording) if name not in names]
    rest = BRACES.search(VARIABLE.sub("", wording))
    return list(dict.fromkeys(found)) + ([rest[0]] if rest else [])


def faults(html: str) -> list[str]:
    """What may not stand in the HTML of a letter, in sentences."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    if html.count("<") != reader.seen:
        reader.faults.append(_("A sign < that begins no whole tag is written as &lt;."))
    for tag in reader.open_tags:
        reader.faults.append(_("The tag <%(tag)s> is never closed.") % {"tag": tag})
    return list(dict.fromkeys(reader.faults))


def _filled(line: str, values: Shown, is_html: bool) -> list[str]:
    names = VARIABLE.findall(line)
    if not names:
        return [line]
    lists = [name for name in names if name in LISTS]
    rounds = [dict(values, **{lists[0]: item}) for item in values.get(lists[0], [])] if lists else [values]
    return [
        _line(line, round_values, is_html) for round_values in rounds if any(round_values.get(name) for name in names)
    ]


def _line(line: str, values: Shown, is_html: bool) -> str:
    def value(found: re.Match[str]) -> str:
        said = values.get(found[1], "")
        text = ", ".join(said) if isinstance(said, list) else said
        return escape(text) if is_html else text

    return VARIABLE.sub(value, line)


class _Reader(HTMLParser):
    """Walks over a piece of HTML and notes what is not allowed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.open_tags: list[str] = []
        self.seen = 0  # whole tags: a mail program may make one of what is left, as of a tag without its end

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag of text, with attributes that only dress it."""
        self.seen += 1
        if tag not in TAGS:
            self.faults.append(_("The tag <%(tag)s> may not stand in a letter.") % {"tag": tag[:20]})
            return
        if tag not in ALONE:
            self.open_tags.append(tag)
        for name, value in attrs:
            self._attribute(tag, name, value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<br/>`; of another tag it means that it stays open."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """What is closed was opened last."""
        self.seen += 1
        if tag in ALONE or tag not in TAGS:
            return
        if not self.open_tags or self.open_tags.pop() != tag:
            self.faults.append(_("The tag </%(tag)s> closes nothing.") % {"tag": tag})

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name == "href" and tag == "a":
            if not TARGET.fullmatch(value.strip()):
                self.faults.append(_("A link leads to https://…, to mailto:…, or to {{ link }}; not to “%(value)s”.") % {"value": value[:60]})  # fmt: skip
            return
        if name not in ATTRIBUTES:
            self.faults.append(_("The attribute %(name)s may not stand in a letter.") % {"name": name[:20]})
        elif "{{" in value or OUTSIDE.search(value):
            self.faults.append(_("The attribute %(name)s holds something that is not allowed.") % {"name": name})

    def handle_comment(self, data: str) -> None:
        """Comments may hide code for some mail programs."""
        self.faults.append(_("Comments may not stand in a letter."))

    def handle_decl(self, decl: str) -> None:
        """The frame of the letter is there already."""
        self.faults.append(_("Only the inside of the letter is written here; its frame is added."))

    def unknown_decl(self, data: str) -> None:
        """Nothing of this kind belongs into a letter."""
        self.handle_decl(data)

    def handle_pi(self, data: str) -> None:
        """Nothing of this kind belongs into a letter."""
        self.handle_decl(data)
