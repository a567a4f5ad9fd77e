"""Why an entry of a partner is there, in words: for the member, staff and letters (DOMAIN 3.5)."""

from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import ngettext

from loyalty.common.money import show_points


def entry_in_words(told: dict[str, Any]) -> str:
    """`200 points from Bank Biru, 3 March 2026 (card payments)`; of a take-back how many, of what, and why where the program did it."""
    points = told.get("taken_back", told["points"])
    words = {
        "points": show_points(points, told.get("decimals", 0)),
        "partner": told["name"],
        "day": date_format(date.fromisoformat(told["day"]), "j F Y"),
    }
    if "why" in told:
        said = ngettext(
            "%(points)s point from %(partner)s, %(day)s, was taken back: %(why)s",
            "%(points)s points from %(partner)s, %(day)s, were taken back: %(why)s",
            points,
        ) % (words | {"why": told["why"]})
    elif "taken_back" in told:
        said = ngettext(
            "%(partner)s took back %(points)s point of %(day)s", "%(partner)s took back %(points)s points of %(day)s", points
        ) % words  # fmt: skip
    else:
        said = ngettext(
            "%(points)s point from %(partner)s, %(day)s", "%(points)s points from %(partner)s, %(day)s", points
        ) % words  # fmt: skip
    return f"{said} ({told['for']})" if told.get("for") else said
