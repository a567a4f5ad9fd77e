"""The segments every program has from the start; staff may change or archive them like any other (DOMAIN 10.1)."""

from datetime import datetime
from typing import Any

from django.db import transaction

from loyalty.ledger.models import Program
from members.segments.models import ScoringPolicy, Segment

ACTOR = "job:refresh_segments"


def _one(told: dict[str, Any]) -> dict[str, Any]:
    return {"match": "all", "groups": [{"match": "all", "conditions": [told]}]}


STANDARD: list[dict[str, Any]] = [
    {
        "slug": "new", "name": "New members", "name_id": "Anggota baru", "name_ms": "Ahli baharu",
        "note": "Enrolled in the last 30 days.", "definition": _one({"about": "enrolled", "most": 30}),
    },
    {
        "slug": "champions", "name": "Champions", "name_id": "Juara", "name_ms": "Juara",
        "note": "Buy lately, often and for much.", "definition": _one({"about": "class", "is": ["champions"]}),
    },
    {
        "slug": "loyal", "name": "Loyal", "name_id": "Setia", "name_ms": "Setia",
        "note": "Buy often, and not long ago.", "definition": _one({"about": "class", "is": ["loyal"]}),
    },
    {
        "slug": "at-risk", "name": "At risk", "name_id": "Berisiko", "name_ms": "Berisiko",
        "note": "Bought often or for much, but not lately.", "definition": _one({"about": "class", "is": ["at_risk"]}),
    },
    {
        "slug": "lapsed", "name": "Lapsed", "name_id": "Tidak aktif", "name_ms": "Tidak aktif",
        "note": "Have not bought for long.", "definition": _one({"about": "class", "is": ["lapsed"]}),
    },
    {
        "slug": "birthday", "name": "Birthday this month", "name_id": "Ulang tahun bulan ini", "name_ms": "Hari jadi bulan ini",
        "note": "For a gift or a greeting.", "definition": _one({"about": "birthday", "month": "this"}),
    },
    {
        "slug": "points-expiring", "name": "Points expiring in 30 days", "name_id": "Poin berakhir dalam 30 hari",
        "name_ms": "Mata luput dalam 30 hari", "note": "Have points that run out within 30 days.",
        "definition": _one({"about": "expiring", "days": 30}),
    },
    {
        "slug": "business", "name": "Business members", "name_id": "Anggota bisnis", "name_ms": "Ahli perniagaan",
        "note": "A company is named with the member.", "definition": _one({"about": "business", "is": "yes"}),
    },
]  # fmt: skip


@transaction.atomic
def prepare(program: Program, *, at: datetime) -> ScoringPolicy:
    """Give a program its scoring policy and its standard segments, once; what staff did to them later stays."""
    policy, is_new = ScoringPolicy.objects.get_or_create(program=program)
    if is_new:
        taken = set(Segment.objects.filter(program=program).values_list("slug", flat=True))
        Segment.objects.bulk_create(
            Segment(program=program, is_standard=True, created_at=at, created_by=ACTOR, **described)
            for described in STANDARD
            if described["slug"] not in taken
        )
    return policy
