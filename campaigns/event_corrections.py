"""Corrections of what events earned: the difference between what is in the books and what they came to be."""

from collections.abc import Iterable, Sequence
from typing import Any

from campaigns import lasting
from campaigns.corrections import Difference
from campaigns.events_again import Done, TakenBack
from members.ladders import Ladder


def differences_of_events(done: Sequence[Done], taken: Iterable[TakenBack], steps: Ladder) -> list[Difference]:
    """What each event stands for, against what is in the books."""
    causes, found = {one.event_id: one for one in taken}, []
    for one in done:
        moved, parts = one.left - one.was, _parts_left(one)
        if moved or (parts and one.award is not None):
            cause = causes.get(one.event.pk)
            found.append(Difference(one.event, moved, cause, {} if cause else _told(one, steps), parts))
    return found


def _parts_left(one: Done) -> dict[str, int]:
    """By expiry policy, the points that an event comes to; nothing where all follow the wallet's own."""
    parts = (one.explanation or {}).get("lasts")
    if not parts and one.award is None:
        return {}
    return lasting.laid_over(one.left, parts) if parts else {}


def _told(one: Done, steps: Ladder) -> dict[str, Any]:
    """Why the points move, as numbers and names; the words are made when it is read."""
    told: dict[str, Any] = {"kind": one.event.kind, "before": one.was, "earned": one.left}
    if steps.decimals:
        told["decimals"] = steps.decimals
    if one.award is not None:
        told["award"] = one.award.explanation
    return {"event_again": told}
