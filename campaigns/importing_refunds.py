"""Importing refunds from the files of shops: the same records as goods that come back at the till.

A row is one refund, by an amount of money or by one line of the purchase. (source, receipt, number) tells what is there
already; a refund whose purchase is not known yet waits for it.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from campaigns import refunds
from campaigns.batches import Report, RowByRow
from campaigns.rows import Options, RowReader, RowRefused
from loyalty.ledger.models import Program
from members.models import Refund
from members.returns import Return, ReturnedLine

NEEDED = ("receipt", "number", "date")
FIELDS = (*NEEDED, "amount", "line", "quantity", "reason")
LINE = re.compile(r"[1-9]\d{0,3}", re.ASCII)
QUANTITY = re.compile(r"\d{1,9}(\.\d{1,3})?", re.ASCII)


@dataclass(slots=True)
class Reading:
    """One row understood."""

    line: int
    back: Return


class RefundImporter(RowByRow):
    """Files of refunds. `--source` is that of the purchases."""

    fields, needed = FIELDS, NEEDED

    def __init__(self, program: Program, options: Options, at: datetime, actor: str) -> None:
        super().__init__(program, options, at, actor)
        self.reader = RowReader(program, options, at)

    def read(self, line: int, cells: dict[str, str]) -> Reading:
        self.reader.refuse_formulas(cells)
        occurred_at, by_day = self.reader.moment(cells["date"])
        amount = self.reader.amount(cells["amount"], "amount") if cells.get("amount") else None
        returned = _line(cells, amount)
        back = Return(
            source=self.options.source,
            receipt=cells["receipt"],
            number=cells["number"],
            occurred_at=occurred_at,
            amount=None if returned else amount,
            lines=returned,
            reason=cells.get("reason", ""),
            is_dated_by_day=by_day,
        )
        return Reading(line, back)

    def record_one(self, reading: Reading, report: Report) -> None:
        made = refunds.refund(self.program, reading.back, at=self.at, actor=self.actor)
        if made.is_repeat:
            report.repeated += 1
            return
        report.imported += 1
        report.points += made.refund.points
        report.waiting += made.refund.status == Refund.Status.WAITING


def _line(cells: dict[str, str], amount: Decimal | None) -> list[ReturnedLine]:
    """The line of the purchase that a row is about; none where it brings back an amount of the whole."""
    number, quantity = cells.get("line", ""), cells.get("quantity", "")
    if not number:
        if quantity:
            raise RowRefused(_("quantity: say of which line."))
        return []
    if not LINE.fullmatch(number):
        raise RowRefused(_("line: “%(given)s” is not the number of a line.") % {"given": number[:100]})
    if quantity and not QUANTITY.fullmatch(quantity):
        raise RowRefused(_("quantity: “%(given)s” is not a plain number.") % {"given": quantity[:100]})
    return [ReturnedLine(line=int(number), quantity=Decimal(quantity) if quantity else None, amount=amount)]
