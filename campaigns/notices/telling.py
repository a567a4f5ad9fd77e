"""The letters about points that run out, and what each of them told of: rows that one statement per chunk makes (DOMAIN 9.2, 11.1).

Nobody's points pass through Python. A chunk is a range of lots in the order of their end; whoever has one in it that no letter told of hears of
everything of the month. The letter keeps numbers, days and names in its reader's language, and is put into words when it is delivered. On
PostgreSQL letters and notices are written by one statement, so that both know the books as of one instant, and rows are looked up one
after the other as in the sweep; on SQLite, where nobody else writes meanwhile, by two statements that are the same but for that.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Q

from loyalty.common.bulk import is_postgresql
from loyalty.common.languages import LANGUAGES, in_language
from loyalty.ledger.models import ExpiryPolicy, Wallet
from loyalty.ledger.sweeping import AS_BEFORE, ROW_AFTER_ROW, rows_of

KIND = "expiring"
# Points that end by inactivity and that a purchase keeps alive.
KEPT_BY_SHOPPING = Q(kind__in=ExpiryPolicy.IDLE) & (Q(resets__contains="purchase") | Q(resets__contains="earn"))
LAST_LOT = 2**63 - 1
# An instant, also as the engine gave it, and a lot.
Place = tuple[Any, int]


class Month(NamedTuple):
    """One month of the program clock: its name for the letter, and what runs out in it: after `since`, up to `until`.

    The first lot that makes a member hear of the month runs out by `window_end`.
    """

    name: str
    since: datetime
    until: datetime
    window_end: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """How many members are told, and how many of them have no e-mail address."""

    members: int = 0
    without_address: int = 0


NEXT = """
SELECT l.expires_at, l.id FROM ledger_lot l
WHERE l.remaining > 0 AND (l.expires_at, l.id) > (%(after)s, %(after_lot)s) AND l.expires_at <= %(window_end)s
ORDER BY l.expires_at, l.id LIMIT 1 OFFSET %(most)s
"""
# What can still be spent until it ends: not what waits for a confirming event, not what is held.
OPEN = "l.remaining > 0 AND l.remaining > l.held AND l.available_at < l.expires_at"
DUE = f"""
due AS (
    SELECT DISTINCT l.account_id, a.member_id
    FROM ledger_lot l JOIN members_memberaccount a ON a.account_id = l.account_id AND a.wallet_id = %(wallet)s
    WHERE {OPEN} AND (l.expires_at, l.id) > (%(after)s, %(after_lot)s) AND (l.expires_at, l.id) <= (%(end)s, %(end_lot)s)
      AND NOT EXISTS (
        SELECT 1 FROM notices_notice n JOIN mail_message k ON k.id = n.letter_id
        WHERE n.account_id = l.account_id AND n.expires_at = l.expires_at AND n.last_lot >= l.id AND k.stopped_for <> 'stale')
)"""
# The last valid day: the one before the end, by the program clock.
DAY_POSTGRESQL = "to_char((e.expires_at - interval '1 microsecond') AT TIME ZONE %(zone)s, 'YYYY-MM-DD')"
DAY_SQLITE = "django_datetime_cast_date(django_format_dtdelta('-', e.expires_at, 1), %(zone)s, 'UTC')"
LETTERS = f"""
words(language, program, one, many) AS (VALUES {{words}}),
{DUE},
ends AS (
    SELECT m.id AS member_id, m.language, l.expires_at, CAST(sum(l.remaining - l.held) AS bigint) AS points, {{kept}} AS kept
    FROM due JOIN members_member m ON m.id = due.member_id AND m.status = 'active'
    JOIN ledger_lot l ON l.account_id = due.account_id
    WHERE {OPEN} AND l.expires_at > %(since)s AND l.expires_at <= %(until)s
    GROUP BY m.id, l.expires_at
),
listed AS (
    SELECT e.member_id, e.expires_at, e.points, e.kept, w.language,
           {{array}}({{day}}, e.points, CASE WHEN e.points = {{whole}} THEN w.one ELSE w.many END) AS line
    FROM ends e JOIN words w ON w.language = CASE WHEN e.language IN ('id', 'ms') THEN e.language ELSE 'en' END
    ORDER BY e.member_id, e.expires_at
),
told AS (
    SELECT member_id, language, CAST(sum(points) AS bigint) AS points, max(kept) AS kept, {{lines}} AS days
    FROM listed GROUP BY member_id, language
),
letters AS (
    SELECT told.member_id, m.number, m.email, m.language, m.name, told.points, told.kept, told.days, w.program,
           CASE WHEN told.points = {{whole}} THEN w.one ELSE w.many END AS units, {{worth}} AS worth,
           (SELECT count(*) FROM mail_message k WHERE k.recipient = m.number AND k.kind = '{KIND}' AND k.subject = %(about)s
              AND substr(k.period, 1, 7) = %(month)s) AS known
    FROM told JOIN members_member m ON m.id = told.member_id JOIN words w ON w.language = told.language
)"""
INSERT = f"""
INSERT INTO mail_message (recipient, address, language, kind, subject, period, context, queued_at, due_at,
                          status, attempts, error, resent_by)
