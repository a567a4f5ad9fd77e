"""The journal: every entry recorded in a stretch of time, in the order of recording, for bookkeeping.

The points of a month's journal add up, column by column, to that month's roll-forward (`finance`).
"""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TextIO

from loyalty.common.spreadsheets import harmless
from loyalty.ledger.finance import COLUMN_OF, worth
from loyalty.ledger.models import Entry, Wallet

HEADER = [
    "entry", "account", "number", "recorded_at", "effective_at", "kind", "column", "points", "money", "currency",
    "source", "reference", "actor", "reason", "corrects",
]  # fmt: skip


def rows(wallet: Wallet, *, since: datetime, until: datetime) -> Iterator[list[Any]]:
    """One row per entry recorded in `[since, until)`, read as they are needed. Points are in the smallest unit."""
    entries = (
        Entry.objects.filter(account__wallet=wallet, recorded_at__gte=since, recorded_at__lt=until)
        .order_by("recorded_at", "id")
        .values_list(
            "id", "account_id", "number", "recorded_at", "effective_at", "kind", "amount", "source", "reference", "actor",
            "reason", "corrects_id",
        )
    )  # fmt: skip
    currency = wallet.program.currency
    for entry in entries.iterator(chunk_size=2000):
        kind, points = entry[5], entry[6]
        yield [
            *entry[:3], entry[3].isoformat(), entry[4].isoformat(), kind, COLUMN_OF[Entry.Kind(kind)], points,
            worth(wallet, points), currency, *(harmless(text) for text in entry[7:11]), entry[11] or "",
        ]  # fmt: skip


def write(wallet: Wallet, file: TextIO, *, since: datetime, until: datetime) -> int:
    """Write the journal as CSV and return how many entries it has; memory stays flat."""
    writer = csv.writer(file)
    writer.writerow(HEADER)
    count = 0
    for row in rows(wallet, since=since, until=until):
        writer.writerow(row)
        count += 1
    return count
