"""What a segment is used by: rules, rewards and whatever else upper floors tell. In use, it is neither archived nor deleted."""

from collections.abc import Callable
from dataclasses import dataclass

from members.segments.models import Segment


@dataclass(frozen=True)
class Use:
    """One thing that asks for a segment: in words, where it is, and whether it still counts or only did."""

    title: str
    url: str
    counts: bool


# What upper floors answer: functions of the segment.
told_by: list[Callable[[Segment], list[Use]]] = []


def uses_of(segment: Segment) -> list[Use]:
    """Everything that asks, or once asked, for this segment."""
    return [use for tell in told_by for use in tell(segment)]