SELECT number, email, language, '{KIND}', %(about)s,
       CASE WHEN known = 0 THEN %(month)s ELSE %(month)s || '.' || CAST(known + 1 AS text) END,
       CASE WHEN kept = 1 THEN {{build}}({{values}}, 'is_kept_by_shopping', {{true}}) ELSE {{build}}({{values}}) END,
       %(at)s, %(at)s, 'queued', 0, '', ''
FROM letters WHERE true ORDER BY member_id ON CONFLICT DO NOTHING
"""
PROOF = f"""
INSERT INTO notices_notice (account_id, expires_at, points, last_lot, letter_id)
SELECT l.account_id, l.expires_at, sum(l.remaining - l.held), max(l.id), written.id
FROM written JOIN members_member m ON m.number = written.recipient
JOIN members_memberaccount a ON a.member_id = m.id AND a.wallet_id = %(wallet)s
JOIN ledger_lot l ON l.account_id = a.account_id
WHERE {OPEN} AND l.expires_at > %(since)s AND l.expires_at <= %(until)s
GROUP BY l.account_id, l.expires_at, written.id
"""
VALUES = """'name', name, 'program', program, 'days', {days}, 'points', points, 'decimals', {decimals}, 'units', units,
  'currency', CAST(%(currency)s AS text), 'worth', worth"""
COUNT = f"""
WITH {DUE} SELECT count(*), count(nullif(m.email, ''))
FROM due JOIN members_member m ON m.id = due.member_id AND m.status = 'active'
"""
WRITTEN = "SELECT count(*), count(nullif(address, '')) FROM written"
AT_ONCE = f"""{ROW_AFTER_ROW} WITH {{letters}}, written AS ({{insert}} RETURNING id, recipient, address), proof AS ({{proof}})
{WRITTEN} {AS_BEFORE}"""
SINCE = f"WITH written AS (SELECT id, recipient, address FROM mail_message WHERE id > %(known)s AND kind = '{KIND}')"


def next_place(month: Month, after: Place, *, most: int) -> Place | None:
    """The last lot of a chunk of so many that begins after a place; None when fewer are left."""
    asked = {"after": after[0], "after_lot": after[1], "window_end": month.window_end, "most": most - 1}
    with connection.cursor() as cursor:
        cursor.execute(NEXT, _as_kept(asked))
        found: Place | None = cursor.fetchone()
    return found


def count(wallet: Wallet, month: Month) -> Told:
    """Who would hear of a month, and writes nothing. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, _places(wallet, month, (month.since, LAST_LOT), (month.window_end, LAST_LOT)))
        return _told(cursor.fetchone())


