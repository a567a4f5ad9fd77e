"""Entering a draw, and leaving it again while it is open.

Entries come with a redemption: bought for points, or given by a campaign. Their numbers are given one after the other under the
lock of the draw's row (after the account, before the reward); so no number is missing and no limit is passed. An entry whose
redemption is cancelled before the close is withdrawn; its number stays and is not given again.
"""

from datetime import datetime

from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.common.clock import local_day
from loyalty.common.errors import Refusal
from loyalty.common.sealing import fingerprint
from rewards.draws.terms import HOLDER, DrawClosed, DrawFull, DrawNotOpen, EntriesReached
from rewards.models import Draw, DrawEntry, DrawWithdrawal, Redemption, Reward

HOLDER_LENGTH = 16


def holder_of(draw_id: int, member_id: int) -> str:
    """The public name of a member in one draw. It tells nothing without the key, and another draw has another one."""
    return fingerprint(f"{draw_id}:{member_id}", purpose=HOLDER)[:HOLDER_LENGTH]


def unenterable(draw: Draw, *, at: datetime) -> Refusal | None:
    """Why nobody can enter at that instant, as far as dates and status say; None when one can."""
    if draw.is_open(at=at):
        return None
    zone, told = (
        draw.program.time_zone,
        {"opens_at": draw.opens_at.isoformat(), "closes_at": draw.closes_at.isoformat()},
    )
    if draw.status == Draw.Status.OPEN and at < draw.opens_at:
        day = date_format(local_day(draw.opens_at, zone))
        return DrawNotOpen(_("This draw takes entries from %(day)s on.") % {"day": day}, **told)
    return DrawNotOpen(_("This draw takes no entries any more. Choose another reward."), **told)


def counted(draw: Draw, member_id: int) -> int:
    """How many entries of a member take part."""
    return DrawEntry.objects.filter(draw=draw, member=member_id, withdrawal__isnull=True).count()


def draw_of(reward: Reward) -> Draw:
    """The draw a reward of this kind leads to."""
    if reward.draw is None:
        raise TypeError(f"{reward} is no entry in a draw")
    return reward.draw


def numbers_of(redemption: Redemption) -> list[int]:
    """The numbers of a redemption that take part."""
    return list(
        redemption.draw_entries.filter(withdrawal__isnull=True).order_by("number").values_list("number", flat=True)
    )


def enter(redemption: Redemption, *, at: datetime) -> list[DrawEntry]:
    """Number the entries of a redemption of a draw's reward, in its transaction. Raises DrawNotOpen, DrawFull, EntriesReached."""
    reward = redemption.reward
    draw = (
        Draw.objects.select_for_update(no_key=True, of=("self",)).select_related("program").get(pk=draw_of(reward).pk)
    )
    count = reward.draw_entries or 1
    refusal = unenterable(draw, at=at) or _beyond(draw, redemption.member_id, count)
    if refusal:
        raise refusal
    first = draw.entries + 1
    holder = holder_of(draw.pk, redemption.member_id)
    rows = [
        DrawEntry(
            draw=draw,
            number=number,
            member_id=redemption.member_id,
            holder=holder,
            redemption=redemption,
            entered_at=at,
        )
        for number in range(first, first + count)
    ]
    if not Draw.objects.filter(pk=draw.pk, entries=draw.entries).update(entries=F("entries") + count):
        raise AssertionError(f"the entries of {draw} were numbered by somebody else under its lock")
    return DrawEntry.objects.bulk_create(rows)


def _beyond(draw: Draw, member_id: int, count: int) -> Refusal | None:
    """Whether so many entries more are too many, for the member or for the draw."""
    if draw.limit_per_member is not None:
        had = counted(draw, member_id)
        if had + count > draw.limit_per_member:
            message = ngettext(
                "One entry for each member; you have %(had)s.", "%(limit)s entries for each member; you have %(had)s.", draw.limit_per_member
            ) % {"limit": draw.limit_per_member, "had": had}  # fmt: skip
            return EntriesReached(message, limit=draw.limit_per_member, had=had)
    if draw.limit_in_all is not None and draw.standing + count > draw.limit_in_all:
        left = max(0, draw.limit_in_all - draw.standing)
        message = _("This draw has all the entries it takes; %(left)s are left. Choose another reward.") % {
            "left": left
        }
        return DrawFull(message, left=left)
    return None


def unwithdrawable(redemption: Redemption, *, at: datetime) -> Refusal | None:
    """Why the entries of a redemption cannot be withdrawn; None when they can."""
    draw = draw_of(redemption.reward)
    if draw.status == Draw.Status.CALLED_OFF or (draw.status == Draw.Status.OPEN and at < draw.closes_at):
        return None
    with timezone.override(redemption.program.time_zone):
        closed = date_format(timezone.localtime(draw.closes_at), "DATETIME_FORMAT")
    return DrawClosed(
        _("Entries closed at %(closed)s, so this one cannot be withdrawn any more.") % {"closed": closed},
        closes_at=draw.closes_at.isoformat(),
    )


def withdraw(redemption: Redemption, *, at: datetime, actor: str) -> int:
    """Take the entries of a cancelled redemption out of the draw, in its transaction. Raises DrawClosed."""
    draw = (
        Draw.objects.select_for_update(no_key=True, of=("self",))
        .select_related("program")
        .get(pk=draw_of(redemption.reward).pk)
    )
    redemption.reward.draw = draw
    if refusal := unwithdrawable(redemption, at=at):
        raise refusal
    return take_out(draw, redemption.draw_entries.filter(withdrawal__isnull=True), DrawWithdrawal.Reason.CANCELLED, at=at, actor=actor)  # fmt: skip


def take_out(draw: Draw, entries: QuerySet[DrawEntry], reason: str, *, at: datetime, actor: str) -> int:
    """Withdraw entries; the draw's row is locked. Returns how many."""
    gone = list(entries)
    DrawWithdrawal.objects.bulk_create(
        DrawWithdrawal(entry=one, reason=reason, withdrawn_at=at, withdrawn_by=actor) for one in gone
    )
    Draw.objects.filter(pk=draw.pk).update(withdrawn=F("withdrawn") + len(gone))
    return len(gone)
