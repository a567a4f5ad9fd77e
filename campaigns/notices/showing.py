"""Who was told of which points that run out, and when: for the member in the portal, and for staff."""

from dataclasses import dataclass
from datetime import date, datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.notices.models import Notice
from campaigns.notices.passed import TOLD, with_passed
from loyalty.common.clock import last_valid_day
from loyalty.common.money import show_points
from loyalty.desk.panels import Panel, badge, day, link, moment
from members.models import Member

ROWS = 12
TONES = {"queued": "info", "sending": "info", "sent": "good", "failed": "bad", "uncertain": "warn", "stopped": "bad"}


@dataclass(frozen=True, slots=True)
class Told:
    """Points of one day that a member was told of: their last valid day, how many, and when the letter was handed over."""

    day: date
    points: str
    at: datetime


def what_became_of(notice: Notice) -> str:
    """The state of a notice's letter as staff see it; one that came back told nobody. The notice is one `with_passed`."""
    letter = notice.letter
    if getattr(notice, "passed_at", None):
        return badge(_("passed to another system"), "good")
    if letter.bounced_at:
        return badge(_("came back"), "bad")
    return badge(letter.get_status_display(), TONES.get(letter.status, ""))


def told_to(member: Member, *, at: datetime) -> list[Told]:
    """What letters told a member of points that had not run out yet at an instant, soonest first; one query."""
    open_ones = Notice.objects.filter(account__member_account__member=member, expires_at__gt=at)
    mine = with_passed(open_ones).filter(TOLD).select_related("letter", "account__wallet")
    zone = member.program.time_zone
    found = []
    for one in mine.order_by("expires_at", "id"):
        wallet, sent_at = one.account.wallet, one.letter.sent_at or getattr(one, "passed_at", None)
        points = f"{show_points(one.points, wallet.decimals)} {wallet.name_of(one.points)}"
        if sent_at:
            found.append(Told(last_valid_day(one.expires_at, zone), points, sent_at))
    return found


def member_panel(member: Member, at: datetime) -> list[Panel]:
    """The latest notices of a member with what became of their letters; one query."""
    mine = with_passed(Notice.objects.filter(account__member_account__member=member))
    mine = mine.select_related("letter", "account__wallet")
    zone = member.program.time_zone
    rows = [
        (
            link(reverse("admin:mail_message_change", args=[one.letter_id]), moment(one.letter.queued_at)),
            day(last_valid_day(one.expires_at, zone)),
            f"{show_points(one.points, one.account.wallet.decimals)} {one.account.wallet.name_of(one.points)}",
            what_became_of(one),
            moment(one.letter.sent_at or getattr(one, "passed_at", None)),
        )
        for one in mine.order_by("-id")[:ROWS]
    ]
    headers = [_("Written"), _("Last valid day"), _("Points told of"), _("Letter"), _("Handed over")]
    return [
        Panel(
            _("Told of points that run out"),
            headers,
            rows,
            _("No points of this member were about to run out yet."),
            note=_("What nobody could be told of in time lasts longer."),
        )
    ]
