"""A partner gives points to members, and takes back what it gave by mistake (DOMAIN 3.1, 12.1).

The reference is the partner's own and never counts twice. A posting is settled in the month it happened in, or in the first one that
is still open; a take-back in the month it is told in. The partner's row is locked after the accounts, so that its monthly limit
holds whatever comes at once, and so that no posting slips into a month that is being closed. Rules for the activity
`partner_posting` may add points of the program's own.
"""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from campaigns import events
from campaigns.partners.models import Partner, PartnerPosting, PartnerTakeBack
from campaigns.partners.months import first_open
from campaigns.ways import recording
from loyalty.common.clock import local_day
from loyalty.common.errors import Refusal
from loyalty.common.money import show_points
from loyalty.ledger import clawback, locking, posting
from loyalty.ledger.models import Account
from members import liveliness, lookup
from members.models import Event, Member
from members.sales import CLOCK_TOLERANCE

ACTIVITY = "partner_posting"
SOURCE = "partner"
OLDEST = timedelta(days=366)


class PartnerNotActive(Refusal):
    """The partner is paused or has ended."""

    code = "partner_not_active"


class PostingConflict(Refusal):
    """The reference stands for another posting or take-back."""

    code = "posting_conflict"


class PostingUnknown(Refusal):
    """The partner posted nothing under this reference."""

    code = "posting_unknown"
    status = 404


class PostingDateRefused(Refusal):
    """The posting lies in the future or too long ago."""

    code = "posting_date_refused"
    status = 422


class PartnerLimitReached(Refusal):
    """The partner's points of the month would be more than agreed; `left` may still be posted."""

    code = "partner_limit_reached"


class TakeBackTooLate(Refusal):
    """The posting is older than the days agreed for taking back."""

    code = "take_back_too_late"


class MoreThanPosted(Refusal):
    """More would be taken back than was posted; `left` can be."""

    code = "more_than_posted"


@transaction.atomic
def post(
    partner: Partner,
    member: Member,
    points: int,
    *,
    reference: str,
    occurred_at: datetime,
    at: datetime,
    actor: str,
    words: str = "",
) -> PartnerPosting:
    """Give a member points of a partner. The same reference is answered with the first posting.

    Raises PostingConflict, PostingDateRefused, PartnerNotActive, PartnerLimitReached, and MemberUnknown also for a member who left.
    """
    members, alive = liveliness.present(partner.program, [member.pk])
    status, account_id = members.get(member.pk, ("", 0))
    if not account_id:
        raise lookup.unknown()
    locking.lock(account_id, *alive.get(member.pk, ()))
    partner = locked(partner)
    known = PartnerPosting.objects.filter(partner=partner, reference=reference).select_related("member").first()
    if known:
        if (known.member_id, known.points, known.occurred_at) != (member.pk, points, occurred_at):
            raise PostingConflict(_("This reference already stands for another posting."), reference=reference)
        return known
    if status == Member.Status.CLOSED:
        raise lookup.unknown()
    _refuse_date(occurred_at, at)
    month = max(_month(partner, min(occurred_at, at)), first_open(partner))
    _refuse_beyond(partner, points, month)
    events.record_event(
        partner.program, member, kind=ACTIVITY, source=partner.slug, key=_key(reference), occurred_at=min(occurred_at, at),
        at=at, actor=actor,
    )  # fmt: skip
    entry = posting.accrue(
        account_id, points, at=min(occurred_at, at), reference=f"partner:{partner.pk}:{reference}", source=SOURCE, actor=actor,
        reason=partner.name, explanation={"partner": _told(partner, member, points, occurred_at, words)}, recorded_at=at,
    )  # fmt: skip
    return PartnerPosting.objects.create(
        partner=partner, member=member, reference=reference, points=points, price=partner.price_per_point, words=words,
        occurred_at=occurred_at, recorded_at=at, month=month, entry=entry,
    )  # fmt: skip


@transaction.atomic
def take_back(
    posted: PartnerPosting, *, reference: str, at: datetime, actor: str, points: int | None = None, reason: str = ""
) -> PartnerTakeBack:
    """Take back a posting, or a part of it. The same reference is answered with the first take-back.

    What had expired or is written off is not taken, and not paid back. Taken back as a whole, a bonus of the rules goes too.
    A `reason` is given where the program takes it back itself: the days agreed with the partner do not bind it.
    Raises PostingConflict, TakeBackTooLate, MoreThanPosted.
    """
    account = _lock(posted)
    partner = locked(posted.partner)
    known = PartnerTakeBack.objects.filter(partner=partner, reference=reference).first()
    if known:
        if known.posting_id != posted.pk or points not in (None, known.asked):
            raise PostingConflict(_("This reference already stands for another take-back."), reference=reference)
        return known
    if not reason:
        _refuse_late(partner, posted, at)
    left = left_of(posted)
    wanted = wanted_of(posted, points, left, account.wallet.decimals)
    entry = clawback.claw_back(
        posted.entry, wanted, at=at, reference=f"partner back:{partner.pk}:{reference}", source=SOURCE, actor=actor,
        reason=partner.name, explanation={"partner": {**posted.entry.explanation["partner"], "taken_back": wanted} | ({"why": reason} if reason else {})},
    )  # fmt: skip
    if wanted == left:
        _take_bonus_back(posted, at=at, actor=actor)
    return PartnerTakeBack.objects.create(
        partner=partner, posting=posted, reference=reference, asked=wanted, points=-entry.amount, recorded_at=at,
        month=max(_month(partner, at), first_open(partner)), entry=entry, reason=reason,
    )  # fmt: skip


