"""Handing letters to the channels beside mail, each letter settled by itself, so that a refused one holds up no other (RELIABILITY R-6).

What mail still waits for, be it a mail server that is not there, is handed over here all the same.
"""

from datetime import datetime
from typing import Any

import structlog
from django.utils import timezone

from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.mail import delivery
from loyalty.mail.channels import Channel, ChannelUnreachable, LetterRefused, channels, copy_waiting
from loyalty.mail.models import Message

Status = Message.Status
log = structlog.get_logger(__name__)


def deliver_due(program: Any = None, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Hand over what is due on every channel but mail; the job `pass_letters_on`."""
    tally = Tally(report={})
    for channel in channels():
        letters = Message.objects.filter(status=Status.QUEUED, channel=channel.name)
        if dry_run:
            tally.found += letters.filter(due_at__lte=at).count()
            continue
        until = min(at, timezone.now())
        copy_waiting(channel, at=until)
        waiting = letters.filter(due_at__lte=until)
        while batch := delivery.claim(waiting, at=timezone.now()):
            tally.found += len(batch)
            if not _deliver(channel, batch, tally, progress):
                return tally
    return tally


def _deliver(channel: Channel, batch: list[Message], tally: Tally, progress: Progress) -> bool:
    """Settle a claimed batch letter by letter; what is left when told to stop goes back."""
    for place, letter in enumerate(batch, start=1):
        if not delivery.is_still_wanted(letter):
            tally.found -= 1
            continue
        _settle(channel, letter, tally)
        if not progress(tally.found, tally.done, tally.skipped):
            delivery.give_back(batch[place:])
            tally.found -= len(batch) - place
            return False
    return True


def _settle(channel: Channel, letter: Message, tally: Tally) -> None:
    """Hand over one letter and write down what became of it."""
    ours = Message.objects.filter(pk=letter.pk, status=Status.SENDING, claimed_at=letter.claimed_at)
    outcome = "uncertain"
    try:
        channel.hand_over(letter)
    except LetterRefused as refusal:
        delivery.count_attempt(ours, letter, str(refusal))
        outcome = "refused"
    except ChannelUnreachable as failure:
        due_at = timezone.now() + delivery.PAUSES[0]
        ours.update(status=Status.QUEUED, claimed_at=None, due_at=due_at, error=str(failure)[:300])
        outcome = "not_reached"
    except Exception as failure:
        ours.update(status=Status.UNCERTAIN, error=delivery.first_line(failure))
        log.warning("letter_uncertain", letter=letter.pk, failure=type(failure).__name__)
    else:
        ours.update(status=Status.SENT, sent_at=timezone.now(), attempts=letter.attempts + 1, error="")
        tally.done += 1
        return
    tally.skipped += 1
    tally.report[outcome] = tally.report.get(outcome, 0) + 1
