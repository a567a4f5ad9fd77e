from typing import Any

from django.db import migrations
from django.utils import timezone

BUSINESS = {
    "slug": "business",
    "name": "Business members",
    "name_id": "Anggota bisnis",
    "name_ms": "Ahli perniagaan",
    "note": "A company is named with the member.",
    "definition": {
        "match": "all",
        "groups": [{"match": "all", "conditions": [{"about": "business", "is": "yes"}]}],
    },
}


def add_segment(apps: Any, _editor: Any) -> None:
    """Programs whose standard segments are prepared already get this one; a segment of their own of that name stays."""
    Segment, ScoringPolicy = apps.get_model("segments", "Segment"), apps.get_model("segments", "ScoringPolicy")
    taken = Segment.objects.filter(slug=BUSINESS["slug"]).values("program")
    Segment.objects.bulk_create(
        Segment(program_id=program, is_standard=True, created_at=timezone.now(), created_by="job:refresh_segments", **BUSINESS)
        for program in ScoringPolicy.objects.exclude(program__in=taken).values_list("program", flat=True)
    )


class Migration(migrations.Migration):
    dependencies = [("segments", "0001_initial"), ("members", "0017_business_members")]

    operations = [migrations.RunPython(add_segment, migrations.RunPython.noop)]
