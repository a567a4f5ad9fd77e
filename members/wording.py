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
    is_confirmed = "confirmed" in entry.explanation
    titles = {
        Entry.Kind.ACCRUAL: _earned(entry),
        Entry.Kind.REDEMPTION: _redeemed(entry),
        Entry.Kind.EXPIRY: _("Not confirmed in time") if "lapsed" in entry.explanation else _("Points expired"),
        Entry.Kind.REVERSAL: _given_back(entry),
        Entry.Kind.CLAW_BACK: _taken_back(entry),
        Entry.Kind.ADJUSTMENT: _("Adjusted by the shop"),
        Entry.Kind.TRANSFER: _("Points received") if entry.amount > 0 else _("Points passed on"),
        Entry.Kind.REINSTATEMENT: _("Points confirmed") if is_confirmed else _("Points given back"),
        Entry.Kind.EXTENSION: _extended(entry),
        Entry.Kind.WRITE_OFF: _("Debt written off"),
    }
    return titles[Entry.Kind(entry.kind)]


def title_beside_a_lot(entry: Entry) -> str:
    """As `title`, but of points that changed places it says on which side this lot is."""
    if entry.kind == Entry.Kind.EXTENSION and entry.amount:
        return _("Counted as used, others last instead") if entry.amount < 0 else _("Last on, others count as used")
    return title(entry)


def _extended(entry: Entry) -> str:
    """What gave points another end: an event that confirmed them, other points that were used in their stead, or the shop."""
    if "confirmed" in entry.explanation:
        return _("Points confirmed")
    return _("Points last longer") if "in_turn" in entry.explanation else _("Points extended")


def _redeemed(entry: Entry) -> str:
    """What points were spent on: a reward by its name, or a bill."""
    if "payment" in entry.explanation:
        return _("Paid with points: receipt %(receipt)s") % {"receipt": entry.explanation["payment"]["receipt"]}
    name = _reward(entry)
    return _("Redeemed: %(name)s") % {"name": name} if name else _("Reward redeemed")


def _given_back(entry: Entry) -> str:
    """Why points came back: a reward was cancelled, or goods that were paid with points came back."""
    if "payment" in entry.explanation:
        return _("Points back: receipt %(receipt)s") % {"receipt": entry.explanation["payment"]["receipt"]}
    return _("Reward cancelled, points returned")


def _earned(entry: Entry) -> str:
    """Where earned points came from, read off the reference (`purchase:<source>:<receipt>`, `event:<source>:<key>`)."""
    family, _source, key = (*entry.reference.split(":", 2), "", "")[:3]
    if family == "purchase":
        return _("Purchase %(receipt)s") % {"receipt": key}
    if family == "settled":
        return _settled(entry)
    if family == "challenge" and "challenge" in entry.explanation:
        return _("Challenge done: %(name)s") % {"name": _named(entry, "challenge")}
    if family == "birthday":
        return _("Birthday gift")
    if family == "partner" and "partner" in entry.explanation:
        return _("Points from %(name)s") % {"name": entry.reason}
    return entry.reason or _rule(entry) or _("Points earned")


def _rule(entry: Entry) -> str:
    """The rule or campaign that gave points for an event, in the reader's language; empty where none is told."""
    match entry.explanation:
        case {"steps": [{"names": dict(names)}, *_]}:
            return names.get((get_language() or "en").split("-")[0]) or names.get("en", "")
    return ""  # an old explanation may hold anything


def _settled(entry: Entry) -> str:
    """A purchase that came out otherwise, because something before it was reported late."""
    receipt = entry.explanation.get("settled_again", entry.explanation.get("returned_goods", {})).get("receipt", "")
    return _("Purchase %(receipt)s, reckoned again") % {"receipt": receipt}


def _named(entry: Entry, told: str) -> str:
    """The name of what an entry is about, in the reader's language where it had one."""
    names = entry.explanation[told].get("names", {})
    return names.get((get_language() or "en").split("-")[0]) or entry.reason


def _taken_back(entry: Entry) -> str:
    """What took points back: returned goods, something that came late, or the debt that new points repay."""
    if "repaid" in entry.explanation:
        return _("Points owed were repaid")
    if "settled_again" in entry.explanation:
        return _settled(entry)
    if "event_again" in entry.explanation or entry.reference.startswith("event back:"):
        return _("Points taken back")
    if "challenge" in entry.explanation:
        return _("Prize taken back: %(name)s") % {"name": _named(entry, "challenge")}
    if "partner" in entry.explanation:
        return _("Taken back by %(name)s") % {"name": entry.reason}
    receipt = entry.explanation.get("returned_goods", {}).get("receipt")
    if receipt:
        return _("Purchase %(receipt)s returned, points taken back") % {"receipt": receipt}
    return _("Purchase returned, points taken back")


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


def limits(entry: Entry) -> list[str]:
    """Which caps left fewer points, and which campaigns did not count beside others, one sentence each."""
    return _told(entry, settings.SETIA_EXPLAIN_LIMITS) or []


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
    return tell(member, at=at) if tell else []


def challenges(member: Member, *, at: Any) -> list[Any]:
    """How far the member is in what runs now, told by the floor that knows challenges (`SETIA_CHALLENGES`)."""
    tell = _teller(settings.SETIA_CHALLENGES)
    return tell(member, at=at) if tell else []


def notices(member: Member, *, at: Any) -> list[Any]:
    """What letters told this member of points that run out, told by the floor that writes them (`SETIA_NOTICES`)."""
    tell = _teller(settings.SETIA_NOTICES)
    return tell(member, at=at) if tell else []


@cache
def _teller(dotted: str) -> Any:
    try:
        return import_string(dotted) if dotted else None
    except ImportError:
        log.warning("not installed", name=dotted)
        return None
