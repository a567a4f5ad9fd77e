"""How two looks at one change differ, told in words: why a change was overtaken, or why a line was not posted."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from loyalty.common.changes import Asked, ChangeKind, Row
from loyalty.common.money import show_points
from loyalty.jobs.changes import people

TOLD_AT_MOST = 20


def told(kind: ChangeKind, asked: Asked, before: Iterable[Row], after: Iterable[Row], wallet: Any) -> list[str]:
    """What is different, a sentence per line, the first TOLD_AT_MOST of them; empty when nothing is."""
    words = list(by_line(kind, asked, before, after, wallet).values())
    if len(words) > TOLD_AT_MOST:
        more = _("And %(count)d more lines are different.") % {"count": len(words) - TOLD_AT_MOST}
        return [*words[:TOLD_AT_MOST], more]
    return words


def by_line(kind: ChangeKind, asked: Asked, before: Iterable[Row], after: Iterable[Row], wallet: Any) -> dict[str, str]:
    """What is different of each line that is, by its key; one query for all of them."""
    was, now = {row.key: row for row in before}, {row.key: row for row in after}
    keys = [key for key in (*was, *(k for k in now if k not in was)) if not same(was.get(key), now.get(key))]
    whose = people.holders(row.account_id for key in keys if (row := was.get(key) or now.get(key)))
    return {key: sentence(kind, asked, was.get(key), now.get(key), whose, wallet) for key in keys}


def same(before: Row | None, after: Row | None) -> bool:
    """Whether a line would be posted exactly as it was shown."""
    return before is not None and after is not None and before.told() == after.told()


def sentence(
    kind: ChangeKind, asked: Asked, before: Row | None, after: Row | None, whose: dict[int, str], wallet: Any
) -> str:
    """How one line is different now."""
    row = before or after
    assert row is not None
    decimals = wallet.decimals if wallet else 0
    who = whose.get(row.account_id or 0, "") or row.key
    if after is None:
        return _("%(who)s: this line cannot be posted any more.") % {"who": who}
    if before is None:
        return _("%(who)s: a line is there now that was not shown.") % {"who": who}
    if before.amount != after.amount:
        amounts = {"before": show_points(before.amount, decimals), "after": show_points(after.amount, decimals)}
        return _("%(who)s: %(before)s points were shown, it would be %(after)s now.") % {"who": who, **amounts}
    words = {"before": kind.words(asked, before), "after": kind.words(asked, after)}
    if words["before"] != words["after"]:
        return _("%(who)s: shown was “%(before)s”, now it would be “%(after)s”.") % {"who": who, **words}
    return _("%(who)s: the points would come from other lots than shown.") % {"who": who}
