"""The words for what happened to a member's points.

What an entry means is stored with it as an explanation; the rules that wrote it stand on a floor above, so the functions
that tell it are named by string in the settings (`SETIA_EXPLAIN`, `SETIA_EXPLAIN_NEAR`).
"""

from functools import cache
from typing import Any

import structlog
from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from loyalty.ledger.models import Entry
from members.models import Member

log = structlog.get_logger()

KINDS_SHOWN = {
    "earned": [Entry.Kind.ACCRUAL, Entry.Kind.REINSTATEMENT],
    "redeemed": [Entry.Kind.REDEMPTION, Entry.Kind.REVERSAL],
    "expired": [Entry.Kind.EXPIRY],
    "other": [
        Entry.Kind.CLAW_BACK,
        Entry.Kind.ADJUSTMENT,
        Entry.Kind.TRANSFER,
        Entry.Kind.EXTENSION,
        Entry.Kind.WRITE_OFF,
    ],
}


def title(entry: Entry) -> str:
    """What happened, in a few words: `Purchase 1042`, `Redeemed: Free coffee`, `Points expired`."""
    named = {"name": _reward(entry)}
    titles = {
        Entry.Kind.ACCRUAL: _earned(entry),
        Entry.Kind.REDEMPTION: _("Redeemed: %(name)s") % named if named["name"] else _("Reward redeemed"),
        Entry.Kind.EXPIRY: _("Points expired"),
        Entry.Kind.REVERSAL: _("Reward cancelled, points returned"),
        Entry.Kind.CLAW_BACK: _("Purchase returned, points taken back"),
        Entry.Kind.ADJUSTMENT: _("Adjusted by the shop"),
        Entry.Kind.TRANSFER: _("Points transferred"),
        Entry.Kind.REINSTATEMENT: _("Points given back"),
        Entry.Kind.EXTENSION: _("Points extended"),
        Entry.Kind.WRITE_OFF: _("Debt written off"),
    }
    return titles[Entry.Kind(entry.kind)]


def _earned(entry: Entry) -> str:
    """Where earned points came from, read off the reference (`purchase:<source>:<receipt>`, `event:<source>:<key>`)."""
    family, _source, key = (*entry.reference.split(":", 2), "", "")[:3]
    if family == "purchase":
        return _("Purchase %(receipt)s") % {"receipt": key}
    return entry.reason or _("Points earned")


def _reward(entry: Entry) -> str:
    """The reward's name as it was when it was redeemed, in the reader's language where it had one."""
    names = entry.explanation.get("names") or {}
    return names.get((get_language() or "en").split("-")[0]) or entry.reason


def explain(entry: Entry) -> str:
    """Why it was this many points, as a sentence in the reader's language; empty when nothing is known."""
    return _told(entry, settings.SETIA_EXPLAIN) or ""


def near_misses(entry: Entry) -> list[str]:
    """What would have made it more, one sentence each."""
    return _told(entry, settings.SETIA_EXPLAIN_NEAR) or []


def _told(entry: Entry, dotted: str) -> Any:
    tell = _teller(dotted) if entry.explanation else None
    try:
        return tell(entry.explanation) if tell else None
    except Exception:  # a page of history must open whatever an old explanation holds
        log.exception("explanation not readable", entry=entry.pk)
        return None


def news(member: Member, *, at: Any) -> list[Any]:
    """What runs for this member now, told by the floor that knows campaigns (`SETIA_NEWS`)."""
    tell = _teller(settings.SETIA_NEWS)
    return tell(member.program, at=at) if tell else []


@cache
def _teller(dotted: str) -> Any:
    try:
        return import_string(dotted) if dotted else None
    except ImportError:
        log.warning("not installed", name=dotted)
        return None
