"""The rows of a file in the order things happened, in memory or in temporary files."""

import pytest

from campaigns.in_order import in_order
from campaigns.order_rows import Order
from campaigns.rows import RowRefused

ROWS = [(line, {"when": str(when)}, line * 10) for line, when in enumerate([5, 3, 9, 3, 1, 7, 0, 5], start=2)]


def lines_of(rows, **terms):
    return [(line, position) for line, _cells, position in in_order(rows, lambda cells: float(cells["when"]), **terms)]


@pytest.mark.parametrize("run", [1, 2, 3, 8, 9, 50])
def test_rows_come_by_their_moment_and_of_one_moment_by_their_line(run):
    told = lines_of(iter(ROWS), run=run)
    assert [line for line, _position in told] == [8, 6, 3, 5, 2, 9, 7, 4]
    assert [position for _line, position in told] == [20, 30, 40, 50, 60, 70, 80, 90]


@pytest.mark.parametrize("run", [2, 50])
def test_what_is_no_row_is_told_once_and_an_order_keeps_its_rows(run):
    order = Order({"when": "1"})
    order.rows = [(2, {"when": "1"}), (3, {"when": ""})]
    rows = [(2, order, 9), (4, RowRefused("no"), 12), (5, {"when": "0"}, 15), (6, {"when": "2"}, 18)]
    told = list(in_order(rows, lambda cells: float(cells["when"]), run=run))
    assert [line for line, _cells, _position in told] == [4, 5, 2, 6]
    assert (told[2][1], told[2][1].rows) == (order, order.rows)


def test_nothing_stays_nothing():
    assert lines_of([]) == []
