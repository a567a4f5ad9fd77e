"""Which mailings go to a segment, told to the floor that keeps segments."""

from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.mailings.models import Mailing
from members.segments.models import Segment
from members.segments.uses import Use

OVER = (Mailing.Status.STOPPED, Mailing.Status.DONE)


def mailings_to(segment: Segment) -> list[Use]:
    """The mailings to a segment; one counts until it is over. One query."""
    return [
        Use(
            _("Mailing: %(name)s") % {"name": mailing},
            reverse("admin:mailings_mailing_change", args=[mailing.pk]),
            mailing.status not in OVER,
        )
        for mailing in Mailing.objects.filter(segment=segment).order_by("-id")
    ]