def wanted_of(posted: PartnerPosting, points: int | None, left: int, decimals: int) -> int:
    """How many points a take-back asks for: without `points` all that are left. Raises MoreThanPosted."""
    wanted = left if points is None else points
    if not 0 < wanted <= left:
        shown = {"left": show_points(left, decimals)}
        raise MoreThanPosted(_("Only %(left)s points of this posting can still be taken back.") % shown, left=left)
    return wanted


def find(partner: Partner, reference: str) -> PartnerPosting:
    """The partner's own posting of this reference. Raises PostingUnknown."""
    postings = PartnerPosting.objects.select_related("partner__program", "member", "entry")
    found = postings.filter(partner=partner, reference=reference[:64]).first()
    if found is None:
        raise PostingUnknown(_("There is no posting with this reference. Please check it."))
    return found


def locked(partner: Partner) -> Partner:
    """The partner's row, locked until the transaction ends, as it is now."""
    row = Partner.objects.select_for_update().get(pk=partner.pk)
    row.program = partner.program
    return row


def left_of(posted: PartnerPosting) -> int:
    """How many points of a posting were not asked back yet."""
    return posted.points - (posted.take_backs.aggregate(asked=Sum("asked"))["asked"] or 0)


def posted_in(partner: Partner, month: date) -> int:
    """The points of a month's postings, less what was taken back of them."""
    given = PartnerPosting.objects.filter(partner=partner, month=month).aggregate(points=Sum("points"))["points"]
    back = PartnerTakeBack.objects.filter(posting__partner=partner, posting__month=month)
    return (given or 0) - (back.aggregate(points=Sum("points"))["points"] or 0)


def _refuse_date(occurred_at: datetime, at: datetime) -> None:
    if occurred_at > at + CLOCK_TOLERANCE:
        raise PostingDateRefused(
            _("This posting lies in the future. Check the clock that reported it."), field="occurred_at"
        )
    if occurred_at < at - OLDEST:
        message = _("This posting is more than %(days)d days old. Please ask the program.") % {"days": OLDEST.days}
        raise PostingDateRefused(message, field="occurred_at", days=OLDEST.days)


def _refuse_beyond(partner: Partner, points: int, month: date) -> None:
    """The partner is locked: is it active, and is there room in its month?"""
    if partner.status != Partner.Status.ACTIVE:
        raise PartnerNotActive(_("This partner cannot post points now. Please ask the program."))
    if partner.monthly_limit is None:
        return
    left = max(0, partner.monthly_limit - posted_in(partner, month))
    if points > left:
        message = _("Only %(left)d points can still be posted for %(month)s.") % {"left": left, "month": f"{month:%Y-%m}"}  # fmt: skip
        raise PartnerLimitReached(message, limit=partner.monthly_limit, left=left)


def _refuse_late(partner: Partner, posted: PartnerPosting, at: datetime) -> None:
    days = partner.take_back_days
    if at < posted.recorded_at + timedelta(days=days):
        return
    if not days:
        raise TakeBackTooLate(_("Postings of this partner are not taken back. Please ask the program."), days=0)
    raise TakeBackTooLate(_("A posting can be taken back for %(days)d days, and they are over.") % {"days": days}, days=days)  # fmt: skip


def _lock(posted: PartnerPosting) -> Account:
    """The account that was posted to, locked with what else the taking may move."""
    account_id = posted.entry.account_id
    return locking.lock(account_id)[account_id]


def bonus_of(posted: PartnerPosting) -> Event | None:
    """The event of a posting for which rules gave points of the program's own that were not taken back."""
    told = Event.objects.filter(
        program=posted.partner.program_id, source=posted.partner.slug, key=_key(posted.reference)
    )
    return told.filter(points__gt=0, taken_back_at=None).first()


def _take_bonus_back(posted: PartnerPosting, *, at: datetime, actor: str) -> None:
    """What the rules added goes with the last of the posting."""
    event = bonus_of(posted)
    if event:
        recording.take_back(event, at=at, actor=actor, reason=posted.partner.name)


def _month(partner: Partner, at: datetime) -> date:
    return local_day(at, partner.program.time_zone).replace(day=1)


def _key(reference: str) -> str:
    return f"posting:{reference}"


def _told(partner: Partner, member: Member, points: int, occurred_at: datetime, words: str) -> dict[str, Any]:
    """What the explanation of an entry keeps: whose points, how many, of which day, what for."""
    wallet = partner.program.wallets.get(is_main=True)
    told: dict[str, Any] = {
        "name": partner.name, "points": points, "day": local_day(occurred_at, partner.program.time_zone).isoformat(),
    }  # fmt: skip
    if wallet.decimals:
        told["decimals"] = wallet.decimals
    return told | ({"for": words} if words else {})
