"""A file of purchases imported by several workers at once (PostgreSQL): each takes the customers that fall to its part.

A member's purchases stay with one worker, in order of time, so the books come out as with one. That holds while nothing couples
members of different parts: where something does, a budget, places of a launch bonus, a challenge, a receipt or an e-mail address that
two customers share, one worker does it all. Each part has its own batches, so what was stopped or killed is started again as ever.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q
from django.utils import translation

from campaigns import batches
from campaigns.batches import ERRORS_KEPT, NumberedRow, Progress, Report, unwatched
from campaigns.importing import PurchaseImporter, part_of
from campaigns.models import Campaign, Challenge
from campaigns.rows import Options
from campaigns.ways.models import WayTerms
from loyalty.common.bulk import is_postgresql
from loyalty.common.errors import Refusal
from loyalty.common.patience import longer_statements, seldom_collected
from loyalty.common.spawned import Crew
from loyalty.ledger.models import Program
from members.models import Purchase

EVER = datetime(1, 1, 1, tzinfo=UTC)


def import_file(
    program: Program, path: str | Path, *, options: Options, at: datetime, workers: int, actor: str = "import",
    progress: Progress = unwatched,
) -> Report:  # fmt: skip
    """Import a file of purchases with several workers where its parts are independent, else with one; see `batches.import_file`."""
    alone = PurchaseImporter(program, options, at, actor)
    if workers < 2 or options.dry_run or not is_postgresql():
        return batches.import_file(alone, path, progress=progress)
    rows, total = batches.rows_of(alone, path)
    with Crew(workers, database=connection.settings_dict["NAME"]) as crew:
        if not is_apart(alone, rows, workers):
            return batches.import_file(alone, path, progress=progress)
        terms = (program.pk, str(path), options, at, actor, translation.get_language())
        crew.begin("campaigns.side_by_side:work", [(*terms, (part, workers)) for part in range(workers)])
        done, reports = [0] * workers, [Report() for _ in range(workers)]
        for part, (reached, report) in crew.told():
            done[part], reports[part] = reached, report
            progress(sum(done) // workers, total, together(reports))
    return together(reports)


def work(
    program_id: int, path: str, options: Options, at: datetime, actor: str, language: str, part: tuple[int, int],
    tell: Callable[[tuple[int, Report]], None],
) -> None:  # fmt: skip
    """One worker: its part of the file, told batch by batch."""
    importer = PurchaseImporter(Program.objects.get(pk=program_id), options, at, actor, part=part)
    with translation.override(language), longer_statements(), seldom_collected():
        report = batches.import_file(importer, path, progress=lambda done, total, report: tell((done, report)))
        tell((Path(path).stat().st_size, report))


def together(reports: Sequence[Report]) -> Report:
    """The reports of all parts as one."""
    whole = Report()
    for name in [field.name for field in fields(Report) if field.name != "errors"]:
        setattr(whole, name, sum(getattr(report, name) for report in reports))
    errors = [error for report in reports for error in report.errors]
    whole.errors = sorted(errors, key=lambda error: error["line"])[:ERRORS_KEPT]
    return whole


def is_apart(importer: PurchaseImporter, rows: Iterator[NumberedRow], parts: int) -> bool:
    """Whether nothing couples the parts of a file. Keeps some hundred bytes for each row."""
    owners: dict[Any, int] = {}
    earliest, latest = importer.at, EVER
    for _line, cells, _position in rows:
        if isinstance(cells, Refusal):
            continue
        part, receipt, email = part_of(cells, parts), cells["receipt"], cells.get("email", "").lower()
        if (receipt and owners.setdefault(receipt, part) != part) or (
            email and owners.setdefault((email,), part) != part
        ):
            return False
        with suppress(Refusal):
            happened_at = importer.reader.moment(cells["date"])[0]
            earliest, latest = min(earliest, happened_at), max(latest, happened_at)
    return not shares_limits(importer.program, earliest=earliest, latest=latest)


def shares_limits(program: Program, *, earliest: datetime, latest: datetime) -> bool:
    """Whether what one member did in a time may change what another one gets: budgets, places of the launch bonus, challenges.

    A budget counts where its campaign is open in that time, or purchases of members that are settled again may have taken of it.
    """
    budgets = Campaign.objects.filter(
        Q(budget_points__isnull=False) | Q(budget_money__isnull=False), program=program, until__gt=earliest
    )
    taken = Purchase.objects.filter(program=program, occurred_at__gte=OuterRef("since"))
    asked = budgets.exclude(status=Campaign.Status.DRAFT).filter(Q(since__lte=latest) | ~Q(early={}) | Exists(taken))
    places = WayTerms.objects.filter(program=program, launch_given__lt=F("launch_places"))
    return asked.exists() or places.exists() or Challenge.objects.filter(program=program).exists()
