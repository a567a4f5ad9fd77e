"""What a scheduled job counted: the answer every job verb gives (see `loyalty.jobs.running`)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# Called by a job between batches with (found, done, skipped). False means: finish this batch, write nothing more, end.
Progress = Callable[[int, int, int], bool]


@dataclass
class Tally:
    """How much was found due, done and skipped, and what else the job wants to be read about it.

    `report` holds JSON values only: numbers and short words, never a name or an address.
    """

    found: int = 0
    done: int = 0
    skipped: int = 0
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing at all to do."""
        return not (self.found or self.done or self.skipped)


def unwatched(found: int, done: int, skipped: int) -> bool:
    """The progress of a job that nobody watches: go on."""
    return True
