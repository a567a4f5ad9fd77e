"""How fast expiry letters are queued, beside one raw statement that writes the same rows, in the same run.

    DATABASE_URL=... python bench/reminders.py [MEMBERS] [SHARE_DUE]

Makes a scratch database beside the configured one (test_...), fills it, measures, and drops it.
"""

import os
import resource
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
NOTICES = """
INSERT INTO notices_notice (account_id, expires_at, points, last_lot, letter_id)
SELECT l.account_id, l.expires_at, sum(l.remaining), max(l.id), k.id
FROM mail_message k JOIN members_member m ON m.number = k.recipient
JOIN members_memberaccount a ON a.member_id = m.id
JOIN ledger_lot l ON l.account_id = a.account_id
WHERE k.kind = 'raw' AND l.remaining > 0 AND l.expires_at > %(at)s AND l.expires_at <= %(until)s
GROUP BY l.account_id, l.expires_at, k.id
"""
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
    before = memory()
    began = time.perf_counter()
    tally = remind_expiring(program, at=now)
    verb = tally.done / (time.perf_counter() - began)
    began = time.perf_counter()
    peak = memory()
    again = remind_expiring(program, at=now).done
    repeat = time.perf_counter() - began
    raw, whole = raw_statements(now)
    print(f"{connection.vendor}: {count} members, {tally.done} letters queued, {Message.objects.count()} in all")
    print(f"  verb                       {verb:10,.0f} letters/s, each with its notice")
    print(f"  raw, letters and notices   {whole:10,.0f} letters/s, ratio {verb / whole:.2f}")
    print(f"  raw, letters only          {raw:10,.0f} letters/s, ratio {verb / raw:.2f}")
    print(f"  run again {repeat:.2f} s for {again} letters; memory at most {peak:.0f} MiB, {before:.0f} before the run")


def memory() -> float:
    """The most memory this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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


def raw_statements(now) -> tuple[float, float]:
    """Letters per second of the bare statement, and of it with the one that keeps what each letter told of."""
    build = "jsonb_build_object" if is_postgresql() else "json_object"
    values = {"at": now, "until": now + timedelta(days=16)}
    if not is_postgresql():
        values = {name: value.replace(tzinfo=None).isoformat(sep=" ") for name, value in values.items()}
    began = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(RAW.format(json=f"{build}('name', m.name, 'points', sum(l.remaining))"), values)
        written = cursor.rowcount
        letters = time.perf_counter() - began
        cursor.execute(NOTICES, values)
    return written / letters, written / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
