"""The job `draw_winners`: draws what is due, tells and gives the prizes, and gives entries of draws that were called off back.

Each step claims its work by state under a lock, so it happens once however often the job runs and wherever it was stopped
(RELIABILITY R-3). The draw itself locks the draw's row alone. Its winners follow from the seed and the entries (`rewards.draws.fair`).
"""

from datetime import datetime

from django.db import transaction

from loyalty.common.errors import Refusal
from loyalty.common.retrying import retried
from loyalty.common.sealing import opened
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program
from members.models import Member
from rewards import redemption as redemptions
from rewards.draws import fair, giving
from rewards.draws.entering import take_out
from rewards.draws.terms import SEED, places
from rewards.models import Draw, DrawEntry, DrawResult, DrawWin, DrawWithdrawal, Redemption, Voucher

ACTOR = "job:draw_winners"
BATCH = 500
ISSUED = Redemption.Status.ISSUED


def draw_due(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Draw every draw whose close has come, then give what is to be given; may be stopped, repeated or run twice at once."""
    due = Draw.objects.filter(program=program, status=Draw.Status.OPEN, closes_at__lte=at).order_by("closes_at", "id")
    waiting = DrawWin.objects.filter(draw__program=program, given_at__isnull=True, passed_at__isnull=True)
    if dry_run:
        return Tally(found=due.count() + waiting.count())
    tally = Tally()
    for draw in due:
        tally.found += 1
        tally.done += draw_winners(draw, at=at) is not None
        if not progress(tally.found, tally.done, tally.skipped):
            return tally
    use_entries(program, at=at)
    for win in waiting.order_by("id"):
        tally.found += 1
        is_given = giving.give(win, at=at, actor=ACTOR).given_at is not None
        tally.done, tally.skipped = tally.done + is_given, tally.skipped + (not is_given)
        if not progress(tally.found, tally.done, tally.skipped):
            return tally
    return _give_back(program, tally, at=at, progress=progress)


@retried
@transaction.atomic
def draw_winners(draw: Draw, *, at: datetime) -> DrawResult | None:
    """Draw the winners of a draw that is due, once; None when somebody else did, or it is not due.

    Entries of members who left the program are withdrawn first, for everybody to see; then the list is final.
    """
    held = Draw.objects.select_for_update(no_key=True, of=("self",)).select_related("promise", "program")
    draw = held.get(pk=draw.pk)
    if draw.status != Draw.Status.OPEN or at < draw.closes_at:
        return None
    taking_part = DrawEntry.objects.filter(draw=draw, withdrawal__isnull=True)
    left = taking_part.exclude(member__status=Member.Status.ACTIVE)
    take_out(draw, left, DrawWithdrawal.Reason.LEFT, at=at, actor=ACTOR)
    entries = [fair.Entry(*row) for row in taking_part.order_by("number").values_list("number", "holder")]
    seed = opened(draw.promise.sealed_seed, purpose=SEED)
    numbers = fair.winners(seed, entries, places(draw))
    result = DrawResult.objects.create(
        draw=draw, seed=seed, list_digest=fair.list_digest(entries), numbers=numbers, drawn_at=at
    )
    ids = dict(taking_part.filter(number__in=numbers).values_list("number", "id"))
    prizes = [prize for prize in draw.prizes.all() for _ in range(prize.winners)]
    DrawWin.objects.bulk_create(
        DrawWin(draw=draw, place=place, prize=prize, entry_id=ids[number], won_at=at)
        for place, (number, prize) in enumerate(zip(numbers, prizes, strict=False), start=1)
    )
    Draw.objects.filter(pk=draw.pk).update(status=Draw.Status.DRAWN)
    return result


def use_entries(program: Program, *, at: datetime) -> int:
    """Mark the redemptions whose entries were drawn as used, in batches; cancelling is refused from the close on anyway."""
    done = 0
    while batch := _use_batch(program, at):
        done += batch
    return done


@retried
@transaction.atomic
def _use_batch(program: Program, at: datetime) -> int:
    """One batch; rows somebody holds right now are left to the next run."""
    drawn = Redemption.objects.filter(program=program, status=ISSUED, reward__draw__status=Draw.Status.DRAWN)
    locked = drawn.order_by("id").select_for_update(no_key=True, skip_locked=True, of=("self",))
    ids = list(locked.values_list("id", flat=True)[:BATCH])
    Voucher.objects.filter(redemption__in=ids).update(is_live=False, uses=1, used_at=at)
    return Redemption.objects.filter(pk__in=ids).update(status=Redemption.Status.USED, ended_at=at, ended_by=ACTOR)


def _give_back(program: Program, tally: Tally, *, at: datetime, progress: Progress) -> Tally:
    """Cancel the redemptions of draws that were called off: points back to their lots, as the shop cancels."""
    off = Redemption.objects.filter(program=program, status=ISSUED, reward__draw__status=Draw.Status.CALLED_OFF)
    for one in off.order_by("id"):
        tally.found += 1
        try:
            redemptions.cancel(one, at=at, actor=ACTOR, by_member=False)
            tally.done += 1
        except Refusal:
            tally.skipped += 1
        if not progress(tally.found, tally.done, tally.skipped):
            break
    return tally