@transaction.atomic
def write(wallet: Wallet, month: Month, after: Place, end: Place, *, at: datetime) -> Told:
    """Write letters and notices for whoever has a lot after one place and up to another that no letter told of."""
    terms = _places(wallet, month, after, end) | _as_kept({"since": month.since, "until": month.until, "at": at})
    terms |= {"about": wallet.slug, "month": month.name, "currency": wallet.program.currency}
    letters, words = _letters(wallet)
    insert = _insert(wallet)
    with connection.cursor() as cursor:
        if is_postgresql():
            cursor.execute(AT_ONCE.format(letters=letters, insert=insert, proof=PROOF), terms | words)
            return _told(rows_of(cursor)[0])
        cursor.execute("SELECT coalesce(max(id), 0) FROM mail_message")
        terms["known"] = cursor.fetchone()[0]
        cursor.execute(f"WITH {letters} {insert}", terms | words)
        if not cursor.rowcount:
            return Told()
        cursor.execute(f"{SINCE} {PROOF}", terms)
        cursor.execute(f"{SINCE} {WRITTEN}", terms)
        return _told(cursor.fetchone())


def _told(row: Any) -> Told:
    return Told(row[0], row[0] - row[1])


def _letters(wallet: Wallet) -> tuple[str, dict[str, Any]]:
    """What the letters say, and its words as parameters."""
    rows: list[str] = []
    terms: dict[str, Any] = {}
    for code, _name in LANGUAGES:
        said = (code, in_language(wallet.program, "name", code), *(in_language(wallet, part, code) for part in ("unit", "units")))  # fmt: skip
        names = [f"{code}_{place}" for place in range(len(said))]
        terms |= dict(zip(names, said, strict=True))
        rows.append("(" + ", ".join(f"CAST(%({name})s AS text)" for name in names) + ")")
    text = LETTERS.format(
        words=", ".join(rows), day=DAY_POSTGRESQL if is_postgresql() else DAY_SQLITE, kept=_kept(wallet), whole=10**wallet.decimals, worth=_worth(wallet),
        array="jsonb_build_array" if is_postgresql() else "json_array",
        lines="jsonb_agg(line ORDER BY expires_at)" if is_postgresql() else "json_group_array(json(line))",
    )  # fmt: skip
    return text, terms | {"zone": wallet.program.time_zone}


def _kept(wallet: Wallet) -> str:
    """Whether a purchase keeps some of the points alive, as 1 or 0."""
    policies = ExpiryPolicy.objects.filter(KEPT_BY_SHOPPING, wallet=wallet).values_list("pk", flat=True)
    listed = ", ".join(map(str, policies))
    return f"max(CASE WHEN l.expiry_policy_id IN ({listed}) THEN 1 ELSE 0 END)" if listed else "0"


def _worth(wallet: Wallet) -> str:
    """The points in money, with two decimals, half of the last one rounded up; empty where they are worth nothing."""
    rate = wallet.money_per_unit.normalize()
    if not rate:
        return "''"
    parts = max(-int(rate.as_tuple().exponent), 0)
    one = int(rate.scaleb(parts) * 100)
    share = 10 ** (parts + wallet.decimals)
    cents = f"((told.points * CAST({2 * one} AS {{kind}}) + {share}) / {2 * share})"
    if is_postgresql():
        return f"to_char(trunc{cents.format(kind='numeric')} / 100, 'FM999999999999999999990.00')"
    whole = cents.format(kind="integer")
    return f"CAST({whole} / 100 AS text) || '.' || substr(CAST({whole} %% 100 + 100 AS text), 2)"


def _insert(wallet: Wallet) -> str:
    build, true, days = (
        ("jsonb_build_object", "true", "days") if is_postgresql() else ("json_object", "json('true')", "json(days)")
    )
    return INSERT.format(build=build, true=true, values=VALUES.format(days=days, decimals=int(wallet.decimals)))


def _places(wallet: Wallet, month: Month, after: Place, end: Place) -> dict[str, Any]:
    places = {"after": after[0], "after_lot": after[1], "end": end[0], "end_lot": end[1], "wallet": wallet.pk}
    return _as_kept(places)


def _as_kept(values: dict[str, Any]) -> dict[str, Any]:
    """Instants as the engine keeps them."""
    if is_postgresql():
        return values
    keep = connection.ops.adapt_datetimefield_value
    return {name: keep(value) if isinstance(value, datetime) else value for name, value in values.items()}
