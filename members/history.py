"""A member's history: what moved, newest first, a page at a time, with the balance after each line.

A page is found by the number of the line before it, not by counting, so that it costs the same however long the
history is.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.ledger.models import Account, Entry
from members import wording

PAGE = 25
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Line:
    """One movement as the member reads it. `after` is the balance once it was booked."""

    entry: Entry
    title: str
    explanation: str
    after: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines, and the number to ask for the older ones with (None at the end)."""

    lines: list[Line]
    older: int | None


def page(account: Account, *, kind: str = "", before: int | None = None, size: int = PAGE) -> Page:
    """The newest `size` lines of a kind (all when empty) booked before line number `before`. Three queries."""
    entries = Entry.objects.filter(account=account)
    shown = entries.filter(kind__in=wording.KINDS_SHOWN[kind]) if kind else entries
    if before is not None:
        shown = shown.filter(number__lt=before)
    found = list(shown.order_by("-number")[: size + 1])
    rows = found[:size]
    after = _balances_after(account, rows)
    lines = [Line(entry, wording.title(entry), wording.explain(entry), after[entry.number]) for entry in rows]
    return Page(lines, rows[-1].number if len(found) > size else None)


def _balances_after(account: Account, rows: list[Entry]) -> dict[int, int]:
    """The balance after each of these lines, also when lines between them are not shown."""
    if not rows:
        return {}
    lowest, highest = rows[-1].number, rows[0].number
    entries = Entry.objects.filter(account=account)
    total = entries.filter(number__lte=lowest).aggregate(total=Sum("amount"))["total"]
    after = {lowest: total}
    between = entries.filter(number__gt=lowest, number__lte=highest)
    for number, amount in between.order_by("number").values_list("number", "amount"):
        total += amount
        after[number] = total
    return after


def csv_rows(account: Account) -> Iterator[list[Any]]:
    """The whole history, oldest first, as rows of a spreadsheet that cannot run formulas."""
    decimals = account.wallet.decimals
    yield [_("When"), _("What happened"), _("Points"), _("Balance"), _("Why")]
    balance = 0
    for entry in Entry.objects.filter(account=account).order_by("number").iterator(chunk_size=500):
        balance += entry.amount
        when = timezone.localtime(entry.effective_at).strftime("%Y-%m-%d %H:%M")
        points, after = (_plain(value, decimals) for value in (entry.amount, balance))
        yield [when, harmless(wording.title(entry)), points, after, harmless(wording.explain(entry))]


def _plain(amount: int, decimals: int) -> str:
    """A number a spreadsheet reads in any language."""
    return str(amount) if not decimals else f"{amount / 10**decimals:.{decimals}f}"


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


class Echo:
    """A file that hands back what is written to it, so that the download can stream."""

    def write(self, value: str) -> str:
        """Hand the line back."""
        return value


def csv_lines(account: Account) -> Iterator[str]:
    """The history as lines of CSV, with the mark that lets spreadsheets read it as UTF-8."""
    writer = csv.writer(Echo())
    yield "\ufeff"
    for row in csv_rows(account):
        yield writer.writerow(row)
