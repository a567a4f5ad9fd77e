"""Stories that tests with real processes tell an installation, and the questions they ask it."""

NUDGE_EVERY_SECOND = """
from django_celery_beat.models import IntervalSchedule, PeriodicTask
PeriodicTask.objects.filter(name="setia-nudge").update(
    interval=IntervalSchedule.objects.create(every=1, period="seconds"), last_run_at=None)
"""
POINTS_THAT_RAN_OUT = """
from datetime import timedelta
from django.utils import timezone
from members.testing import give_points, make_member, make_program
program = make_program(at=timezone.now() - timedelta(days=60))
ani = make_member(program, "Ani")
give_points(ani, 100, at=timezone.now() - timedelta(days=30), expires_at=timezone.now() - timedelta(days=3))
give_points(ani, 40, at=timezone.now() - timedelta(days=30), expires_at=timezone.now() + timedelta(days=300))
"""
MANY_POINTS_THAT_RAN_OUT = """
from datetime import timedelta
from django.utils import timezone
from loyalty.ledger.posting import Accrual, accrue_many, open_accounts
from members.testing import make_program
now = timezone.now()
wallet = make_program(at=now - timedelta(days=60)).wallets.get()
accounts = open_accounts(wallet, 2000, at=now - timedelta(days=40))
for number in range(15):
    accrue_many([
        Accrual(account, 10, now - timedelta(days=30), f"gift:{number}", "test", "test", {}, expires_at=now - timedelta(days=3))
        for account in accounts
    ], recorded_at=now)
"""
# A run whose process is gone, as it looks to the others an hour later.
SILENT_FOR_LONG = """
from datetime import timedelta
from django.db.models import F
from loyalty.jobs.models import JobRun
JobRun.objects.filter(status="running").update(seen_at=F("seen_at") - timedelta(hours=1))
"""
# Letters that rest after a try, as they look when the pause is over.
PAUSES_OVER = """
from datetime import timedelta
from django.db.models import F
from loyalty.mail.models import Message
Message.objects.filter(status="queued").update(due_at=F("due_at") - timedelta(hours=1))
"""
# Letters whose worker is gone, as they look to the others an hour later.
CLAIMS_LOST = """
from datetime import timedelta
from django.db.models import F
from loyalty.mail.models import Message
Message.objects.filter(status="sending").update(claimed_at=F("claimed_at") - timedelta(hours=1))
"""
EXPIRED = "SELECT count(*), coalesce(sum(amount), 0) FROM ledger_entry WHERE kind = 'expiry'"
RUN = "SELECT status, attempts FROM jobs_jobrun WHERE job = 'expire_points' ORDER BY id"
LETTERS = "SELECT status, attempts FROM mail_message ORDER BY id"
NUDGED = "SELECT seen_at FROM jobs_heartbeat WHERE name = 'nudge'"


def letters(count: int, *, first: int = 0) -> str:
    """A story that queues letters to members of its own making."""
    return f"""
from django.utils import timezone
from loyalty.mail import outbox
for number in range({first}, {first + count}):
    outbox.queue(recipient=str(number), address=f"m{{number}}@example.com", language="en", kind="welcome", subject="x",
        context={{"name": "Ani", "number": str(number), "program": "Kopi"}}, at=timezone.now())
"""
