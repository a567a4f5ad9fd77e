"""One row of an imported file: how its texts are read as moments and amounts, or the reason why not.

A day without a time counts as midday in the program clock; a time without a zone is in that clock. What could be read in
two ways ("1.234,56" from a file whose decimal mark nobody told) is refused.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from members.sales import NOTHING

PLAIN_AMOUNT = re.compile(r"\d{1,12}(?:\.\d{1,2})?", re.ASCII)
AMOUNTS = {
    ".": re.compile(r"(?:\d{1,12}|\d{1,3}(?:,\d{3}){1,3})(?:\.\d{1,2})?", re.ASCII),
    ",": re.compile(r"(?:\d{1,12}|\d{1,3}(?:\.\d{3}){1,3})(?:,\d{1,2})?", re.ASCII),
}
MIDDAY = time(12)


class ImportRefused(Refusal):
    """A file or an order to import that cannot be followed at all."""

    code = "import_refused"
    status = 422


class RowRefused(Refusal):
    """One row that cannot be taken."""

    code = "row_refused"
    status = 422


class LineRefused(RowRefused):
    """A row of an order that cannot be taken, and with it the order: `line` is where it stands in the file, `rows` how many the order has."""

    def __init__(self, message: object, *, line: int, rows: int = 1) -> None:
        super().__init__(message)
        self.line, self.rows = line, rows


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is to be read. `columns` maps column -> field; columns named like a field need no mapping.

    `decimal` is the decimal mark of amounts ("." or ","); left empty, only plain amounts such as 1234.50 are taken.
    `date_format` is a strptime format; left empty, dates are ISO 8601.
    """

    source: str = "import"
    columns: dict[str, str] = field(default_factory=dict)
    encoding: str = ""
    delimiter: str = ""
    date_format: str = ""
    decimal: str = ""
    batch: int = 4000
    dry_run: bool = False


class RowReader:
    """Reads the texts of rows, for one program and one set of options."""

    def __init__(self, program: Program, options: Options, at: datetime) -> None:
        """Days become instants once each."""
        if options.decimal not in ("", ".", ","):
            raise ImportRefused(_("The decimal mark is “.” or “,”."))
        self.program, self.options, self.at = program, options, at
        self.zone = ZoneInfo(program.time_zone)
        self.moment = lru_cache(maxsize=4096)(self._moment)

    def refuse_formulas(self, cells: dict[str, str]) -> None:
        """Refuse a row with a cell that a spreadsheet would compute."""
        for name, cell in cells.items():
            if cell[:1] == "=":
                raise RowRefused(_("%(field)s: the cell is a formula. Save the file with values.") % {"field": name})

    def amount(self, written: str, name: str) -> Decimal:
        """An exact amount; what could be read in two ways is refused."""
        mark = self.options.decimal
        if not mark and PLAIN_AMOUNT.fullmatch(written):
            return Decimal(written)
        if mark and AMOUNTS[mark].fullmatch(written):
            return Decimal(written.replace("." if mark == "," else ",", "").replace(mark, "."))
        raise RowRefused(
            _(
                "%(field)s: “%(given)s” is not a plain amount such as 1234.50. Tell the decimal mark if the file writes others."
            )
            % {"field": name, "given": written[:100]}
        )

    def part(self, cells: dict[str, str], name: str) -> Decimal:
        """A part of the total; an empty cell is nothing."""
        written = cells.get(name)
        return self.amount(written, name) if written else NOTHING

    def _moment(self, written: str) -> tuple[datetime, bool]:
        """The instant of a date or time, and whether only the day is known."""
        try:
            if self.options.date_format:
                moment = datetime.strptime(written, self.options.date_format)  # noqa: DTZ007 - the zone is set below
                by_day = not {"%H", "%I", "%X", "%c"} & set(re.findall(r"%-?\w", self.options.date_format))
            else:
                moment = datetime.fromisoformat(written)
                by_day = len(written) <= 10
        except ValueError:
            expected = self.options.date_format or "2026-03-31"
            raise RowRefused(
                _("date: “%(given)s” is not a date such as %(expected)s.")
                % {"given": written[:100], "expected": expected}
            ) from None
        if by_day:
            moment = datetime.combine(moment.date(), MIDDAY)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.zone)
        try:
            return moment.astimezone(UTC), by_day
        except OverflowError:
            raise RowRefused(_("date: “%(given)s” lies outside of the calendar.") % {"given": written[:100]}) from None
