"""A member's history: what moved, newest first, a page at a time, with the balance after each line.

A page is found by the number of the line before it, not by counting, so that it costs the same however long the
history is. Where points change places (two lines that add up to nothing, see `loyalty.ledger.exchanging`) the reader sees one line, of no points.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.ledger.models import Account, Entry
from members import wording

PAGE = 25
Kind = Entry.Kind
# The first of the two lines by which points change places; the second tells of both.
_other_half = Q(kind=Kind.EXTENSION, amount__lt=0)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Line:
    """One movement as the member reads it: why it is so much, what limited it, what would have made it more. `after` is the balance once it was booked."""

    entry: Entry
    points: int
    title: str
    explanation: str
    limits: list[str]
    near: list[str]
    after: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines, and the number to ask for the older ones with (None at the end)."""

    lines: list[Line]
    older: int | None


class CursorUnknown(Refusal):
    """The account has no line of this number to go on from."""

    code = "cursor_unknown"
    status = 400


def page(account: Account, *, kind: str = "", before: int | None = None, size: int = PAGE) -> Page:
    """The newest `size` lines of a kind (all when empty) older than line number `before`. At most four queries.

    Lines stand in the order in which they became true, so that what was recorded late stands where it belongs. Raises
    CursorUnknown.
    """
    entries = Entry.objects.filter(account=account)
    shown = entries.exclude(_other_half)
    if kind:
        shown = shown.filter(kind__in=wording.KINDS_SHOWN[kind])
    if before is not None:
        mark = entries.filter(number=before).first()
        if mark is None:
            raise CursorUnknown(_("This page of the history does not exist. Please start again from the newest."))
        shown = shown.filter(_older_than(mark))
    found = list(shown.order_by("-effective_at", "-number")[: size + 1])
    rows = found[:size]
    after = _balances_after(account, rows)
    return Page([_line(entry, after[entry.number]) for entry in rows], rows[-1].number if len(found) > size else None)


def line(account: Account, number: int) -> Line | None:
    """One line with the balance after it; None when the account has none of this number. Two queries."""
    entry = Entry.objects.filter(account=account, number=number).first() if 0 < number < 2**63 else None
    return _line(entry, _balances_after(account, [entry])[number]) if entry else None


def told(entries: Iterable[Entry]) -> list[Line]:
    """Entries as the member reads them, without the balances after them."""
    return [_line(entry, None) for entry in entries]


def seen(entries: Iterable[Entry]) -> list[Entry]:
    """Those of some entries that the reader sees: of points that changed places one of the two."""
    return [entry for entry in entries if entry.kind != Kind.EXTENSION or entry.amount >= 0]


def points_of(entry: Entry) -> int:
    """What a line gave or took, as the member reads it: what makes points last longer does neither."""
    return 0 if entry.kind == Kind.EXTENSION else entry.amount


def latest(account: Account, *, size: int) -> list[Line]:
    """The newest lines without the balances after them. One query."""
    entries = Entry.objects.filter(account=account).exclude(_other_half).order_by("-effective_at", "-number")
    return told(entries[:size])


def _older_than(mark: Entry) -> Q:
    return Q(effective_at__lt=mark.effective_at) | Q(effective_at=mark.effective_at, number__lt=mark.number)


def _line(entry: Entry, after: int | None) -> Line:
    told = wording.explain(entry), wording.limits(entry), wording.near_misses(entry)
    return Line(entry, points_of(entry), wording.title(entry), *told, after)


def _balances_after(account: Account, rows: list[Entry]) -> dict[int, int]:
    """The balance after each of these lines, also when lines between them are not shown."""
    if not rows:
        return {}
    oldest, newest = rows[-1], rows[0]
    entries = Entry.objects.filter(account=account)
    total = entries.filter(_older_than(oldest)).aggregate(total=Sum("amount"))["total"] or 0
    after = {}
    shown = entries.exclude(_older_than(oldest)).filter(_older_than(newest) | Q(number=newest.number))
    for number, amount in shown.order_by("effective_at", "number").values_list("number", "amount"):
        total += amount
        after[number] = total
    return after


def csv_rows(account: Account) -> Iterator[list[Any]]:
    """The whole history, oldest first, as rows of a spreadsheet that cannot run formulas."""
    decimals = account.wallet.decimals
    yield [_("When"), _("What happened"), _("Points"), _("Balance"), _("Why")]
    balance = 0
    entries = Entry.objects.filter(account=account).exclude(_other_half).order_by("effective_at", "number")
    for entry in entries.iterator(chunk_size=500):
        moved = points_of(entry)
        balance += moved
        when = timezone.localtime(entry.effective_at).strftime("%Y-%m-%d %H:%M")
        points, after = (_plain(value, decimals) for value in (moved, balance))
        yield [when, harmless(wording.title(entry)), points, after, harmless(wording.explain(entry))]


def _plain(amount: int, decimals: int) -> str:
    """A number a spreadsheet reads in any language."""
    return str(Decimal(amount).scaleb(-decimals))


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
