"""Snapshots: who answers a segment's question now, written down once and never changed (DOMAIN 10.1)."""

from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from members.segments import compiling
from members.segments.models import Segment, Snapshot


class SnapshotNameTaken(Refusal):
    """The program has a snapshot of that name."""

    code = "snapshot_name_taken"


class SegmentArchived(Refusal):
    """The segment was put away."""

    code = "segment_archived"


@transaction.atomic
def take(segment: Segment, *, name: str, at: datetime, actor: str) -> Snapshot:
    """Freeze the members of a segment under a name. Raises SnapshotNameTaken or SegmentArchived."""
    segment = Segment.objects.select_for_update(of=("self",)).select_related("program").get(pk=segment.pk)
    if segment.archived_at:
        raise SegmentArchived(_("This segment is archived. Bring it back first."))
    if Snapshot.objects.filter(program=segment.program, name=name).exists():
        raise SnapshotNameTaken(_("There is a snapshot “%(name)s” already. Choose another name.") % {"name": name})
    found = compiling.members(segment.definition, segment.program, at=at)
    snapshot = Snapshot.objects.create(
        program=segment.program,
        segment=segment,
        name=name,
        definition=segment.definition,
        members_count=found.count(),
        taken_at=at,
        taken_by=actor,
    )
    asked, values = found.values("pk").query.get_compiler(connection=connection).as_sql()
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO "segments_snapshotmember" ("snapshot_id", "member_id")'
            f" WITH found(member) AS ({asked}) SELECT %s, member FROM found ORDER BY member",
            [*values, snapshot.pk],
        )
        written = cursor.rowcount
    if written != snapshot.members_count:  # somebody came or left between the two statements
        raise SnapshotMoved(_("Members moved while the snapshot was taken. Nothing was kept; please try again."))
    return snapshot


class SnapshotMoved(Refusal):
    """Two counts of one snapshot differ."""

    code = "snapshot_moved"
