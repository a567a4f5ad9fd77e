"""The rows of a segment's form: every condition is a row of words, and what is left empty is left out of the definition.

A widget draws the rows and reads them back; the definition they mean is judged by `members.segments.definitions`.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from loyalty.common.languages import LANGUAGES
from loyalty.ledger.models import Program
from members.segments.definitions import (
    ABOUT,
    ALL,
    ANY,
    COUNT,
    MONEY,
    MOST_CONDITIONS,
    MOST_GROUPS,
    NARROWING,
    ONE_OF,
    SOME_OF,
    Value,
)
from members.segments.reading import channel_name, class_name, month_name, part_name, purpose_name

EMPTY_ROWS = 1


class Rows(forms.Widget):
    """Draws a definition as rows; `choices` are those of the program's tiers and stores."""

    template_name = "admin/segments/rows.html"

    def __init__(self, program: Program | None) -> None:
        """Read what can be ticked."""
        super().__init__()
        self.tiers = [(tier.slug, str(tier)) for tier in program.tiers.order_by("rank")] if program else []
        self.stores = [(store.code, str(store)) for store in program.stores.order_by("name")] if program else []

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """By the project's own templates, which the renderer of forms does not know."""
        return render_to_string(self.template_name, self.get_context(name, value, attrs))

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """The rows that are filled, an empty one, and one that the page copies for more."""
        definition = value if isinstance(value, Mapping) else {}
        groups = definition.get("groups") or []
        filled = [
            (number, told) for number, group in enumerate(groups, start=1) for told in group.get("conditions", ())
        ]
        rows = [*filled, *[(1, {})] * (0 if filled else EMPTY_ROWS)]
        context: dict[str, Any] = super().get_context(name, "", attrs)
        matches = [(ALL, _("all of these")), (ANY, _("any of these"))]
        told = {number: group.get("match", ALL) for number, group in enumerate(groups, start=1)}
        return context | {
            "name": name,
            "match": {"name": f"{name}-match", "value": definition.get("match", ALL), "choices": matches},
            "groups": [
                {"number": n, "name": f"{name}-match-{n}", "value": told.get(n, ALL), "choices": matches}
                for n in range(1, MOST_GROUPS + 1)
            ],
            "rows": [self._row(name, index, number, condition) for index, (number, condition) in enumerate(rows)],
            "blank": self._row(name, "__", 1, {}),
            "most": MOST_CONDITIONS,
        }

    def _row(self, name: str, index: Any, group: int, told: Mapping[str, Any]) -> dict[str, Any]:
        """One row: its group, is or is not, what it is about, and the inputs of each thing it can be about."""
        row = f"{name}-{index}"
        return {
            "row": row,
            "group": group,
            "groups": range(1, MOST_GROUPS + 1),
            "not": bool(told.get("not")),
            "about": told.get("about", ""),
            "abouts": [(key, about.title) for key, about in ABOUT.items()],
            "parts": [
                {
                    "about": key,
                    "is_shown": key == told.get("about"),
                    **self._inputs(row, key, about.values, told if key == told.get("about") else {}),
                }
                for key, about in ABOUT.items()
            ],
        }  # fmt: skip

    def _inputs(self, row: str, about: str, values: tuple[Value, ...], told: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of one thing, and apart those of which goods and where, which stand open once one is filled in."""
        narrow = [value for value in values if value in NARROWING]
        return {
            "inputs": [self._input(row, about, value, told) for value in values if value not in narrow],
            "narrow": [self._input(row, about, value, told) for value in narrow],
            "is_narrowed": any(value.name in told for value in narrow),
        }

    def _input(self, row: str, about: str, value: Value, told: Mapping[str, Any]) -> dict[str, Any]:
        given = told.get(value.name, "")
        shown = ", ".join(given) if isinstance(given, list) and value.kind != SOME_OF else given
        return {
            "name": f"{row}-{about}-{value.name}",
            "kind": value.kind.replace(" ", "-"),
            "label": value.label,
            "value": shown,
            "most": value.most,
            "choices": [(key, text, key in given) for key, text in self._choices(about, value, told)],
        }

    def _choices(self, about: str, value: Value, told: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """What can be chosen; what a definition names stays to be chosen, also where it is no longer offered."""
        offered: dict[tuple[str, str], list[tuple[str, Any]]] = {
            ("tier", "is"): self.tiers,
            ("purchases", "stores"): self.stores,
            ("bought", "stores"): self.stores,
            ("language", "is"): list(LANGUAGES),
            ("consent", "purpose"): [(key, purpose_name(key)) for key in value.choices] if about == "consent" else [],
            ("consent", "channel"): [(key, channel_name(key)) for key in value.choices] if about == "consent" else [],
            ("class", "is"): [(key, class_name(key)) for key in value.choices],
            ("birthday", "month"): [(key, month_name(key)) for key in value.choices] if about == "birthday" else [],
            ("business", "is"): [("yes", _("yes")), ("no", _("no"))],
            ("score", "part"): [(key, part_name(key)) for key in value.choices] if about == "score" else [],
        }  # fmt: skip
        found = offered.get((about, value.name), [])
        given = told.get(value.name, []) if value.kind == SOME_OF else []
        return [*found, *((word, word) for word in given if word not in {key for key, _text in found})]

    def value_from_datadict(self, data: Any, files: Any, name: str) -> dict[str, Any]:
        """The rows as a definition; rows that say nothing are left out, groups come in the order of their numbers."""
        groups: dict[int, list[dict[str, Any]]] = {}
        for index in _indexes(data, name):
            row = f"{name}-{index}"
            about = data.get(f"{row}-about", "")
            if about not in ABOUT:
                continue
            condition: dict[str, Any] = {"about": about}
            if data.get(f"{row}-not") == "not":
                condition["not"] = True
            for value in ABOUT[about].values:
                given = _read(data, f"{row}-{about}-{value.name}", value)
                if given not in ("", [], None):
                    condition[value.name] = given
            number = data.get(f"{row}-group", "1")
            groups.setdefault(int(number) if number.isascii() and number.isdecimal() else 1, []).append(condition)
        return {
            "match": data.get(f"{name}-match", ALL),
            "groups": [
                {"match": data.get(f"{name}-match-{number}", ALL), "conditions": told}
                for number, told in sorted(groups.items())
            ],
        }

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Whether the page sent no rows at all."""
        return f"{name}-match" not in data


def _indexes(data: Any, name: str) -> list[int]:
    """The numbers of the rows that were sent, in order; no more than there may be."""
    found = {
        key[len(name) + 1 :].split("-", 1)[0] for key in data if key.startswith(f"{name}-") and key.endswith("-about")
    }
    return sorted(int(number) for number in found if number.isascii() and number.isdecimal() and len(number) < 6)[: MOST_CONDITIONS + 1]  # fmt: skip


def _read(data: Any, name: str, value: Value) -> Any:
    """One input as definitions keep it; what is no number is kept as typed, so that it is refused in words."""
    if value.kind == SOME_OF:
        return data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])
    text = data.get(name, "").strip()
    if value.kind == COUNT:
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else text
    if value.kind in (MONEY, ONE_OF):
        return text.replace(",", "") if value.kind == MONEY else text
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


class Definition(forms.Field):
    """The rows as a form field."""

    def prepare_value(self, value: Any) -> Any:
        """As it is: the widget knows how to draw it."""
        return value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the rows mean something else."""
        return bool(initial != data)
