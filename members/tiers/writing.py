"""Writing down where trails led: the stays that began, ended or were renewed, in a constant number of statements."""

from datetime import datetime

from loyalty.common.bulk import insert_rows, update_rows
from members.models import Member, TierStay
from members.tiers.parts import note_counted
from members.tiers.stays import Stay
from members.tiers.walking import Trail

STAY_FIELDS = (
    "member", "tier", "since", "until", "recorded_at", "cause", "measured", "review_at", "renewed_at", "told_at",
)  # fmt: skip
DATES = ("until", "review_at", "renewed_at")


def write_stays(walked: dict[int, Trail], *, recorded_at: datetime, is_time_alone: bool = False) -> int:
    """Write down the stays that began, ended and lasted on the trails; returns how many members' tier or stay changed.

    Where nothing new was learned and time alone began a stay (`is_time_alone`), it was known from its first instant on,
    however late a job came to it.
    """
    moved = {member_id: trail for member_id, trail in walked.items() if trail.changed}
    ended, renewed = [], []
    for trail in moved.values():
        kept = {stay.id for stay in trail.stays}
        for stay in trail.loaded:
            dates = stay.dates if stay.id in kept else (stay.since, None, stay.renewed_at)
            if dates != stay.was and dates[2] != stay.was[2]:
                renewed.append((stay.id, *dates, None))
            elif dates != stay.was:
                ended.append((stay.id, *dates))
    update_rows(TierStay, "id", DATES, ended)
    update_rows(TierStay, "id", (*DATES, "told_at"), renewed)
    new = [
        stay_row(member_id, trail, stay, min(stay.since, recorded_at) if is_time_alone else recorded_at)
        for member_id, trail in moved.items()
        for stay in trail.stays
        if stay.id is None
    ]
    insert_rows(TierStay, STAY_FIELDS, new)
    changed = [(member_id, trail.stays[-1].tier.pk) for member_id, trail in moved.items() if trail.stays[-1].id is None]
    update_rows(Member, "id", ("tier",), changed)
    return len(moved)


def write_on(walked: dict[int, Trail], *, at: datetime) -> int:
    """As `write_stays`, when something new was recorded at an instant: points that count by then have lifted already."""
    began = {member_id: trail for member_id, trail in walked.items() if trail.is_due(at)}
    for trail in began.values():
        trail.go_to(at)
    if began:
        note_counted(began, until=at)
    return write_stays(walked, recorded_at=at)


def stay_row(member_id: int, trail: Trail, stay: Stay, recorded_at: datetime) -> tuple[object, ...]:
    """A stay as STAY_FIELDS has it; nobody is told of one that has ended already."""
    return (
        member_id, stay.tier.pk, stay.since, stay.until, recorded_at, stay.cause, trail.ladder.shown(stay.measured),
        stay.review_at, stay.renewed_at, recorded_at if stay.until else None,
    )  # fmt: skip
