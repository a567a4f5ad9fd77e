"""Writing the letters of many members with one statement: who is told of what never leaves the database.

What is told comes as a query of rows (`member`, `subject`, `period`, and values for the letter). Letters that were written already are
left out. Both engines run the same statement. With an `account` a letter knows the balance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from loyalty.common.bulk import is_postgresql
from loyalty.common.languages import LANGUAGES, in_language
from loyalty.ledger.models import Program, Wallet

READERS = """
FROM ({told}) told JOIN members_member m ON m.id = told.member
WHERE m.status = 'active' AND NOT EXISTS (
    SELECT 1 FROM mail_message known WHERE known.recipient = m.number AND known.kind = %s AND known.subject = told.subject
    AND known.period = told.period AND known.channel = 'email')
"""
COUNT = "SELECT COUNT(*), COUNT(NULLIF(m.email, ''))" + READERS
INSERT = (
    """
INSERT INTO mail_message (recipient, address, language, kind, subject, period, context, queued_at, due_at,
                          status, attempts, error, resent_by)
SELECT m.number, m.email, m.language, %s, told.subject, told.period, {context}, %s, %s, 'queued', 0, '', ''
"""
    + READERS
    + " ON CONFLICT DO NOTHING"
)
BALANCE = """
(SELECT COALESCE(SUM(l.remaining - l.held), 0) FROM ledger_lot l WHERE l.account_id = told.account AND l.remaining > 0
 AND l.available_at <= %s AND (l.expires_at IS NULL OR l.expires_at > %s))
"""


@dataclass(frozen=True, slots=True)
class Written:
    """How many members were to be told, how many letters were written, and how many of those members have no e-mail address."""

    found: int
    letters: int
    without_address: int


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a statement with its parameters."""

    text: str
    values: tuple[Any, ...] = ()


def write(
    kind: str, told: QuerySet[Any, Any], *, program: Program, at: datetime, facts: Sequence[str] = (), wallet: Wallet | None = None,
    spoken: dict[str, Any] | None = None, dry_run: bool = False,
) -> Written:  # fmt: skip
    """Queue a letter of a kind for every row of `told`; `facts` are the columns that go into it. Two statements.

    With a wallet the row has `account` and `points`: the letter gets the balance, the number of decimals and the points' name.
    `spoken` are records whose names go into it in the reader's language.
    """
    query, values = told.query.get_compiler(connection=connection).as_sql()
    context = _context({"program": program, **(spoken or {})}, wallet, facts, _instant(at))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(COUNT.format(told=query), [*values, kind])
        found, reached = cursor.fetchone()
        if dry_run or not found:
            return Written(found, found, found - reached)
        asked = [kind, *context.values, _instant(at), _instant(at), *values, kind]
        cursor.execute(INSERT.format(told=query, context=context.text), asked)
        return Written(found, max(cursor.rowcount, 0), found - reached)


def _context(spoken: dict[str, Any], wallet: Wallet | None, facts: Sequence[str], at: Any) -> _Part:
    """The values of the letter as one JSON object, made by the engine."""
    parts: dict[str, _Part] = {"name": _Part("m.name")}
    parts |= {name: _spoken(record, "name") for name, record in spoken.items()}
    parts |= {fact: _Part(f"told.{fact}") for fact in facts}
    if wallet is not None:
        one = 10**wallet.decimals
        single, many = _spoken(wallet, "unit"), _spoken(wallet, "units")
        parts["decimals"] = _Part(str(int(wallet.decimals)))
        parts["units"] = _Part(
            f"CASE WHEN abs(told.points) = {one} THEN {single.text} ELSE {many.text} END", single.values + many.values
        )
        parts["balance"] = _Part(BALANCE, (at, at))
    build = "jsonb_build_object" if is_postgresql() else "json_object"
    pairs = ", ".join(f"'{name}', {part.text}" for name, part in parts.items())
    return _Part(f"{build}({pairs})", tuple(value for part in parts.values() for value in part.values))


def _spoken(record: Any, field: str) -> _Part:
    """A text of a record in the language of whoever reads the letter."""
    cases = " ".join(f"WHEN '{code}' THEN CAST(%s AS text)" for code, _name in LANGUAGES)
    texts = tuple(in_language(record, field, code) for code, _name in LANGUAGES)
    return _Part(f"CASE m.language {cases} ELSE CAST(%s AS text) END", (*texts, in_language(record, field, "en")))


def _instant(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)
