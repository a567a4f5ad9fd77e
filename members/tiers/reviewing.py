"""The job `review_tiers`: reviews that are due, oldest first, points that began to count, and the letters about tiers (DOMAIN 8.2, 9.5, 11.1).

A review is a fact of time (`members.tiers.walking`): a purchase that comes after it meets the tier it left, whether or not
this has run. The job writes down what is due and tells the members. It may be stopped, repeated or run twice at once.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from loyalty.common.retrying import retried
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Entry, Lot, Program
from members.ladders import ladder
from members.models import Member, MemberAccount, QualifyingPart, TierStay
from members.tiers import parts, telling
from members.tiers.reading import trails
from members.tiers.writing import write_stays

CHUNK = 1000
CREDITS_LOOKED_BACK = timedelta(days=3)


def review_tiers(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Decide every review that is due at an instant, then write the letters about it and about members at risk."""
    found = due(program, at=at).count() + counting(program, at=at).count()
    tally = Tally(found=found, report={"down": 0, "up": 0, "letters": 0})
    if dry_run:
        return tally
    if not _reviewed(program, tally, at=at, progress=progress):
        return tally
    steps = ladder(program)
    if steps.counts_wallet:
        _lifted_by_credits(program, tally, at=at)
    if steps.has_parts and not _counted(program, tally, at=at, progress=progress):
        return tally
    for tell in (telling.warn_chunk, telling.tell_chunk):
        if not _told(tell, program, tally, at=at, progress=progress):
            break
    return tally


def due(program: Program, *, at: datetime) -> QuerySet[TierStay]:
    """The open stays whose review date has come; with days of grace, also those that are not decided yet."""
    return TierStay.objects.filter(member__program=program, until__isnull=True, review_at__lte=at)


def _reviewed(program: Program, tally: Tally, *, at: datetime, progress: Progress) -> bool:
    """Every due review, in chunks of the oldest; False when asked to stop."""
    after: tuple[datetime | None, int] | None = None
    while True:
        stays = due(program, at=at).order_by("review_at", "id")
        if after:
            stays = stays.filter(Q(review_at=after[0], id__gt=after[1]) | Q(review_at__gt=after[0]), review_at__gte=after[0])  # fmt: skip
        found = list(stays.values_list("review_at", "id", "member_id")[:CHUNK])
        if not found:
            return True
        done, up, down = walk_on(program, [member for _due, _id, member in found], at=at)
        tally.done, tally.found = tally.done + done, max(tally.found, tally.done + done)
        tally.report["up"] += up
        tally.report["down"] += down
        after = (found[-1][0], found[-1][1])
        if not progress(tally.found, tally.done, tally.skipped):
            return False


@retried
def walk_on(program: Program, member_ids: Iterable[int], *, at: datetime) -> tuple[int, int, int]:
    """Write down what was due for these members until an instant; returns how many changed, went up and went down."""
    ids = list(member_ids)
    with transaction.atomic():
        lock(
            *MemberAccount.objects.filter(member__any_of=ids, wallet__is_main=True).values_list("account_id", flat=True)
        )
        ranks = dict(Member.objects.filter(id__any_of=ids).values_list("id", "tier__rank"))
        steps = ladder(program)
        walked = trails(steps, ids, earliest=at)
        for trail in walked.values():
            trail.go_to(at)
        changed = write_stays(walked, recorded_at=at, is_time_alone=not steps.counts_wallet)
        if steps.has_parts:
            parts.note_counted(ids, until=at)
    moves = [trail.stays[-1].tier.rank - ranks[member] for member, trail in walked.items() if trail.changed]
    return changed, sum(1 for move in moves if move > 0), sum(1 for move in moves if move < 0)


def counting(program: Program, *, at: datetime) -> QuerySet[QualifyingPart]:
    """Points of purchases that count by an instant, and whose tiers are on no record yet (DOMAIN 4.1)."""
    return parts.due(at=at).filter(program=program)


def _counted(program: Program, tally: Tally, *, at: datetime, progress: Progress) -> bool:
    """Members whose points began to count, in chunks of the oldest: up at the instant they did; False when asked to stop."""
    due_now = counting(program, at=at).order_by("counts_at", "id").values_list("purchase__member", flat=True)
    while members := sorted(set(due_now[:CHUNK])):
        done, up, down = walk_on(program, members, at=at)
        tally.done, tally.found = tally.done + done, max(tally.found, tally.done + done)
        tally.report["up"] += up
        tally.report["down"] += down
        if not progress(tally.found, tally.done, tally.skipped):
            return False
    return True


def _lifted_by_credits(program: Program, tally: Tally, *, at: datetime) -> None:
    """Credits of a counted wallet lift without a purchase: whoever got some lately, or may spend them since, is looked at.

    One query of two parts, each by an index of its own: the entries by when they were recorded, and lots that began later
    than they were given by when they did.
    """
    since, wallet_id, member = at - CREDITS_LOOKED_BACK, ladder(program).wallet_id, "account__member_account__member"
    recorded = Entry.objects.filter(account__wallet=wallet_id, recorded_at__gte=since)
    either = [
        rows.order_by().values_list(member, flat=True)
        for rows in (recorded, begun(since, at).filter(account__wallet=wallet_id))
    ]
    members = sorted(set(either[0].union(either[1])) - {None})
    for first in range(0, len(members), CHUNK):
        _changed, up, _down = walk_on(program, members[first : first + CHUNK], at=at)
        tally.report["up"] += up


def begun(since: datetime, until: datetime) -> QuerySet[Lot]:
    """The lots whose points can be spent since an instant of that stretch, and were given before it."""
    return Lot.objects.filter(available_at__gt=F("granted_at"), available_at__gte=since, available_at__lte=until)


def _told(
    tell: Callable[..., tuple[int, int]], program: Program, tally: Tally, *, at: datetime, progress: Progress
) -> bool:
    """Letters in chunks until none is left to be written; False when asked to stop."""
    while True:
        looked_at, letters = tell(program, at=at)
        tally.report["letters"] += letters
        if not progress(tally.found, tally.done, tally.skipped):
            return False
        if not looked_at:
            return True
