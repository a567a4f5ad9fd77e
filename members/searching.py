"""Finding members by the beginning of a name, an address, a phone or member number, at any size.

SQLite searches a range of an ordinary index; PostgreSQL needs indexes of its own for beginnings, made after every
migrate when they are missing (the planner ignores ordinary ones under most collations).
"""

from typing import Any

from django.db import connections, models
from django.db.models import Q
from django.db.models.functions import Lower

INDEXES = {
    "member_name_beginning": "lower(name) text_pattern_ops",
    "member_email_beginning": "lower(email) text_pattern_ops",
    "member_phone_beginning": "phone text_pattern_ops",
}
LAST = "\U0010ffff"

models.CharField.register_lookup(Lower)


def begins(field: str, text: str) -> Q:
    """The condition that a column (or `column__lower`) begins with a text, such that an index serves it."""
    if connections["default"].vendor == "postgresql":
        return Q(**{f"{field}__startswith": text})
    return Q(**{f"{field}__gte": text, f"{field}__lt": text + LAST})


def found_by(term: str) -> Q:
    """What somebody types to find a member: digits are a number or phone, an @ makes it an address, else a name."""
    term = term.strip().lower()
    digits = term.replace(" ", "").replace("-", "")
    if digits.isdecimal() and digits.isascii():
        return begins("number", digits) | begins("phone", term)
    if term.startswith("+"):
        return begins("phone", term)
    if "@" in term:
        return begins("email__lower", term)
    return begins("name__lower", term) | begins("email__lower", term)


def install(using: str = "default", **more: Any) -> None:
    """Make the indexes for beginnings on PostgreSQL; a receiver of `post_migrate`."""
    connection = connections[using]
    if connection.vendor != "postgresql" or "members_member" not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        for name, expression in INDEXES.items():
            cursor.execute(f"CREATE INDEX IF NOT EXISTS {name} ON members_member ({expression})")
