"""How fast a mailing is frozen and queued, beside one raw statement each that writes the same rows, in the same run.

    DATABASE_URL=... python bench/mailings.py [MEMBERS]

Makes a scratch database beside the configured one (test_...), fills it, measures, and drops it. One of eleven members has not agreed.
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

from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from campaigns.mailings import course, sending  # noqa: E402
from campaigns.mailings.models import STOP_WINDOW, Mailing, Recipient  # noqa: E402
from loyalty.common.bulk import is_postgresql  # noqa: E402
from loyalty.jobs.models import ApprovalLimits  # noqa: E402
from loyalty.mail.models import Message  # noqa: E402
from members.models import Consent, Member  # noqa: E402
from members.segments.testing import all_of, make_segment  # noqa: E402
from members.testing import make_program  # noqa: E402

BATCH = 2000
EVERYBODY = all_of({"about": "language", "is": ["en", "id", "ms"]})
RAW_FREEZE = """
INSERT INTO mailings_recipient (mailing_id, member_id)
SELECT %(mailing)s, m.id FROM members_member m
JOIN members_consent c ON c.member_id = m.id AND c.channel = 'email' AND c.purpose = 'marketing' AND c.is_given
WHERE m.program_id = %(program)s AND m.email <> '' ORDER BY m.id
"""
# Everything the letters need in one statement: the rows, their values as JSON, the rule that none is written twice.
RAW_LETTERS = """
INSERT INTO mail_message (recipient, address, language, kind, subject, period, context, status, queued_at, due_at,
                          attempts, error, resent_by)
SELECT m.number, m.email, m.language, 'announcement', 'raw', '', {json}, 'queued', %(at)s, %(at)s, 0, '', ''
FROM mailings_recipient r JOIN members_member m ON m.id = r.member_id JOIN members_tier t ON t.id = m.tier_id
WHERE r.mailing_id = %(mailing)s AND m.email <> '' ORDER BY m.id
ON CONFLICT DO NOTHING
"""


def main() -> None:
    """Fill, measure, print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 110_000
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        measure(count)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def measure(count: int) -> None:
    """Freeze and queue by the verbs and by raw statements, on two mailings to the same segment."""
    now = timezone.now()
    program = make_program(at=now - timedelta(days=90))
    fill(program, count, now)
    segment = make_segment(program, "all", EVERYBODY, at=now)
    ours, raw = (
        Mailing.objects.create(
            program=program, name=name, segment=segment, subject="News, {{ name }}", text="Hello {{ name }}", status=status,
            starts_at=now, created_at=now, created_by="bench",
        )
        for name, status in (("verbs", "scheduled"), ("raw", "draft"))
    )  # fmt: skip
    ApprovalLimits.objects.create(program=program, mailing_recipients=None)
    if is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    freeze = timed(lambda: course.begin(ours, at=now))
    raw_freeze = timed(lambda: execute(RAW_FREEZE, {"mailing": raw.pk, "program": program.pk}))
    ours.refresh_from_db()
    at = now + STOP_WINDOW
    queue = timed(lambda: sending.send_due(at=at))
    letters = Message.objects.filter(subject=ours.about).count()
    again = timed(lambda: sending.send_due(at=at))
    build = "jsonb_build_object" if is_postgresql() else "json_object"
    json = f"{build}('name', m.name, 'program', 'Kopi Nusantara', 'tier', t.name, 'points', 0, 'decimals', 0, 'units', 'points', 'number', m.number)"
    instant = at if is_postgresql() else connection.ops.adapt_datetimefield_value(at)
    raw_queue = timed(lambda: execute(RAW_LETTERS.format(json=json), {"mailing": raw.pk, "at": instant}))
    assert letters == Message.objects.filter(subject="raw").count() == Recipient.objects.filter(mailing=ours).count()
    print(f"{connection.vendor}: {count} members, {letters} recipients")
    print(f"  freeze        {freeze:8.2f} s   raw {raw_freeze:8.2f} s   ratio {raw_freeze / freeze:6.2f}")
    print(f"  queue         {queue:8.2f} s   raw {raw_queue:8.2f} s   ratio {raw_queue / queue:6.2f}")
    print(f"  letters/s     {letters / queue:8,.0f}     raw {letters / raw_queue:8,.0f}")
    print(f"  look again    {again:8.2f} s")


def timed(work) -> float:
    """How many seconds some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def execute(statement: str, values: dict) -> None:
    """One raw statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def fill(program, count, now) -> None:
    """Members, ten of eleven of whom agreed to news."""
    tier = program.tiers.order_by("rank").first()
    Member.objects.bulk_create(
        (
            Member(
                program=program, number=f"{n:012}", name=f"Member {n}", email=f"m{n}@example.com", language="en", tier=tier,
                enrolled_at=now - timedelta(days=60),
            )
            for n in range(count)
        ),
        batch_size=BATCH,
    )  # fmt: skip
    agreeing = Member.objects.order_by("id").values_list("id", flat=True)
    Consent.objects.bulk_create(
        (
            Consent(
                member_id=pk, channel="email", purpose="marketing", is_given=True, at=now - timedelta(days=1),
                recorded_at=now, source="portal", recorded_by="bench",
            )
            for place, pk in enumerate(agreeing)
            if place % 11
        ),
        batch_size=BATCH,
    )  # fmt: skip


if __name__ == "__main__":
    main()
