"""The nightly verification: proves a program's books, keeps what it found, and fails loudly when that is anything.

It may be asked to stop; then it ends at once and says so, and what it had found until then counts.
"""

from dataclasses import asdict
from datetime import datetime

from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger import checking
from loyalty.ledger.models import Program, Verification
from loyalty.ledger.violations import Violation

KEPT_AT_MOST = 200
SHOWN = 20


class BooksBroken(Exception):
    """The books do not prove; the message names the first violation."""


class _Stopped(Exception):
    """Somebody asked the run to stop."""


def verify_books(
    program: Program,
    *,
    at: datetime,
    recorded_at: datetime | None = None,
    dry_run: bool = False,
    progress: Progress = unwatched,
) -> Tally:
    """Verify a program's books; the job of this name. Raises BooksBroken when anything was found.

    The result is kept as a Verification, made at `recorded_at` (default: `at`). A dry run proves as much and keeps nothing.
    """
    read = 0

    def count(entries: int) -> None:
        nonlocal read
        read = entries
        if not progress(entries, entries, 0):
            raise _Stopped

    found: list[Violation] = []
    is_whole = True
    try:
        for violation in checking.verify(program, progress=count):
            found.append(violation)
    except _Stopped:
        is_whole = False
    if not dry_run:
        Verification.objects.create(
            program=program,
            made_at=recorded_at or at,
            entries=read,
            is_whole=is_whole,
            violation_count=len(found),
            violations=[asdict(violation) for violation in found[:KEPT_AT_MOST]],
        )
    if found:
        raise BooksBroken(f"{len(found)} violation(s) in the books, the first: {found[0]}")
    return Tally(found=read, done=0 if dry_run else read, report={"entries": read, "violations": 0})
