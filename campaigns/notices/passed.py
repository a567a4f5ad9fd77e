"""Letters about points that run out which another system of the shop took: they tell their reader as mail does (DOMAIN 9.2).

A member without an e-mail address, or whose mail came back, is told so. What only waits in the portal tells nobody yet.
"""

from django.db.models import OuterRef, Q, QuerySet, Subquery

from campaigns.notices.models import Notice
from loyalty.mail.models import Message

Channel, Status = Message.Channel, Message.Status
# Handed to the mail system and not come back, or taken by another system.
TOLD = Q(letter__status=Status.SENT, letter__bounced_at__isnull=True) | Q(passed_at__isnull=False)


def taken() -> QuerySet[Message]:
    """The twin of a notice's letter that another system took."""
    return Message.objects.filter(
        recipient=OuterRef("letter__recipient"),
        kind=OuterRef("letter__kind"),
        subject=OuterRef("letter__subject"),
        period=OuterRef("letter__period"),
        channel=Channel.WEBHOOK,
        status=Status.SENT,
    )


def with_passed(notices: QuerySet[Notice]) -> QuerySet[Notice]:
    """Notices with `passed_at`, when another system took their letter."""
    return notices.annotate(passed_at=Subquery(taken().values("sent_at")[:1]))
