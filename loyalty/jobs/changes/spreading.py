"""How a change's points are spread over the members it touches: many small ones, or a few large ones."""

from collections import defaultdict
from collections.abc import Iterable

from django.utils.translation import gettext as _

from loyalty.common.changes import Row
from loyalty.common.money import show_points
from loyalty.desk.panels import Panel
from loyalty.jobs.models import ChangeRequest


def spread(rows: Iterable[Row], *, decimals: int) -> list[list[int]]:
    """For each size (a power of ten of whole points, 0 for less than one): members who move that much, and their points."""
    moved: dict[int, int] = defaultdict(int)
    for row in rows:
        if row.account_id is not None and row.amount:
            moved[row.account_id] += abs(row.amount)
    sizes: dict[int, list[int]] = {}
    for points in moved.values():
        whole = points // 10**decimals
        size = 10 ** (len(str(whole)) - 1) if whole else 0
        members, total = sizes.get(size, [0, 0])
        sizes[size] = [members + 1, total + points]
    return [[size, *sizes[size]] for size in sorted(sizes)]


def panel(change: ChangeRequest) -> list[Panel]:
    """The spread as a table; nothing where all members move about the same."""
    sizes = change.summary.get("spread", [])
    if len(sizes) < 2:
        return []
    decimals = change.wallet.decimals if change.wallet else 0
    everything = sum(points for _size, _members, points in sizes)
    rows = [
        (_range(size), show_points(members), show_points(points, decimals), f"{100 * points / everything:.1f} %")
        for size, members, points in sizes
    ]
    headers = [_("Points of one member"), _("Members"), _("Points together"), _("Share")]
    return [Panel(_("How the points are spread"), headers, rows, numeric=frozenset({1, 2, 3}))]


def _range(size: int) -> str:
    if not size:
        return _("less than 1")
    return _("%(least)s to %(most)s") % {"least": show_points(size), "most": show_points(10 * size - 1)}
