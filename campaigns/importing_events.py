"""Importing events from the files of shops: the same records as an event that a shop reports, with what it earns.

A row names the member by the customer's key at the source or by the member number; an event enrols nobody. (source, key)
tells what is there already. Columns called `detail_...` hold the details of a described kind.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from campaigns import events
from campaigns.batches import Report, RowByRow
from campaigns.rows import Options, RowReader, RowRefused
from campaigns.ways.models import EventKind
from loyalty.ledger.models import Program
from members import lookup
from members.models import Member
from members.sales import CLOCK_TOLERANCE, EARLIEST, HALF_A_DAY

NEEDED = ("key", "kind", "date")
FIELDS = (*NEEDED, "customer", "member")
DETAIL = "detail_"
KIND = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
WHOLE = re.compile(r"-?\d{1,15}", re.ASCII)


@dataclass(slots=True)
class Reading:
    """One row understood."""

    line: int
    key: str
    kind: str
    occurred_at: datetime
    customer: str
    number: str
    details: dict[str, Any]


class EventImporter(RowByRow):
    """Files of events."""

    fields, needed = FIELDS, NEEDED

    def __init__(self, program: Program, options: Options, at: datetime, actor: str) -> None:
        """The kinds are read once: they say which details are numbers."""
        super().__init__(program, options, at, actor)
        self.reader = RowReader(program, options, at)
        described = EventKind.objects.filter(program=program)
        self.numbers = {
            kind.slug: {field["name"] for field in kind.fields if field["kind"] == "number"} for kind in described
        }

    @classmethod
    def knows(cls, name: str) -> bool:
        return name in cls.fields or (name.startswith(DETAIL) and len(name) > len(DETAIL))

    def read(self, line: int, cells: dict[str, str]) -> Reading:
        self.reader.refuse_formulas(cells)
        key, kind = cells["key"], cells["kind"]
        if not 0 < len(key) <= 80 or not key.isprintable():
            raise RowRefused(_("key: 1 to 80 printable characters are needed."))
        if not KIND.fullmatch(kind):
            raise RowRefused(_("kind: “%(given)s” is not the short name of an event.") % {"given": kind[:100]})
        customer, number = cells.get("customer", ""), cells.get("member", "")
        if bool(customer) == bool(number):
            raise RowRefused(_("Name the customer or the member, one of them."))
        return Reading(line, key, kind, self._moment(cells["date"]), customer, number, self._details(kind, cells))

    def record_one(self, reading: Reading, report: Report) -> None:
        recorded = events.record_event(
            self.program,
            self._member(reading),
            kind=reading.kind,
            source=self.options.source,
            key=reading.key,
            occurred_at=reading.occurred_at,
            at=self.at,
            actor=self.actor,
            details=reading.details,
        )
        if recorded.is_repeat:
            report.repeated += 1
        else:
            report.imported += 1
            report.points += recorded.points

    def record(self, readings: Sequence[Reading], report: Report) -> None:
        """In the order in which they happened: what counts per day or in all counts the earlier ones."""
        super().record(sorted(readings, key=lambda one: (one.occurred_at, one.line)), report)

    def _moment(self, written: str) -> datetime:
        """When it happened: not in the future, not before anything is kept."""
        occurred_at, by_day = self.reader.moment(written)
        if occurred_at > self.at + (HALF_A_DAY if by_day else CLOCK_TOLERANCE):
            raise RowRefused(_("date: this lies in the future."))
        if occurred_at < EARLIEST:
            raise RowRefused(_("date: events before %(year)d are not kept.") % {"year": EARLIEST.year})
        return min(occurred_at, self.at)

    def _details(self, kind: str, cells: dict[str, str]) -> dict[str, Any]:
        """The details that are filled in, numbers as numbers."""
        told = {name.removeprefix(DETAIL): cell for name, cell in cells.items() if name.startswith(DETAIL) and cell}
        numbers = self.numbers.get(kind, set())
        return {
            name: int(cell) if name in numbers and WHOLE.fullmatch(cell) else cell[:1000] for name, cell in told.items()
        }

    def _member(self, reading: Reading) -> Member:
        """The member of a row. Raises MemberUnknown."""
        if reading.number:
            return lookup.by_number(self.program, reading.number)
        return lookup.by_source_key(self.program, self.options.source, reading.customer)
