"""How fast expiry letters are queued, beside one raw statement that writes the same rows, in the same run.

    DATABASE_URL=... python bench/reminders.py [MEMBERS] [SHARE_DUE]

Makes a scratch database beside the configured one (test_...), fills it, measures, and drops it.
"""

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")

import django

django.setup()

from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from campaigns.reminders import remind_expiring  # noqa: E402
from loyalty.common.bulk import is_postgresql  # noqa: E402
from loyalty.ledger.posting import Accrual, accrue_many  # noqa: E402
from loyalty.mail.models import Message  # noqa: E402
from members.enrolment import Applicant, enrol_many  # noqa: E402
from members.models import MemberAccount  # noqa: E402
from members.testing import make_program  # noqa: E402

BATCH = 2000
# Everything the letters need in one statement: the rows, their values as JSON, the rule that none is written twice.
RAW = """
INSERT INTO mail_message (recipient, address, language, kind, subject, period, context, status, queued_at, due_at,
                          attempts, error, resent_by)
SELECT m.number, m.email, m.language, 'raw', 'points', 'raw', {json}, 'queued', %(at)s, %(at)s, 0, '', ''
FROM ledger_lot l
JOIN members_memberaccount a ON a.account_id = l.account_id
JOIN members_member m ON m.id = a.member_id
WHERE l.remaining > 0 AND l.expires_at > %(at)s AND l.expires_at <= %(until)s AND m.email <> ''
GROUP BY m.number, m.email, m.language, m.name
ON CONFLICT DO NOTHING
"""


def main() -> None:
    """Fill, measure, print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    share = float(sys.argv[2]) if len(sys.argv) > 2 else 0.5
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        measure(count, share)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def measure(count: int, share: float) -> None:
    """One letter per due member, through the verb and through the raw statement."""
    now = timezone.now()
    program = make_program(at=now - timedelta(days=90))
    fill(program, count, share, now)
    if is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    began = time.perf_counter()
    tally = remind_expiring(program, at=now)
    verb = tally.done / (time.perf_counter() - began)
    began = time.perf_counter()
    again = remind_expiring(program, at=now).done
    repeat = time.perf_counter() - began
    raw = raw_statement(now)
    print(f"{connection.vendor}: {count} members, {tally.done} letters queued, {Message.objects.count()} in all")
    print(f"  verb          {verb:10,.0f} letters/s")
    print(f"  raw statement {raw:10,.0f} letters/s")
    print(f"  ratio         {verb / raw:10.2f}")
    print(f"  run again     {repeat:10.2f} s for {again} letters")


def fill(program, count, share, now) -> None:
    """Members with one lot each; the due ones run out in ten days, the others in ten months."""
    for start in range(0, count, BATCH):
        applicants = [
            Applicant("bench", str(n), f"Member {n}", f"m{n}@example.com", "", None, "en", now - timedelta(days=60))
            for n in range(start, min(start + BATCH, count))
        ]
        enrol_many(program, applicants, at=now, actor="bench")
    accounts = list(MemberAccount.objects.order_by("id").values_list("account_id", flat=True))
    due = int(count * share)
    for start in range(0, count, BATCH):
        with transaction.atomic():
            accrue_many(
                [
                    Accrual(
                        account, 100, now - timedelta(days=30), "gift", "bench", "bench", {},
                        expires_at=now + timedelta(days=10 if start + n < due else 300),
                    )
                    for n, account in enumerate(accounts[start : start + BATCH])
                ],
                recorded_at=now,
            )  # fmt: skip


def raw_statement(now) -> float:
    """Letters per second of the one statement."""
    json = (
        "jsonb_build_object('name', m.name, 'points', sum(l.remaining))"
        if is_postgresql()
        else "json_object('name', m.name, 'points', sum(l.remaining))"
    )
    until = now + timedelta(days=16)
    values = {"at": now, "until": until}
    if not is_postgresql():
        values = {name: value.replace(tzinfo=None).isoformat(sep=" ") for name, value in values.items()}
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(RAW.format(json=json), values)
        written = cursor.rowcount
    return written / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
