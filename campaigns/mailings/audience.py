"""Whom a mailing goes to: the members of its segment who can be written to, counted before it is used and frozen when it starts.

Left out are members without an address, those who did not agree to news by e-mail, and blocked addresses. Freezing is one statement,
whatever the size of the segment; then a share is drawn that gets nothing, as the control groups of campaigns are drawn.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Lower

from campaigns.conditions import in_control
from campaigns.mailings.models import Mailing, Recipient
from loyalty.mail.kinds import MARKETING
from loyalty.mail.models import BlockedAddress
from members import consents
from members.models import Consent, Member
from members.segments import compiling
from members.segments.counting import bounded

PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Audience:
    """How many members a segment has, how many of them cannot be written to and why, and how many of the rest are kept out."""

    members: int = 0
    without_address: int = 0
    without_consent: int = 0
    blocked: int = 0
    kept_out: int = 0

    @property
    def reachable(self) -> int:
        """Who can be written to, whether kept out or not."""
        return self.members - self.without_address - self.without_consent - self.blocked

    @property
    def recipients(self) -> int:
        """Who gets a letter."""
        return self.reachable - self.kept_out


def draw_of(mailing: Mailing) -> tuple[str, int]:
    """The secret and the percent by which a share is kept out: those of its campaign, if that keeps some out."""
    campaign = mailing.campaign
    drawn = campaign if campaign is not None and campaign.control_percent else mailing
    return drawn.control_secret, drawn.control_percent


def frozen(mailing: Mailing) -> Audience:
    """The numbers of the audience as it was frozen."""
    return Audience(**mailing.audience)


def count(mailing: Mailing, *, at: datetime) -> Audience | None:
    """The audience as it would be now; how many are kept out is about. None when counting took too long. One query."""
    try:
        with bounded():
            found = _count(mailing, at)
    except DatabaseError:
        return None
    return Audience(**asdict(found) | {"kept_out": found.reachable * draw_of(mailing)[1] // 100})


def freeze(mailing: Mailing, *, at: datetime) -> Audience:
    """Write down who gets the letter and who is kept out, in the transaction that starts the mailing."""
    counted = _count(mailing, at)
    asked, values = _reachable(mailing, at).values("pk").query.get_compiler(connection=connection).as_sql()
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO "mailings_recipient" ("mailing_id", "member_id")'
            f" WITH found(member) AS ({asked}) SELECT %s, member FROM found ORDER BY member",
            [*values, mailing.pk],
        )
        written = cursor.rowcount
    # Whoever withdrew between the two statements is counted as withdrawn.
    told = asdict(counted) | {"without_consent": counted.without_consent + counted.reachable - written}
    return Audience(**told | {"kept_out": _draw(mailing)})


def _count(mailing: Mailing, at: datetime) -> Audience:
    written_to = ~Q(email="")
    agreeing = written_to & Q(pk__in=_agreed(mailing, at))
    found = _members(mailing, at).aggregate(
        members=Count("pk"),
        written_to=Count("pk", filter=written_to),
        agreeing=Count("pk", filter=agreeing),
        blocked=Count("pk", filter=agreeing & Q(mail__in=_blocked())),
    )
    return Audience(
        members=found["members"],
        without_address=found["members"] - found["written_to"],
        without_consent=found["written_to"] - found["agreeing"],
        blocked=found["blocked"],
    )


def _reachable(mailing: Mailing, at: datetime) -> QuerySet[Member]:
    found = _members(mailing, at).exclude(email="").filter(pk__in=_agreed(mailing, at))
    return found.exclude(Q(mail__in=_blocked()))


def _members(mailing: Mailing, at: datetime) -> QuerySet[Member]:
    segment = mailing.segment
    return compiling.members(segment.definition, segment.program, at=at).alias(mail=Lower("email"))


def _agreed(mailing: Mailing, at: datetime) -> QuerySet[Consent, Any]:
    return consents.members_with(mailing.program, Consent.Channel.EMAIL, MARKETING, at=at).values("member")


def _blocked() -> QuerySet[BlockedAddress, Any]:
    return BlockedAddress.objects.filter(lifted_at__isnull=True).order_by().values("address")


def _draw(mailing: Mailing) -> int:
    """Keep a share out, page by page: how many."""
    secret, percent = draw_of(mailing)
    rows, last, kept_out = Recipient.objects.filter(mailing=mailing).order_by("member_id"), 0, 0
    while percent and (page := list(rows.filter(member__gt=last).values_list("member_id", flat=True)[:PAGE])):
        out = [member_id for member_id in page if in_control(secret, percent, member_id)]
        kept_out += rows.filter(member__any_of=out).order_by().update(is_kept_out=True)
        last = page[-1]
    return kept_out
