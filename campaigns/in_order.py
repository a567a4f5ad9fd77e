"""The rows of a file in the order things happened, whatever order they stand in.

What comes late is settled again, member by member (decision 0012); a file is read whole anyway, so it is put in order first.
A long file is sorted in runs that wait in temporary files and are merged: memory does not grow with it. Rows of one moment stay in
the order of the file, so that each run of an import does the same.
"""

import json
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from heapq import merge
from operator import itemgetter
from tempfile import TemporaryFile
from typing import IO, Any

from campaigns.order_rows import Order
from loyalty.common.errors import Refusal

RUN = 50_000
NumberedRow = tuple[int, Any, int]
# When it happened, which row of the file it is, its line, its cells.
Placed = tuple[float, int, int, Any]
_place = itemgetter(0, 1)


def in_order(rows: Iterable[NumberedRow], moment: Callable[[Any], float], *, run: int = RUN) -> Iterator[NumberedRow]:
    """The rows by their moments; what could not be read as a row is told as it is met.

    The position of each is how far as many rows reach into the file, so that progress never goes back.
    """
    positions, placed, files = array("Q"), list[Placed](), list[IO[str]]()
    with ExitStack() as kept:
        for line, cells, position in rows:
            if isinstance(cells, Refusal):
                yield line, cells, 0
                continue
            placed.append((moment(cells), len(positions), line, cells))
            positions.append(position)
            if len(placed) == run:
                files.append(kept.enter_context(TemporaryFile("w+", encoding="utf-8")))
                _put_away(placed, files[-1])
                placed = []
        placed.sort(key=_place)
        sorted_runs: list[Iterable[Placed]] = [*map(_taken_up, files), placed]
        for count, (_when, _number, line, cells) in enumerate(merge(*sorted_runs, key=_place)):
            yield line, cells, positions[count]


def _put_away(placed: list[Placed], file: IO[str]) -> None:
    """One run, sorted, into its file: a line for each row, with the rows of an order."""
    placed.sort(key=_place)
    for when, number, line, cells in placed:
        rows = cells.rows if isinstance(cells, Order) else None
        file.write(json.dumps([when, number, line, cells, rows]) + "\n")
    file.seek(0)


def _taken_up(file: IO[str]) -> Iterator[Placed]:
    """The rows of a run, one by one."""
    for written in file:
        when, number, line, cells, rows = json.loads(written)
        if rows is not None:
            cells = Order(cells)
            cells.rows = [(at, told) for at, told in rows]
        yield when, number, line, cells
