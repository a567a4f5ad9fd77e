"""The refusals of draws, and what a draw says about itself before anybody enters."""

from typing import Any

from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from rewards.models import Draw

SEED = "seeds of draws"
HOLDER = "holders in draws"


class DrawRefused(Refusal):
    """The draw cannot be published as it is."""

    code = "draw_refused"


class DrawChanged(Refusal):
    """Somebody else published it, called it off or drew it meanwhile."""

    code = "draw_changed"


class DrawNotOpen(Refusal):
    """The draw takes no entries now; `opens_at` and `closes_at` say when it does."""

    code = "draw_not_open"


class DrawClosed(Refusal):
    """Entries are closed, so none can be withdrawn any more."""

    code = "draw_closed"


class DrawFull(Refusal):
    """The draw has as many entries as it may; `left` is what still fits."""

    code = "draw_full"


class EntriesReached(Refusal):
    """The member has as many entries as one may; `limit` and `had` say how many."""

    code = "entries_reached"


class WinStands(Refusal):
    """The prize was given or passed on already."""

    code = "win_stands"


def terms_of(draw: Draw) -> dict[str, Any]:
    """What is promised when a draw is published, as everybody reads it: times, limits, and the prizes in their order."""
    return {
        "program": draw.program.slug,
        "draw": draw.slug,
        "name": draw.name,
        "opens_at": draw.opens_at.isoformat(),
        "closes_at": draw.closes_at.isoformat(),
        "limit_per_member": draw.limit_per_member,
        "limit_in_all": draw.limit_in_all,
        "prizes": [{"name": one.name, "winners": one.winners} for one in draw.prizes.all()],
    }


def places(draw: Draw) -> int:
    """How many win."""
    return sum(one["winners"] for one in draw.promise.terms["prizes"])


def changed() -> DrawChanged:
    """The refusal of a step that no longer fits."""
    return DrawChanged(_("Somebody else changed this draw meanwhile. Look at it again."))
