"""Finding members by the beginning of a name or of a word in it, a company, an address, a phone or member number, at any size.

Every way of searching has an index over the very expression that is compared, made after every migrate where it is
missing. On PostgreSQL they collate by code points, so that one index serves a range of beginnings and their order.
A list reads the ids of the first thousand that fit, in the order of such an index, before it sorts and pages: its
cost follows what fits, wherever among all members that lies. Few members name a company, so only they are in its index.
"""

from typing import Any

from django.db import connections, models
from django.db.models import F, Func, Q, QuerySet
from django.db.models.functions import Lower
from django.db.models.lookups import GreaterThanOrEqual, LessThan

AT_MOST = 1_000
LAST = "\U0010ffff"
WAYS = {
    "member_by_beginning_of_number": ("number", "{}"),
    "member_by_beginning_of_phone": ("phone", "{}"),
    "member_by_beginning_of_email": ("email", "lower({})"),
    "member_by_first_word": ("name", "lower({})"),
    "member_by_second_word": ("name", "substr(lower({0}), {at}(lower({0}), ' ') + 1)"),
    "member_by_third_word": (
        "name",
        "substr(substr(lower({0}), {at}(lower({0}), ' ') + 1), {at}(substr(lower({0}), {at}(lower({0}), ' ') + 1), ' ') + 1)",
    ),
    "member_by_company": ("company", "nullif(lower({}), '')"),
}
NUMBER, PHONE, EMAIL, *WORDS = WAYS
COMPANY = WORDS[-1]
OLD = ("member_name_beginning", "member_email_beginning", "member_phone_beginning")

models.CharField.register_lookup(Lower)


class Beginning(Func):
    """What the index of a way of searching is over: the text from a word on, in lower case."""

    output_field = models.TextField()

    def __init__(self, way: str) -> None:
        self.way = way
        super().__init__(F(WAYS[way][0]))

    def as_sql(self, compiler: Any, connection: Any, *parts: Any, **more: Any) -> tuple[str, Any]:
        """The expression exactly as the index has it."""
        return super().as_sql(
            compiler, connection, template=_expression(self.way, "%(expressions)s", connection.vendor)
        )


def found_by(term: str) -> Q:
    """What somebody types to find a member: digits are a number or phone, an @ makes it an address, else a name."""
    condition = Q()
    for way, text in _ways(term):
        condition |= _begins(way, text)
    return condition


def among(members: QuerySet, term: str) -> tuple[list[int], bool]:
    """The ids of the members that fit a term, AT_MOST by each way, and whether there may be more. One query by each way."""
    found: dict[int, None] = {}
    is_cut = False
    for way, text in _ways(term):
        fitting = members.filter(_begins(way, text)).order_by(Beginning(way)).values_list("pk", flat=True)
        ids = list(fitting[: AT_MOST + 1])
        is_cut |= len(ids) > AT_MOST
        found |= dict.fromkeys(ids[:AT_MOST])
    return list(found), is_cut


def _ways(term: str) -> list[tuple[str, str]]:
    """The ways to search for a term, each with the text that is looked for."""
    term = term.strip().lower()
    digits = term.replace(" ", "").replace("-", "")
    if digits.isdecimal() and digits.isascii():
        return [(NUMBER, digits), (PHONE, term)]
    if term.startswith("+"):
        return [(PHONE, term)]
    if "@" in term:
        return [(EMAIL, term)]
    return [*((way, term) for way in WORDS), (EMAIL, term)]


def _begins(way: str, text: str) -> Q:
    return Q(GreaterThanOrEqual(Beginning(way), text)) & Q(LessThan(Beginning(way), text + LAST))


def _expression(way: str, column: str, vendor: str) -> str:
    is_postgresql = vendor == "postgresql"
    said = WAYS[way][1].format(column, at="strpos" if is_postgresql else "instr")
    return f'({said}) COLLATE "C"' if is_postgresql else said


def install(using: str = "default", **more: Any) -> None:
    """Make the indexes of the ways of searching that are missing; a receiver of `post_migrate`."""
    connection = connections[using]
    if "members_member" not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        for name in OLD:
            cursor.execute(f"DROP INDEX IF EXISTS {name}")
        for way, (column, _said) in WAYS.items():
            expression = _expression(way, f'"{column}"', connection.vendor)
            only = f" WHERE {expression} IS NOT NULL" if way == COMPANY else ""
            cursor.execute(f"CREATE INDEX IF NOT EXISTS {way} ON members_member ({expression}){only}")
