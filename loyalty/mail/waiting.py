"""How much mail waits, and since when: what health asks of the outbox (DOMAIN 11.1)."""

from datetime import datetime

from loyalty.mail.models import Message

Status = Message.Status


def oldest_due(at: datetime) -> datetime | None:
    """Since when the letter that waits longest is due. None when none waits."""
    waiting = Message.objects.filter(status=Status.QUEUED, due_at__lte=at)
    return waiting.order_by("due_at").values_list("due_at", flat=True).first()


def depth(at: datetime, *, most: int) -> dict[str, int]:
    """How many letters wait, and how many are in doubt or were refused; each counted up to `most`."""
    due = Message.objects.filter(status=Status.QUEUED, due_at__lte=at)
    ended = {status: Message.objects.filter(status=status) for status in (Status.UNCERTAIN, Status.FAILED)}
    named = {"waiting": due, "uncertain": ended[Status.UNCERTAIN], "refused": ended[Status.FAILED]}
    return {name: letters.order_by()[:most].count() for name, letters in named.items()}
