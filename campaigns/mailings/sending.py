"""Sending mailings; the job `send_mailings`: it starts what is due, writes letters as the pace allows, and notes what is done.

Letters are written to the outbox in batches, in the order of the members' ids; how far one has come stands on the mailing, in the same
transaction. A kill loses the open batch, two workers take turns under the lock of the mailing, and a letter is unique by member and mailing in
any case. In quiet hours, and in the ten minutes after the start, nothing is written.

The pace is kept by the hour: each letter uses up its time. What a while without jobs left unused is lost but for BURST, and nothing is added
while letters of the mailing still wait for the mail system, so that no outage ends in a flood.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Max

from campaigns.mailings import course, letters
from campaigns.mailings.models import Mailing, Recipient
from loyalty.common.clock import end_of_quiet
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program
from loyalty.mail import halting
from loyalty.mail.models import Message

BATCH = 5000
BURST = timedelta(minutes=5)
WAITING = (Message.Status.QUEUED, Message.Status.SENDING, Message.Status.HELD)
Status = Mailing.Status


def send_due(
    program: Program | None = None, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched
) -> Tally:
    """Start every mailing whose time has come, and write the letters that may leave now. May be stopped, repeated or run twice at once."""
    mine = Mailing.objects.filter(program=program) if program else Mailing.objects.all()
    due = mine.filter(status=Status.SCHEDULED, starts_at__lte=at).select_related("program").order_by("id")
    tally = Tally(report={"started": 0, "ended": 0})
    if dry_run:
        return Tally(found=due.count() + mine.filter(status=Status.RUNNING).count())
    for mailing in due:
        tally.report["started"] += _start(mailing, at)
    running = list(mine.filter(status=Status.RUNNING).order_by("id"))
    for mailing in running:
        halting.let_go(mailing.about, at=at)  # held by a worker that saw it paused at the last moment
        while written := release(mailing, at=at):
            tally.found += written
            tally.done += written
            if not progress(tally.found, tally.done, 0):
                return tally
        tally.report["ended"] += _end(mailing, at)
    if not any(tally.report.values()):
        tally.report = {}
    tally.found += len(due)
    tally.done += len(due)
    return tally


@transaction.atomic
def release(mailing: Mailing, *, at: datetime) -> int:
    """Write the next batch of letters, as many as may leave at an instant: for how many members. One step of the job."""
    now = Mailing.objects.select_for_update(of=("self",)).select_related("program").get(pk=mailing.pk)
    if now.status != Status.RUNNING or now.leaves_at is None or at < now.leaves_at or _is_quiet(now.program, at):
        return 0
    used_until, most = _pace(now, at)
    following = Recipient.objects.filter(mailing=now, is_kept_out=False, member__gt=now.released_to)
    batch = following.order_by("member_id")[:most].aggregate(count=Count("pk"), last=Max("member_id"))
    if not most or not batch["count"]:
        return 0
    letters.write(now, after=now.released_to, until=batch["last"], at=at)
    seconds = batch["count"] * now.seconds_a_letter
    Mailing.objects.filter(pk=now.pk).update(
        released=now.released + batch["count"],
        released_to=batch["last"],
        paced_at=used_until + timedelta(seconds=seconds) if seconds else None,
    )
    return int(batch["count"])


def _start(mailing: Mailing, at: datetime) -> int:
    """1 when it started here; somebody else may have been faster."""
    try:
        return int(course.begin(mailing, at=at).status == Status.RUNNING)
    except course.MailingMoved:
        return 0


def _pace(mailing: Mailing, at: datetime) -> tuple[datetime, int]:
    """Until when the pace is used up, and how many letters it lets out now."""
    assert mailing.leaves_at is not None
    if not mailing.pace:
        return at, BATCH
    each = mailing.seconds_a_letter
    used_until = max(mailing.paced_at or mailing.leaves_at, at - max(BURST, timedelta(seconds=each)))
    if halting.letters_of(mailing.about).filter(status__in=WAITING, due_at__lte=at).exists():
        return used_until, 0
    return used_until, min(BATCH, int((at - used_until).total_seconds() / each))


def _is_quiet(program: Program, at: datetime) -> bool:
    if program.quiet_from is None or program.quiet_until is None:
        return False
    return end_of_quiet(at, program.quiet_from, program.quiet_until, program.time_zone) is not None


@transaction.atomic
def _end(mailing: Mailing, at: datetime) -> int:
    """1 when all its letters are written and none is on its way: then it is done."""
    now = Mailing.objects.select_for_update(of=("self",)).get(pk=mailing.pk)
    left = Recipient.objects.filter(mailing=now, is_kept_out=False, member__gt=now.released_to).exists()
    in_window = now.leaves_at is None or at < now.leaves_at
    if now.status != Status.RUNNING or in_window or left:
        return 0
    if halting.letters_of(now.about).filter(status__in=WAITING).exists():
        return 0
    return Mailing.objects.filter(pk=now.pk).update(status=Status.DONE, ended_at=at)
