"""Recency, frequency and money of every member, compared with the program's others, once per business date (DOMAIN 10.1, 13.1).

Of the active members who bought within the days looked at, the fifth that bought longest ago has recency 1, the fifth that bought
last has 5; so with the number of purchases and with the money. Equal figures get equal scores, whatever the order of rows:
the score is 1 + 5 x (members with less) / (members), rounded down. One statement, with no row leaving the database.

The class follows from the scores: champions (all three 4 or more), loyal (recency 3 or more, frequency 4 or more), new (recency 3
or more, and first bought within the days as a new customer, or frequency 1 with recency 4 or more), potential (recency 3 or
more), at risk (recency below 3, but frequency or money 3 or more), lapsed (the rest, and who did not buy within the days).
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from loyalty.common.clock import local_day
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program
from members.models import Member
from members.segments import standard
from members.segments.models import MemberScore, ScoringPolicy

BOUGHT = """
WITH bought AS (
  SELECT p.member_id, min(p.occurred_at) AS first_at, max(p.occurred_at) AS last_at,
         sum(CASE WHEN p.occurred_at >= %(since)s THEN 1 ELSE 0 END) AS times,
         sum(CASE WHEN p.occurred_at >= %(since)s THEN CAST(round((p.total - p.refunded) * 100) AS bigint) ELSE 0 END) AS cents
    FROM members_purchase p JOIN members_member m ON m.id = p.member_id
   WHERE p.program_id = %(program)s AND m.status = 'active' AND p.occurred_at < %(at)s
     AND (p.refunded < p.total OR p.total = 0)
   GROUP BY p.member_id
), ranked AS (
  SELECT b.*, CASE WHEN times > 0 THEN 1 END AS is_scored,
         1 + 5 * (rank() OVER (PARTITION BY times > 0 ORDER BY last_at) - 1) / count(*) OVER (PARTITION BY times > 0) AS r,
         1 + 5 * (rank() OVER (PARTITION BY times > 0 ORDER BY times) - 1) / count(*) OVER (PARTITION BY times > 0) AS f,
         1 + 5 * (rank() OVER (PARTITION BY times > 0 ORDER BY cents) - 1) / count(*) OVER (PARTITION BY times > 0) AS m
    FROM bought b
), named AS (
  SELECT member_id, last_at, times, cents, r * is_scored AS r, f * is_scored AS f, m * is_scored AS m,
         CASE WHEN is_scored IS NULL THEN 'lapsed'
              WHEN r >= 4 AND f >= 4 AND m >= 4 THEN 'champions'
              WHEN r >= 3 AND f >= 4 THEN 'loyal'
              WHEN r >= 3 AND first_at >= %(newly)s THEN 'new'
              WHEN r >= 4 AND f = 1 AND first_at >= %(since)s THEN 'new'
              WHEN r >= 3 THEN 'potential'
              WHEN f >= 3 OR m >= 3 THEN 'at_risk'
              ELSE 'lapsed' END AS class_name
    FROM ranked
)
"""
KEEP = """
INSERT INTO segments_memberscore AS kept
  (member_id, program_id, recency, frequency, money, class_name, class_before, class_since, last_bought_at, purchases, spent, day)
"""
CHANGED = """
SELECT member_id, %(program)s, r, f, m, class_name, '', %(day)s, last_at, times, cents / 100.0, %(day)s
  FROM named WHERE true
ON CONFLICT (member_id) DO UPDATE SET
  class_before = CASE WHEN kept.class_name = excluded.class_name THEN kept.class_before ELSE kept.class_name END,
  class_since = CASE WHEN kept.class_name = excluded.class_name THEN kept.class_since ELSE excluded.class_since END,
  recency = excluded.recency, frequency = excluded.frequency, money = excluded.money, class_name = excluded.class_name,
  last_bought_at = excluded.last_bought_at, purchases = excluded.purchases, spent = excluded.spent, day = excluded.day
WHERE (kept.class_name, coalesce(kept.recency, 0), coalesce(kept.frequency, 0), coalesce(kept.money, 0), kept.purchases,
       kept.last_bought_at, kept.spent)
   <> (excluded.class_name, coalesce(excluded.recency, 0), coalesce(excluded.frequency, 0), coalesce(excluded.money, 0),
       excluded.purchases, excluded.last_bought_at, excluded.spent)
"""
GONE = """
DELETE FROM segments_memberscore WHERE program_id = %(program)s AND NOT EXISTS (
  SELECT 1 FROM members_purchase p JOIN members_member m ON m.id = p.member_id
   WHERE p.member_id = segments_memberscore.member_id AND m.status = 'active' AND p.occurred_at < %(at)s
     AND (p.refunded < p.total OR p.total = 0))
"""


@transaction.atomic
def score_members(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Score all members of a program by their purchases before an instant; the job `score_members`.

    A business date before the last one scored changes nothing. The report counts members by class.
    """
    policy = standard.prepare(program, at=at) if not dry_run else ScoringPolicy.objects.filter(program=program).first()
    policy = (
        ScoringPolicy.objects.select_for_update().get(pk=policy.pk)
        if policy and policy.pk
        else ScoringPolicy(program=program)
    )
    day = local_day(at, program.time_zone)
    if policy.scored_on and policy.scored_on > day:
        return Tally()
    told = _told(program, policy, at)
    with connection.cursor() as cursor:
        cursor.execute(BOUGHT + "SELECT class_name, count(*) FROM named GROUP BY class_name", told)
        classes = dict(sorted(cursor.fetchall()))
        found = sum(classes.values())
        if dry_run:
            return Tally(found=found, report=classes)
        changed = _keep(cursor, told)
    policy.scored_on = day
    policy.save(update_fields=["scored_on"])
    progress(found, changed, found - changed)
    return Tally(found=found, done=changed, skipped=max(0, found - changed), report=classes)


def _keep(cursor: Any, told: dict[str, Any]) -> int:
    """Write what changed; how many rows that were."""
    cursor.execute(KEEP + BOUGHT + CHANGED, told)
    changed: int = cursor.rowcount
    cursor.execute(GONE, told)
    return changed


def _told(program: Program, policy: ScoringPolicy, at: datetime) -> dict[str, Any]:
    """The values of the statement, as the engine keeps them."""
    moment = connection.ops.adapt_datetimefield_value
    return {
        "program": program.pk,
        "at": moment(at),
        "since": moment(at - timedelta(days=policy.window_days)),
        "newly": moment(at - timedelta(days=policy.new_days)),
        "day": connection.ops.adapt_datefield_value(local_day(at, program.time_zone)),
    }


def score_of(member: Member) -> MemberScore | None:
    """The member's score; None when nothing was bought yet."""
    return MemberScore.objects.filter(member=member).first()
