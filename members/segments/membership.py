"""Who is in which segment since when: a segment is asked once a day, and what changed is kept as stays (DOMAIN 10.1).

A stay begins and ends at the instant of the refresh that found it, and what is past is never rewritten. So a purchase that is
told late finds the membership of the moment it happened, and rating it again gives the same (DOMAIN 2.5).
Rules count a stay from a quarter of an hour after its refresh: until then the refresh may still be at work, and a purchase
that is rated meanwhile must not find another answer than one that is rated later.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from loyalty.common.clock import day_start, local_day
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program
from members.models import Member
from members.segments import compiling
from members.segments.models import ScoringPolicy, Segment, SegmentStay

SETTLED_AFTER = timedelta(minutes=15)
# A business date begins so long after midnight, as for the daily jobs.
DUE_AFTER = timedelta(minutes=5)
Stays = dict[int, list[tuple[str, datetime, datetime | None]]]


def members_in(segment: Segment, at: datetime) -> QuerySet[Member]:
    """The members who were in a segment at an instant, as refreshed."""
    there = _at(SegmentStay.objects.filter(segment=segment), at)
    return Member.objects.filter(pk__in=there.values("member")).order_by()


def of_members(member_ids: Iterable[int], at: datetime) -> dict[int, list[Segment]]:
    """The segments each of these members was in at an instant, by name; one query."""
    found: dict[int, list[Segment]] = defaultdict(list)
    stays = _at(SegmentStay.objects.filter(member__any_of=list(member_ids)), at)
    for stay in stays.select_related("segment").order_by("segment__name", "segment_id"):
        found[stay.member_id].append(stay.segment)
    return found


def members_by_segment(program: Program) -> Iterator[tuple[str, int]]:
    """(short name, member) of everybody in a segment of a program now, as refreshed: one query, read row by row."""
    now = SegmentStay.objects.filter(
        segment__program=program, segment__archived_at__isnull=True, until__isnull=True
    ).order_by()
    return now.values_list("segment__slug", "member_id").iterator(chunk_size=5000)


def stays_of(program: Program, slugs: Iterable[str], member_ids: Iterable[int]) -> Stays:
    """By member, the stretches of time in which rules count it to segments: (short name, since, until). One query."""
    found: Stays = defaultdict(list)
    stays = SegmentStay.objects.filter(
        segment__program=program, segment__slug__in=sorted(set(slugs)), member__any_of=list(member_ids)
    ).order_by()
    for member, slug, since, until in stays.values_list("member_id", "segment__slug", "since", "until"):
        found[member].append((slug, since + SETTLED_AFTER, until + SETTLED_AFTER if until else None))
    return found


def _at(stays: QuerySet[SegmentStay], at: datetime) -> QuerySet[SegmentStay]:
    return stays.filter(since__lte=at).filter(Q(until__isnull=True) | Q(until__gt=at)).order_by()


@transaction.atomic
def refresh(segment: Segment, *, at: datetime) -> Segment:
    """Ask a segment's question now and keep who came and who left: two statements, whatever its size.

    An archived segment, and one that was refreshed later than `at`, is left as it is.
    """
    segment = Segment.objects.select_for_update(of=("self",)).select_related("program").get(pk=segment.pk)
    if segment.archived_at or (segment.refreshed_at and segment.refreshed_at > at):
        return segment
    there = SegmentStay.objects.filter(segment=segment, until__isnull=True).order_by()
    found = compiling.members(segment.definition, segment.program, at=at).values("pk")
    there.filter(member__in=there.values("member").difference(found)).update(until=at)
    _let_in(segment, found.difference(there.values("member")), at)
    segment.members_count, segment.refreshed_at = there.count(), at
    segment.save(update_fields=["members_count", "refreshed_at"])
    return segment


def _let_in(segment: Segment, newcomers: QuerySet[Member, Any], at: datetime) -> None:
    """Open a stay for everybody in a set, without the rows ever leaving the database."""
    asked, values = newcomers.query.get_compiler(connection=connection).as_sql()
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO "segments_segmentstay" ("segment_id", "member_id", "since")'
            f" WITH found(member) AS ({asked}) SELECT %s, member, %s FROM found",
            [*values, segment.pk, connection.ops.adapt_datetimefield_value(at)],
        )


def refresh_due(
    program: Program | None = None, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched
) -> Tally:
    """Refresh each segment once per business date of its program; the job `refresh_segments`.

    It waits for the scores of that date, and so for the night's jobs before them. May be stopped, repeated or run twice at once.
    """
    programs = Program.objects.filter(is_active=True)
    due: list[Segment] = []
    for one in programs.filter(pk=program.pk) if program else programs:
        today = local_day(at - DUE_AFTER, one.time_zone)
        if not ScoringPolicy.objects.filter(program=one, scored_on__gte=today).exists():
            continue
        begun = day_start(today, one.time_zone) + DUE_AFTER
        waiting = Segment.objects.filter(program=one, archived_at__isnull=True)
        due += waiting.filter(Q(refreshed_at__isnull=True) | Q(refreshed_at__lt=begun)).order_by(
            F("refreshed_at").asc(nulls_first=True), "pk"
        )
    tally = Tally(found=len(due))
    for segment in () if dry_run else due:
        tally.report[segment.slug] = refresh(segment, at=at).members_count
        tally.done += 1
        if not progress(tally.found, tally.done, 0):
            break
    return tally
