"""Files of purchases that name the goods: one row per line of an order, the rows of an order together.

The first row of an order says whose it is, when, and its whole amount; the rows after it repeat that or leave it empty. Each row says what
one line is and what was paid for it. The lines and the delivery must add up to the amount, so that an order of which a row is missing or
stands elsewhere is refused, never taken in part.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils.translation import gettext as _

from campaigns.rows import LineRefused, RowReader, RowRefused
from loyalty.common.errors import Refusal
from members.sales import GOODS, SaleLine

LINE_FIELDS = (*GOODS, "quantity", "line_amount")
SAID_OF_LINES = frozenset(LINE_FIELDS)
QUANTITY = re.compile(r"\d{1,7}(?:[.,]\d{1,3})?", re.ASCII)


class Order(dict[str, str]):
    """The cells of an order's first row, and all its rows with the line of the file that each stands on."""

    rows: list[tuple[int, dict[str, str]]]


@dataclass(slots=True)
class _Open:
    """An order whose rows are still coming."""

    line: int
    order: Order
    position: int
    differing: list[tuple[int, str]] = field(default_factory=list)

    def told(self) -> tuple[int, dict[str, str] | Refusal, int]:
        """The order as a row, or why its rows do not fit together."""
        if self.differing:
            line, name = self.differing[0]
            said = _(
                "%(field)s: the rows of an order say the same, or leave it empty after the first. What was paid for one line is its line_amount."
            )
            refused = LineRefused(said % {"field": name}, line=line, rows=len(self.order.rows))
            return self.line, refused, self.position
        return self.line, self.order, self.position

    def add(self, line: int, cells: dict[str, str], position: int) -> None:
        """One row more; what it says of the whole order must be what the first says."""
        self.order.rows.append((line, cells))
        self.position = position
        own = (name for name, cell in cells.items() if name not in LINE_FIELDS and cell)
        self.differing += [(line, name) for name in own if cells[name] != self.order.get(name, "")]


def gathered(
    rows: Iterator[tuple[int, dict[str, str] | Refusal, int]],
) -> Iterator[tuple[int, dict[str, str] | Refusal, int]]:
    """The rows of a file with those of each order put together; rows that cannot be read stay as they are."""
    waiting: _Open | None = None
    for line, cells, position in rows:
        if waiting is not None and not isinstance(cells, Refusal) and cells["receipt"] == waiting.order["receipt"]:
            waiting.add(line, cells, position)
            continue
        if waiting is not None:
            yield waiting.told()
            waiting = None
        if isinstance(cells, Refusal) or not cells["receipt"]:
            yield line, cells, position
            continue
        order = Order(cells)
        order.rows = [(line, cells)]
        waiting = _Open(line, order, position)
    if waiting is not None:
        yield waiting.told()


def lines_of(cells: Mapping[str, str], reader: RowReader, *, total: Decimal, delivery: Decimal) -> list[SaleLine]:
    """The lines of an order; none where the file says nothing of the goods. Raises LineRefused."""
    if SAID_OF_LINES.isdisjoint(cells):
        return []
    rows: Sequence[tuple[int, Mapping[str, str]]] = cells.rows if isinstance(cells, Order) else [(1, cells)]
    if not any(row.get(name) for _line, row in rows for name in LINE_FIELDS):
        return []
    is_single = len(rows) == 1
    found = []
    for line, row in rows:
        try:
            reader.refuse_formulas(dict(row))
            if row.get("line_amount"):
                amount = reader.amount(row["line_amount"], "line_amount")
            elif is_single:
                amount = max(total - delivery, Decimal(0))
            else:
                raise RowRefused(_("line_amount: an order of several rows needs it in each of them."))
            named = {name: row.get(name, "") for name in GOODS}
            found.append(SaleLine(amount=amount, quantity=_quantity(row.get("quantity", ""), reader), **named))
        except RowRefused as refusal:
            raise LineRefused(str(refusal), line=line) from None
    return found


def _quantity(written: str, reader: RowReader) -> Decimal:
    """How many pieces; nothing written is one."""
    if written and not QUANTITY.fullmatch(written):
        raise RowRefused(
            _("quantity: “%(given)s” is not a number of pieces such as 2 or 1.5.") % {"given": written[:100]}
        )
    mark = reader.options.decimal or "."
    if ("," if mark == "." else ".") in written:
        raise RowRefused(
            _("quantity: “%(given)s” can be read in two ways. Tell the decimal mark if the file writes others.")
            % {"given": written[:100]}
        )
    return Decimal(written.replace(",", ".") or "1")
