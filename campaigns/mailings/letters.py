"""The letters of a mailing: rows of the outbox, made from its frozen audience by one statement per batch that both engines run.

A letter keeps the values its text shows as they are when it is written: name, number, tier and points, with their names in the reader's
language. It is unique by member and mailing, so no batch writes it twice.
"""

import json
from datetime import datetime
from typing import Any

from django.db import connection

from campaigns.mailings.models import Mailing
from loyalty.common.bulk import is_postgresql
from loyalty.common.languages import LANGUAGES, in_language
from loyalty.ledger.models import Wallet
from loyalty.mail.halting import KIND
from members.models import Member

AUDIENCE = """
SELECT member_id FROM mailings_recipient
WHERE mailing_id = %(mailing)s AND member_id > %(after)s AND member_id <= %(until)s AND NOT is_kept_out
"""
ONE = "SELECT id FROM members_member WHERE id = %(member)s"
TOLD = """
WITH words(language, program, one, many) AS (VALUES {words}),
chosen(member_id) AS ({chosen}),
told AS (
    SELECT m.id, m.number, m.email, m.language, m.name, w.program, w.one, w.many,
           CASE w.language WHEN 'id' THEN coalesce(nullif(t.name_id, ''), t.name)
                           WHEN 'ms' THEN coalesce(nullif(t.name_ms, ''), t.name) ELSE t.name END AS tier,
           {points} AS points
    FROM chosen
    JOIN members_member m ON m.id = chosen.member_id
    JOIN members_tier t ON t.id = m.tier_id
    JOIN words w ON w.language = CASE WHEN m.language IN ('id', 'ms') THEN m.language ELSE 'en' END
    LEFT JOIN members_memberaccount a ON a.member_id = m.id AND a.wallet_id = %(wallet)s
    LEFT JOIN ledger_account c ON c.id = a.account_id
)
"""
# What can be spent now: open lots, less what is owed.
POINTS = """{greatest}(0, coalesce((
    SELECT sum(l.remaining - l.held) FROM ledger_lot l
    WHERE l.account_id = a.account_id AND l.remaining > 0 AND l.available_at <= %(at)s
      AND (l.expires_at IS NULL OR l.expires_at > %(at)s)
), 0) - coalesce(c.debt, 0))"""
VALUES = """{object}(
    'name', name, 'program', program, 'tier', tier, 'points', points, 'decimals', {decimals},
    'units', CASE WHEN points = {whole} THEN one ELSE many END,
    'number', substr(number, 1, 4) || ' ' || substr(number, 5, 4) || ' ' || substr(number, 9)
)"""
INSERT = """
INSERT INTO mail_message (recipient, address, language, kind, subject, period, context, queued_at, due_at,
                          status, attempts, error, resent_by)
SELECT number, email, language, %(kind)s, %(about)s, '', {values}, %(at)s, %(at)s, 'queued', 0, '', ''
FROM told WHERE email <> '' ORDER BY id
ON CONFLICT DO NOTHING
"""


def write(mailing: Mailing, *, after: int, until: int, at: datetime) -> int:
    """Write the letters of the audience's members with ids in (after, until]: how many. Who has no address any more gets none."""
    told, terms, values = _told(mailing, AUDIENCE, at)
    terms |= {"mailing": mailing.pk, "after": after, "until": until, "kind": KIND, "about": mailing.about}
    with connection.cursor() as cursor:
        cursor.execute(told + INSERT.format(values=values), terms)
        return cursor.rowcount


def values_for(mailing: Mailing, member: Member, *, at: datetime) -> dict[str, Any]:
    """The values a letter to this member would keep now."""
    told, terms, values = _told(mailing, ONE, at)
    with connection.cursor() as cursor:
        cursor.execute(f"{told} SELECT {values} FROM told", terms | {"member": member.pk})
        found = cursor.fetchone()[0]
    return json.loads(found) if isinstance(found, str) else found


def _told(mailing: Mailing, chosen: str, at: datetime) -> tuple[str, dict[str, Any], str]:
    """The common table of what is told to each of some members, its parameters, and the values as JSON."""
    wallet = Wallet.objects.select_related("program").get(program=mailing.program_id, is_main=True)
    instant = at if is_postgresql() else connection.ops.adapt_datetimefield_value(at)
    terms: dict[str, Any] = {"wallet": wallet.pk, "at": instant}
    rows = []
    for code, _name in LANGUAGES:
        names = (code, in_language(wallet.program, "name", code), *(in_language(wallet, f, code) for f in ("unit", "units")))  # fmt: skip
        terms |= {f"{code}{place}": name for place, name in enumerate(names)}
        rows.append("(" + ", ".join(f"CAST(%({code}{place})s AS text)" for place in range(len(names))) + ")")
    says_points = any("balance" in text for text in (mailing.subject, mailing.subject_id, mailing.subject_ms, mailing.text, mailing.text_id, mailing.text_ms))  # fmt: skip
    points = POINTS.format(greatest="greatest" if is_postgresql() else "max") if says_points else "0"
    told = TOLD.format(words=", ".join(rows), chosen=chosen, points=points)
    build = "jsonb_build_object" if is_postgresql() else "json_object"
    values = VALUES.format(object=build, decimals=wallet.decimals, whole=10**wallet.decimals)
    return told, terms, values
