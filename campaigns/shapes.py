"""The shapes that values in a rule's definition may have: their JSON schema, what is wrong with one, and how it is read."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

LARGEST = Decimal(1_000_000_000)
MOST_WORDS, LONGEST_WORD = 200, 80
TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
MONTH_DAY = re.compile(r"(\d\d)-(\d\d)", re.ASCII)
LEAP_YEAR = 2000
NUMBER = r"^[0-9]{1,10}(\.[0-9]{1,6})?$"
PLAIN = re.compile(r"\d{1,40}(\.\d{1,40})?", re.ASCII)


class Shape(NamedTuple):
    """How a value is described, judged (a sentence when it is wrong) and read."""

    schema: dict[str, Any]
    problem: Callable[[Any], str | None]
    read: Callable[[Any], Any]


def number_problem(value: Any, *, above: Decimal | None = None, at_least: Decimal | None = None) -> str | None:
    """What is wrong with a number written as text ("1.5"); JSON's own numbers are inexact and refused."""
    if not isinstance(value, str) or not PLAIN.fullmatch(value):
        return _("Write a plain number in quotes, such as “1.5”.")
    number = Decimal(value)
    if number > LARGEST or (number * 10**6) % 1:
        return _("Use at most %(largest)s and six decimals.") % {"largest": LARGEST}
    if above is not None and number <= above:
        return _("Must be more than %(least)s.") % {"least": above}
    if at_least is not None and number < at_least:
        return _("Must be at least %(least)s.") % {"least": at_least}
    return None


def is_word(value: Any) -> bool:
    """Whether a value is a short text."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_WORD and value.isprintable()


def _words_problem(value: Any) -> str | None:
    if not isinstance(value, list) or len(value) > MOST_WORDS or not all(is_word(word) for word in value):
        return _("Write a list of short names.")
    return None


def _choice(*words: str) -> Shape:
    def problem(value: Any) -> str | None:
        return None if value in words else _("Choose one of: %(kinds)s.") % {"kinds": ", ".join(words)}

    return Shape({"enum": list(words)}, problem, str)


def _count(least: int, most: int) -> Shape:
    def problem(value: Any) -> str | None:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return None
        return _("Write a whole number from %(least)s to %(most)s.") % {"least": least, "most": most}

    return Shape({"type": "integer", "minimum": least, "maximum": most}, problem, int)


def _spans(names: tuple[str, str], schema: dict[str, Any], read: Callable[[str], Any], words: Callable[[], str],
           *, in_order: bool) -> Shape:  # fmt: skip
    """A list of spans, each with a beginning and an end of one kind."""

    def read_all(value: Any) -> tuple[tuple[Any, Any], ...]:
        return tuple((read(span[names[0]]), read(span[names[1]])) for span in value)

    def problem(value: Any) -> str | None:
        if not isinstance(value, list) or not value or len(value) > MOST_WORDS:
            return words()
        for span in value:
            if not isinstance(span, dict) or set(span) != set(names):
                return words()
        try:
            spans = read_all(value)
        except (ValueError, TypeError):
            return words()
        if in_order and any(end < begin for begin, end in spans):
            return _("The end lies before the beginning.")
        return None

    span = {"type": "object", "required": list(names), "additionalProperties": False, "properties": dict.fromkeys(names, schema)}  # fmt: skip
    return Shape({"type": "array", "items": span, "minItems": 1}, problem, read_all)


def _month_day(text: str) -> tuple[int, int]:
    found = MONTH_DAY.fullmatch(text)
    if not found:
        raise ValueError(text)
    day = date(LEAP_YEAR, int(found[1]), int(found[2]))
    return day.month, day.day


def _time(text: str) -> str:
    if text != "24:00" and not TIME.fullmatch(text):
        raise ValueError(text)
    return text


def _weekdays_problem(value: Any) -> str | None:
    fine = isinstance(value, list) and value and all(type(day) is int and 1 <= day <= 7 for day in value)
    return None if fine else _("Write weekdays as numbers from 1 (Monday) to 7 (Sunday).")


def _frequency_problem(value: Any) -> str | None:
    if not isinstance(value, dict) or set(value) != {"count", "days"}:
        return _("Say how many purchases (count) within how many days.")
    return COUNT.problem(value["count"]) or DAYS.problem(value["days"])


COUNT, DAYS = _count(1, 10_000), _count(1, 36_500)
WORDS = Shape(
    {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_WORD}}, _words_problem, tuple
)
NAME = Shape(
    {"type": "string", "minLength": 1, "maxLength": LONGEST_WORD},
    lambda value: None if is_word(value) else _("Write a short name."),
    str,
)
MONEY = Shape({"type": "string", "pattern": NUMBER}, lambda value: number_problem(value, at_least=Decimal(0)), Decimal)
POSITIVE = Shape({"type": "string", "pattern": NUMBER}, lambda value: number_problem(value, above=Decimal(0)), Decimal)
FACTOR = Shape({"type": "string", "pattern": NUMBER}, lambda value: number_problem(value, at_least=Decimal(1)), Decimal)
FLAG = Shape({"type": "boolean"}, lambda value: None if isinstance(value, bool) else _("Write true or false."), bool)
BIRTHDAY = _choice("day", "week", "month")
PERIOD = _choice("day", "week", "month", "year")
GROUP = _choice("all", "best", "first")
ON = _choice("basket", "lines")
PRIORITY = _count(1, 1000)
DAY_SPANS = _spans(
    ("from", "through"), {"type": "string", "format": "date"}, date.fromisoformat,
    lambda: _("Write days such as 2027-03-01, each with its first and its last day."), in_order=True,
)  # fmt: skip
YEARLY = _spans(
    ("from", "through"), {"type": "string", "pattern": "^[0-9]{2}-[0-9]{2}$"}, _month_day,
    lambda: _("Write days of the year such as 12-31 (month, then day)."), in_order=False,
)  # fmt: skip
HOURS = _spans(
    ("from", "until"), {"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$"}, _time,
    lambda: _("Write times such as 15:00, each with its beginning and its end."), in_order=False,
)  # fmt: skip
WEEKDAYS = Shape(
    {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 7}, "minItems": 1}, _weekdays_problem, tuple
)
FREQUENCY = Shape(
    {"type": "object", "required": ["count", "days"], "additionalProperties": False,
     "properties": {"count": COUNT.schema, "days": DAYS.schema}},
    _frequency_problem, lambda value: (value["count"], value["days"]),
)  # fmt: skip
