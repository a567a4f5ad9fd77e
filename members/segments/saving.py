"""Writing segments: save, duplicate, archive, bring back, delete. Who is in one is asked at once when it is saved."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from members.segments import membership
from members.segments.definitions import problems
from members.segments.models import Segment, SegmentStay
from members.segments.uses import uses_of


class SegmentRefused(Refusal):
    """A segment that says nothing sound; `numbers["errors"]` names the places."""

    code = "segment_refused"
    status = 422


class SegmentInUse(Refusal):
    """Rules or rewards ask for the segment."""

    code = "segment_in_use"


@transaction.atomic
def save(segment: Segment, *, at: datetime, actor: str) -> Segment:
    """Write a new or edited segment and ask who is in it from now on. Raises SegmentRefused."""
    program = segment.program
    errors = problems(
        segment.definition,
        tiers=set(program.tiers.values_list("slug", flat=True)),
        stores=set(program.stores.values_list("code", flat=True)),
    )
    if errors:
        raise SegmentRefused(" ".join(errors.values()), errors=errors)
    if segment.pk is None:
        segment.created_at, segment.created_by = at, actor
        segment.save(force_insert=True)
    else:
        segment.save(update_fields=["name", "name_id", "name_ms", "note", "definition"])
    return membership.refresh(segment, at=at)


@transaction.atomic
def duplicate(segment: Segment, *, at: datetime, actor: str) -> Segment:
    """A copy under a name and short name of its own."""
    taken = set(Segment.objects.filter(program=segment.program, slug__startswith=segment.slug[:40]).values_list("slug", flat=True))  # fmt: skip
    number = next(n for n in range(2, len(taken) + 3) if f"{segment.slug[:40]}-{n}" not in taken)
    copy = Segment(
        program=segment.program,
        slug=f"{segment.slug[:40]}-{number}",
        name=_("Copy of %(name)s")[:80] % {"name": segment.name[:60]},
        note=segment.note,
        definition=segment.definition,
    )
    return save(copy, at=at, actor=actor)


@transaction.atomic
def archive(segment: Segment, *, at: datetime, actor: str) -> Segment:
    """Put a segment away: it is refreshed no more, and nobody is in it from now on. Raises SegmentInUse."""
    segment = Segment.objects.select_for_update().get(pk=segment.pk)
    if segment.archived_at:
        return segment
    _refuse_in_use(segment, [use.title for use in uses_of(segment) if use.counts])
    SegmentStay.objects.filter(segment=segment, until__isnull=True).update(until=at)
    segment.archived_at, segment.members_count = at, 0
    segment.save(update_fields=["archived_at", "members_count"])
    return segment


@transaction.atomic
def bring_back(segment: Segment, *, at: datetime, actor: str) -> Segment:
    """Take a segment out of the archive and ask who is in it."""
    segment = Segment.objects.select_for_update().get(pk=segment.pk)
    if segment.archived_at:
        segment.archived_at = None
        segment.save(update_fields=["archived_at"])
    return membership.refresh(segment, at=at)


@transaction.atomic
def delete(segment: Segment, *, at: datetime, actor: str) -> None:
    """Delete a segment nothing ever asked for and no snapshot was taken of. Raises SegmentInUse."""
    segment = Segment.objects.select_for_update().get(pk=segment.pk)
    snapshots = [str(snapshot) for snapshot in segment.snapshots.all()[:5]]
    _refuse_in_use(segment, [use.title for use in uses_of(segment)] + snapshots)
    segment.delete()


def _refuse_in_use(segment: Segment, users: list[str]) -> None:
    if users:
        raise SegmentInUse(
            _(
                "“%(segment)s” is used by: %(users)s. Take it out there first; what was once rated by it needs it for ever."
            )
            % {"segment": segment, "users": ", ".join(users[:5])},
            users=users,
        )
